#pragma once
// A walk on level 0 that a stop condition of the caller's steers: which points are kept, and when it ends. It begins as
// every search does, where the descent ends and at the root, from which all can be reached; then it follows the nearest
// point whose links it did not follow yet.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <limits>
#include <queue>
#include <span>
#include <utility>
#include <vector>

#include "shoal/compat/hnswlib/interfaces.hpp"
#include "shoal/compat/hnswlib/point_index.hpp"
#include "shoal/core/slot.hpp"
#include "shoal/graph/beam_search.hpp"
#include "shoal/index/structure.hpp"

namespace shoal::inline v0::detail {

/// Memory of such a walk, which the next one finds again.
struct StopWalkScratch {
  explicit StopWalkScratch(const PointRows& rows) : query(rows) {}
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return query.memory_bytes() + walk.memory_bytes(); }
  PointRows::QueryBuffer query;
  WalkScratch walk;
};

template <class dist_t>
class StopWalk {
  using Found = std::pair<dist_t, Slot>;
  using Results = std::vector<std::pair<dist_t, hnswlib::labeltype>>;

 public:
  /// `distance`, `parameter`: the space's. The caller holds the guard of reading.
  StopWalk(const PointGraphIndex& index, hnswlib::DISTFUNC<dist_t> distance, const void* parameter,
           hnswlib::BaseSearchStopCondition<dist_t>& stop, StopWalkScratch& scratch) noexcept
      : index_(index), distance_(distance), parameter_(parameter), stop_(stop), scratch_(scratch) {}

  /// What is kept in the end, nearest first. `passes(label)`: may it be? Errors: std::bad_alloc; what `passes` and the
  /// condition throw.
  template <class Passes>
  [[nodiscard]] Results run(const void* query, const Passes& passes) {
    const auto& rows = index_.entries().rows();
    const HnswGraph& graph = index_.structure().graph();
    WalkScratch& walk = scratch_.walk;
    const Slot entry = graph.entry();
    if (entry == HnswGraph::no_slot) return {};
    const Slot root = graph.root();
    walk.visited.clear();
    walk.reserve(graph.size(), 2 * graph.M());  // asked after the entry point, so that this is one of them
    const RowScorer<PointRows> scorer{&rows, rows.prepare(index_.as_vector(query), scratch_.query)};
    const Slot start = descend(graph, {score(scorer, entry), entry}, 0, scorer, walk).slot;
    for (const Slot seed : {start, root}) {
      if (walk.visited.insert(seed)) offer_all(std::span(&seed, 1), query, scorer, passes, true);
    }
    while (!open_.empty() && !stop_.should_stop_search(open_.top().first, worst())) {
      const Slot slot = open_.top().second;
      open_.pop();
      const std::size_t count = gather_fresh(graph, slot, 0, scorer, walk);
      offer_all(std::span<const Slot>(walk.fresh).first(count), query, scorer, passes, false);
    }
    return results();
  }

 private:
  [[nodiscard]] dist_t worst() const { return kept_.empty() ? std::numeric_limits<dist_t>::max() : kept_.top().first; }
  [[nodiscard]] const std::byte* point(Slot slot) const noexcept { return index_.entries().rows().point(slot); }

  /// Scores slots, and lets the condition say which of them are followed and kept.
  template <class Passes>
  void offer_all(std::span<const Slot> slots, const void* query, const RowScorer<PointRows>& scorer,
                 const Passes& passes, bool are_seeds) {
    WalkScratch& walk = scratch_.walk;
    if constexpr (std::same_as<dist_t, float>) scorer(slots, walk.distances.data());
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const Slot slot = slots[i];
      dist_t distance;
      if constexpr (std::same_as<dist_t, float>) {
        distance = walk.distances[i];
      } else {
        distance = distance_(query, point(slot), parameter_);
      }
      if (!are_seeds && !stop_.should_consider_candidate(distance, worst())) continue;
      open_.emplace(distance, slot);
      if (index_.entries().is_live(slot) && passes(index_.entries().id_of(slot))) keep({distance, slot});
      while (!kept_.empty() && stop_.should_remove_extra()) drop_farthest();
    }
  }
  void keep(const Found& found) {
    kept_.push(found);
    stop_.add_point_to_result(index_.entries().id_of(found.second), point(found.second), found.first);
  }
  void drop_farthest() {
    const Found found = kept_.top();
    kept_.pop();
    stop_.remove_point_from_result(index_.entries().id_of(found.second), point(found.second), found.first);
  }

  [[nodiscard]] Results results() {
    Results results;
    results.reserve(kept_.size());
    for (; !kept_.empty(); kept_.pop()) {
      results.emplace_back(kept_.top().first, index_.entries().id_of(kept_.top().second));
    }
    std::sort(results.begin(), results.end());
    stop_.filter_results(results);
    return results;
  }

  const PointGraphIndex& index_;
  hnswlib::DISTFUNC<dist_t> distance_;
  const void* parameter_;
  hnswlib::BaseSearchStopCondition<dist_t>& stop_;
  StopWalkScratch& scratch_;
  std::priority_queue<Found, std::vector<Found>, std::greater<>> open_;  // the nearest on top
  std::priority_queue<Found> kept_;                                      // the farthest on top
};

}  // namespace shoal::inline v0::detail
