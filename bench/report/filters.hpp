#pragma once
// Searches among some of the entries, from all down to one in a thousand: shoal's filter beside what hnswlib's users
// do. At one ef, so recall stands beside the speed; the truth is exact among the rows that pass.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <rivals/registry.hpp>

#include "options.hpp"

namespace shoal::report {

/// For --only.
inline constexpr const char* filters_name = "filters";

inline constexpr std::size_t filters_ef = 64;
inline constexpr std::array<double, 5> filters_shares{1, 0.5, 0.1, 0.01, 0.001};

struct FilterPoint {
  double recall = 0;
  std::vector<double> qps;  // by round
};

/// One way of one library.
struct FilterCurve {
  std::string name;
  bool is_baseline = false;
  std::array<std::optional<FilterPoint>, filters_shares.size()> points;  // nothing where no row passes
  std::optional<std::string> refused;                                    // why its numbers cannot be believed
};

struct FilterResult {
  std::string set;
  std::size_t rows = 0;
  std::size_t dimensions = 0;
  std::size_t queries = 0;
  std::array<std::size_t, filters_shares.size()> passing{};  // rows
  std::vector<FilterCurve> curves;
  std::vector<std::string> notes;
};

/// By set. Progress goes to stderr. *Errors*: std::runtime_error.
[[nodiscard]] std::vector<FilterResult> measure_filters(const std::vector<rivals::Library>& libraries,
                                                        const rivals::Setup& setup, const Options& options);

/// Pure.
[[nodiscard]] std::string filters_section(const std::vector<FilterResult>& results);

[[nodiscard]] bool is_refused(const FilterResult& result);

}  // namespace shoal::report
