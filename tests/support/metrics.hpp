#pragma once
// Metrics that are not the library's own, as a user would write them.

#include <cmath>
#include <cstddef>

#include <shoal/metric/metric.hpp>

namespace support {

/// No function of the inner product.
struct Manhattan {
  static constexpr bool unit_vectors = false;
  static float distance(const float* a, const float* b, std::size_t dimensions) noexcept {
    float sum = 0;
    for (std::size_t i = 0; i < dimensions; ++i) sum += std::abs(a[i] - b[i]);
    return sum;
  }
};

/// One of inner products, without rows or blocks.
struct HalfSquared {
  static constexpr bool unit_vectors = false;
  static float distance(const float* a, const float* b, std::size_t dimensions) noexcept {
    return shoal::L2Squared::distance(a, b, dimensions) / 2;
  }
  static float from_dot(float dot, float a, float b) noexcept { return shoal::L2Squared::from_dot(dot, a, b) / 2; }
};

}  // namespace support
