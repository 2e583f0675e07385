#pragma once
// The nearest of a long stream of slots: what is farther than the farthest worth keeping is passed over with one
// comparison, the rest is collected, and thinned out when there are twice as many as wanted. Ties go to the lower slot,
// so the outcome does not depend on the order of the stream, unless a part of it is kept aside.
//
// A distance and its slot are one number that sorts as they do (core/key.hpp), and thinning out has no branch that
// depends on the data: with candidates compared as pairs, std::nth_element was a third of a small graph's build.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "shoal/core/platform.hpp"
#include "shoal/graph/candidate_pool.hpp"
#include "shoal/simd/key_kernels.hpp"

namespace shoal::inline v0::detail {

/// Moves the smallest keys to the front, in no order: `count` of them, or up to `slack` more, which takes half the time
/// when it is much. Gives how many. *Shape*: different keys, at least `count`.
inline std::size_t keep_smallest(std::span<Key> keys, std::size_t count, std::size_t slack) noexcept {
  std::size_t first = 0, last = keys.size();
  while (last - first > 24) {
    // The median of three goes first; then what is smaller comes before the rest (Lomuto's partition).
    Key& a = keys[first];
    Key& b = keys[first + (last - first) / 2];
    Key& c = keys[last - 1];
    if (b < a) std::swap(a, b);
    if (c < a) std::swap(a, c);
    if (c < b) std::swap(b, c);
    std::swap(a, b);
    const Key pivot = keys[first];
    std::size_t smaller = first;
    for (std::size_t i = first + 1; i < last; ++i) {
      const Key key = keys[i];
      const std::size_t place = smaller + 1;
      keys[i] = keys[place];
      keys[place] = key;
      smaller += key < pivot ? 1 : 0;
    }
    std::swap(keys[first], keys[smaller]);
    if (count <= smaller && smaller <= count + slack) return smaller;
    if (count <= smaller) {
      last = smaller;
    } else {
      first = smaller + 1;
    }
  }
  if (count > first) {
    const auto begin = keys.begin() + static_cast<std::ptrdiff_t>(first);
    std::sort(begin, keys.begin() + static_cast<std::ptrdiff_t>(last));
  }
  return count;
}

class NearestSlots {
 public:
  /// Empties it; it will keep the `wanted` nearest, at least 1. Errors: std::bad_alloc.
  void reset(std::size_t wanted) {
    wanted_ = wanted;
    kept_.clear();
    kept_.reserve(2 * wanted + most_aside);
    aside_.clear();
    aside_.reserve(most_aside);
    limit_ = std::numeric_limits<float>::infinity();
  }

  /// Nothing farther is kept.
  [[nodiscard]] float limit() const noexcept { return limit_; }

  /// Shows a slot that was not shown before.
  SHOAL_ALWAYS_INLINE void offer(float distance, Slot slot) noexcept {
    if (!(distance <= limit_)) return;
    kept_.push_back(to_key(distance, slot));
    if (kept_.size() == 2 * wanted_) keep_wanted(wanted_ / 2);
  }

  /// How many `keep_aside` keeps at most.
  static constexpr std::size_t most_aside = 32;
  /// The nearest of those shown until now will be among those taken, whatever is shown later.
  void keep_aside() noexcept {
    const std::size_t count = std::min({most_aside, wanted_, kept_.size()});
    keep_smallest(kept_, count, 0);
    aside_.assign(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(count));
  }

  /// Shows a slot that will be among those taken, whatever else is shown. At most `most_aside` of them.
  void offer_for_sure(float distance, Slot slot) noexcept {
    aside_.push_back(to_key(distance, slot));
    offer(distance, slot);
  }

  /// Writes the nearest, and those kept aside, to `out`, sorted. Nothing is offered after. *Shape*: `out` has room for
  /// wanted + most_aside, `sorted` for the key_room of as many.
  void take(std::vector<Key>& sorted, std::vector<Candidate>& out) noexcept {
    if (kept_.size() > wanted_) keep_wanted(0);
    kept_.insert(kept_.end(), aside_.begin(), aside_.end());
    sorted.resize(simd::key_room(kept_.size()));
    simd::sort_keys(kept_.data(), kept_.size(), sorted.data());
    out.resize(kept_.size());
    std::size_t count = 0;
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      out[count] = candidate_of(sorted[i]);
      count += i == 0 || sorted[i] != sorted[i - 1] ? 1 : 0;
    }
    out.resize(count);
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return (kept_.capacity() + aside_.capacity()) * sizeof(Key);
  }

 private:
  void keep_wanted(std::size_t slack) noexcept {
    kept_.resize(keep_smallest(kept_, wanted_, slack));
    limit_ = distance_of(*std::max_element(kept_.begin(), kept_.end()));
  }

  std::vector<Key> kept_;
  std::vector<Key> aside_;
  std::size_t wanted_ = 1;
  float limit_ = 0;
};

}  // namespace shoal::inline v0::detail
