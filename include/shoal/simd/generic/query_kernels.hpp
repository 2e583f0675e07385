// What makes codes of a vector, written once for every region of instructions: signs, the Hadamard transform, the
// largest magnitude, rounding; and distances of codes, scaled. Only sums, differences and products that are each
// rounded, in one order, so that codes are the same on every level: no multiply-add here, and nothing that a compiler
// could fuse into one. A region brings, besides its `Floats`: `load_integers`, `transform_lanes`, the transform inside
// a vector, `store_codes`, which rounds and narrows one, and `largest_magnitude_bits`.

#if defined(SHOAL_SIMD_REGION)

namespace shoal::inline v0::simd::detail::SHOAL_SIMD_REGION {

inline void scale_products(const std::int32_t* products, const float* factors, float factor, std::size_t n,
                           float* out) noexcept {
  std::size_t i = 0;
  for (; i + float_lanes <= n; i += float_lanes) {
    store((load(factors + i) * spread(factor)) * load_integers(products + i), out + i);
  }
  for (; i < n; ++i) out[i] = (factors[i] * factor) * static_cast<float>(products[i]);
}

inline void multiply(float* values, const float* factors, std::size_t n) noexcept {
  std::size_t i = 0;
  for (; i + float_lanes <= n; i += float_lanes) store(load(values + i) * load(factors + i), values + i);
  for (; i < n; ++i) values[i] *= factors[i];
}

/// The transform of n values one by one.
inline void transform_few(float* values, std::size_t n) noexcept {
  for (std::size_t step = 1; step < n; step *= 2) {
    for (std::size_t i = 0; i < n; ++i) {
      if ((i & step) != 0) continue;
      const float a = values[i], b = values[i + step];
      values[i] = a + b;
      values[i + step] = a - b;
    }
  }
}

/// One level of the transform: the lanes of `a` and `b` are `step` apart.
SHOAL_ALWAYS_INLINE void butterfly(Floats& a, Floats& b) noexcept {
  const Floats sum = a + b;
  b = a - b;
  a = sum;
}

inline void hadamard(float* values, std::size_t n) noexcept {
  if (n < float_lanes) return transform_few(values, n);
  for (float* at = values; at != values + n; at += float_lanes) store(transform_lanes(load(at)), at);
  std::size_t step = float_lanes;
  for (; 4 * step <= n; step *= 4) {  // two levels a pass
    for (float* block = values; block != values + n; block += 4 * step) {
      for (float* at = block; at != block + step; at += float_lanes) {
        Floats w = load(at), x = load(at + step), y = load(at + 2 * step), z = load(at + 3 * step);
        butterfly(w, x);
        butterfly(y, z);
        butterfly(w, y);
        butterfly(x, z);
        store(w, at);
        store(x, at + step);
        store(y, at + 2 * step);
        store(z, at + 3 * step);
      }
    }
  }
  if (step == n) return;
  for (float* at = values; at != values + step; at += float_lanes) {
    Floats a = load(at), b = load(at + step);
    butterfly(a, b);
    store(a, at);
    store(b, at + step);
  }
}

inline void round_to_codes(const float* values, std::size_t n, float factor, std::int8_t* codes) noexcept {
  std::size_t i = 0;
  for (; i + float_lanes <= n; i += float_lanes) store_codes(load(values + i) * spread(factor), codes + i);
  if (i == n) return;
  std::int8_t rest[float_lanes];
  store_codes(load_part(values + i, n - i) * spread(factor), rest);
  for (std::size_t k = 0; i + k < n; ++k) codes[i + k] = rest[k];
}

}  // namespace shoal::inline v0::simd::detail::SHOAL_SIMD_REGION

#endif
