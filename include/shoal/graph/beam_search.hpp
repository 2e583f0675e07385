#pragma once
// The walks over the graph. `descend` goes down the levels by the nearest link (arXiv 1603.09320, Algorithm 5, upper
// part); `beam_search` keeps the ef nearest of what it saw and follows the nearest whose links were not followed yet
// (Algorithm 2). A hop gathers the links not seen before, asks for their rows, and scores them with one call.

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "shoal/core/slot_set.hpp"
#include "shoal/graph/candidate_pool.hpp"
#include "shoal/graph/hnsw_graph.hpp"
#include "shoal/graph/scorer.hpp"

namespace shoal::inline v0::detail {

/// Memory of a walk, kept from one to the next.
struct WalkScratch {
  VisitedSet visited;
  std::size_t limit = 0;  // links to slots from here on are not followed: they came while the walk went on
  CandidatePool pool;     // what was found
  std::vector<Slot> fresh;
  std::vector<float> distances;

  /// Room for a walk over `slots` slots with lists of up to `width` links. Errors: std::bad_alloc.
  void reserve(std::size_t slots, std::size_t width) {
    visited.reserve(slots);
    limit = slots;
    if (fresh.size() < width) fresh.resize(width);
    if (distances.size() < width) distances.resize(width);
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return visited.memory_bytes() + pool.memory_bytes() + fresh.capacity() * sizeof(Slot) +
           distances.capacity() * sizeof(float);
  }
};

/// How many rows of a hop are asked for while its links are read; the kernels ask for the rest as they go.
template <class Scorer>
inline constexpr std::size_t prefetched_first = 1;
template <class Scorer>
  requires requires { Scorer::prefetched_first; }
inline constexpr std::size_t prefetched_first<Scorer> = Scorer::prefetched_first;

/// As `gather_fresh`, from a list that is not in memory. Apart, so that the counts of the other stay in registers.
SHOAL_NEVER_INLINE inline std::size_t gather_copied(const HnswGraph& graph, Slot slot, WalkScratch& scratch) noexcept {
  std::size_t count = 0;
  const VisitedSet::Marks visited = scratch.visited.marks();
  graph.lists().for_each_copied(scratch.limit, slot, [&](Slot target) {
    scratch.fresh[count] = target;
    count += visited.insert(target) ? 1 : 0;
  });
  return count;
}

/// Writes the targets of a list that were not visited into `scratch.fresh`, and marks them. Gives how many.
template <SlotScorer Scorer>
std::size_t gather_fresh(const HnswGraph& graph, Slot slot, unsigned level, const Scorer& scorer,
                         WalkScratch& scratch) noexcept {
  if (graph.lists().are_elsewhere(level)) [[unlikely]]
    return gather_copied(graph, slot, scratch);
  std::size_t count = 0;
  Slot* const fresh = scratch.fresh.data();
  const VisitedSet::Marks visited = scratch.visited.marks();
  graph.lists().for_each_below(scratch.limit, slot, level, [&](Slot target) {
    fresh[count] = target;
    count += visited.insert(target) ? 1 : 0;
  });
  for (std::size_t i = 0; i < std::min(count, prefetched_first<Scorer>); ++i) scorer.prefetch(fresh[i]);
  return count;
}

/// Walks from `start`, the entry point, down to `target_level` + 1, on each level to where no link leads nearer. Gives
/// where it ends.
template <SlotScorer Scorer>
Candidate descend(const HnswGraph& graph, Candidate start, unsigned target_level, const Scorer& scorer,
                  WalkScratch& scratch) noexcept {
  for (unsigned level = graph.lists().level_of(start.slot); level > target_level; --level) {
    for (bool moved = true; moved;) {
      moved = false;
      const std::size_t count = graph.lists().read(start.slot, level, scratch.fresh.data(), scratch.limit);
      score_within(scorer, std::span<const Slot>(scratch.fresh).first(count), start.distance, scratch.distances.data());
      for (std::size_t i = 0; i < count; ++i) {
        const Candidate candidate{scratch.distances[i], scratch.fresh[i]};
        if (!(candidate.distance < start.distance)) continue;
        start = candidate;
        moved = true;
      }
    }
  }
  return start;
}

/// Leaves the `ef` nearest of what can be reached from `seeds` on `level` in `scratch.pool`, nearest first. The pool
/// was reset to ef and the visited marks are clear. *Cost*: about ef hops.
template <SlotScorer Scorer>
void beam_search(const HnswGraph& graph, unsigned level, std::span<const Candidate> seeds, const Scorer& scorer,
                 WalkScratch& scratch) noexcept {
  CandidatePool& pool = scratch.pool;
  for (const Candidate seed : seeds) {
    if (scratch.visited.insert(seed.slot)) pool.insert(seed.distance, seed.slot);
  }
  for (Slot slot{}; pool.take_next(slot);) {
    const std::size_t count = gather_fresh(graph, slot, level, scorer, scratch);
    if (level == 0) graph.lists().prefetch_base(pool.peek());
    score_within(scorer, std::span<const Slot>(scratch.fresh).first(count), pool.bound(), scratch.distances.data());
    pool.enter(scratch.distances.data(), scratch.fresh.data(), count);
    if (level == 0) graph.lists().prefetch_base(pool.peek());
  }
}

}  // namespace shoal::inline v0::detail
