#pragma once
// AVX2 with FMA: vectors of 8 floats and 32 bytes. Bytes are multiplied as |b| times a with b's sign, since the
// instruction takes one operand as unsigned; with both in [-127, 127] the pairs it adds to 16 bits stay below 2^15.
// Everything between the pragmas may be compiled to AVX2, so nothing in it may be shared with code outside.

#include "shoal/simd/portable.hpp"

#if SHOAL_HAS_X86_REGIONS

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,popcnt"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,popcnt")
#endif

namespace shoal::inline v0::simd::detail::avx2 {

using Floats = __m256;
inline constexpr std::size_t float_lanes = 8;
inline constexpr std::size_t float_chains = 2;
inline constexpr std::size_t float_columns = 3;

SHOAL_ALWAYS_INLINE Floats spread(float value) noexcept { return _mm256_set1_ps(value); }
SHOAL_ALWAYS_INLINE Floats load(const float* from) noexcept { return _mm256_loadu_ps(from); }
SHOAL_ALWAYS_INLINE Floats load_part(const float* from, std::size_t count) noexcept {
  alignas(64) static constexpr std::int32_t first[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return _mm256_maskload_ps(from, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(first + 8 - count)));
}
SHOAL_ALWAYS_INLINE Floats load_integers(const std::int32_t* from) noexcept {
  return _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
SHOAL_ALWAYS_INLINE void store(Floats values, float* to) noexcept { _mm256_storeu_ps(to, values); }
SHOAL_ALWAYS_INLINE Floats multiply_add(Floats a, Floats b, Floats c) noexcept { return _mm256_fmadd_ps(a, b, c); }
SHOAL_ALWAYS_INLINE void store_sums(Floats a, Floats b, Floats c, Floats d, float* out) noexcept {
  const __m256 halves = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1)));
}

/// One level of the transform inside a vector. `exchanged`: each lane's partner; `upper`: -0 in the lanes that get
/// partner - lane.
SHOAL_ALWAYS_INLINE Floats cross(Floats values, Floats exchanged, Floats upper) noexcept {
  return exchanged + _mm256_xor_ps(values, upper);
}
SHOAL_ALWAYS_INLINE Floats transform_lanes(Floats values) noexcept {
  values = cross(values, _mm256_permute_ps(values, 0xB1), _mm256_setr_ps(0, -0.0F, 0, -0.0F, 0, -0.0F, 0, -0.0F));
  values = cross(values, _mm256_permute_ps(values, 0x4E), _mm256_setr_ps(0, 0, -0.0F, -0.0F, 0, 0, -0.0F, -0.0F));
  return cross(values, _mm256_permute2f128_ps(values, values, 1),
               _mm256_setr_ps(0, 0, 0, 0, -0.0F, -0.0F, -0.0F, -0.0F));
}

SHOAL_ALWAYS_INLINE void store_codes(Floats levels, std::int8_t* codes) noexcept {
  const __m256i integers = _mm256_cvtps_epi32(levels);
  const __m128i shorts = _mm_packs_epi32(_mm256_castsi256_si128(integers), _mm256_extracti128_si256(integers, 1));
  const __m128i bytes = _mm_max_epi8(_mm_packs_epi16(shorts, shorts), _mm_set1_epi8(-127));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(codes), bytes);
}

inline std::uint32_t largest_magnitude_bits(const float* values, std::size_t n) noexcept {
  const __m256i magnitude = _mm256_set1_epi32(0x7FFF'FFFF);
  __m256i largest = _mm256_setzero_si256();
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    largest = _mm256_max_epi32(largest, _mm256_and_si256(_mm256_castps_si256(load(values + i)), magnitude));
  }
  if (i < n) {
    const __m256i rest = _mm256_castps_si256(load_part(values + i, n - i));
    largest = _mm256_max_epi32(largest, _mm256_and_si256(rest, magnitude));
  }
  __m128i four = _mm_max_epi32(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
  four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4E));
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm_max_epi32(four, _mm_shuffle_epi32(four, 0xB1))));
}

struct ByteProduct {
  using Element = std::int8_t;
  using Result = std::int32_t;
  using Left = __m256i;
  struct Right {
    __m256i values;
    __m256i magnitudes;
  };
  using Sum = __m256i;
  static constexpr std::size_t lanes = 32;
  static constexpr std::size_t chains = 2;
  static constexpr std::size_t columns = 2;

