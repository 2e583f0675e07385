#pragma once
// Comparing a query with every slot that passes. Exact; what a search without a structure does, and one with a
// structure where few entries pass a filter.

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "shoal/core/slot.hpp"
#include "shoal/graph/candidate_pool.hpp"
#include "shoal/graph/scorer.hpp"

namespace shoal::inline v0::detail {

/// Collects the k best by `before` of slots that are offered, by blocks, in `found`, and some more; in no order.
template <SlotScorer Scorer, class Before>
class Scan {
 public:
  /// Errors: std::bad_alloc.
  Scan(const Scorer& scorer, std::size_t k, const Before& before, std::vector<Candidate>& found)
      : scorer_(scorer), k_(k), before_(before), found_(found), most_(k + std::max<std::size_t>(k, 1024)) {
    found_.clear();
  }
  /// *Cost*: a distance. Errors: std::bad_alloc.
  void offer(Slot slot) {
    slots_[count_++] = slot;
    if (count_ == slots_.size()) score_all();
  }
  /// Errors: std::bad_alloc.
  void end() {
    score_all();
    if (found_.size() > k_) keep_best();
  }

 private:
  void score_all() {
    scorer_(std::span<const Slot>(slots_).first(count_), distances_.data());
    for (std::size_t i = 0; i < count_; ++i) {
      if (found_.size() == most_) keep_best();
      if (found_.size() == found_.capacity()) found_.reserve(std::min(most_, 2 * found_.size() + slots_.size()));
      found_.push_back({distances_[i], slots_[i]});
    }
    count_ = 0;
  }
  void keep_best() {
    std::nth_element(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(k_), found_.end(), before_);
    found_.resize(k_, Candidate{});
  }

  const Scorer& scorer_;
  std::size_t k_;
  const Before& before_;
  std::vector<Candidate>& found_;
  std::size_t most_;  // kept before the worst are dropped
  std::array<Slot, 64> slots_{};
  std::array<float, 64> distances_{};
  std::size_t count_ = 0;
};

}  // namespace shoal::inline v0::detail
