#pragma once
// The level that is always there: vectors of floats through xsimd as wide as the compiler's flags allow (SSE2, NEON,
// with flags more), without xsimd one float at a time; bytes by SSE2, NEON or a plain loop, since no xsimd version
// multiplies bytes. On x86 with g++ or clang it serves old processors and comparison, elsewhere everything.

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "shoal/core/platform.hpp"
#include "shoal/simd/kernel_table.hpp"

#if !defined(SHOAL_NO_XSIMD) && __has_include(<xsimd/xsimd.hpp>)
#include <xsimd/xsimd.hpp>
#if !defined(XSIMD_NO_SUPPORTED_ARCHITECTURE)
#define SHOAL_HAS_XSIMD 1
#endif
#endif
#if !defined(SHOAL_HAS_XSIMD)
#define SHOAL_HAS_XSIMD 0
#endif

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

// Whether functions may be compiled for instructions that the flags leave out: x86/.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(SHOAL_NO_DISPATCH)
#define SHOAL_HAS_X86_REGIONS 1
#else
#define SHOAL_HAS_X86_REGIONS 0
#endif

namespace shoal::inline v0::simd::detail::portable {

#if SHOAL_HAS_XSIMD
using Floats = xsimd::batch<float>;
inline constexpr std::size_t float_lanes = Floats::size;

SHOAL_ALWAYS_INLINE Floats load(const float* from) noexcept { return Floats::load_unaligned(from); }
SHOAL_ALWAYS_INLINE void store(Floats values, float* to) noexcept { values.store_unaligned(to); }
SHOAL_ALWAYS_INLINE Floats multiply_add(Floats a, Floats b, Floats c) noexcept { return xsimd::fma(a, b, c); }
SHOAL_ALWAYS_INLINE float sum_lanes(Floats values) noexcept {
#if XSIMD_VERSION_MAJOR >= 9
  return xsimd::reduce_add(values);
#else
  return xsimd::hadd(values);
#endif
}
#else
using Floats = float;
inline constexpr std::size_t float_lanes = 1;

SHOAL_ALWAYS_INLINE Floats load(const float* from) noexcept { return *from; }
SHOAL_ALWAYS_INLINE void store(Floats value, float* to) noexcept { *to = value; }
SHOAL_ALWAYS_INLINE Floats multiply_add(Floats a, Floats b, Floats c) noexcept { return a * b + c; }
SHOAL_ALWAYS_INLINE float sum_lanes(Floats value) noexcept { return value; }
#endif

inline constexpr std::size_t float_chains = 2;
inline constexpr std::size_t float_columns = 2;

SHOAL_ALWAYS_INLINE Floats spread(float value) noexcept { return Floats(value); }
SHOAL_ALWAYS_INLINE Floats load_part(const float* from, std::size_t count) noexcept {
  float part[float_lanes] = {};
  for (std::size_t i = 0; i < count; ++i) part[i] = from[i];
  return load(part);
}
SHOAL_ALWAYS_INLINE Floats load_integers(const std::int32_t* from) noexcept {
  float values[float_lanes];
  for (std::size_t i = 0; i < float_lanes; ++i) values[i] = static_cast<float>(from[i]);
  return load(values);
}
SHOAL_ALWAYS_INLINE void store_sums(Floats a, Floats b, Floats c, Floats d, float* out) noexcept {
  out[0] = sum_lanes(a);
  out[1] = sum_lanes(b);
  out[2] = sum_lanes(c);
  out[3] = sum_lanes(d);
}

inline void transform_few(float* values, std::size_t n) noexcept;  // generic/query_kernels.hpp

SHOAL_ALWAYS_INLINE Floats transform_lanes(Floats values) noexcept {
  float lanes[float_lanes];
  store(values, lanes);
  transform_few(lanes, float_lanes);
  return load(lanes);
}

/// To the nearest, a half to the even one, as the vector instructions of the other levels do.
SHOAL_ALWAYS_INLINE std::int32_t rounded(float level) noexcept {
#if defined(__SSE2__)
  return _mm_cvtss_si32(_mm_set_ss(level));
#elif defined(__ARM_NEON) && defined(__aarch64__)
  return vcvtns_s32_f32(level);
#else
  return static_cast<std::int32_t>(std::lrint(level));
#endif
}
SHOAL_ALWAYS_INLINE void store_codes(Floats levels, std::int8_t* codes) noexcept {
  float lanes[float_lanes];
  store(levels, lanes);
  for (std::size_t i = 0; i < float_lanes; ++i) {
    codes[i] = static_cast<std::int8_t>(std::clamp(rounded(lanes[i]), -127, 127));
  }
}

inline std::uint32_t largest_magnitude_bits(const float* values, std::size_t n) noexcept {
  constexpr std::uint32_t magnitude = 0x7FFF'FFFFU;
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < n; ++i)
    largest = std::max(largest, shoal::detail::bit_cast<std::uint32_t>(values[i]) & magnitude);
  return largest;
}

/// Sixteen bytes at a time, widened to 16 bits.
struct ByteProduct {
  using Element = std::int8_t;
  using Result = std::int32_t;
  static constexpr std::size_t chains = 1;
  static constexpr std::size_t columns = 2;

#if defined(__SSE2__)
  static constexpr std::size_t lanes = 16;
  using Sum = __m128i;
  struct Shorts {
    __m128i low, high;
  };
  using Left = Shorts;
  using Right = Shorts;

