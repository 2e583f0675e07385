#pragma once
// The candidates of a beam search: the `capacity` nearest slots seen so far, sorted by (distance, slot), each marked
// when its links have been followed. One sorted array instead of two heaps: the next to expand is the first unmarked
// one, and what falls off the end is exactly what the search would never come back to.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "shoal/core/key.hpp"
#include "shoal/core/slot.hpp"
#include "shoal/simd/key_kernels.hpp"

namespace shoal::inline v0::detail {

struct Candidate {
  float distance;
  Slot slot;

  [[nodiscard]] friend bool operator<(const Candidate& a, const Candidate& b) noexcept {
    return a.distance < b.distance || (a.distance == b.distance && a.slot < b.slot);
  }
};

[[nodiscard]] SHOAL_ALWAYS_INLINE Candidate candidate_of(Key key) noexcept { return {distance_of(key), slot_of(key)}; }

class CandidatePool {
 public:
  /// Empties the pool and sets its capacity, at least 1. Errors: std::bad_alloc.
  void reset(std::size_t capacity) {
    if (keys_.size() < simd::key_room(capacity)) keys_.resize(simd::key_room(capacity));
    capacity_ = capacity;
    size_ = 0;
    next_ = 0;
  }

  /// Nothing farther gets in.
  [[nodiscard]] float bound() const noexcept {
    return size_ < capacity_ ? std::numeric_limits<float>::max() : distance_of(keys_[size_ - 1]);
  }
  /// Would `distance` get in? Cheaper than trying.
  [[nodiscard]] bool admits(float distance) const noexcept { return distance <= bound(); }

  /// Enters candidates that are not in yet; the farthest fall off when the pool is full.
  void enter(const float* distances, const Slot* slots, std::size_t count) noexcept {
    const simd::EnteredKeys entered = simd::enter_nearest(keys_.data(), size_, capacity_, distances, slots, count);
    size_ = entered.size;
    next_ = std::min(next_, entered.lowest);
  }
  void insert(float distance, Slot slot) noexcept { enter(&distance, &slot, 1); }

  /// Marks and gives the nearest candidate that was not expanded yet; false when all were.
  [[nodiscard]] bool take_next(Slot& slot) noexcept {
    while (next_ < size_ && (keys_[next_] & expanded) != 0) ++next_;
    if (next_ == size_) return false;
    slot = slot_of(keys_[next_]);
    keys_[next_] |= expanded;
    ++next_;
    return true;
  }

  /// A guess at the next step of the search: the nearest candidate not known to be expanded, if there is one.
  [[nodiscard]] Slot peek() const noexcept { return slot_of(keys_[next_ < size_ ? next_ : next_ - 1]); }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] Candidate operator[](std::size_t i) const noexcept { return candidate_of(keys_[i]); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return keys_.capacity() * sizeof(Key); }

 private:
  static constexpr Key expanded = 1;

  std::vector<Key> keys_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  std::size_t next_ = 0;  // all before it are expanded
};

}  // namespace shoal::inline v0::detail
