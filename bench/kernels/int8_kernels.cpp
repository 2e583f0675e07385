// Inner product of bytes, one query against rows. Checked against a plain loop: equal, since integers do not round.

#include "rows.hpp"
#include <shoal/simd/int8_kernels.hpp>

namespace shoal::bench {
namespace {

bool is_right(const std::int8_t* a, const std::int8_t* b, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return static_cast<double>(simd::dot(a, b, n)) == sum;
}

void int8_dot(benchmark::State& state) {
  const std::size_t n = dimensions_of(state);
  const Rows<std::int8_t> rows(n, place_of(state));
  const std::vector<std::int8_t> query = random_values<std::int8_t>(n, 2);
  for (std::size_t i = 0; i < std::min<std::size_t>(rows.order.size(), 32); ++i) {
    if (!is_right(query.data(), rows.row(i), n)) return state.SkipWithError("wrong result");
  }
  std::size_t scored = 0;
  for (auto _ : state) {
    std::int64_t sum = 0;
    for (const std::uint32_t row : rows.order) sum += simd::dot(rows.row(row), query.data(), n);
    benchmark::DoNotOptimize(sum);
    scored += rows.order.size();
  }
  count_rows(state, scored, n);
}

BENCHMARK(int8_dot)->Apply(all_sizes);

}  // namespace
}  // namespace shoal::bench
