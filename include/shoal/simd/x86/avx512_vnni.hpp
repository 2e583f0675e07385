#pragma once
// AVX-512 with VNNI, which multiplies 64 pairs of bytes and adds them to 32 bits in one instruction: unsigned times
// signed, so a is shifted by 128. Floats as in avx512.hpp. What is said there of code between the pragmas holds here.

#include "shoal/simd/x86/avx512.hpp"

#if SHOAL_HAS_X86_REGIONS

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")
#endif

namespace shoal::inline v0::simd::detail::avx512_vnni {

struct ByteProduct : avx512::ByteVectors {
  using Left = __m512i;
  using Right = __m512i;
  static constexpr std::size_t columns = 6;

  SHOAL_ALWAYS_INLINE static Left left(__m512i a) noexcept { return _mm512_xor_si512(a, _mm512_set1_epi8(-128)); }
  SHOAL_ALWAYS_INLINE static Right right(__m512i b) noexcept { return b; }
  SHOAL_ALWAYS_INLINE static Sum add(Left a, Right b, Sum sum) noexcept {
    // The instruction by its name, because it adds in place: with the intrinsic, g++ 12 copies every sum of a tile once
    // a step, and spills.
    asm("vpdpbusd {%2, %1, %0|%0, %1, %2}" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
  }

  /// 128 times the sum of b, modulo 2^32, as every sum here: the end result fits.
  SHOAL_ALWAYS_INLINE static std::int32_t offset(const std::int8_t* b, std::size_t n) noexcept {
    Sum sum = zero();
    for (std::size_t i = 0; i < n; i += lanes) {
      sum = add(_mm512_set1_epi8(-128), i + lanes <= n ? load(b + i) : load_part(b + i, n - i), sum);
    }
    std::int32_t sums[4];
    store_sums(sum, sum, sum, sum, sums);
    return sums[0];
  }
  SHOAL_ALWAYS_INLINE static std::int32_t shifted(std::int32_t sum, std::int32_t offset) noexcept {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) - static_cast<std::uint32_t>(offset));
  }
};

}  // namespace shoal::inline v0::simd::detail::avx512_vnni

#define SHOAL_SIMD_REGION avx512_vnni
// clang-format off
#include "shoal/simd/generic/rows.hpp"
#include "shoal/simd/generic/int8_kernels.hpp"
// clang-format on
#undef SHOAL_SIMD_REGION

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace shoal::inline v0::simd::detail::avx512_vnni {

constexpr KernelTable with_byte_kernels(KernelTable table) noexcept {
  table.level = Level::avx512_vnni;
  table.dot_bytes = dot_bytes;
  table.byte_offset = byte_offset;
  table.dot_bytes_rows = dot_bytes_rows;
  table.dot_bytes_block = dot_bytes_block;
  return table;
}
inline constexpr KernelTable table = with_byte_kernels(avx512::table);

}  // namespace shoal::inline v0::simd::detail::avx512_vnni

#endif
