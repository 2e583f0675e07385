// Inner product of signed bytes, written once for every region of instructions; exact, so the same on all of them. A
// region brings `ByteProduct`: how it multiplies bytes. Where that takes one operand as unsigned, the operand is
// shifted by 128, and `offset` is what the shift adds: 128 times the sum of the other row, once a query or a column of
// a block.

#if defined(SHOAL_SIMD_REGION)

namespace shoal::inline v0::simd::detail::SHOAL_SIMD_REGION {

inline std::int32_t dot_bytes(const std::int8_t* a, const std::int8_t* b, std::size_t n) noexcept {
  return score_pair<ByteProduct>(a, b, n);
}
inline std::int32_t byte_offset(const std::int8_t* query, std::size_t n) noexcept {
  return ByteProduct::offset(query, n);
}
inline void dot_bytes_rows(const std::int8_t* query, std::int32_t offset, const std::int8_t* const* rows,
                           std::size_t count, std::size_t n, std::int32_t* out) noexcept {
  score_rows<ByteProduct>(query, offset, rows, count, n, out);
}
inline void dot_bytes_block(const std::int8_t* const* a_rows, std::size_t a_count, const std::int8_t* const* b_rows,
                            std::size_t b_count, std::size_t n, std::int32_t* out, std::size_t out_stride) noexcept {
  score_block<ByteProduct>(a_rows, a_count, b_rows, b_count, n, out, out_stride);
}

}  // namespace shoal::inline v0::simd::detail::SHOAL_SIMD_REGION

#endif
