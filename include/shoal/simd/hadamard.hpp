#pragma once
// The fast Walsh-Hadamard transform, in place: n log n sums and differences and nothing else, so the result is the
// same on every instruction set. Two levels are done in one pass over the values (radix 4).

#include <cstddef>

#include "shoal/simd/float_kernels.hpp"

namespace shoal::inline v0::simd {

namespace detail {

/// Two levels of the transform on values[0], [step], [2 step] and [3 step], one lane or several at a time.
template <class T>
struct Butterfly {
  T a, b, c, d;

  SHOAL_ALWAYS_INLINE Butterfly(T w, T x, T y, T z) noexcept
      : a((w + x) + (y + z)), b((w - x) + (y - z)), c((w + x) - (y + z)), d((w - x) - (y - z)) {}
};

inline void hadamard_pass(float* values, std::size_t n, std::size_t step) noexcept {
  for (float* block = values; block != values + n; block += 4 * step) {
    std::size_t i = 0;
#if SHOAL_HAS_XSIMD
    for (; i + FloatBatch::size <= step; i += FloatBatch::size) {
      const auto load = [&](std::size_t part) { return FloatBatch::load_unaligned(block + part * step + i); };
      const Butterfly<FloatBatch> sums(load(0), load(1), load(2), load(3));
      sums.a.store_unaligned(block + i);
      sums.b.store_unaligned(block + step + i);
      sums.c.store_unaligned(block + 2 * step + i);
      sums.d.store_unaligned(block + 3 * step + i);
    }
#endif
    for (; i < step; ++i) {
      float* const value = block + i;
      const Butterfly<float> sums(value[0], value[step], value[2 * step], value[3 * step]);
      value[0] = sums.a;
      value[step] = sums.b;
      value[2 * step] = sums.c;
      value[3 * step] = sums.d;
    }
  }
}

}  // namespace detail

/// Multiplies `values` by the n x n Hadamard matrix of ones and minus ones; twice gives n times the values.
/// *Shape*: n floats, n a power of two.
inline void hadamard(float* values, std::size_t n) noexcept {
  std::size_t step = 1;
  for (; 4 * step <= n; step *= 4) detail::hadamard_pass(values, n, step);
  if (step == n) return;
  for (std::size_t i = 0; i < n / 2; ++i) {  // one level is left
    const float sum = values[i] + values[n / 2 + i];
    values[n / 2 + i] = values[i] - values[n / 2 + i];
    values[i] = sum;
  }
}

}  // namespace shoal::inline v0::simd
