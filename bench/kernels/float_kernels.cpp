// Inner product and squared L2 of floats, one query against rows. Checked against a loop in double: within the rounding
// that float_kernels.hpp states.

#include <cmath>

#include "rows.hpp"
#include <shoal/simd/float_kernels.hpp>

namespace shoal::bench {
namespace {

struct Dot {
  static float fast(const float* a, const float* b, std::size_t n) { return simd::dot(a, b, n); }
  static double term(double a, double b) { return a * b; }
};
struct L2 {
  static float fast(const float* a, const float* b, std::size_t n) { return simd::l2_squared(a, b, n); }
  static double term(double a, double b) { return (a - b) * (a - b); }
};

/// n * 2^-24 times the magnitudes: the bound on any order of summation; the difference inside L2 adds one rounding.
template <class Kernel>
bool is_right(const float* a, const float* b, std::size_t n) {
  double sum = 0, magnitudes = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double term = Kernel::term(double{a[i]}, double{b[i]});
    sum += term;
    magnitudes += std::abs(term);
  }
  return std::abs(double{Kernel::fast(a, b, n)} - sum) <= static_cast<double>(n + 2) * 0x1p-24 * magnitudes;
}

template <class Kernel>
void float_kernel(benchmark::State& state) {
  const std::size_t n = dimensions_of(state);
  const Rows<float> rows(n, place_of(state));
  const std::vector<float> query = random_values<float>(n, 2);
  for (std::size_t i = 0; i < std::min<std::size_t>(rows.order.size(), 32); ++i) {
    if (!is_right<Kernel>(query.data(), rows.row(i), n)) return state.SkipWithError("wrong result");
  }
  std::size_t scored = 0;
  for (auto _ : state) {
    float sum = 0;
    for (const std::uint32_t row : rows.order) sum += Kernel::fast(query.data(), rows.row(row), n);
    benchmark::DoNotOptimize(sum);
    scored += rows.order.size();
  }
  count_rows(state, scored, n * sizeof(float));
}

BENCHMARK(float_kernel<Dot>)->Name("float_dot")->Apply(all_sizes);
BENCHMARK(float_kernel<L2>)->Name("float_l2")->Apply(all_sizes);

}  // namespace
}  // namespace shoal::bench
