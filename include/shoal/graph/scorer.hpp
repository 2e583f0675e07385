#pragma once
// What the graph knows of vectors: that slots can be scored. A scorer stands for one query (or one slot in the role of
// the query) and scores several slots a call; a space makes a scorer for any slot. Metric, storage and kernels stay
// behind these two callables. A space may also offer to compare many slots with many.

#include <concepts>
#include <span>

#include "shoal/core/slot.hpp"

namespace shoal::inline v0::detail {

// clang-format off
template <class S>
concept SlotScorer = requires(const S& scorer, std::span<const Slot> slots, float* out, Slot slot) {
  { scorer(slots, out) } noexcept;       // out[i] = distance to slots[i]
  { scorer.prefetch(slot) } noexcept;
};
// clang-format on

// clang-format off
template <class S>
concept SlotSpace = requires(const S& space, Slot slot) {
  { space.scorer_for(slot) } noexcept -> SlotScorer;
};
// clang-format on

/// As `scorer(slots, out)`, but a distance above `bound` may come as the largest float, if the scorer can spare itself
/// one.
template <SlotScorer Scorer>
void score_within(const Scorer& scorer, std::span<const Slot> slots, float bound, float* out) noexcept {
  if constexpr (requires { scorer.within(slots, bound, out); }) {
    scorer.within(slots, bound, out);
  } else {
    scorer(slots, out);
  }
}

/// A scorer of `slot` for a walk by `worker`: the space may prepare more for it than for a few distances.
template <SlotSpace Space>
[[nodiscard]] auto walker_for(const Space& space, Slot slot, [[maybe_unused]] std::size_t worker) noexcept {
  if constexpr (requires { space.walker_for(slot, worker); }) {
    return space.walker_for(slot, worker);
  } else {
    return space.scorer_for(slot);
  }
}

/// Can many be compared with many by one call?
template <class Space>
concept HasBlocks = requires(const Space& space, std::span<const Slot> slots, float* out) {
  space.block_distances(slots, slots, out);
};

/// Is a block of comparisons several times as fast as so many single ones? Of codes it is; floats are compared at no
/// more than the speed at which they come from memory.
template <class Space>
inline constexpr bool has_fast_blocks = false;
template <class Space>
  requires requires { Space::has_fast_blocks; }
inline constexpr bool has_fast_blocks<Space> = Space::has_fast_blocks;

/// out[i * b.size() + j] = distance between a[i] and b[j], by one call if the space has one for that.
template <SlotSpace Space>
void block_distances(const Space& space, std::span<const Slot> a, std::span<const Slot> b, float* out) noexcept {
  if constexpr (HasBlocks<Space>) {
    space.block_distances(a, b, out);
  } else {
    for (std::size_t i = 0; i < a.size(); ++i) space.scorer_for(a[i])(b, out + i * b.size());
  }
}

template <SlotScorer Scorer>
[[nodiscard]] float score(const Scorer& scorer, Slot slot) noexcept {
  float distance = 0;
  scorer(std::span<const Slot>(&slot, 1), &distance);
  return distance;
}

}  // namespace shoal::inline v0::detail
