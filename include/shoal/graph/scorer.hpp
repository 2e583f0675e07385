#pragma once
// What the graph knows of vectors: that slots can be scored. A scorer stands for one query (or one slot in the role of
// the query) and scores several slots a call; a space makes a scorer for any slot. Metric, storage and kernels stay
// behind these two callables.

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

template <SlotScorer Scorer>
[[nodiscard]] float score(const Scorer& scorer, Slot slot) noexcept {
  float distance = 0;
  scorer(std::span<const Slot>(&slot, 1), &distance);
  return distance;
}

}  // namespace shoal::inline v0::detail
