#pragma once
// The fast Walsh-Hadamard transform, in place: n log n sums and differences in one order and nothing else, so the
// result is the same on every level. One call through the table of level.hpp.

#include <cstddef>

#include "shoal/simd/level.hpp"

namespace shoal::inline v0::simd {

/// Multiplies `values` by the n x n Hadamard matrix of ones and minus ones; twice gives n times the values.
/// *Shape*: n floats, n a power of two.
inline void hadamard(float* values, std::size_t n) noexcept { detail::kernels().hadamard(values, n); }

}  // namespace shoal::inline v0::simd
