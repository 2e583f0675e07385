#pragma once
// Sets of slots as bits. SlotSet is a plain set; VisitedSet forgets everything in time proportional to what was
// entered, by a log of the words that became non-zero: a search marks a few hundred of a million slots.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "shoal/core/platform.hpp"
#include "shoal/core/slot.hpp"

namespace shoal::inline v0::detail {

class SlotSet {
 public:
  /// Makes room for slots below `slots`. Errors: std::bad_alloc, nothing changed.
  void reserve(std::size_t slots) {
    if (slots > words_.size() * 64) words_.resize((slots + 63) / 64);
  }
  [[nodiscard]] bool contains(Slot slot) const noexcept {
    return to_index(slot) / 64 < words_.size() && ((words_[to_index(slot) / 64] >> (to_index(slot) % 64)) & 1) != 0;
  }
  void insert(Slot slot) noexcept { words_[to_index(slot) / 64] |= bit(slot); }
  void erase(Slot slot) noexcept { words_[to_index(slot) / 64] &= ~bit(slot); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return words_.capacity() * sizeof(std::uint64_t); }

 private:
  [[nodiscard]] static std::uint64_t bit(Slot slot) noexcept { return std::uint64_t{1} << (to_index(slot) % 64); }

  std::vector<std::uint64_t> words_;
};

class VisitedSet {
 public:
  /// Makes room for slots below `slots`, and for as many entries in the log. Errors: std::bad_alloc, nothing changed.
  void reserve(std::size_t slots) {
    const std::size_t words = (slots + 63) / 64;
    if (words <= words_.size()) return;
    const std::size_t grown = std::max(words, words_.size() + words_.size() / 2);
    touched_.resize(grown + 1);
    words_.resize(grown);
  }

  /// Enters `slot`. True when it was not in before. Without a branch: whether a neighbour was seen cannot be foretold.
  SHOAL_ALWAYS_INLINE bool insert(Slot slot) noexcept {
    const auto at = static_cast<std::uint32_t>(to_index(slot) / 64);
    const std::uint64_t word = words_[at];
    const std::uint64_t bit = std::uint64_t{1} << (to_index(slot) % 64);
    touched_[touched_count_] = at;
    touched_count_ += word == 0 ? 1 : 0;
    words_[at] = word | bit;
    return (word & bit) == 0;
  }

  void clear() noexcept {
    for (std::size_t i = 0; i < touched_count_; ++i) words_[touched_[i]] = 0;
    touched_count_ = 0;
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return words_.capacity() * sizeof(std::uint64_t) + touched_.capacity() * sizeof(std::uint32_t);
  }

 private:
  std::vector<std::uint64_t> words_;
  std::vector<std::uint32_t> touched_;  // words that are not 0; one place more than words, to be written in vain
  std::size_t touched_count_ = 0;
};

}  // namespace shoal::inline v0::detail
