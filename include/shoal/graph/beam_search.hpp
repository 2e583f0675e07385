#pragma once
// The walks over the graph. `descend` goes down the levels by the nearest link (arXiv 1603.09320, Algorithm 5, upper
// part); `beam_search` keeps the ef nearest of what it saw and follows the nearest whose links were not followed yet
// (Algorithm 2); `filtered_beam_search` walks in the same way but keeps only what passes, and goes on until ef
// entries passed or everything reachable was seen, so that a selective filter costs time and never results.
// A hop gathers the links not seen before, asks for their rows, and scores them with one call.

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
  CandidatePool pool;               // of beam_search: what was found; of filtered_beam_search: what passed
  std::vector<Candidate> frontier;  // of filtered_beam_search: a heap, the nearest on top
  std::vector<Slot> fresh;
  std::vector<float> distances;

  /// Room for a walk over `slots` slots with lists of up to `width` links. Errors: std::bad_alloc.
  void reserve(std::size_t slots, std::size_t width) {
    visited.reserve(slots);
    if (fresh.size() < width) fresh.resize(width);
    if (distances.size() < width) distances.resize(width);
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return visited.memory_bytes() + pool.memory_bytes() + frontier.capacity() * sizeof(Candidate) +
           fresh.capacity() * sizeof(Slot) + distances.capacity() * sizeof(float);
  }
};

/// How many rows of a hop are asked for while its links are read; the kernels ask for the rest as they go.
template <class Scorer>
inline constexpr std::size_t prefetched_first = 1;
template <class Scorer>
  requires requires { Scorer::prefetched_first; }
inline constexpr std::size_t prefetched_first<Scorer> = Scorer::prefetched_first;

/// Writes the targets of a list that were not visited into `scratch.fresh`, and marks them. Gives how many.
template <SlotScorer Scorer>
std::size_t gather_fresh(const HnswGraph& graph, Slot slot, unsigned level, const Scorer& scorer,
                         WalkScratch& scratch) noexcept {
  std::size_t count = 0;
  Slot* const fresh = scratch.fresh.data();
  graph.lists().for_each(slot, level, [&](Slot target) {
    fresh[count] = target;
    count += scratch.visited.insert(target) ? 1 : 0;
  });
  for (std::size_t i = 0; i < std::min(count, prefetched_first<Scorer>); ++i) scorer.prefetch(fresh[i]);
  return count;
}

/// Walks from `start` down to `target_level` + 1, on each level to where no link leads nearer. Gives where it ends.
template <SlotScorer Scorer>
Candidate descend(const HnswGraph& graph, Candidate start, unsigned target_level, const Scorer& scorer,
                  WalkScratch& scratch) noexcept {
  for (unsigned level = graph.top_level(); level > target_level; --level) {
    for (bool moved = true; moved;) {
      moved = false;
      const std::size_t count = graph.lists().read(start.slot, level, scratch.fresh.data());
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
    if (level == 0) prefetch(graph.lists().base(pool.peek()));
    score_within(scorer, std::span<const Slot>(scratch.fresh).first(count), pool.bound(), scratch.distances.data());
    pool.enter(scratch.distances.data(), scratch.fresh.data(), count);
    if (level == 0) prefetch(graph.lists().base(pool.peek()));
  }
}

/// Leaves the nearest slots on level 0 that `accept` in `scratch.pool`, at most as many as its capacity. Visits
/// further slots until the pool is full and no unvisited one can be nearer, or all were seen.
/// Errors: std::bad_alloc.
template <SlotScorer Scorer, class Accept>
void filtered_beam_search(const HnswGraph& graph, std::span<const Candidate> seeds, const Scorer& scorer,
                          const Accept& accept, WalkScratch& scratch) {
  CandidatePool& passed = scratch.pool;
  std::vector<Candidate>& frontier = scratch.frontier;
  const auto farther = [](const Candidate& a, const Candidate& b) { return b < a; };
  const auto see = [&](float distance, Slot slot) {
    if (!passed.admits(distance)) return;
    frontier.push_back({distance, slot});
    std::push_heap(frontier.begin(), frontier.end(), farther);
    if (accept(slot)) passed.insert(distance, slot);
  };
  frontier.clear();
  for (const Candidate seed : seeds) {
    if (scratch.visited.insert(seed.slot)) see(seed.distance, seed.slot);
  }
  while (!frontier.empty()) {
    std::pop_heap(frontier.begin(), frontier.end(), farther);
    const Candidate nearest = frontier.back();
    frontier.pop_back();
    if (!passed.admits(nearest.distance)) break;
    const std::size_t count = gather_fresh(graph, nearest.slot, 0, scorer, scratch);
    score_within(scorer, std::span<const Slot>(scratch.fresh).first(count), passed.bound(), scratch.distances.data());
    for (std::size_t i = 0; i < count; ++i) see(scratch.distances[i], scratch.fresh[i]);
  }
}

}  // namespace shoal::inline v0::detail
