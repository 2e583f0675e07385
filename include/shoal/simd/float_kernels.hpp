#pragma once
// Inner product and squared L2 of float arrays: of a pair, of a query and the rows of a hop, of two blocks of rows.
// Each is one call through the table of level.hpp. Several partial sums hide the latency of the multiply-add, so the
// order of summation differs from a plain loop's and between levels; results agree with exact arithmetic to n * 2^-24
// times the sum of the terms' magnitudes, (n + 2) * 2^-24 for squared L2, whose differences are rounded too. On one
// level a result depends on its two rows and n alone: a row of a hop gives what the pair gives, bit for bit, and a row
// of a block what it gives in any other block. Squared L2 of equal rows is exactly 0. Any alignment.

#include <cstddef>
#include <cstdint>

#include "shoal/simd/level.hpp"

namespace shoal::inline v0::simd {

/// Sum of a[i] * b[i]. *Shape*: n floats each.
[[nodiscard]] inline float dot(const float* a, const float* b, std::size_t n) noexcept {
  return detail::kernels().dot(a, b, n);
}

/// Sum of (a[i] - b[i])^2. *Shape*: n floats each.
[[nodiscard]] inline float l2_squared(const float* a, const float* b, std::size_t n) noexcept {
  return detail::kernels().l2_squared(a, b, n);
}

/// out[i] = dot(query, rows[i]); rows that come a few places later are fetched from memory meanwhile.
inline void dot_rows(const float* query, const float* const* rows, std::size_t count, std::size_t n,
                     float* out) noexcept {
  detail::kernels().dot_rows(query, rows, count, n, out);
}

/// out[i] = l2_squared(query, rows[i]), as `dot_rows`.
inline void l2_squared_rows(const float* query, const float* const* rows, std::size_t count, std::size_t n,
                            float* out) noexcept {
  detail::kernels().l2_squared_rows(query, rows, count, n, out);
}

/// out[i * out_stride + j] = the inner product of a_rows[i] and b_rows[j]: several times as fast as pairs when both
/// counts are large, of no use when one is 1.
inline void dot_block(const float* const* a_rows, std::size_t a_count, const float* const* b_rows, std::size_t b_count,
                      std::size_t n, float* out, std::size_t out_stride) noexcept {
  detail::kernels().dot_block(a_rows, a_count, b_rows, b_count, n, out, out_stride);
}

/// As `dot_block` for squared L2, from the differences: near rows lose nothing.
inline void l2_squared_block(const float* const* a_rows, std::size_t a_count, const float* const* b_rows,
                             std::size_t b_count, std::size_t n, float* out, std::size_t out_stride) noexcept {
  detail::kernels().l2_squared_block(a_rows, a_count, b_rows, b_count, n, out, out_stride);
}

/// values[i] *= factors[i], each product rounded once. *Shape*: n floats each.
inline void multiply(float* values, const float* factors, std::size_t n) noexcept {
  detail::kernels().multiply(values, factors, n);
}

/// Bit i says whether values[i] <= limit. *Shape*: at most 64 floats, none of them NaN.
[[nodiscard]] inline std::uint64_t mask_within(const float* values, std::size_t n, float limit) noexcept {
  return detail::kernels().mask_within(values, n, limit);
}

/// The largest |values[i]|, as its bits: above 0x7F800000 for a NaN, 0x7F800000 for an infinity, and in the order of
/// the magnitudes. Integer operations, which no floating-point option can reason away. *Shape*: n floats.
[[nodiscard]] inline std::uint32_t largest_magnitude_bits(const float* values, std::size_t n) noexcept {
  return detail::kernels().largest_magnitude_bits(values, n);
}

}  // namespace shoal::inline v0::simd
