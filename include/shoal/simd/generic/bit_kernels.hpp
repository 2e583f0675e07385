// Sums over set bits, written once for every region. A region brings `BitSum`, the sum of one row: it takes 64 bits at
// a time, with the query in both forms (bit_kernels.hpp above), and uses the one it is fast with.

#if defined(SHOAL_SIMD_REGION)

namespace shoal::inline v0::simd::detail::SHOAL_SIMD_REGION {

inline void bit_sums(const std::uint8_t* levels, const std::uint64_t* planes, const std::uint64_t* const* rows,
                     std::size_t count, std::size_t words, std::int32_t* out) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    BitSum::Sum sum = BitSum::zero();
    for (std::size_t word = 0; word < words; ++word) {
      sum = BitSum::add(rows[i][word], levels + 64 * word, planes + word, words, sum);
    }
    out[i] = BitSum::total(sum);
  }
}

}  // namespace shoal::inline v0::simd::detail::SHOAL_SIMD_REGION

#endif
