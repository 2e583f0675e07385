#pragma once
// CRC-32C, the checksum of iSCSI (RFC 3720, appendix B.4): polynomial 0x1EDC6F41, bits reversed, ones before and after.
// x86-64 has had an instruction for it since SSE4.2, chosen while the program runs; ARMv8 has one where the compiler's
// flags say so. Elsewhere it is taken bit by bit, at a fiftieth of the speed.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "shoal/core/platform.hpp"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define SHOAL_HAS_X86_CRC32C 1
#include <nmmintrin.h>
#else
#define SHOAL_HAS_X86_CRC32C 0
#endif
#if defined(__ARM_FEATURE_CRC32) && defined(__aarch64__)
#include <arm_acle.h>
#endif

namespace shoal::inline v0::detail {

/// Of a checksum so far, before the ones at the end are put in.
[[nodiscard]] inline std::uint32_t crc32c_by_bits(std::uint32_t state, const std::byte* bytes,
                                                  std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    state ^= static_cast<std::uint32_t>(bytes[i]);
    for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ (0x82F6'3B78U & (0U - (state & 1U)));
  }
  return state;
}

#if SHOAL_HAS_X86_CRC32C
[[nodiscard, gnu::target("sse4.2")]] inline std::uint32_t crc32c_by_sse(std::uint32_t state, const std::byte* bytes,
                                                                        std::size_t count) noexcept {
  std::uint64_t wide = state;
  for (; count >= 8; bytes += 8, count -= 8) {
    std::uint64_t word = 0;
    __builtin_memcpy(&word, bytes, 8);
    wide = _mm_crc32_u64(wide, word);
  }
  state = static_cast<std::uint32_t>(wide);
  for (; count > 0; ++bytes, --count) state = _mm_crc32_u8(state, static_cast<unsigned char>(*bytes));
  return state;
}
#endif

/// The checksum of what gave `before` and `count` bytes more; that of nothing is 0.
[[nodiscard]] inline std::uint32_t crc32c(std::uint32_t before, const void* data, std::size_t count) noexcept {
  const auto* bytes = static_cast<const std::byte*>(data);
  std::uint32_t state = ~before;
#if SHOAL_HAS_X86_CRC32C
  if (__builtin_cpu_supports("sse4.2")) return ~crc32c_by_sse(state, bytes, count);
#elif defined(__ARM_FEATURE_CRC32) && defined(__aarch64__)
  for (; count >= 8; bytes += 8, count -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, 8);
    state = __crc32cd(state, word);
  }
#endif
  return ~crc32c_by_bits(state, bytes, count);
}

}  // namespace shoal::inline v0::detail
