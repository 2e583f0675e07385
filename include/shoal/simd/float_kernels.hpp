#pragma once
// Inner product and squared L2 of float arrays, for whatever vector instructions the compiler's flags allow. Four
// independent sums hide the latency of the multiply-add; the order of summation differs from a plain loop's, so
// results agree with exact arithmetic to n * 2^-24 times the sum of the terms' magnitudes, (n + 2) * 2^-24 for squared
// L2, whose differences are rounded too. Any alignment.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "shoal/core/platform.hpp"

#if !defined(SHOAL_NO_XSIMD) && __has_include(<xsimd/xsimd.hpp>)
#include <xsimd/xsimd.hpp>
#if !defined(XSIMD_NO_SUPPORTED_ARCHITECTURE)
#define SHOAL_HAS_XSIMD 1
#endif
#endif
#if !defined(SHOAL_HAS_XSIMD)
#define SHOAL_HAS_XSIMD 0
#endif

namespace shoal::inline v0::simd {

namespace detail {

#if SHOAL_HAS_XSIMD
using FloatBatch = xsimd::batch<float>;

inline float sum_lanes(FloatBatch batch) noexcept {
#if XSIMD_VERSION_MAJOR >= 9
  return xsimd::reduce_add(batch);
#else
  return xsimd::hadd(batch);
#endif
}
SHOAL_ALWAYS_INLINE FloatBatch multiply_add(FloatBatch a, FloatBatch b, FloatBatch c) noexcept {
  return xsimd::fma(a, b, c);
}
#endif
SHOAL_ALWAYS_INLINE float multiply_add(float a, float b, float c) noexcept { return a * b + c; }

struct AddProduct {
  template <class T>
  SHOAL_ALWAYS_INLINE T operator()(T a, T b, T sum) const noexcept {
    return multiply_add(a, b, sum);
  }
};

struct AddSquaredDifference {
  template <class T>
  SHOAL_ALWAYS_INLINE T operator()(T a, T b, T sum) const noexcept {
    const T difference = a - b;
    return multiply_add(difference, difference, sum);
  }
};

/// Folds `add(a[i], b[i], sum)` over both arrays.
template <class Add>
SHOAL_ALWAYS_INLINE float fold(const float* a, const float* b, std::size_t n, Add add) noexcept {
  std::size_t i = 0;
  float sum = 0;
#if SHOAL_HAS_XSIMD
  constexpr std::size_t lanes = FloatBatch::size;
  if (n >= lanes) {
    const auto load = [](const float* from) { return FloatBatch::load_unaligned(from); };
    FloatBatch sum0(0.0F), sum1(0.0F), sum2(0.0F), sum3(0.0F);
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
      sum0 = add(load(a + i), load(b + i), sum0);
      sum1 = add(load(a + i + lanes), load(b + i + lanes), sum1);
      sum2 = add(load(a + i + 2 * lanes), load(b + i + 2 * lanes), sum2);
      sum3 = add(load(a + i + 3 * lanes), load(b + i + 3 * lanes), sum3);
    }
    for (; i + lanes <= n; i += lanes) sum0 = add(load(a + i), load(b + i), sum0);
    sum = sum_lanes((sum0 + sum1) + (sum2 + sum3));
  }
#endif
  for (; i < n; ++i) sum = add(a[i], b[i], sum);
  return sum;
}

}  // namespace detail

/// Sum of a[i] * b[i]. *Shape*: n floats each, any alignment.
inline float dot(const float* a, const float* b, std::size_t n) noexcept {
  return detail::fold(a, b, n, detail::AddProduct{});
}

/// Sum of (a[i] - b[i])^2. *Shape*: n floats each, any alignment.
inline float l2_squared(const float* a, const float* b, std::size_t n) noexcept {
  return detail::fold(a, b, n, detail::AddSquaredDifference{});
}

/// values[i] *= factors[i]. *Shape*: n floats each, any alignment.
inline void multiply(float* values, const float* factors, std::size_t n) noexcept {
  std::size_t i = 0;
#if SHOAL_HAS_XSIMD
  for (; i + detail::FloatBatch::size <= n; i += detail::FloatBatch::size) {
    (detail::FloatBatch::load_unaligned(values + i) * detail::FloatBatch::load_unaligned(factors + i))
        .store_unaligned(values + i);
  }
#endif
  for (; i < n; ++i) values[i] *= factors[i];
}

/// The largest |values[i]|, as its bits: above 0x7F800000 for a NaN, 0x7F800000 for an infinity, and in the order of
/// the magnitudes. Integer operations, which no floating-point option can reason away. *Shape*: n floats.
inline std::uint32_t largest_magnitude_bits(const float* values, std::size_t n) noexcept {
  constexpr std::uint32_t magnitude = 0x7FFF'FFFFU;
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, std::bit_cast<std::uint32_t>(values[i]) & magnitude);
  return largest;
}

}  // namespace shoal::inline v0::simd
