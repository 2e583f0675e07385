#pragma once
// Which of many candidates become links: the nearest that are diverse. A candidate is left out when a neighbour that
// was chosen before is nearer to it than the base is (arXiv 1603.09320, Algorithm 4): what lies behind a neighbour is
// reached through it. Copies of one vector tie with each other and would all pass, filling the list with one place: of
// several copies one is taken. Children are always taken.

#include <algorithm>
#include <cstddef>
#include <span>

#include "shoal/graph/candidate_pool.hpp"
#include "shoal/graph/scorer.hpp"

namespace shoal::inline v0::detail {

struct LinkCandidate {
  float distance;  // to the base
  Slot slot;
  bool child = false;

  [[nodiscard]] friend bool operator<(const LinkCandidate& a, const LinkCandidate& b) noexcept {
    return a.distance < b.distance || (a.distance == b.distance && a.slot < b.slot);
  }
};

/// Does one of `chosen` cover `candidate`?
template <SlotSpace Space>
[[nodiscard]] bool is_covered(const LinkCandidate& candidate, std::span<const LinkCandidate> chosen,
                              const Space& space) noexcept {
  const auto scorer = space.scorer_for(candidate.slot);
  for (const LinkCandidate& neighbor : chosen) {
    const float distance = score(scorer, neighbor.slot);
    if (distance < candidate.distance) return true;
    // A vector no farther from the candidate than the candidate itself is a copy of it.
    if (neighbor.distance == candidate.distance && distance <= score(scorer, candidate.slot)) return true;
  }
  return false;
}

/// Moves the chosen candidates to the front, and gives how many: at most `capacity`, which is at least the number of
/// children. *Shape*: candidates sorted. *Cost*: at most candidates x capacity distances, usually far fewer.
template <SlotSpace Space>
std::size_t select_neighbors(std::span<LinkCandidate> candidates, std::size_t capacity, const Space& space) noexcept {
  auto children = static_cast<std::size_t>(
      std::count_if(candidates.begin(), candidates.end(), [](const LinkCandidate& c) { return c.child; }));
  std::size_t chosen = 0;
  for (const LinkCandidate candidate : candidates) {
    if (candidate.child) {
      --children;
    } else if (chosen + children == capacity || is_covered(candidate, candidates.first(chosen), space)) {
      if (chosen == capacity) break;
      continue;
    }
    candidates[chosen++] = candidate;
  }
  return chosen;
}

}  // namespace shoal::inline v0::detail
