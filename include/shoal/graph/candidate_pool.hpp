#pragma once
// The candidates of a beam search: the `capacity` nearest slots seen so far, sorted by (distance, slot), each marked
// when its links have been followed. One sorted array instead of two heaps: the next to expand is the first unmarked
// one, and what falls off the end is exactly what the search would never come back to.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "shoal/core/platform.hpp"
#include "shoal/core/slot.hpp"

namespace shoal::inline v0::detail {

struct Candidate {
  float distance;
  Slot slot;

  [[nodiscard]] friend bool operator<(const Candidate& a, const Candidate& b) noexcept {
    return a.distance < b.distance || (a.distance == b.distance && a.slot < b.slot);
  }
};

/// (distance, slot) as one number that sorts as they do; its lowest bit is free for a mark.
[[nodiscard]] SHOAL_ALWAYS_INLINE std::uint64_t to_key(float distance, Slot slot) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(distance);
  const std::uint32_t ordered = bits ^ ((bits >> 31) != 0 ? 0xFFFF'FFFFU : 0x8000'0000U);
  return (std::uint64_t{ordered} << 32) | (std::uint64_t{to_index(slot)} << 1);
}
[[nodiscard]] SHOAL_ALWAYS_INLINE Candidate from_key(std::uint64_t key) noexcept {
  const auto ordered = static_cast<std::uint32_t>(key >> 32);
  const std::uint32_t bits = ordered ^ ((ordered >> 31) != 0 ? 0x8000'0000U : 0xFFFF'FFFFU);
  return {std::bit_cast<float>(bits), to_slot((key & 0xFFFF'FFFFU) >> 1)};
}

class CandidatePool {
 public:
  /// Empties the pool and sets its capacity, at least 1. Errors: std::bad_alloc.
  void reset(std::size_t capacity) {
    if (keys_.size() < capacity) keys_.resize(capacity);
    capacity_ = capacity;
    size_ = 0;
    next_ = 0;
  }

  /// Nothing farther gets in.
  [[nodiscard]] float bound() const noexcept {
    return size_ < capacity_ ? std::numeric_limits<float>::max() : from_key(keys_[size_ - 1]).distance;
  }
  /// Would `distance` get in? Cheaper than trying.
  [[nodiscard]] bool admits(float distance) const noexcept { return distance <= bound(); }

  /// Enters a candidate that is not in yet; the farthest one falls off when the pool is full.
  void insert(float distance, Slot slot) noexcept {
    const std::uint64_t key = to_key(distance, slot);
    const std::size_t position = place_of(key);
    if (position == capacity_) return;
    std::uint64_t* const place = keys_.data() + position;
    const std::size_t moved = (size_ < capacity_ ? size_ : capacity_ - 1) - position;
    std::memmove(place + 1, place, moved * sizeof(key));
    *place = key;
    if (size_ < capacity_) ++size_;
    if (position < next_) next_ = position;
  }

  /// Marks and gives the nearest candidate that was not expanded yet; false when all were.
  [[nodiscard]] bool take_next(Slot& slot) noexcept {
    while (next_ < size_ && (keys_[next_] & expanded) != 0) ++next_;
    if (next_ == size_) return false;
    slot = from_key(keys_[next_]).slot;
    keys_[next_] |= expanded;
    ++next_;
    return true;
  }

  /// A guess at the next step of the search: the nearest candidate not known to be expanded, if there is one.
  [[nodiscard]] Slot peek() const noexcept { return from_key(keys_[next_ < size_ ? next_ : next_ - 1]).slot; }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] Candidate operator[](std::size_t i) const noexcept { return from_key(keys_[i]); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return keys_.capacity() * sizeof(std::uint64_t); }

 private:
  static constexpr std::uint64_t expanded = 1;

  /// How many keys are smaller. Which half it is cannot be foretold: no branch depends on it.
  [[nodiscard]] std::size_t place_of(std::uint64_t key) const noexcept {
    const std::uint64_t* first = keys_.data();
    std::size_t left = size_;
    while (left > 1) {
      const std::size_t half = left / 2;
      first += first[half - 1] < key ? half : 0;
      left -= half;
    }
    return static_cast<std::size_t>(first - keys_.data()) + (left == 1 && *first < key ? 1 : 0);
  }

  std::vector<std::uint64_t> keys_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  std::size_t next_ = 0;  // all before it are expanded
};

}  // namespace shoal::inline v0::detail
