#pragma once
// Sets of slots. SlotSet has a bit for each slot; VisitedSet a byte, with the round of a slot's last visit, so that it
// forgets everything by counting rounds, and is wiped once in 255. Bits, and a log of the words that were touched, made
// a walk over 128-d rows 14 % slower.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
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
  /// The first member that is `from` or later. *Cost*: O(how far it is / 64).
  [[nodiscard]] std::optional<Slot> first_from(std::size_t from) const noexcept {
    for (std::size_t i = from / 64; i < words_.size(); ++i) {
      const std::uint64_t below = i == from / 64 ? (std::uint64_t{1} << (from % 64)) - 1 : 0;
      if (const std::uint64_t word = words_[i] & ~below) {
        return to_slot(i * 64 + static_cast<std::size_t>(std::countr_zero(word)));
      }
    }
    return std::nullopt;
  }
  /// Calls visit(slot) for each member, in order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (auto slot = first_from(0); slot; slot = first_from(to_index(*slot) + 1)) visit(*slot);
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
  /// Makes room for slots below `slots`. Errors: std::bad_alloc, nothing changed.
  void reserve(std::size_t slots) {
    if (slots <= marks_.size()) return;
    constexpr std::size_t step = 4'096;
    marks_.resize((std::max(slots, marks_.size() + marks_.size() / 2) + step - 1) / step * step);
  }

  /// Enters `slot`. True when it was not in before. Without a branch: whether a neighbour was seen cannot be foretold.
  SHOAL_ALWAYS_INLINE bool insert(Slot slot) noexcept {
    std::uint8_t& mark = marks_[to_index(slot)];
    const bool is_first = mark != round_;
    mark = round_;
    return is_first;
  }

  void clear() noexcept {
    if (++round_ != 0) return;
    std::fill(marks_.begin(), marks_.end(), std::uint8_t{0});
    round_ = 1;
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept { return marks_.capacity(); }

 private:
  std::vector<std::uint8_t> marks_;  // the round in which a slot was entered last, 0 before
  std::uint8_t round_ = 1;
};

}  // namespace shoal::inline v0::detail
