#pragma once
// The spaces that come with hnswlib: squared Euclidean distance and 1 - inner product of floats, squared Euclidean
// distance of bytes. The distance functions are shoal's kernels behind hnswlib's signature. An index over L2Sqr or
// InnerProductDistance knows them by their addresses and calls the kernels for many rows at once instead.

#include <cstddef>

#include "shoal/compat/hnswlib/interfaces.hpp"
#include "shoal/simd/float_kernels.hpp"

namespace hnswlib {

/// Squared Euclidean distance. *Shape*: two arrays of floats, and how many, a `size_t`.
[[nodiscard]] inline float L2Sqr(const void* a, const void* b, const void* dimensions) {
  return shoal::simd::l2_squared(static_cast<const float*>(a), static_cast<const float*>(b),
                                 *static_cast<const std::size_t*>(dimensions));
}
[[nodiscard]] inline float InnerProduct(const void* a, const void* b, const void* dimensions) {
  return shoal::simd::dot(static_cast<const float*>(a), static_cast<const float*>(b),
                          *static_cast<const std::size_t*>(dimensions));
}
/// 1 - inner product: the larger the product, the nearer.
[[nodiscard]] inline float InnerProductDistance(const void* a, const void* b, const void* dimensions) {
  return 1 - InnerProduct(a, b, dimensions);
}
/// Squared Euclidean distance of bytes. *Shape*: two arrays of `unsigned char`.
[[nodiscard]] inline int L2SqrI(const void* a, const void* b, const void* dimensions) {
  const auto* const first = static_cast<const unsigned char*>(a);
  const auto* const second = static_cast<const unsigned char*>(b);
  int sum = 0;
  for (std::size_t i = 0; i < *static_cast<const std::size_t*>(dimensions); ++i) {
    const int difference = first[i] - second[i];
    sum += difference * difference;
  }
  return sum;
}

/// Points of `dim` components of type `component_t` and nothing else.
template <class dist_t, class component_t, DISTFUNC<dist_t> distance>
class VectorSpace : public SpaceInterface<dist_t> {
 public:
  explicit VectorSpace(std::size_t dim) : dim_(dim) {}

  std::size_t get_data_size() override { return dim_ * sizeof(component_t); }
  DISTFUNC<dist_t> get_dist_func() override { return distance; }
  void* get_dist_func_param() override { return &dim_; }

 private:
  std::size_t dim_;
};

class L2Space : public VectorSpace<float, float, L2Sqr> {
 public:
  using VectorSpace::VectorSpace;
};

class InnerProductSpace : public VectorSpace<float, float, InnerProductDistance> {
 public:
  using VectorSpace::VectorSpace;
};

/// Of bytes; distances are integers.
class L2SpaceI : public VectorSpace<int, unsigned char, L2SqrI> {
 public:
  using VectorSpace::VectorSpace;
};

}  // namespace hnswlib
