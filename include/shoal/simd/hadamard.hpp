#pragma once
// The fast Walsh-Hadamard transform, scaled to be orthogonal: n log n additions, in place. Only sums and differences,
// so the result is the same on every instruction set.

#include <cmath>
#include <cstddef>

#include "shoal/simd/float_kernels.hpp"

namespace shoal::inline v0::simd {

/// Multiplies `values` by the n x n Hadamard matrix / sqrt(n). *Shape*: n floats, n a power of two.
inline void hadamard(float* values, std::size_t n) noexcept {
  for (std::size_t half = 1; half < n; half *= 2) {
    for (std::size_t block = 0; block < n; block += 2 * half) {
      float* low = values + block;
      float* high = low + half;
      std::size_t i = 0;
#if SHOAL_HAS_XSIMD
      constexpr std::size_t lanes = detail::FloatBatch::size;
      for (; i + lanes <= half; i += lanes) {
        const auto a = detail::FloatBatch::load_unaligned(low + i);
        const auto b = detail::FloatBatch::load_unaligned(high + i);
        (a + b).store_unaligned(low + i);
        (a - b).store_unaligned(high + i);
      }
#endif
      for (; i < half; ++i) {
        const float a = low[i];
        const float b = high[i];
        low[i] = a + b;
        high[i] = a - b;
      }
    }
  }
  const float scale = 1 / std::sqrt(static_cast<float>(n));
  for (std::size_t i = 0; i < n; ++i) values[i] *= scale;
}

}  // namespace shoal::inline v0::simd
