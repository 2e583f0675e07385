#include "statistics.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace shoal::report {

double median(std::vector<double> values) {
  assert(!values.empty());
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double spread(const std::vector<double>& values) {
  const auto [smallest, largest] = std::minmax_element(values.begin(), values.end());
  return (*largest - *smallest) / median(values);
}

std::optional<double> qps_at(std::span<const double> recall, std::span<const double> qps, double target) {
  assert(recall.size() == qps.size());
  for (std::size_t i = 0; i < recall.size(); ++i) {
    if (recall[i] < target) continue;
    if (i == 0) return qps[0];
    const double share = (target - recall[i - 1]) / (recall[i] - recall[i - 1]);  // recall[i - 1] < target
    return std::exp(std::log(qps[i - 1]) * (1 - share) + std::log(qps[i]) * share);
  }
  return std::nullopt;
}

}  // namespace shoal::report
