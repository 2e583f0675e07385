// One query against rows, and blocks of rows against each other, for any `Product`: how two vectors are loaded,
// combined and summed. Included once in each region of instructions, which names the namespace (SHOAL_SIMD_REGION) and
// includes what this needs; alone it is empty. Nothing of another namespace is called: the linker keeps one copy of an
// inline function, and a copy made for AVX-512 must not be the one that runs elsewhere. (Always-inline functions of
// integers, core/key.hpp, have no copy.)
//
// Every sum is formed in one order, which follows from n: `chains` partial sums of a vector each, then a fixed tree. So
// no result depends on where in a hop or block its rows stand, nor on how many others there are.

#if defined(SHOAL_SIMD_REGION)

namespace shoal::inline v0::simd::detail::SHOAL_SIMD_REGION {

/// Rows that are scored at once, and the results that `Product::store_sums` stores.
inline constexpr std::size_t group = 4;

inline constexpr std::size_t cache_line = 64;

/// Asks for the lines of row[from] to row[n - 1].
template <class Element>
SHOAL_ALWAYS_INLINE void fetch(const Element* row, std::size_t from, std::size_t n) noexcept {
  for (std::size_t i = from; i < n; i += cache_line / sizeof(Element)) SHOAL_PREFETCH(row + i);
}

/// Adds what one vector of each row contributes: a whole one, or what lies between `at` and n.
template <class Product, std::size_t a_count, std::size_t b_count, bool whole>
SHOAL_ALWAYS_INLINE void add_products(const typename Product::Element* const* a,
                                      const typename Product::Element* const* b, std::size_t at, std::size_t n,
                                      typename Product::Sum (&sums)[b_count][a_count]) noexcept {
  typename Product::Right right[b_count];
  SHOAL_UNROLL for (std::size_t j = 0; j < b_count; ++j) {
    right[j] = Product::right(whole ? Product::load(b[j] + at) : Product::load_part(b[j] + at, n - at));
  }
  SHOAL_UNROLL for (std::size_t i = 0; i < a_count; ++i) {
    const typename Product::Left left =
        Product::left(whole ? Product::load(a[i] + at) : Product::load_part(a[i] + at, n - at));
    SHOAL_UNROLL for (std::size_t j = 0; j < b_count; ++j) sums[j][i] = Product::add(left, right[j], sums[j][i]);
  }
}

/// out[j * group + i] of a_rows[i] and b_rows[j]; all sums are in registers. Meanwhile the rows `ahead` are fetched.
template <class Product, std::size_t a_count, std::size_t b_count, std::size_t chains, bool fetches>
SHOAL_ALWAYS_INLINE void score_tile(const typename Product::Element* const* a_rows,
                                    const typename Product::Element* const* b_rows,
                                    const typename Product::Element* const* ahead, std::size_t n,
                                    typename Product::Result* out) noexcept {
  constexpr std::size_t step = chains * Product::lanes;
  constexpr std::size_t line = cache_line / sizeof(typename Product::Element);
  const typename Product::Element *a[a_count], *b[b_count];
  typename Product::Sum sums[chains][b_count][a_count];
  SHOAL_UNROLL for (std::size_t i = 0; i < a_count; ++i) a[i] = a_rows[i];
  SHOAL_UNROLL for (std::size_t j = 0; j < b_count; ++j) b[j] = b_rows[j];
  SHOAL_UNROLL for (std::size_t c = 0; c < chains; ++c) {
    SHOAL_UNROLL for (std::size_t j = 0; j < b_count; ++j) {
      SHOAL_UNROLL for (std::size_t i = 0; i < a_count; ++i) sums[c][j][i] = Product::zero();
    }
  }

  std::size_t at = 0;
  for (; at + step <= n; at += step) {
    SHOAL_UNROLL for (std::size_t c = 0; c < chains; ++c) {
      add_products<Product, a_count, b_count, true>(a, b, at + c * Product::lanes, n, sums[c]);
    }
    if constexpr (fetches) {
      SHOAL_UNROLL for (std::size_t i = 0; i < a_count; ++i) {
        SHOAL_UNROLL for (std::size_t l = 0; l < step; l += line) SHOAL_PREFETCH(ahead[i] + at + l);
      }
    }
  }
  for (; chains > 1 && at + Product::lanes <= n; at += Product::lanes) {
    add_products<Product, a_count, b_count, true>(a, b, at, n, sums[0]);
  }
  if (at < n) add_products<Product, a_count, b_count, false>(a, b, at, n, sums[0]);
  if constexpr (fetches) {
    for (std::size_t i = 0; i < a_count; ++i) fetch(ahead[i], n / step * step, n);
  }

  SHOAL_UNROLL for (std::size_t j = 0; j < b_count; ++j) {
    SHOAL_UNROLL for (std::size_t i = 0; i < a_count; ++i) {
      SHOAL_UNROLL for (std::size_t c = 1; c < chains; ++c) {
        sums[0][j][i] = Product::plus(sums[0][j][i], sums[c][j][i]);
      }
    }
    constexpr std::size_t last = a_count - 1;  // a lone row is summed as four would be
    Product::store_sums(sums[0][j][0], sums[0][j][last < 1 ? last : 1], sums[0][j][last < 2 ? last : 2],
                        sums[0][j][last], out + j * group);
  }
}

/// A tile's worth of rows from `first` on; where there are no more, the last again.
template <class Product, std::size_t size>
SHOAL_ALWAYS_INLINE void take_rows(const typename Product::Element* const* rows, std::size_t first, std::size_t count,
                                   const typename Product::Element* (&taken)[size]) noexcept {
  SHOAL_UNROLL for (std::size_t i = 0; i < size; ++i) taken[i] = rows[first + i < count ? first + i : count - 1];
}

/// The kernel of a hop. `offset`: Product's of the query. While a group is scored a later one is on its way from
/// memory, line by line beside the loads: the next, or for short rows, which are scored before their lines can arrive,
/// the one after that and the first two at once. Measured from 128 bytes to 6 KiB a row: further ahead costs long rows
/// 10 %, nearer costs short ones as much.
template <class Product>
inline void score_rows(const typename Product::Element* query, typename Product::Result offset,
                       const typename Product::Element* const* rows, std::size_t count, std::size_t n,
                       typename Product::Result* out) noexcept {
  using Element = typename Product::Element;
  const bool is_short = n * sizeof(Element) <= 16 * cache_line;
  const std::size_t distance = is_short ? 2 * group : group;
  if (is_short && count > 1) {
    for (std::size_t i = 0; i < count && i < distance; ++i) fetch(rows[i], 0, n);
  }
  typename Product::Result sums[group];
  for (std::size_t first = 0; first < count; first += group) {
    const std::size_t left = count - first < group ? count - first : group;
    if (left == 1) {
      score_tile<Product, 1, 1, Product::chains, false>(rows + first, &query, rows, n, sums);
    } else {
      const Element *now[group], *ahead[group];
      take_rows<Product>(rows, first, count, now);
      take_rows<Product>(rows, first + distance, count, ahead);
      score_tile<Product, group, 1, Product::chains, true>(now, &query, ahead, n, sums);
    }
    for (std::size_t i = 0; i < left; ++i) out[first + i] = Product::shifted(sums[i], offset);
  }
}

template <class Product>
inline typename Product::Result score_pair(const typename Product::Element* a, const typename Product::Element* b,
                                           std::size_t n) noexcept {
  typename Product::Result sums[group];
  score_tile<Product, 1, 1, Product::chains, false>(&a, &b, &a, n, sums);
  return Product::shifted(sums[0], Product::offset(b, n));
}

/// A few rows of b stay in the first cache while those of a pass by. Edges are filled up with rows that are there
/// already, so that one tile serves all shapes.
template <class Product>
inline void score_block(const typename Product::Element* const* a_rows, std::size_t a_count,
                        const typename Product::Element* const* b_rows, std::size_t b_count, std::size_t n,
                        typename Product::Result* out, std::size_t out_stride) noexcept {
  constexpr std::size_t columns = Product::columns;
  const typename Product::Element *a[group], *b[columns];
  typename Product::Result offsets[columns], sums[columns * group];
  for (std::size_t b_first = 0; b_first < b_count; b_first += columns) {
    const std::size_t b_left = b_count - b_first < columns ? b_count - b_first : columns;
    take_rows<Product>(b_rows, b_first, b_count, b);
    for (std::size_t j = 0; j < b_left; ++j) offsets[j] = Product::offset(b[j], n);
    for (std::size_t a_first = 0; a_first < a_count; a_first += group) {
      const std::size_t a_left = a_count - a_first < group ? a_count - a_first : group;
      take_rows<Product>(a_rows, a_first, a_count, a);
      score_tile<Product, group, columns, 1, false>(a, b, a, n, sums);
      typename Product::Result* const corner = out + a_first * out_stride + b_first;
      for (std::size_t i = 0; i < a_left; ++i) {
        for (std::size_t j = 0; j < b_left; ++j) {
          corner[i * out_stride + j] = Product::shifted(sums[j * group + i], offsets[j]);
        }
      }
    }
  }
}

}  // namespace shoal::inline v0::simd::detail::SHOAL_SIMD_REGION

#endif