  SHOAL_ALWAYS_INLINE static Sum zero() noexcept { return _mm_setzero_si128(); }
  SHOAL_ALWAYS_INLINE static __m128i load(const std::int8_t* from) noexcept {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  }
  SHOAL_ALWAYS_INLINE static Shorts widened(__m128i bytes) noexcept {
    // a byte in the upper half of a 16-bit lane, shifted down with its sign
    return {_mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8), _mm_srai_epi16(_mm_unpackhi_epi8(bytes, bytes), 8)};
  }
  SHOAL_ALWAYS_INLINE static Left left(__m128i a) noexcept { return widened(a); }
  SHOAL_ALWAYS_INLINE static Right right(__m128i b) noexcept { return widened(b); }
  SHOAL_ALWAYS_INLINE static Sum plus(Sum a, Sum b) noexcept { return _mm_add_epi32(a, b); }
  SHOAL_ALWAYS_INLINE static Sum add(Left a, Right b, Sum sum) noexcept {
    return plus(sum, plus(_mm_madd_epi16(a.low, b.low), _mm_madd_epi16(a.high, b.high)));
  }
  SHOAL_ALWAYS_INLINE static std::int32_t sum_lanes(Sum sum) noexcept {
    sum = plus(sum, _mm_shuffle_epi32(sum, 0x4E));
    return _mm_cvtsi128_si32(plus(sum, _mm_shuffle_epi32(sum, 0xB1)));
  }
#elif defined(__ARM_NEON) && defined(__aarch64__)
  static constexpr std::size_t lanes = 16;
  using Sum = int32x4_t;
  using Left = int8x16_t;
  using Right = int8x16_t;

  SHOAL_ALWAYS_INLINE static Sum zero() noexcept { return vdupq_n_s32(0); }
  SHOAL_ALWAYS_INLINE static int8x16_t load(const std::int8_t* from) noexcept { return vld1q_s8(from); }
  SHOAL_ALWAYS_INLINE static Left left(int8x16_t a) noexcept { return a; }
  SHOAL_ALWAYS_INLINE static Right right(int8x16_t b) noexcept { return b; }
  SHOAL_ALWAYS_INLINE static Sum plus(Sum a, Sum b) noexcept { return vaddq_s32(a, b); }
  SHOAL_ALWAYS_INLINE static Sum add(Left a, Right b, Sum sum) noexcept {
    sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
    return vpadalq_s16(sum, vmull_s8(vget_high_s8(a), vget_high_s8(b)));
  }
  SHOAL_ALWAYS_INLINE static std::int32_t sum_lanes(Sum sum) noexcept { return vaddvq_s32(sum); }
#else
  static constexpr std::size_t lanes = 1;
  using Sum = std::int32_t;
  using Left = std::int32_t;
  using Right = std::int32_t;

  SHOAL_ALWAYS_INLINE static Sum zero() noexcept { return 0; }
  SHOAL_ALWAYS_INLINE static std::int32_t load(const std::int8_t* from) noexcept { return *from; }
  SHOAL_ALWAYS_INLINE static Left left(std::int32_t a) noexcept { return a; }
  SHOAL_ALWAYS_INLINE static Right right(std::int32_t b) noexcept { return b; }
  SHOAL_ALWAYS_INLINE static Sum plus(Sum a, Sum b) noexcept { return a + b; }
  SHOAL_ALWAYS_INLINE static Sum add(Left a, Right b, Sum sum) noexcept { return a * b + sum; }
  SHOAL_ALWAYS_INLINE static std::int32_t sum_lanes(Sum sum) noexcept { return sum; }
#endif

  SHOAL_ALWAYS_INLINE static auto load_part(const std::int8_t* from, std::size_t count) noexcept {
    std::int8_t part[lanes] = {};
    for (std::size_t i = 0; i < count; ++i) part[i] = from[i];
    return load(part);
  }
  SHOAL_ALWAYS_INLINE static void store_sums(Sum a, Sum b, Sum c, Sum d, std::int32_t* out) noexcept {
    out[0] = sum_lanes(a);
    out[1] = sum_lanes(b);
    out[2] = sum_lanes(c);
    out[3] = sum_lanes(d);
  }
  SHOAL_ALWAYS_INLINE static std::int32_t offset(const std::int8_t*, std::size_t) noexcept { return 0; }
  SHOAL_ALWAYS_INLINE static std::int32_t shifted(std::int32_t sum, std::int32_t) noexcept { return sum; }
};

inline std::uint64_t mask_within(const float* values, std::size_t n, float limit) noexcept {
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < n; ++i) mask |= std::uint64_t{values[i] <= limit ? 1U : 0U} << i;
  return mask;
}

/// No vector: one key at a time.
struct Keys {
  static constexpr std::size_t lanes = 1;
};

/// Sums over set bits: those of each plane of the query are counted.
struct BitSum {
  static constexpr bool reads_planes = true;
  using Sum = std::int32_t;
  SHOAL_ALWAYS_INLINE static Sum zero() noexcept { return 0; }
  SHOAL_ALWAYS_INLINE static Sum add(std::uint64_t bits, const std::uint8_t*, const std::uint64_t* planes,
                                     std::size_t words, Sum sum) noexcept {
    for (std::size_t plane = 0; plane < 4; ++plane) sum += std::popcount(bits & planes[plane * words]) << plane;
    return sum;
  }
  SHOAL_ALWAYS_INLINE static std::int32_t total(Sum sum) noexcept { return sum; }
};
}  // namespace shoal::inline v0::simd::detail::portable

#define SHOAL_SIMD_REGION portable
#include "shoal/simd/generic/kernels.hpp"
#undef SHOAL_SIMD_REGION
