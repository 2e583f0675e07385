#pragma once
// AVX-512 F, BW, DQ and VL: vectors of 16 floats and 64 bytes, 32 registers, and masks, so that the rest of a row costs
// no loop. Bytes as in avx2.hpp, b's sign by a mask. Everything between the pragmas may be compiled to AVX-512, so
// nothing in it may be shared with code outside. Forms that take a mask stand where g++ 12 warns of a register that its
// own header leaves unset.

#include "shoal/simd/portable.hpp"

#if SHOAL_HAS_X86_REGIONS

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#endif

namespace shoal::inline v0::simd::detail::avx512 {

using Floats = __m512;
inline constexpr std::size_t float_lanes = 16;
inline constexpr std::size_t float_chains = 4;
inline constexpr std::size_t float_columns = 6;

SHOAL_ALWAYS_INLINE Floats spread(float value) noexcept { return _mm512_set1_ps(value); }
SHOAL_ALWAYS_INLINE Floats load(const float* from) noexcept { return _mm512_loadu_ps(from); }
SHOAL_ALWAYS_INLINE Floats load_part(const float* from, std::size_t count) noexcept {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1), from);
}
SHOAL_ALWAYS_INLINE Floats load_integers(const std::int32_t* from) noexcept {
  return _mm512_maskz_cvtepi32_ps(0xFFFF, _mm512_loadu_si512(from));
}
SHOAL_ALWAYS_INLINE void store(Floats values, float* to) noexcept { _mm512_storeu_ps(to, values); }
SHOAL_ALWAYS_INLINE Floats multiply_add(Floats a, Floats b, Floats c) noexcept { return _mm512_fmadd_ps(a, b, c); }

SHOAL_ALWAYS_INLINE __m256 fold(__m512 values) noexcept {
  return _mm256_add_ps(_mm512_maskz_extractf32x8_ps(0xFF, values, 0), _mm512_maskz_extractf32x8_ps(0xFF, values, 1));
}
SHOAL_ALWAYS_INLINE void store_sums(Floats a, Floats b, Floats c, Floats d, float* out) noexcept {
  const __m256 halves = _mm256_hadd_ps(_mm256_hadd_ps(fold(a), fold(b)), _mm256_hadd_ps(fold(c), fold(d)));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1)));
}

/// One level of the transform inside a vector. `exchanged`: each lane's partner; `upper`: the lanes that get
/// partner - lane.
SHOAL_ALWAYS_INLINE Floats cross(Floats values, Floats exchanged, __mmask16 upper) noexcept {
  return _mm512_mask_sub_ps(_mm512_add_ps(exchanged, values), upper, exchanged, values);
}
SHOAL_ALWAYS_INLINE Floats transform_lanes(Floats values) noexcept {
  constexpr __mmask16 all = 0xFFFF;
  values = cross(values, _mm512_maskz_permute_ps(all, values, 0xB1), 0xAAAA);
  values = cross(values, _mm512_maskz_permute_ps(all, values, 0x4E), 0xCCCC);
  values = cross(values, _mm512_maskz_shuffle_f32x4(all, values, values, 0xB1), 0xF0F0);
  return cross(values, _mm512_maskz_shuffle_f32x4(all, values, values, 0x4E), 0xFF00);
}

SHOAL_ALWAYS_INLINE void store_codes(Floats levels, std::int8_t* codes) noexcept {
  const __m128i bytes = _mm512_maskz_cvtsepi32_epi8(0xFFFF, _mm512_maskz_cvtps_epi32(0xFFFF, levels));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(codes), _mm_max_epi8(bytes, _mm_set1_epi8(-127)));
}

inline std::uint32_t largest_magnitude_bits(const float* values, std::size_t n) noexcept {
  const __m512i magnitude = _mm512_set1_epi32(0x7FFF'FFFF);
  __m512i largest = _mm512_setzero_si512();
  for (std::size_t i = 0; i < n; i += float_lanes) {
    const Floats part = i + float_lanes <= n ? load(values + i) : load_part(values + i, n - i);
    const __m512i bits = _mm512_and_si512(_mm512_castps_si512(part), magnitude);
    largest = _mm512_maskz_max_epi32(0xFFFF, largest, bits);
  }
  const __m256i eight = _mm256_max_epi32(_mm512_maskz_extracti32x8_epi32(0xFF, largest, 0),
                                         _mm512_maskz_extracti32x8_epi32(0xFF, largest, 1));
  __m128i four = _mm_max_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4E));
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm_max_epi32(four, _mm_shuffle_epi32(four, 0xB1))));
}

/// What avx512_vnni.hpp shares: loads and sums of bytes.
struct ByteVectors {
  using Element = std::int8_t;
  using Result = std::int32_t;
  using Sum = __m512i;
  static constexpr std::size_t lanes = 64;
  static constexpr std::size_t chains = 2;

