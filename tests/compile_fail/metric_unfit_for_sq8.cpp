// SQ8 computes distances from inner products: a metric that cannot be had from one is refused in words.
// expect: SQ8 needs an InnerProductMetric
#include <cmath>
#include <cstddef>

#include <shoal/shoal.hpp>

struct Manhattan {
  static constexpr bool unit_vectors = false;
  static float distance(const float* a, const float* b, std::size_t dimensions) noexcept {
    float sum = 0;
    for (std::size_t i = 0; i < dimensions; ++i) sum += std::fabs(a[i] - b[i]);
    return sum;
  }
};

#ifdef SHOAL_MUST_FAIL
template class shoal::HnswIndex<Manhattan, shoal::SQ8>;
#else
template class shoal::HnswIndex<Manhattan, shoal::Float32>;
#endif
