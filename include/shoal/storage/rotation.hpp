#pragma once
// A fixed random rotation of R^d in d log d steps: signs are flipped at random, then a Hadamard transform is applied
// to the first p components, and once more to the last p, where p is the largest power of two that is at most d. Each
// step is orthogonal, so lengths, inner products and distances stay. What it is for: a vector whose energy sits in a
// few components (real embeddings have them at 30 times the standard deviation) leaves with its energy spread out, and
// one scale for all components then wastes nothing.
// Source: Ailon and Chazelle, "The fast Johnson-Lindenstrauss transform", SIAM J. Comput. 39 (2009), section 2.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "shoal/core/hash.hpp"
#include "shoal/simd/hadamard.hpp"

namespace shoal::inline v0::detail {

class Rotation {
 public:
  /// The rotation of `dimensions` components; always the same one. Errors: std::bad_alloc.
  explicit Rotation(std::size_t dimensions) : block_(std::bit_floor(dimensions)), signs_(dimensions + shift) {
    for (std::size_t i = 0; i < signs_.size(); ++i) signs_[i] = (mix64(i) >> 63) != 0 ? -1.0F : 1.0F;
  }

  /// Rotates `values` in place. *Shape*: the dimensions given to the constructor.
  void apply(std::span<float> values) const noexcept {
    flip(values, 0);
    simd::hadamard(values.data(), block_);
    if (block_ == values.size()) return;
    flip(values, shift);
    simd::hadamard(values.data() + (values.size() - block_), block_);
  }

  /// The inverse of `apply`. A Hadamard transform and a flip are each their own inverse.
  void undo(std::span<float> values) const noexcept {
    if (block_ != values.size()) {
      simd::hadamard(values.data() + (values.size() - block_), block_);
      flip(values, shift);
    }
    simd::hadamard(values.data(), block_);
    flip(values, 0);
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept { return signs_.capacity() * sizeof(float); }
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t dimensions) noexcept {
    return (dimensions + shift) * sizeof(float);
  }

 private:
  // The second round of signs is the first, shifted by this much: one table serves both.
  static constexpr std::size_t shift = 17;

  void flip(std::span<float> values, std::size_t first_sign) const noexcept {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] *= signs_[first_sign + i];
  }

  std::size_t block_;
  std::vector<float> signs_;
};

}  // namespace shoal::inline v0::detail