  SHOAL_ALWAYS_INLINE static __m512i zero() noexcept { return _mm512_setzero_si512(); }
  SHOAL_ALWAYS_INLINE static __m512i load(const std::int8_t* from) noexcept { return _mm512_loadu_si512(from); }
  SHOAL_ALWAYS_INLINE static __m512i load_part(const std::int8_t* from, std::size_t count) noexcept {
    return _mm512_maskz_loadu_epi8((std::uint64_t{1} << count) - 1, from);
  }
  SHOAL_ALWAYS_INLINE static Sum plus(Sum a, Sum b) noexcept { return _mm512_add_epi32(a, b); }
  SHOAL_ALWAYS_INLINE static __m256i fold(Sum sum) noexcept {
    return _mm256_add_epi32(_mm512_maskz_extracti32x8_epi32(0xFF, sum, 0),
                            _mm512_maskz_extracti32x8_epi32(0xFF, sum, 1));
  }
  SHOAL_ALWAYS_INLINE static void store_sums(Sum a, Sum b, Sum c, Sum d, std::int32_t* out) noexcept {
    const __m256i halves = _mm256_hadd_epi32(_mm256_hadd_epi32(fold(a), fold(b)), _mm256_hadd_epi32(fold(c), fold(d)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                     _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1)));
  }
};

struct ByteProduct : ByteVectors {
  using Left = __m512i;
  struct Right {
    __m512i magnitudes;
    __mmask64 negative;
  };
  static constexpr std::size_t columns = 4;

  SHOAL_ALWAYS_INLINE static Left left(__m512i a) noexcept { return a; }
  SHOAL_ALWAYS_INLINE static Right right(__m512i b) noexcept {
    const __mmask64 negative = _mm512_movepi8_mask(b);
    return {_mm512_mask_sub_epi8(b, negative, zero(), b), negative};
  }
  SHOAL_ALWAYS_INLINE static Sum add(Left a, Right b, Sum sum) noexcept {
    const __m512i pairs = _mm512_maddubs_epi16(b.magnitudes, _mm512_mask_sub_epi8(a, b.negative, zero(), a));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
  }
  SHOAL_ALWAYS_INLINE static std::int32_t offset(const std::int8_t*, std::size_t) noexcept { return 0; }
  SHOAL_ALWAYS_INLINE static std::int32_t shifted(std::int32_t sum, std::int32_t) noexcept { return sum; }
};

inline std::uint64_t mask_within(const float* values, std::size_t n, float limit) noexcept {
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < n; i += float_lanes) {
    const std::size_t left = n - i;
    const auto all = static_cast<__mmask16>(left >= float_lanes ? 0xFFFF : (1U << left) - 1);
    const __mmask16 near =
        _mm512_mask_cmp_ps_mask(all, _mm512_maskz_loadu_ps(all, values + i), spread(limit), _CMP_LE_OQ);
    mask |= static_cast<std::uint64_t>(near) << i;
  }
  return mask;
}

/// Keys (core/key.hpp), by signed comparison.
struct Keys {
  using Vector = __m512i;
  static constexpr std::size_t lanes = 8;

  SHOAL_ALWAYS_INLINE static Vector load(const Key* from) noexcept { return _mm512_loadu_si512(from); }
  SHOAL_ALWAYS_INLINE static void store(Vector keys, Key* to) noexcept { _mm512_storeu_si512(to, keys); }
  SHOAL_ALWAYS_INLINE static Vector spread(Key key) noexcept { return _mm512_set1_epi64(key); }
  SHOAL_ALWAYS_INLINE static Vector smaller(Vector a, Vector b) noexcept { return _mm512_maskz_min_epi64(0xFF, a, b); }
  SHOAL_ALWAYS_INLINE static Vector greater(Vector a, Vector b) noexcept { return _mm512_maskz_max_epi64(0xFF, a, b); }
  /// The last of `lower`, then all but the last of `upper`.
  SHOAL_ALWAYS_INLINE static Vector slid(Vector upper, Vector lower) noexcept {
    return _mm512_maskz_alignr_epi64(0xFF, upper, lower, 7);
  }
  SHOAL_ALWAYS_INLINE static std::size_t count_less(Vector keys, Vector limit) noexcept {
    return static_cast<std::size_t>(__builtin_popcount(static_cast<unsigned>(_mm512_cmplt_epi64_mask(keys, limit))));
  }
};

/// Sums over set bits: the bits are the mask of a load of the query's bytes.
struct BitSum {
  static constexpr bool reads_planes = false;
  using Sum = __m512i;
  SHOAL_ALWAYS_INLINE static Sum zero() noexcept { return _mm512_setzero_si512(); }
  SHOAL_ALWAYS_INLINE static Sum add(std::uint64_t bits, const std::uint8_t* levels, const std::uint64_t*, std::size_t,
                                     Sum sum) noexcept {
    return _mm512_add_epi64(sum, _mm512_sad_epu8(_mm512_maskz_loadu_epi8(bits, levels), zero()));
  }
  SHOAL_ALWAYS_INLINE static std::int32_t total(Sum sum) noexcept {
    const __m256i four =
        _mm256_add_epi64(_mm512_maskz_extracti64x4_epi64(0xF, sum, 0), _mm512_maskz_extracti64x4_epi64(0xF, sum, 1));
    const __m128i two = _mm_add_epi64(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
    return _mm_cvtsi128_si32(_mm_add_epi64(two, _mm_unpackhi_epi64(two, two)));
  }
};

}  // namespace shoal::inline v0::simd::detail::avx512

#define SHOAL_SIMD_REGION avx512
#include "shoal/simd/generic/kernels.hpp"
#undef SHOAL_SIMD_REGION

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
