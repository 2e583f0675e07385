#pragma once
// Sums over set bits: a row of bits chooses components of a query, which are integers of 0 to 15, and the chosen ones
// are added up. Integers, so the same number on every level. The query comes in two forms, as bytes and as planes of
// bits (plane p holds bit p of every component), and a level takes the one it is fast with.

#include <cstddef>
#include <cstdint>

#include "shoal/simd/level.hpp"

namespace shoal::inline v0::simd {

/// Bits of a query's component.
inline constexpr std::size_t bit_query_planes = 4;

/// *Shape*: `levels`: 64 bytes for each word of bits; `planes`: 4 x words, plane after plane. Components beyond the
/// dimensions are 0.
struct BitQuery {
  const std::uint8_t* levels = nullptr;
  const std::uint64_t* planes = nullptr;
};

/// Does the level in use read the planes? Otherwise they need not be filled.
[[nodiscard]] inline bool reads_planes() noexcept { return detail::kernels().reads_planes; }

/// Fills the planes from the levels.
inline void split_into_planes(const std::uint8_t* levels, std::size_t words, std::uint64_t* planes) noexcept {
  for (std::size_t plane = 0; plane < bit_query_planes; ++plane) {
    for (std::size_t word = 0; word < words; ++word) {
      std::uint64_t bits = 0;
      for (std::size_t eight = 0; eight < 8; ++eight) {
        std::uint64_t bytes = 0;
        for (std::size_t i = 0; i < 8; ++i) bytes |= std::uint64_t{levels[word * 64 + eight * 8 + i]} << (8 * i);
        // Bit 0 of each byte, gathered in the highest byte by a product that adds nothing twice.
        const std::uint64_t chosen = ((bytes >> plane) & 0x0101'0101'0101'0101U) * 0x0102'0408'1020'4080U;
        bits |= (chosen >> 56) << (8 * eight);
      }
      planes[plane * words + word] = bits;
    }
  }
}

/// out[i] = sum of the components that the bits of rows[i] choose. *Shape*: rows of `words` words.
inline void bit_sums(const BitQuery& query, const std::uint64_t* const* rows, std::size_t count, std::size_t words,
                     std::int32_t* out) noexcept {
  detail::kernels().bit_sums(query.levels, query.planes, rows, count, words, out);
}

}  // namespace shoal::inline v0::simd
