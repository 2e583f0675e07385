#pragma once
// Everything within a distance: a search that looks at no fewer than so many points, keeps no more than so many, and
// ends where it leaves the region.

#include <cassert>
#include <cstddef>
#include <utility>
#include <vector>

#include "shoal/compat/hnswlib/interfaces.hpp"

namespace hnswlib {

/// *Units*: `epsilon` is a distance of the space, squared for L2Space. `min_num_candidates` is what `ef` is to other
/// searches: more is slower and finds more.
template <class dist_t>
class EpsilonSearchStopCondition : public BaseSearchStopCondition<dist_t> {
 public:
  EpsilonSearchStopCondition(float epsilon, std::size_t min_num_candidates, std::size_t max_num_candidates)
      : epsilon_(epsilon), least_(min_num_candidates), most_(max_num_candidates) {
    assert(min_num_candidates <= max_num_candidates);
  }

  void add_point_to_result(labeltype, const void*, dist_t) override { ++count_; }
  void remove_point_from_result(labeltype, const void*, dist_t) override { --count_; }

  bool should_stop_search(dist_t candidate_dist, dist_t worst_dist) override {
    const bool cannot_improve = candidate_dist > worst_dist && count_ == most_;
    const bool has_left = is_outside(candidate_dist) && count_ >= least_;
    return cannot_improve || has_left;
  }
  bool should_consider_candidate(dist_t candidate_dist, dist_t worst_dist) override {
    return count_ < most_ || worst_dist > candidate_dist;
  }
  bool should_remove_extra() override { return count_ > most_; }

  void filter_results(std::vector<std::pair<dist_t, labeltype>>& candidates) override {
    while (!candidates.empty() && (is_outside(candidates.back().first) || candidates.size() > most_)) {
      candidates.pop_back();
    }
  }

 private:
  [[nodiscard]] bool is_outside(dist_t distance) const { return static_cast<double>(distance) > double{epsilon_}; }

  float epsilon_;
  std::size_t least_;
  std::size_t most_;
  std::size_t count_ = 0;
};

}  // namespace hnswlib
