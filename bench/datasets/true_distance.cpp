#include <array>
#include <cmath>

#include <datasets/true_distance.hpp>

namespace shoal::datasets {

namespace {

/// The sum of term(i) for i below n, in four lanes so that the compiler may keep them in a vector register.
template <class Term>
double sum(std::size_t n, Term term) {
  std::array<double, 4> lanes{};
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      lanes[lane] += term(i + lane);
    }
  }
  for (; i < n; ++i) {
    lanes[0] += term(i);
  }
  return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

}  // namespace

double norm(std::span<const float> a) {
  return std::sqrt(sum(a.size(), [&](std::size_t i) { return double{a[i]} * double{a[i]}; }));
}

double true_distance(Metric metric, std::span<const float> a, std::span<const float> b) {
  const double scale_a = metric == Metric::angular ? 1.0 / norm(a) : 1.0;
  const double scale_b = metric == Metric::angular ? 1.0 / norm(b) : 1.0;
  const double squared = sum(a.size(), [&](std::size_t i) {
    const double difference = double{a[i]} * scale_a - double{b[i]} * scale_b;
    return difference * difference;
  });
  return metric == Metric::angular ? squared / 2 : squared;
}

}  // namespace shoal::datasets
