#pragma once
// What a metric is, and the three that come with the library. A metric is a struct of static functions on raw arrays:
// smaller means nearer, and that is all the graph relies on. Storage policies that keep codes need more: a metric that
// is a function of the inner product and the squared norms (`InnerProductMetric`). One call for many rows is a matter
// of speed: a metric may offer it.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include "shoal/simd/float_kernels.hpp"

namespace shoal::inline v0 {

/// A metric on float vectors. `unit_vectors`: vectors and queries are scaled to norm 1 before they are kept or
/// compared, and a zero vector is refused. `distance` is symmetric, finite for finite vectors whose squared norms are
/// at most `max_squared_norm`, and must not throw.
///
/// Optional, both static and noexcept, for metrics whose kernels score several rows at once (else `distance` is called
/// in a loop):
/// - `distances(query, rows, count, dimensions, out)`: out[i] is the distance of the query and rows[i], what `distance`
///   gives but for rounding, and the same wherever in `rows` the row stands. `rows` is a `const float* const*`.
/// - `distance_block(a_rows, a_count, b_rows, b_count, dimensions, out, out_stride)`: the same of two blocks of rows;
///   out[i * out_stride + j] is the distance of a_rows[i] and b_rows[j].
// clang-format off
template <class M>
concept Metric = requires(const float* a, const float* b, std::size_t dimensions) {
  typename std::bool_constant<M::unit_vectors>;
  { M::distance(a, b, dimensions) } noexcept -> std::same_as<float>;
};
// clang-format on

/// A metric that can be had from an inner product and two squared norms: what SQ8 needs.
// clang-format off
template <class M>
concept InnerProductMetric = Metric<M> && requires(float dot, float squared_norm) {
  { M::from_dot(dot, squared_norm, squared_norm) } noexcept -> std::same_as<float>;
};
// clang-format on

/// A metric with a kernel for the rows of a hop.
// clang-format off
template <class M>
concept RowsMetric = Metric<M> && requires(const float* query, const float* const* rows, std::size_t n, float* out) {
  { M::distances(query, rows, n, n, out) } noexcept;
};
// clang-format on

/// A metric with a kernel for blocks of rows.
// clang-format off
template <class M>
concept BlockMetric = Metric<M> && requires(const float* const* rows, std::size_t n, float* out) {
  { M::distance_block(rows, n, rows, n, n, out, n) } noexcept;
};
// clang-format on

/// Largest squared norm of a vector or query: four times it is still a float, so no distance overflows.
inline constexpr float max_squared_norm = 0x1p125F;

namespace detail {

/// Is it only to the rows what a vector is? Then what is given lies there unread: no component is looked at on the way,
/// and `distance` is never called. For rows of another library's points (compat/).
template <Metric M>
inline constexpr bool is_opaque = false;
template <Metric M>
  requires requires { M::is_opaque; }
inline constexpr bool is_opaque<M> = M::is_opaque;

/// 1 - dot(a, b) of a pair, a hop and a block; `non_negative`: what rounding made less than 0 is 0.
template <bool non_negative>
struct OneMinusDot {
  static float of(float dot) noexcept {
    const float distance = 1 - dot;
    return non_negative && !(distance > 0) ? 0 : distance;
  }
  static float distance(const float* a, const float* b, std::size_t dimensions) noexcept {
    return of(simd::dot(a, b, dimensions));
  }
  static void distances(const float* query, const float* const* rows, std::size_t count, std::size_t dimensions,
                        float* out) noexcept {
    simd::dot_rows(query, rows, count, dimensions, out);
    std::transform(out, out + count, out, of);
  }
  static void distance_block(const float* const* a_rows, std::size_t a_count, const float* const* b_rows,
                             std::size_t b_count, std::size_t dimensions, float* out, std::size_t out_stride) noexcept {
    simd::dot_block(a_rows, a_count, b_rows, b_count, dimensions, out, out_stride);
    for (std::size_t i = 0; i < a_count; ++i, out += out_stride) std::transform(out, out + b_count, out, of);
  }
};

}  // namespace detail

// The metrics are final: one that derived from them with another `distance` would keep the kernels of its base.

/// Squared Euclidean distance, |a - b|^2.
struct L2Squared final {
  static constexpr std::string_view name = "l2_squared";
  static constexpr bool unit_vectors = false;
  static float distance(const float* a, const float* b, std::size_t dimensions) noexcept {
    return simd::l2_squared(a, b, dimensions);
  }
  static void distances(const float* query, const float* const* rows, std::size_t count, std::size_t dimensions,
                        float* out) noexcept {
    simd::l2_squared_rows(query, rows, count, dimensions, out);
  }
  static void distance_block(const float* const* a_rows, std::size_t a_count, const float* const* b_rows,
                             std::size_t b_count, std::size_t dimensions, float* out, std::size_t out_stride) noexcept {
    simd::l2_squared_block(a_rows, a_count, b_rows, b_count, dimensions, out, out_stride);
  }
  /// Never negative, and 0 for two equal vectors whatever was rounded.
  static float from_dot(float dot, float a_squared_norm, float b_squared_norm) noexcept {
    const float distance = (a_squared_norm + b_squared_norm) - 2 * dot;
    return distance > 0 ? distance : 0;
  }
};

/// 1 - a.b: the larger the inner product, the nearer. Not a metric in the mathematical sense: a vector need not be its
/// own nearest neighbour.
struct InnerProduct final : detail::OneMinusDot<false> {
  static constexpr std::string_view name = "inner_product";
  static constexpr bool unit_vectors = false;
  static float from_dot(float dot, float, float) noexcept { return 1 - dot; }
};

/// 1 - cos(a, b), of vectors kept at norm 1. Never negative, whatever was rounded.
struct Cosine final : detail::OneMinusDot<true> {
  static constexpr std::string_view name = "cosine";
  static constexpr bool unit_vectors = true;
  /// |a - b|^2 / 2, which is 1 - a.b for norms of exactly 1. For rounded codes it is the better estimate: its error
  /// shrinks with the distance, that of the inner product does not.
  static float from_dot(float dot, float a_squared_norm, float b_squared_norm) noexcept {
    return L2Squared::from_dot(dot, a_squared_norm, b_squared_norm) / 2;
  }
};

namespace detail {

/// out[i]: the distance of the query and rows[i], by whatever the metric offers.
template <Metric M>
void distances(const float* query, const float* const* rows, std::size_t count, std::size_t dimensions,
               float* out) noexcept {
  if constexpr (RowsMetric<M>) {
    M::distances(query, rows, count, dimensions, out);
  } else {
    for (std::size_t i = 0; i < count; ++i) out[i] = M::distance(query, rows[i], dimensions);
  }
}

/// out[i * out_stride + j]: the distance of a_rows[i] and b_rows[j].
template <Metric M>
void distance_block(const float* const* a_rows, std::size_t a_count, const float* const* b_rows, std::size_t b_count,
                    std::size_t dimensions, float* out, std::size_t out_stride) noexcept {
  if constexpr (BlockMetric<M>) {
    M::distance_block(a_rows, a_count, b_rows, b_count, dimensions, out, out_stride);
  } else {
    for (std::size_t i = 0; i < a_count; ++i) {
      detail::distances<M>(a_rows[i], b_rows, b_count, dimensions, out + i * out_stride);
    }
  }
}

}  // namespace detail

static_assert(InnerProductMetric<L2Squared> && InnerProductMetric<InnerProduct> && InnerProductMetric<Cosine>);
static_assert(BlockMetric<L2Squared> && BlockMetric<InnerProduct> && BlockMetric<Cosine>);

}  // namespace shoal::inline v0
