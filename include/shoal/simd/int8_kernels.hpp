#pragma once
// Inner product of signed bytes, exact in 32 bits: the same number on every instruction set. Codes lie in
// [-127, 127], so n may be up to 133,000. x86 multiplies bytes only as unsigned times signed; with VNNI one operand is
// shifted by 128 and the shift taken back, elsewhere bytes are widened to 16 bits (the saturating byte product of AVX2
// is not exact for full 8-bit operands). No xsimd version has an integer dot product, hence the intrinsics.

#include <cstddef>
#include <cstdint>

#include "shoal/core/platform.hpp"

#if defined(__AVX512BW__) || defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace shoal::inline v0::simd {

namespace detail {

inline std::int32_t dot_bytes_plain(const std::int8_t* a, const std::int8_t* b, std::size_t n) noexcept {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += std::int32_t{a[i]} * std::int32_t{b[i]};
  return sum;
}

}  // namespace detail

/// Sum of a[i] * b[i]. *Shape*: n bytes each in [-127, 127], any alignment.
inline std::int32_t dot(const std::int8_t* a, const std::int8_t* b, std::size_t n) noexcept {
  std::size_t i = 0;
  std::int32_t sum = 0;
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
  const auto load = [](const std::int8_t* from) { return _mm512_loadu_si512(from); };
  const __m512i shift = _mm512_set1_epi8(-128);
  __m512i sum0 = _mm512_setzero_si512(), sum1 = sum0, shifts0 = sum0, shifts1 = sum0;
  for (; i + 128 <= n; i += 128) {
    const __m512i b0 = load(b + i), b1 = load(b + i + 64);
    sum0 = _mm512_dpbusd_epi32(sum0, _mm512_xor_si512(load(a + i), shift), b0);
    sum1 = _mm512_dpbusd_epi32(sum1, _mm512_xor_si512(load(a + i + 64), shift), b1);
    shifts0 = _mm512_dpbusd_epi32(shifts0, shift, b0);
    shifts1 = _mm512_dpbusd_epi32(shifts1, shift, b1);
  }
  for (; i + 64 <= n; i += 64) {
    const __m512i b0 = load(b + i);
    sum0 = _mm512_dpbusd_epi32(sum0, _mm512_xor_si512(load(a + i), shift), b0);
    shifts0 = _mm512_dpbusd_epi32(shifts0, shift, b0);
  }
  alignas(64) std::int32_t lanes[16];
  _mm512_store_si512(lanes, _mm512_sub_epi32(_mm512_add_epi32(sum0, sum1), _mm512_add_epi32(shifts0, shifts1)));
  for (const std::int32_t lane : lanes) sum += lane;
#elif defined(__AVX512BW__)
  const auto load = [](const std::int8_t* from) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  };
  __m512i sum0 = _mm512_setzero_si512(), sum1 = sum0;
  for (; i + 64 <= n; i += 64) {
    sum0 = _mm512_add_epi32(sum0, _mm512_madd_epi16(load(a + i), load(b + i)));
    sum1 = _mm512_add_epi32(sum1, _mm512_madd_epi16(load(a + i + 32), load(b + i + 32)));
  }
  alignas(64) std::int32_t lanes[16];
  _mm512_store_si512(lanes, _mm512_add_epi32(sum0, sum1));
  for (const std::int32_t lane : lanes) sum += lane;
#elif defined(__AVX2__)
  const auto load = [](const std::int8_t* from) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  };
  __m256i sum0 = _mm256_setzero_si256(), sum1 = sum0;
  for (; i + 32 <= n; i += 32) {
    sum0 = _mm256_add_epi32(sum0, _mm256_madd_epi16(load(a + i), load(b + i)));
    sum1 = _mm256_add_epi32(sum1, _mm256_madd_epi16(load(a + i + 16), load(b + i + 16)));
  }
  alignas(32) std::int32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), _mm256_add_epi32(sum0, sum1));
  for (const std::int32_t lane : lanes) sum += lane;
#elif defined(__SSE2__)
  const auto load = [](const std::int8_t* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); };
  const __m128i zero = _mm_setzero_si128();
  __m128i sum0 = zero, sum1 = zero;
  for (; i + 16 <= n; i += 16) {
    // a byte in the upper half of a 16-bit lane, shifted down with its sign
    const __m128i a0 = load(a + i), b0 = load(b + i);
    const __m128i a_low = _mm_srai_epi16(_mm_unpacklo_epi8(zero, a0), 8);
    const __m128i b_low = _mm_srai_epi16(_mm_unpacklo_epi8(zero, b0), 8);
    const __m128i a_high = _mm_srai_epi16(_mm_unpackhi_epi8(zero, a0), 8);
    const __m128i b_high = _mm_srai_epi16(_mm_unpackhi_epi8(zero, b0), 8);
    sum0 = _mm_add_epi32(sum0, _mm_madd_epi16(a_low, b_low));
    sum1 = _mm_add_epi32(sum1, _mm_madd_epi16(a_high, b_high));
  }
  alignas(16) std::int32_t lanes[4];
  _mm_store_si128(reinterpret_cast<__m128i*>(lanes), _mm_add_epi32(sum0, sum1));
  for (const std::int32_t lane : lanes) sum += lane;
#elif defined(__ARM_NEON) && defined(__aarch64__)
  int32x4_t sum0 = vdupq_n_s32(0), sum1 = sum0;
  for (; i + 16 <= n; i += 16) {
    const int8x16_t a0 = vld1q_s8(a + i), b0 = vld1q_s8(b + i);
    sum0 = vpadalq_s16(sum0, vmull_s8(vget_low_s8(a0), vget_low_s8(b0)));
    sum1 = vpadalq_s16(sum1, vmull_s8(vget_high_s8(a0), vget_high_s8(b0)));
  }
  sum = vaddvq_s32(vaddq_s32(sum0, sum1));
#endif
  return sum + detail::dot_bytes_plain(a + i, b + i, n - i);
}

}  // namespace shoal::inline v0::simd
