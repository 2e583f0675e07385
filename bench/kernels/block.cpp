// Blocks of rows against each other, 64 by 256, rows in the cache: what exact neighbours and pruning ask for. Reports
// pairs a second and, for floats, the arithmetic. Checked against the kernels of single pairs: integers equal, floats
// within the rounding that float_kernels.hpp states.

#include <cmath>

#include "levels.hpp"
#include "rows.hpp"
#include <shoal/simd/float_kernels.hpp>
#include <shoal/simd/int8_kernels.hpp>

namespace shoal::bench {
namespace {

constexpr std::size_t a_count = 64, b_count = 256;

template <class Element, class Result>
using Block = simd::detail::BlockKernel<Element, Result>;

struct Dot {
  using Element = float;
  using Result = float;
  static constexpr double operations = 2;  // of each pair of components
  static constexpr Block<float, float> block = simd::dot_block;
  static double magnitude(double a, double b) { return std::abs(a * b); }
  static float pair(const float* a, const float* b, std::size_t n) { return simd::dot(a, b, n); }
};
struct L2 : Dot {
  static constexpr double operations = 3;
  static constexpr Block<float, float> block = simd::l2_squared_block;
  static double magnitude(double a, double b) { return (a - b) * (a - b); }
  static float pair(const float* a, const float* b, std::size_t n) { return simd::l2_squared(a, b, n); }
};
struct ByteDot {
  using Element = std::int8_t;
  using Result = std::int32_t;
  static constexpr double operations = 2;
  static constexpr Block<Element, Result> block = simd::dot_block;
  static double magnitude(double, double) { return 0; }
  static std::int32_t pair(const Element* a, const Element* b, std::size_t n) { return simd::dot(a, b, n); }
};

/// Block and pair are each within (n + 2) * 2^-24 times the magnitudes of exact.
template <class Kernel>
bool is_right(double got, const typename Kernel::Element* a, const typename Kernel::Element* b, std::size_t n) {
  double magnitudes = 0;
  for (std::size_t i = 0; i < n; ++i)
    magnitudes += Kernel::magnitude(static_cast<double>(a[i]), static_cast<double>(b[i]));
  return std::abs(got - static_cast<double>(Kernel::pair(a, b, n))) <=
         2 * static_cast<double>(n + 2) * 0x1p-24 * magnitudes;
}

template <class Kernel>
void block(benchmark::State& state) {
  using Element = typename Kernel::Element;
  const std::size_t n = dimensions_of(state);
  const ForcedLevel forced(state.range(1));
  const std::vector<Element> values = random_values<Element>((a_count + b_count) * n, 1);
  std::vector<const Element*> a, b;
  for (std::size_t i = 0; i < a_count; ++i) a.push_back(values.data() + i * n);
  for (std::size_t i = 0; i < b_count; ++i) b.push_back(values.data() + (a_count + i) * n);
  std::vector<typename Kernel::Result> out(a_count * b_count);
  Kernel::block(a.data(), a_count, b.data(), b_count, n, out.data(), b_count);
  for (std::size_t i = 0; i < a_count; ++i) {
    for (std::size_t j = 0; j < b_count; ++j) {
      if (!is_right<Kernel>(static_cast<double>(out[i * b_count + j]), a[i], b[j], n)) {
        return state.SkipWithError("wrong result");
      }
    }
  }
  for (auto _ : state) {
    Kernel::block(a.data(), a_count, b.data(), b_count, n, out.data(), b_count);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  const double pairs = static_cast<double>(state.iterations()) * a_count * b_count;
  state.SetItemsProcessed(static_cast<std::int64_t>(pairs));
  state.counters["operations"] =
      benchmark::Counter(pairs * Kernel::operations * static_cast<double>(n), benchmark::Counter::kIsRate);
}

void all_blocks(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"dimensions", "level"})->ArgsProduct({{128, 384, 768, 1536}, all_levels()});
}

BENCHMARK(block<Dot>)->Name("block_float_dot")->Apply(all_blocks);
BENCHMARK(block<L2>)->Name("block_float_l2")->Apply(all_blocks);
BENCHMARK(block<ByteDot>)->Name("block_int8_dot")->Apply(all_blocks);

}  // namespace
}  // namespace shoal::bench
