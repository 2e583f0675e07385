#pragma once
// What grows with the number of vectors: the distances of a query at one recall, which in a good graph grow like log n;
// and the time and memory of a build, and the time of a query, of shoal and hnswlib. Made-up vectors of few dimensions,
// so that it is quick; what is counted does not depend on how long a distance takes.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <rivals/registry.hpp>

#include "options.hpp"
#include "targets.hpp"

namespace shoal::report {

struct LibraryGrowth {
  std::string name;
  double build_seconds = 0;  // one build on one thread, processor time
  std::size_t bytes = 0;
  std::optional<double> query_seconds;  // at growth_recall, on one thread, the fastest of three rounds
};

struct GrowthPoint {
  std::size_t rows = 0;
  std::size_t dimensions = 0;
  std::optional<double> distances;           // of shoal's floats for a query, at growth_recall
  std::optional<double> baseline_distances;  // of hnswlib, likewise
  std::vector<LibraryGrowth> libraries;
};

inline constexpr double growth_recall = 0.95;

inline constexpr const char* growth_name = "growth";

/// In order of rows. *Errors*: std::runtime_error.
[[nodiscard]] std::vector<GrowthPoint> measure_growth(const std::vector<rivals::Library>& libraries,
                                                      const rivals::Setup& setup, const Options& options);

/// Steps of sqrt(10) up to `largest`.
[[nodiscard]] std::vector<std::size_t> growth_sizes(std::size_t largest, std::size_t steps);

/// Pure. Precondition: not empty.
[[nodiscard]] std::string growth_table(std::span<const GrowthPoint> points);

/// From the first to the last number of vectors: the growth of the distances over that of log n. Pure.
[[nodiscard]] std::vector<Target> growth_targets(std::span<const GrowthPoint> points);

}  // namespace shoal::report
