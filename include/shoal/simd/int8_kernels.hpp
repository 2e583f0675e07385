#pragma once
// Codes of one signed byte a component: how they are rounded, and their inner products, which are exact in 32 bits and
// so the same number on every level. Codes lie in [-127, 127], and n may be up to 133,000. Each function is one call
// through the table of level.hpp.

#include <cstddef>
#include <cstdint>

#include "shoal/simd/level.hpp"

namespace shoal::inline v0::simd {

/// Sum of a[i] * b[i]. *Shape*: n bytes each, any alignment.
[[nodiscard]] inline std::int32_t dot(const std::int8_t* a, const std::int8_t* b, std::size_t n) noexcept {
  return detail::kernels().dot_bytes(a, b, n);
}

/// Codes that many rows are multiplied with, and what the level in use wants to know of them beforehand.
struct ByteQuery {
  const std::int8_t* codes;
  std::int32_t offset;
};
[[nodiscard]] inline ByteQuery byte_query(const std::int8_t* codes, std::size_t n) noexcept {
  return {codes, detail::kernels().byte_offset(codes, n)};
}

/// out[i] = dot(query.codes, rows[i]); rows that come a few places later are fetched from memory meanwhile. On the
/// level that the query was made on.
inline void dot_rows(const ByteQuery& query, const std::int8_t* const* rows, std::size_t count, std::size_t n,
                     std::int32_t* out) noexcept {
  detail::kernels().dot_bytes_rows(query.codes, query.offset, rows, count, n, out);
}

inline void dot_rows(const std::int8_t* query, const std::int8_t* const* rows, std::size_t count, std::size_t n,
                     std::int32_t* out) noexcept {
  dot_rows(byte_query(query, n), rows, count, n, out);
}

/// out[i * out_stride + j] = dot(a_rows[i], b_rows[j]).
inline void dot_block(const std::int8_t* const* a_rows, std::size_t a_count, const std::int8_t* const* b_rows,
                      std::size_t b_count, std::size_t n, std::int32_t* out, std::size_t out_stride) noexcept {
  detail::kernels().dot_bytes_block(a_rows, a_count, b_rows, b_count, n, out, out_stride);
}

/// codes[i] = values[i] * factor, rounded to the nearest integer, a half to the even one, and clamped to [-127, 127]:
/// the same on every level. *Shape*: n floats and bytes; the products are finite. Of those of 2^31 and more, which come
/// of no vector, any code may come.
inline void round_to_codes(const float* values, std::size_t n, float factor, std::int8_t* codes) noexcept {
  detail::kernels().round_to_codes(values, n, factor, codes);
}

/// out[i] = (factors[i] * factor) * products[i], each product rounded once: the same on every level. *Shape*: n each.
inline void scale_products(const std::int32_t* products, const float* factors, float factor, std::size_t n,
                           float* out) noexcept {
  detail::kernels().scale_products(products, factors, factor, n, out);
}

}  // namespace shoal::inline v0::simd
