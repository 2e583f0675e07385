// What can be said of measurements: medians and ratios of numbers taken in the same round.

#include <algorithm>

#include "measure.hpp"
#include "statistics.hpp"

namespace shoal::report {

std::optional<double> LibraryResult::qps_at_recall(std::size_t round, double target) const {
  return value_at_recall(recall, qps[round], target);
}

std::optional<double> LibraryResult::median_qps_at_recall(double target) const {
  std::vector<double> speeds;
  for (std::size_t round = 0; round < qps.size(); ++round) {
    const auto speed = qps_at_recall(round, target);
    if (!speed) return std::nullopt;  // the recall is the same in all rounds
    speeds.push_back(*speed);
  }
  if (speeds.empty()) return std::nullopt;
  return median(std::move(speeds));
}

double LibraryResult::median_build_seconds() const {
  std::vector<double> seconds;
  for (const auto& one : build_seconds) {
    if (one) seconds.push_back(*one);
  }
  return seconds.empty() ? 0 : median(std::move(seconds));
}

const LibraryResult* SetResult::baseline() const {
  const LibraryResult* first = nullptr;
  for (const LibraryResult& library : libraries) {
    if (library.refused) continue;
    if (library.name == rivals::baseline_name) return &library;
    if (first == nullptr) first = &library;
  }
  return first;
}

std::vector<double> speed_ratios(const LibraryResult& a, const LibraryResult& b, double target) {
  std::vector<double> ratios;
  for (std::size_t round = 0; round < std::min(a.qps.size(), b.qps.size()); ++round) {
    const auto speed_a = a.qps_at_recall(round, target);
    const auto speed_b = b.qps_at_recall(round, target);
    if (!speed_a || !speed_b) return {};
    ratios.push_back(*speed_a / *speed_b);
  }
  return ratios;
}

std::vector<double> build_ratios(const LibraryResult& a, const LibraryResult& b) {
  std::vector<double> ratios;
  for (std::size_t round = 0; round < std::min(a.build_seconds.size(), b.build_seconds.size()); ++round) {
    const auto& seconds_a = a.build_seconds[round];
    const auto& seconds_b = b.build_seconds[round];
    if (seconds_a && seconds_b) ratios.push_back(*seconds_b / *seconds_a);
  }
  return ratios;
}

}  // namespace shoal::report
