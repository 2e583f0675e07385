#pragma once
// A fixed random rotation of R^d in d log d steps: signs are flipped at random, then a Hadamard transform is applied
// to the first p components, and once more to the last p, where p is the largest power of two that is at most d. Each
// step is orthogonal, so lengths, inner products and distances stay. What it is for: a vector whose energy sits in a
// few components (real embeddings have them at 30 times the standard deviation) leaves with its energy spread out, and
// one scale for all components then wastes nothing.
// Source: Ailon and Chazelle, "The fast Johnson-Lindenstrauss transform", SIAM J. Comput. 39 (2009), section 2.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "shoal/core/hash.hpp"
#include "shoal/simd/float_kernels.hpp"
#include "shoal/simd/hadamard.hpp"

namespace shoal::inline v0::detail {

class Rotation {
 public:
  /// The rotation of `dimensions` components; always the same one. Errors: std::bad_alloc.
  explicit Rotation(std::size_t dimensions)
      : block_(std::bit_floor(dimensions)),
        rest_(dimensions - block_),
        factors_(estimate_bytes(dimensions) / sizeof(float)) {
    const float shrink = 1 / std::sqrt(static_cast<float>(block_));
    for (std::size_t i = 0; i < factors_.size(); ++i) {
      const bool transformed = i < block_ || i >= dimensions + rest_;
      factors_[i] = ((mix64(i) >> 63) != 0 ? -1.0F : 1.0F) * (transformed ? shrink : 1.0F);
    }
  }

  /// Rotates `values` in place. *Shape*: the dimensions given to the constructor.
  void apply(std::span<float> values) const noexcept {
    simd::multiply(values.data(), factors_.data(), values.size());
    simd::hadamard(values.data(), block_);
    if (rest_ == 0) return;
    simd::multiply(values.data(), factors_.data() + values.size(), values.size());
    simd::hadamard(values.data() + rest_, block_);
  }

  /// The inverse of `apply`: with their factors, a flip and a transform undo what a transform and a flip did.
  void undo(std::span<float> values) const noexcept {
    if (rest_ != 0) {
      simd::hadamard(values.data() + rest_, block_);
      simd::multiply(values.data(), factors_.data() + values.size(), values.size());
    }
    simd::hadamard(values.data(), block_);
    simd::multiply(values.data(), factors_.data(), values.size());
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept { return factors_.capacity() * sizeof(float); }
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t dimensions) noexcept {
    return dimensions * sizeof(float) * (std::has_single_bit(dimensions) ? 1 : 2);
  }

 private:
  std::size_t block_;           // p
  std::size_t rest_;            // d - p
  std::vector<float> factors_;  // for each transform d signs, those of its p components shrunk to make it orthogonal
};

}  // namespace shoal::inline v0::detail
