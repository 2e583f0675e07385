// Inner product and squared L2 of floats, written once for every region of instructions. A region brings `Floats`, its
// vector of `float_lanes` floats, `load`, `load_part` (zeros beyond what is there), `multiply_add`, `store_sums`, and
// how many registers it has to spend: `float_chains` sums of a row in a hop, `float_columns` of a tile of a block.

#if defined(SHOAL_SIMD_REGION)

namespace shoal::inline v0::simd::detail::SHOAL_SIMD_REGION {

struct FloatProduct {
  using Element = float;
  using Result = float;
  using Left = Floats;
  using Right = Floats;
  using Sum = Floats;
  static constexpr std::size_t lanes = float_lanes;
  static constexpr std::size_t chains = float_chains;
  static constexpr std::size_t columns = float_columns;

  SHOAL_ALWAYS_INLINE static Floats zero() noexcept { return spread(0.0F); }
  SHOAL_ALWAYS_INLINE static Floats load(const float* from) noexcept { return SHOAL_SIMD_REGION::load(from); }
  SHOAL_ALWAYS_INLINE static Floats load_part(const float* from, std::size_t count) noexcept {
    return SHOAL_SIMD_REGION::load_part(from, count);
  }
  SHOAL_ALWAYS_INLINE static Floats left(Floats a) noexcept { return a; }
  SHOAL_ALWAYS_INLINE static Floats right(Floats b) noexcept { return b; }
  SHOAL_ALWAYS_INLINE static Floats plus(Floats a, Floats b) noexcept { return a + b; }
  SHOAL_ALWAYS_INLINE static void store_sums(Floats a, Floats b, Floats c, Floats d, float* out) noexcept {
    SHOAL_SIMD_REGION::store_sums(a, b, c, d, out);
  }
  SHOAL_ALWAYS_INLINE static float offset(const float*, std::size_t) noexcept { return 0; }
  SHOAL_ALWAYS_INLINE static float shifted(float sum, float) noexcept { return sum; }
};

struct Dot : FloatProduct {
  SHOAL_ALWAYS_INLINE static Floats add(Floats a, Floats b, Floats sum) noexcept { return multiply_add(a, b, sum); }
};

struct SquaredDifference : FloatProduct {
  SHOAL_ALWAYS_INLINE static Floats add(Floats a, Floats b, Floats sum) noexcept {
    const Floats difference = a - b;
    return multiply_add(difference, difference, sum);
  }
};

inline float dot(const float* a, const float* b, std::size_t n) noexcept { return score_pair<Dot>(a, b, n); }
inline float l2_squared(const float* a, const float* b, std::size_t n) noexcept {
  return score_pair<SquaredDifference>(a, b, n);
}
inline void dot_rows(const float* query, const float* const* rows, std::size_t count, std::size_t n,
                     float* out) noexcept {
  score_rows<Dot>(query, 0, rows, count, n, out);
}
inline void l2_squared_rows(const float* query, const float* const* rows, std::size_t count, std::size_t n,
                            float* out) noexcept {
  score_rows<SquaredDifference>(query, 0, rows, count, n, out);
}
inline void dot_block(const float* const* a_rows, std::size_t a_count, const float* const* b_rows, std::size_t b_count,
                      std::size_t n, float* out, std::size_t out_stride) noexcept {
  score_block<Dot>(a_rows, a_count, b_rows, b_count, n, out, out_stride);
}
inline void l2_squared_block(const float* const* a_rows, std::size_t a_count, const float* const* b_rows,
                             std::size_t b_count, std::size_t n, float* out, std::size_t out_stride) noexcept {
  score_block<SquaredDifference>(a_rows, a_count, b_rows, b_count, n, out, out_stride);
}

}  // namespace shoal::inline v0::simd::detail::SHOAL_SIMD_REGION

#endif
