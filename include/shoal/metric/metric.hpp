#pragma once
// What a metric is, and the three that come with the library. A metric is a struct of static functions on raw arrays:
// smaller means nearer, and that is all the graph relies on. Storage policies that keep codes need more: a metric that
// is a function of the inner product and the squared norms (`InnerProductMetric`).

#include <concepts>
#include <cstddef>
#include <type_traits>

#include "shoal/simd/float_kernels.hpp"

namespace shoal::inline v0 {

/// A metric on float vectors. `unit_vectors`: vectors and queries are scaled to norm 1 before they are kept or
/// compared, and a zero vector is refused. `distance` is symmetric, finite for finite vectors whose squared norms are
/// at most `max_squared_norm`, and must not throw.
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

/// Largest squared norm of a vector or query: four times it is still a float, so no distance overflows.
inline constexpr float max_squared_norm = 0x1p125F;

/// Squared Euclidean distance, |a - b|^2.
struct L2Squared {
  static constexpr bool unit_vectors = false;
  static float distance(const float* a, const float* b, std::size_t dimensions) noexcept {
    return simd::l2_squared(a, b, dimensions);
  }
  /// Never negative, and 0 for two equal vectors whatever was rounded.
  static float from_dot(float dot, float a_squared_norm, float b_squared_norm) noexcept {
    const float distance = (a_squared_norm + b_squared_norm) - 2 * dot;
    return distance > 0 ? distance : 0;
  }
};

/// 1 - a.b: the larger the inner product, the nearer. Not a metric in the mathematical sense: a vector need not be its
/// own nearest neighbour.
struct InnerProduct {
  static constexpr bool unit_vectors = false;
  static float distance(const float* a, const float* b, std::size_t dimensions) noexcept {
    return 1 - simd::dot(a, b, dimensions);
  }
  static float from_dot(float dot, float, float) noexcept { return 1 - dot; }
};

/// 1 - cos(a, b), of vectors kept at norm 1. Never negative, whatever was rounded.
struct Cosine {
  static constexpr bool unit_vectors = true;
  static float distance(const float* a, const float* b, std::size_t dimensions) noexcept {
    const float distance = 1 - simd::dot(a, b, dimensions);
    return distance > 0 ? distance : 0;
  }
  /// |a - b|^2 / 2, which is 1 - a.b for norms of exactly 1. For rounded codes it is the better estimate: its error
  /// shrinks with the distance, that of the inner product does not.
  static float from_dot(float dot, float a_squared_norm, float b_squared_norm) noexcept {
    return L2Squared::from_dot(dot, a_squared_norm, b_squared_norm) / 2;
  }
};

static_assert(InnerProductMetric<L2Squared> && InnerProductMetric<InnerProduct> && InnerProductMetric<Cosine>);

}  // namespace shoal::inline v0
