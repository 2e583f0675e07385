#pragma once
// What an index searches by. A structure knows slots, and vectors only through their rows; ids, batches, errors and the
// duties of storage are VectorIndex's. Two models: HnswStructure (a graph) and FlatStructure (none: every row is
// compared).

#include <concepts>
#include <cstddef>
#include <vector>

#include "shoal/core/slot.hpp"
#include "shoal/graph/beam_search.hpp"
#include "shoal/graph/check.hpp"
#include "shoal/index/index_stats.hpp"
#include "shoal/index/memory_usage.hpp"
#include "shoal/storage/storage.hpp"

namespace shoal::inline v0::detail {

/// A query bound to the rows it is compared with.
template <VectorRows Rows>
struct RowScorer {
  const Rows* rows;
  typename Rows::Query query;

  void operator()(std::span<const Slot> slots, float* out) const noexcept { rows->distances(query, slots, out); }
  void prefetch(Slot slot) const noexcept { rows->prefetch(slot); }
};

/// The rows as the graph sees them.
template <VectorRows Rows>
struct RowSpace {
  const Rows* rows;

  [[nodiscard]] RowScorer<Rows> scorer_for(Slot slot) const noexcept { return {rows, rows->query_for(slot)}; }
};

/// Every slot passes: searches with it take the plain path.
struct AcceptAll {
  bool operator()(Slot) const noexcept { return true; }
};

/// What a search wants: the `k` best, from a walk that keeps `ef`, at least k. Both are at most the slots there are.
struct SearchSize {
  std::size_t k;
  std::size_t ef;
};

/// Working memory of one search.
struct StructureScratch {
  WalkScratch walk;
  std::vector<Candidate> found;  // the result of a search, in no order

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return walk.memory_bytes() + found.capacity() * sizeof(Candidate);
  }
};

/// - `S(config)`: empty. - `reserve(n)`: room to link slots below n; the only function of the write path that
///   allocates. - `link_next(rows)`: makes slot size() findable; its row is written.
/// - `begin_undo`, `commit`, `roll_back`: link_next may then throw std::bad_alloc, and is taken back as a whole.
/// - `check(report)`, `add_stats(stats)`: what is wrong with it, and its counts.
/// - `search`: puts into `scratch.found` at least the k best accepted slots by `before` that it can find, all of them
///   when there are fewer.
// clang-format off
template <class S, class Rows>
concept IndexStructure = VectorRows<Rows> && std::movable<S> &&
    requires(S structure, const S& view, const Rows& rows, const RowScorer<Rows>& scorer, std::size_t n,
             SearchSize size, StructureScratch& scratch, AcceptAll accept, MemoryUsage& usage, CheckReport& report,
             IndexStats& stats,
             bool (*before)(const Candidate&, const Candidate&)) {
      structure.reserve(n);
      structure.link_next(rows);
      structure.begin_undo();
      { structure.commit() } noexcept;
      { structure.roll_back() } noexcept;
      { view.size() } noexcept -> std::same_as<std::size_t>;
      view.search(scorer, size, accept, before, scratch);
      view.check(report);
      view.add_stats(stats);
      { view.add_memory(usage) } noexcept;
      { view.clone() } -> std::same_as<S>;
    };
// clang-format on

}  // namespace shoal::inline v0::detail
