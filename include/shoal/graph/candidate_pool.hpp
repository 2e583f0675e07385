#pragma once
// The candidates of a beam search: the `capacity` nearest slots seen so far, sorted by (distance, slot), each marked
// when its links have been followed. One sorted array instead of two heaps: the next to expand is the first unmarked
// one, and what falls off the end is exactly what the search would never come back to.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "shoal/core/slot.hpp"

namespace shoal::inline v0::detail {

struct Candidate {
  float distance;
  Slot slot;

  [[nodiscard]] friend bool operator<(const Candidate& a, const Candidate& b) noexcept {
    return a.distance < b.distance || (a.distance == b.distance && a.slot < b.slot);
  }
};

class CandidatePool {
 public:
  /// Empties the pool and sets its capacity, at least 1. Errors: std::bad_alloc.
  void reset(std::size_t capacity) {
    if (entries_.size() < capacity) entries_.resize(capacity);
    capacity_ = capacity;
    size_ = 0;
    next_ = 0;
  }

  /// Nothing farther gets in.
  [[nodiscard]] float bound() const noexcept {
    return size_ < capacity_ ? std::numeric_limits<float>::max() : entries_[size_ - 1].distance;
  }
  /// Would `distance` get in? Cheaper than trying.
  [[nodiscard]] bool admits(float distance) const noexcept {
    return size_ < capacity_ || distance <= entries_[size_ - 1].distance;
  }

  /// Enters a candidate that is not in yet; the farthest one falls off when the pool is full.
  void insert(float distance, Slot slot) noexcept {
    const Entry entry{distance, static_cast<std::uint32_t>(slot)};
    Entry* const first = entries_.data();
    const std::size_t position =
        static_cast<std::size_t>(std::lower_bound(first, first + size_, entry, before) - first);
    if (position == capacity_) return;
    const std::size_t moved = (size_ < capacity_ ? size_ : capacity_ - 1) - position;
    std::memmove(first + position + 1, first + position, moved * sizeof(Entry));
    first[position] = entry;
    if (size_ < capacity_) ++size_;
    if (position < next_) next_ = position;
  }

  /// Marks and gives the nearest candidate that was not expanded yet; false when all were.
  [[nodiscard]] bool take_next(Slot& slot) noexcept {
    while (next_ < size_ && entries_[next_].expanded()) ++next_;
    if (next_ == size_) return false;
    slot = entries_[next_].slot();
    entries_[next_].bits |= expanded_bit;
    ++next_;
    return true;
  }

  /// A guess at the next step of the search: the nearest candidate not known to be expanded, if there is one.
  [[nodiscard]] Slot peek() const noexcept { return entries_[next_ < size_ ? next_ : next_ - 1].slot(); }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] Candidate operator[](std::size_t i) const noexcept {
    return {entries_[i].distance, entries_[i].slot()};
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return entries_.capacity() * sizeof(Entry); }

 private:
  static constexpr std::uint32_t expanded_bit = 0x8000'0000U;

  struct Entry {
    float distance;
    std::uint32_t bits;  // the slot, and whether it was expanded
    [[nodiscard]] bool expanded() const noexcept { return (bits & expanded_bit) != 0; }
    [[nodiscard]] Slot slot() const noexcept { return static_cast<Slot>(bits & ~expanded_bit); }
  };
  [[nodiscard]] static bool before(const Entry& a, const Entry& b) noexcept {
    return a.distance < b.distance || (a.distance == b.distance && a.slot() < b.slot());
  }

  std::vector<Entry> entries_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  std::size_t next_ = 0;  // all before it are expanded
};

}  // namespace shoal::inline v0::detail
