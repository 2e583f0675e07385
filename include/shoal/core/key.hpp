#pragma once
// A distance and a slot as one number, which sorts by distance, then by slot. Comparing and moving candidates is then
// comparing and moving integers, which vectors of instructions do several at a time. The lowest bit is free for a mark.
//
//   63 ............ 32 31 ............... 1  0
//   distance, ordered  slot                  mark

#include <cstdint>
#include <limits>

#include "shoal/core/platform.hpp"
#include "shoal/core/slot.hpp"

namespace shoal::inline v0::detail {

/// Signed, because AVX2 has no other comparison of 64 bits.
using Key = std::int64_t;

/// Below and above every key.
inline constexpr Key least_key = std::numeric_limits<Key>::min();
inline constexpr Key no_key = std::numeric_limits<Key>::max();

[[nodiscard]] SHOAL_ALWAYS_INLINE Key to_key(float distance, Slot slot) noexcept {
  const auto bits = shoal::detail::bit_cast<std::int32_t>(distance);
  const auto ordered = static_cast<std::uint32_t>(bits < 0 ? bits ^ 0x7FFF'FFFF : bits);
  return static_cast<Key>((std::uint64_t{ordered} << 32) | (std::uint64_t{static_cast<std::uint32_t>(slot)} << 1));
}
[[nodiscard]] SHOAL_ALWAYS_INLINE float distance_of(Key key) noexcept {
  const auto ordered = static_cast<std::int32_t>(key >> 32);
  return shoal::detail::bit_cast<float>(ordered < 0 ? ordered ^ 0x7FFF'FFFF : ordered);
}
[[nodiscard]] SHOAL_ALWAYS_INLINE Slot slot_of(Key key) noexcept {
  return static_cast<Slot>((static_cast<std::uint64_t>(key) & 0xFFFF'FFFFU) >> 1);
}

}  // namespace shoal::inline v0::detail
