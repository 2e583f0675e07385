#pragma once
// What an index searches by. A structure knows slots, and vectors only through their rows; ids, batches, errors and the
// duties of storage are VectorIndex's. Two models: HnswStructure (a graph) and FlatStructure (none: every row is
// compared).

#include <concepts>
#include <cstddef>
#include <vector>

#include "shoal/core/readers.hpp"
#include "shoal/core/slot.hpp"
#include "shoal/core/workers.hpp"
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

  static constexpr bool has_sketches = SketchedRows<Rows>;
  static constexpr std::size_t prefetched_first = has_sketches ? ~std::size_t{0} : 1;

  void operator()(std::span<const Slot> slots, float* out) const noexcept { rows->distances(query, slots, out); }
  void within(std::span<const Slot> slots, float bound, float* out) const noexcept requires has_sketches {
    rows->distances_within(query, slots, bound, out);
  }
  void prefetch(Slot slot) const noexcept {
    if constexpr (has_sketches) {
      rows->prefetch_sketch(slot);
    } else {
      rows->prefetch(slot);
    }
  }
};

/// A query bound to rows, by the distances that rank.
template <class Rows>
struct RankScorer {
  const Rows* rows;
  typename Rows::Query query;

  void operator()(std::span<const Slot> slots, float* out) const noexcept { rows->rank(query, slots, out); }
  void prefetch(Slot) const noexcept {}
};

/// The rows as the graph sees them. `buffers`: one for each worker that walks.
template <VectorRows Rows>
struct RowSpace {
  const Rows* rows;
  std::span<typename Rows::QueryBuffer> buffers{};

  static constexpr bool has_fast_blocks = BlockRows<Rows> && !SketchedRows<Rows>;

  [[nodiscard]] RowScorer<Rows> scorer_for(Slot slot) const noexcept { return {rows, rows->query_for(slot)}; }
  [[nodiscard]] RowScorer<Rows> walker_for(Slot slot,
                                           std::size_t worker) const noexcept requires RowScorer<Rows>::has_sketches {
    return {rows, rows->prepare_kept(slot, buffers[worker])};
  }
  void block_distances(std::span<const Slot> a, std::span<const Slot> b,
                       float* out) const noexcept requires BlockRows<Rows> {
    rows->block_distances(a, b, out);
  }
};

/// What searching needs.
///
/// - `linked()`: how many slots are findable.
/// - `is_walked`: whether linking and searching compare some rows, rather than none and all.
/// - `check(report)`, `add_stats(stats)`: what is wrong with it, and its counts.
/// - `walk(scorer, ef, scratch)`, where it is walked: leaves the ef nearest slots that it can find in
///   `scratch.pool`; all there are when they are no more. Slots that are linked meanwhile may be among them or not.
// clang-format off
template <class S, class Rows>
concept SearchedStructure =
    VectorRows<Rows> && std::movable<S> &&
    requires(const S& view, const RowScorer<Rows>& scorer, std::size_t n, WalkScratch& scratch, MemoryUsage& usage,
             CheckReport& report, IndexStats& stats) {
      { S::is_walked } -> std::convertible_to<bool>;
      { view.linked() } noexcept -> std::same_as<std::size_t>;
      requires !S::is_walked || requires { view.walk(scorer, n, scratch); };
      view.check(report);
      view.add_stats(stats);
      { view.add_memory(usage) } noexcept;
      { view.add_estimate_for(usage, n) } noexcept;
    };
// clang-format on

/// What changing needs besides. One thread changes it while others search: what they may be reading is written again
/// only after they have ended.
///
/// - `S(config)`: empty. - `reserve(n)`: room for slots below n.
/// - `set_readers(readers)`: those who search; it waits for them before slots that `unlink` or `roll_back` took away
///   can be written again.
/// - `link(rows, slots, workers, buffers)`: makes slots findable, the next ones or such as were unlinked, in order;
///   their rows are written. Throws std::bad_alloc, and then nothing changed, unless it can be taken back. The outcome
///   does not depend on the workers. What was linked and taken back can be linked again without more memory. `buffers`:
///   one for each worker if rows have sketches.
/// - `unlink(rows, slots, workers)`: they are not findable any more. Throws std::bad_alloc, nothing changed. Cannot be
///   taken back.
/// - `renumber(to)`: findable slots move to `to[slot]`, in order, so that they are 0 .. linked() - 1; gives memory
///   back. Nobody searches.
/// - `end_batch()`: nothing is linked for now; working memory may go. - `round_size()`: how many slots it would like to
///   link at once now.
/// - `begin_undo`, `commit`, `roll_back`: what was linked since can be taken back, in a clone too.
// clang-format off
template <class S, class Rows>
concept IndexStructure =
    SearchedStructure<S, Rows> &&
    requires(S structure, const S& view, const Rows& rows, std::size_t n, std::span<const Slot> slots,
             const Workers& workers, Readers* readers, std::span<typename Rows::QueryBuffer> buffers) {
      structure.reserve(n);
      { structure.set_readers(readers) } noexcept;
      structure.link(rows, slots, workers, buffers);
      structure.unlink(rows, slots, workers);
      { structure.renumber(slots) } noexcept;
      { view.round_size() } noexcept -> std::same_as<std::size_t>;
      { structure.end_batch() } noexcept;
      structure.begin_undo();
      { structure.commit() } noexcept;
      { structure.roll_back() } noexcept;
      { view.clone() } -> std::same_as<S>;
    };
// clang-format on

}  // namespace shoal::inline v0::detail
