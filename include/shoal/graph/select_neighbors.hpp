#pragma once
// Which of many candidates become links: the nearest that are diverse. A candidate is left out when a neighbour that
// was chosen before is nearer to it than the base is (arXiv 1603.09320, Algorithm 4): what lies behind a neighbour is
// reached through it. Copies of one vector tie with each other and would all pass, filling the list with one place: of
// several copies one is taken.

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "shoal/graph/candidate_pool.hpp"
#include "shoal/graph/scorer.hpp"

namespace shoal::inline v0::detail {

/// Does one of `chosen` cover `candidate`?
template <SlotSpace Space>
[[nodiscard]] bool is_covered(const Candidate& candidate, std::span<const Candidate> chosen,
                              const Space& space) noexcept {
  constexpr std::size_t at_once = 4;  // as many as a kernel scores side by side; mostly one of the first covers
  const auto scorer = space.scorer_for(candidate.slot);
  std::array<Slot, at_once> slots;
  std::array<float, at_once> distances;
  while (!chosen.empty()) {
    const std::span<const Candidate> some = chosen.first(std::min(at_once, chosen.size()));
    for (std::size_t i = 0; i < some.size(); ++i) slots[i] = some[i].slot;
    scorer(std::span<const Slot>(slots).first(some.size()), distances.data());
    for (std::size_t i = 0; i < some.size(); ++i) {
      if (distances[i] < candidate.distance) return true;
      // A vector no farther from the candidate than the candidate itself is a copy of it.
      if (some[i].distance == candidate.distance && distances[i] <= score(scorer, candidate.slot)) return true;
    }
    chosen = chosen.subspan(some.size());
  }
  return false;
}

/// Moves the chosen candidates to the front, and gives how many: at most `capacity`. *Shape*: candidates sorted.
/// *Cost*: at most candidates x capacity distances, usually far fewer.
template <SlotSpace Space>
std::size_t select_neighbors(std::span<Candidate> candidates, std::size_t capacity, const Space& space) noexcept {
  // Most candidates are covered by one of the first that were chosen: from there on, many at once are compared with
  // those by a block, if there is one, and only what is left with the rest.
  constexpr std::size_t first_chosen = 6, at_once = 16;
  std::array<Slot, at_once> slots;
  std::array<Slot, first_chosen> covering;
  std::array<float, at_once * first_chosen> distances;
  std::size_t chosen = 0, next = 0;
  const auto choose_next = [&](std::size_t tested) {
    const Candidate candidate = candidates[next++];
    if (!is_covered(candidate, candidates.first(chosen).subspan(tested), space)) candidates[chosen++] = candidate;
  };
  const std::size_t one_by_one = HasBlocks<Space> ? std::min(capacity, first_chosen) : capacity;
  while (next < candidates.size() && chosen < one_by_one) choose_next(0);
  for (std::size_t i = 0; i < std::min(chosen, first_chosen); ++i) covering[i] = candidates[i].slot;
  while (next < candidates.size() && chosen < capacity) {
    const std::span<const Candidate> some = candidates.subspan(next, std::min(at_once, candidates.size() - next));
    for (std::size_t i = 0; i < some.size(); ++i) slots[i] = some[i].slot;
    block_distances(space, std::span<const Slot>(slots).first(some.size()), covering, distances.data());
    const std::size_t last = next + some.size();
    for (const float* of = distances.data(); next < last && chosen < capacity; of += first_chosen) {
      const float limit = candidates[next].distance;
      if (std::any_of(of, of + first_chosen, [limit](float distance) { return distance < limit; })) {
        ++next;
      } else {
        choose_next(candidates[first_chosen - 1].distance == limit ? 0 : first_chosen);  // copies are told there
      }
    }
  }
  return chosen;
}

}  // namespace shoal::inline v0::detail
