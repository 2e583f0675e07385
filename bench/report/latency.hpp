#pragma once
// How long a single search takes while another thread writes: the middle one, and the one that 99 of 100 are not slower
// than. Time on the clock, since waiting is what would show. hnswlib is left out: its searches take no locks, and it
// allows none beside addPoint.

#include <string>
#include <vector>

#include <rivals/rival.hpp>

#include "options.hpp"

namespace shoal::report {

/// For --only.
inline constexpr const char* latency_name = "latency";

inline constexpr std::size_t latency_ef = 64;

/// The searches of one round, on one thread. *Units*: seconds.
struct Latency {
  double p50 = 0;
  double p99 = 0;
  std::size_t searches = 0;
};

/// Of what `seconds` took, one by one. Precondition: not empty. Pure.
[[nodiscard]] Latency latency_of(const std::vector<double>& seconds);

/// By round.
struct LatencyCurve {
  std::string storage;
  std::vector<Latency> idle;
  std::vector<Latency> inserting;
  std::vector<Latency> erasing;
  std::vector<double> insert_seconds;  // for each entry, while searches go on
  std::vector<double> erase_seconds;
};

struct LatencyResult {
  std::string set;
  std::size_t rows = 0;
  std::size_t dimensions = 0;
  std::vector<LatencyCurve> curves;
  std::vector<std::string> notes;
};

/// One, of shoal with floats and with bytes. Progress goes to stderr. *Errors*: std::runtime_error, when a search finds
/// what cannot be in, or when the index is not sound after the writing.
[[nodiscard]] std::vector<LatencyResult> measure_latency(const rivals::Setup& setup, const Options& options);

/// Pure.
[[nodiscard]] std::string latency_section(const std::vector<LatencyResult>& results);

/// What cannot be believed is no result here: it ends the section.
[[nodiscard]] constexpr bool is_refused(const LatencyResult& /*result*/) { return false; }

}  // namespace shoal::report
