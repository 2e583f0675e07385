#pragma once
// What is left of an index after many of its entries were erased and inserted again: shoal beside the ways in which
// hnswlib's users replace entries. Always the same vectors, so recall has one truth, and a fresh build of those that
// are in, in the order in which they came, is what an index is held against.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <rivals/registry.hpp>

#include "options.hpp"

namespace shoal::report {

/// For --only.
inline constexpr const char* churn_name = "churn";

inline constexpr std::array<std::size_t, 2> churn_ef{64, 128};

/// In each round this share of the entries is erased, and their vectors are inserted again under new ids.
struct ChurnPlan {
  double share = 0;
  std::vector<std::size_t> looks;  // after which rounds the index is looked at, ascending; the last one ends it
};

/// An index at one time.
struct IndexState {
  std::array<double, churn_ef.size()> recall{};  // by churn_ef
  std::vector<double> qps;                       // by timing round, at the first of churn_ef
  std::optional<std::size_t> bytes;              // allocated and kept
  std::optional<std::size_t> unreachable;
};

/// After a round.
struct ChurnLook {
  std::size_t round = 0;
  IndexState churned;
  IndexState fresh;
  double erase_seconds = 0;  // for each entry, since the look before
  double insert_seconds = 0;
};

struct ChurnCurve {
  std::string name;  // of the library and its way
  std::vector<ChurnLook> looks;
  std::optional<std::string> refused;  // why its numbers cannot be believed
};

struct ChurnResult {
  std::string set;
  std::size_t rows = 0;
  std::size_t dimensions = 0;
  std::size_t queries = 0;
  double share = 0;
  std::vector<ChurnCurve> curves;
  std::vector<std::string> notes;
};

[[nodiscard]] std::vector<ChurnPlan> churn_plans(bool quick);

/// By plan. Progress goes to stderr. *Errors*: std::runtime_error.
[[nodiscard]] std::vector<ChurnResult> measure_churn(const rivals::Setup& setup, const Options& options);

/// Pure.
[[nodiscard]] std::string churn_section(const std::vector<ChurnResult>& results);

[[nodiscard]] bool is_refused(const ChurnResult& result);

}  // namespace shoal::report
