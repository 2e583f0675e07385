#pragma once
// Builds and searches all libraries on one data set, side by side: every number that will be compared with another was
// taken in the same round, minutes apart at most. docs/benchmarks.md says why and how.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <rivals/registry.hpp>

#include "options.hpp"
#include <datasets/dataset.hpp>

namespace shoal::report {

/// Where the graphs of two libraries are held against each other: what is found with as much effort.
inline constexpr std::array<std::size_t, 4> equal_ef{50, 100, 200, 400};

/// What one library did on one data set.
struct LibraryResult {
  std::string name;
  std::vector<std::optional<double>> build_seconds;  // by build round; nothing: not built again
  std::optional<std::size_t> bytes;                  // that building allocated and kept
  std::optional<std::size_t> reported_bytes;
  std::optional<std::size_t> unreachable;

  std::vector<std::size_t> ef;           // that were timed, ascending
  std::vector<double> recall;            // by ef, of all queries
  std::vector<std::vector<double>> qps;  // by round, by ef

  double highest_recall = 0;  // of these and of the larger ef that were tried
  std::size_t highest_recall_ef = 0;

  std::vector<double> recall_at_equal_ef;  // by equal_ef, of shoal and the baseline

  std::optional<std::string> refused;  // why its numbers cannot be believed

  /// The speeds of a round at a recall, or the median over the rounds.
  [[nodiscard]] std::optional<double> qps_at_recall(std::size_t round, double target) const;
  [[nodiscard]] std::optional<double> median_qps_at_recall(double target) const;
  [[nodiscard]] double median_build_seconds() const;
};

struct SetResult {
  std::string name;
  std::size_t rows = 0;
  std::size_t dimensions = 0;
  std::size_t queries = 0;
  unsigned build_threads = 1;
  std::vector<std::string> notes;
  std::vector<LibraryResult> libraries;

  /// The library that the others are measured against: hnswlib, else the first that can be believed, if any.
  [[nodiscard]] const LibraryResult* baseline() const;
};

/// By round, a's speed divided by b's in that round, at equal recall. Empty when either does not get there.
[[nodiscard]] std::vector<double> speed_ratios(const LibraryResult& a, const LibraryResult& b, double target);

/// Likewise of b's time divided by a's: above 1, a builds faster.
[[nodiscard]] std::vector<double> build_ratios(const LibraryResult& a, const LibraryResult& b);

/// Progress goes to stderr.
[[nodiscard]] SetResult measure(const datasets::Dataset& set, const std::vector<rivals::Library>& libraries,
                                const rivals::Setup& setup, const Options& options);

}  // namespace shoal::report
