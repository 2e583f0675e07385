// What can be said of single searches while another thread writes: pure functions.

#include <fmt/core.h>

#include "latency.hpp"
#include "markdown_table.hpp"
#include "statistics.hpp"

namespace shoal::report {

namespace {

std::string microseconds(double seconds) { return three_digits(1e6 * seconds); }

/// "25.1, 48.0 us": medians over the rounds.
std::string latency_cell(const std::vector<Latency>& rounds) {
  if (rounds.empty()) return "-";
  std::vector<double> p50, p99;
  for (const Latency& round : rounds) {
    p50.push_back(round.p50);
    p99.push_back(round.p99);
  }
  return fmt::format("{}, {} us", microseconds(median(p50)), microseconds(median(p99)));
}

std::string seconds_cell(const std::vector<double>& seconds) {
  return seconds.empty() ? "-" : microseconds(median(seconds)) + " us";
}

}  // namespace

Latency latency_of(const std::vector<double>& seconds) {
  return {quantile(seconds, 0.5), quantile(seconds, 0.99), seconds.size()};
}

std::string latency_section(const std::vector<LatencyResult>& results) {
  std::string text;
  for (const LatencyResult& result : results) {
    text += fmt::format("### Latency while another thread writes: {}, {}, ef {}\n\n", result.set,
                        size_text(result.rows, result.dimensions), latency_ef);
    text += table_heading({"storage", "idle: p50, p99", "while inserting", "while erasing", "an insert", "an erase"});
    for (const LatencyCurve& curve : result.curves) {
      text += table_row({curve.storage, latency_cell(curve.idle), latency_cell(curve.inserting),
                         latency_cell(curve.erasing), seconds_cell(curve.insert_seconds),
                         seconds_cell(curve.erase_seconds)});
    }
    text += "\nTime on the clock of single searches on one thread. hnswlib allows no search beside a write.\n";
    text += notes_text(result.notes) + "\n";
  }
  return text;
}

}  // namespace shoal::report