  SHOAL_ALWAYS_INLINE static __m256i zero() noexcept { return _mm256_setzero_si256(); }
  SHOAL_ALWAYS_INLINE static __m256i load(const std::int8_t* from) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  SHOAL_ALWAYS_INLINE static __m256i load_part(const std::int8_t* from, std::size_t count) noexcept {
    alignas(32) std::int8_t part[32] = {};
    for (std::size_t i = 0; i < count; ++i) part[i] = from[i];
    return load(part);
  }
  SHOAL_ALWAYS_INLINE static Left left(__m256i a) noexcept { return a; }
  SHOAL_ALWAYS_INLINE static Right right(__m256i b) noexcept { return {b, _mm256_abs_epi8(b)}; }
  SHOAL_ALWAYS_INLINE static Sum add(Left a, Right b, Sum sum) noexcept {
    const __m256i pairs = _mm256_maddubs_epi16(b.magnitudes, _mm256_sign_epi8(a, b.values));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  SHOAL_ALWAYS_INLINE static Sum plus(Sum a, Sum b) noexcept { return _mm256_add_epi32(a, b); }
  SHOAL_ALWAYS_INLINE static void store_sums(Sum a, Sum b, Sum c, Sum d, std::int32_t* out) noexcept {
    const __m256i halves = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                     _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1)));
  }
  SHOAL_ALWAYS_INLINE static std::int32_t offset(const std::int8_t*, std::size_t) noexcept { return 0; }
  SHOAL_ALWAYS_INLINE static std::int32_t shifted(std::int32_t sum, std::int32_t) noexcept { return sum; }
};

inline std::uint64_t mask_within(const float* values, std::size_t n, float limit) noexcept {
  std::uint64_t mask = 0;
  std::size_t i = 0;
  for (; i + float_lanes <= n; i += float_lanes) {
    const __m256 near = _mm256_cmp_ps(load(values + i), spread(limit), _CMP_LE_OQ);
    mask |= static_cast<std::uint64_t>(static_cast<unsigned>(_mm256_movemask_ps(near))) << i;
  }
  for (; i < n; ++i) mask |= (values[i] <= limit ? std::uint64_t{1} : std::uint64_t{0}) << i;
  return mask;
}

/// Keys (core/key.hpp), by signed comparison.
struct Keys {
  using Vector = __m256i;
  static constexpr std::size_t lanes = 4;

  SHOAL_ALWAYS_INLINE static Vector load(const Key* from) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  SHOAL_ALWAYS_INLINE static void store(Vector keys, Key* to) noexcept {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), keys);
  }
  SHOAL_ALWAYS_INLINE static Vector spread(Key key) noexcept { return _mm256_set1_epi64x(key); }
  SHOAL_ALWAYS_INLINE static Vector smaller(Vector a, Vector b) noexcept {
    return _mm256_blendv_epi8(a, b, _mm256_cmpgt_epi64(a, b));
  }
  SHOAL_ALWAYS_INLINE static Vector greater(Vector a, Vector b) noexcept {
    return _mm256_blendv_epi8(b, a, _mm256_cmpgt_epi64(a, b));
  }
  /// The last of `lower`, then all but the last of `upper`.
  SHOAL_ALWAYS_INLINE static Vector slid(Vector upper, Vector lower) noexcept {
    return _mm256_alignr_epi8(upper, _mm256_permute2x128_si256(lower, upper, 0x21), 8);
  }
  SHOAL_ALWAYS_INLINE static std::size_t count_less(Vector keys, Vector limit) noexcept {
    const __m256d less = _mm256_castsi256_pd(_mm256_cmpgt_epi64(limit, keys));
    return static_cast<std::size_t>(__builtin_popcount(static_cast<unsigned>(_mm256_movemask_pd(less))));
  }
};

/// Sums over set bits: those of each plane of the query are counted.
struct BitSum {
  static constexpr bool reads_planes = true;
  using Sum = std::int32_t;
  SHOAL_ALWAYS_INLINE static Sum zero() noexcept { return 0; }
  SHOAL_ALWAYS_INLINE static Sum add(std::uint64_t bits, const std::uint8_t*, const std::uint64_t* planes,
                                     std::size_t words, Sum sum) noexcept {
    for (std::size_t plane = 0; plane < 4; ++plane) sum += __builtin_popcountll(bits & planes[plane * words]) << plane;
    return sum;
  }
  SHOAL_ALWAYS_INLINE static std::int32_t total(Sum sum) noexcept { return sum; }
};
}  // namespace shoal::inline v0::simd::detail::avx2

#define SHOAL_SIMD_REGION avx2
#include "shoal/simd/generic/kernels.hpp"
#undef SHOAL_SIMD_REGION

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
