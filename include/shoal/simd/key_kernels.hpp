#pragma once
// A sorted array of keys (core/key.hpp) that takes in what a hop has scored: the candidates of a walk. Half of the time
// of a walk over short rows went into this, one key after the other by binary search and memmove; here a vector of keys
// moves up by one place with a minimum and a maximum, without asking where the place is.

#include <algorithm>
#include <cstddef>

#include "shoal/core/key.hpp"
#include "shoal/simd/level.hpp"

namespace shoal::inline v0::simd {

/// Room that an array of `capacity` keys needs: whole vectors.
[[nodiscard]] constexpr std::size_t key_room(std::size_t capacity) noexcept { return (capacity + 7) / 8 * 8; }

/// Enters each distance with its slot into `keys`, sorted, keeping the `capacity` smallest. *Shape*: `size` keys with
/// room for key_room(capacity); what is beyond `size` is unspecified. The mark of the keys that come is 0.
inline EnteredKeys enter_nearest(shoal::detail::Key* keys, std::size_t size, std::size_t capacity,
                                 const float* distances, const Slot* slots, std::size_t count) noexcept {
  return detail::kernels().enter_nearest(keys, size, capacity, distances, slots, count);
}

/// Writes `keys` to `out` in order. *Shape*: `out` is another array with room for key_room(count).
inline void sort_keys(const shoal::detail::Key* keys, std::size_t count, shoal::detail::Key* out) noexcept {
  const detail::KernelTable& kernels = detail::kernels();
  if (count <= kernels.most_inserted) return kernels.insert_keys(keys, count, out);
  std::copy(keys, keys + count, out);
  std::sort(out, out + count);
}

}  // namespace shoal::inline v0::simd
