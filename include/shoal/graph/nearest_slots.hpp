#pragma once
// The nearest of a long stream of slots: what is farther than the farthest worth keeping is passed over with one
// comparison, the rest is collected, and halved when there are twice as many as wanted. Ties go to the lower slot, so
// the outcome does not depend on the order of the stream, unless a part of it is kept aside.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "shoal/core/platform.hpp"
#include "shoal/graph/candidate_pool.hpp"

namespace shoal::inline v0::detail {

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

  /// Shows a slot that was not shown before.
  SHOAL_ALWAYS_INLINE void offer(float distance, Slot slot) noexcept {
    if (!(distance <= limit_)) return;
    kept_.push_back({distance, slot});
    if (kept_.size() == 2 * wanted_) keep_wanted();
  }

  /// How many `keep_aside` keeps at most.
  static constexpr std::size_t most_aside = 32;
  /// The nearest of those shown until now will be among those taken, whatever is shown later.
  void keep_aside() noexcept {
    const std::size_t count = std::min({most_aside, wanted_, kept_.size()});
    std::nth_element(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(count), kept_.end());
    aside_.assign(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(count));
  }

  /// The nearest, and those kept aside, sorted. They may be rearranged; nothing is offered after.
  [[nodiscard]] std::span<Candidate> take() noexcept {
    if (kept_.size() > wanted_) keep_wanted();
    kept_.insert(kept_.end(), aside_.begin(), aside_.end());
    std::sort(kept_.begin(), kept_.end());
    const auto same = [](const Candidate& a, const Candidate& b) { return a.slot == b.slot; };
    kept_.erase(std::unique(kept_.begin(), kept_.end(), same), kept_.end());
    return kept_;
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return (kept_.capacity() + aside_.capacity()) * sizeof(Candidate);
  }

 private:
  void keep_wanted() noexcept {
    std::nth_element(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(wanted_ - 1), kept_.end());
    limit_ = kept_[wanted_ - 1].distance;
    kept_.resize(wanted_, Candidate{});
  }

  std::vector<Candidate> kept_;
  std::vector<Candidate> aside_;
  std::size_t wanted_ = 1;
  float limit_ = 0;
};

}  // namespace shoal::inline v0::detail
