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

double quantile(std::vector<double> values, double share) {
  assert(!values.empty());
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

double spread(const std::vector<double>& values) {
  const auto [smallest, largest] = std::minmax_element(values.begin(), values.end());
  return (*largest - *smallest) / median(values);
}

std::optional<Figure> figure_of(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return Figure{median(values), *least, *most, values.size()};
}

std::vector<double> ratios(std::span<const double> a, std::span<const double> b) {
  assert(a.size() == b.size());
  std::vector<double> result(a.size());
  std::transform(a.begin(), a.end(), b.begin(), result.begin(), [](double x, double y) { return x / y; });
  return result;
}

std::optional<double> value_at_recall(std::span<const double> recall, std::span<const double> values, double target) {
  assert(recall.size() == values.size());
  for (std::size_t i = 0; i < recall.size(); ++i) {
    if (recall[i] < target) continue;
    if (i == 0) return values[0];
    const double share = (target - recall[i - 1]) / (recall[i] - recall[i - 1]);  // recall[i - 1] < target
    return std::exp(std::log(values[i - 1]) * (1 - share) + std::log(values[i]) * share);
  }
  return std::nullopt;
}

}  // namespace shoal::report
