#pragma once
// The graph as a structure to search by: joins graph/ to rows.

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "shoal/graph/link_round.hpp"
#include "shoal/graph/unlink.hpp"
#include "shoal/index/config.hpp"
#include "shoal/index/structure.hpp"

namespace shoal::inline v0::detail {

class HnswStructure {
 public:
  static constexpr bool is_walked = true;

  explicit HnswStructure(const HnswConfig& config) noexcept
      : graph_(config.M, config.seed), ef_construction_(std::max(config.ef_construction, config.M)) {}

  void reserve(std::size_t slots) { graph_.reserve(slots); }
  [[nodiscard]] std::size_t round_size() const noexcept { return detail::round_size(graph_.linked()); }
  template <VectorRows Rows>
  void link(const Rows& rows, std::span<const Slot> slots, const Workers& workers,
            std::span<typename Rows::QueryBuffer> buffers) {
    link_round(graph_, RowSpace<Rows>{&rows, buffers}, slots, ef_construction_, scratch_, workers);
  }
  template <VectorRows Rows>
  void unlink(const Rows& rows, std::span<const Slot> slots, const Workers& workers) {
    detail::unlink(graph_, RowSpace<Rows>{&rows}, slots, scratch_, workers);
  }
  /// Gives back the memory of large rounds; that of small ones waits for the next.
  void end_batch() noexcept {
    if (scratch_.edges.capacity() > 64 * 2 * graph_.M() || scratch_.workers.size() > 1) scratch_ = RoundScratch();
  }
  void begin_undo() { graph_.begin_undo(); }
  void commit() noexcept { graph_.commit(); }
  void roll_back() noexcept { graph_.roll_back(); }
  [[nodiscard]] std::size_t linked() const noexcept { return graph_.linked(); }

  /// Errors: std::bad_alloc.
  template <SlotScorer Scorer, class Accept, class Before>
  void search(const Scorer& scorer, SearchSize wanted, const Accept& accept, const Before&,
              StructureScratch& scratch) const {
    if (graph_.linked() == 0) return;
    WalkScratch& walk = scratch.walk;
    walk.visited.clear();
    walk.reserve(graph_.size(), 2 * graph_.M());
    walk.pool.reset(wanted.ef);
    // From the root every slot can be reached: it is a seed besides the place where the descent ends.
    std::array<Candidate, 2> seeds{Candidate{score(scorer, graph_.entry()), graph_.entry()},
                                   Candidate{score(scorer, graph_.root()), graph_.root()}};
    seeds[0] = descend(graph_, seeds[0], 0, scorer, walk);
    if constexpr (std::same_as<Accept, AcceptAll>) {
      beam_search(graph_, 0, seeds, scorer, walk);
    } else {
      filtered_beam_search(graph_, seeds, scorer, accept, walk);
    }
    // The k nearest, and what ties with the last of them: ids decide between those.
    for (std::size_t i = 0; i < walk.pool.size(); ++i) {
      const Candidate candidate = walk.pool[i];
      if (i >= wanted.k && candidate.distance != scratch.found.back().distance) break;
      scratch.found.push_back(candidate);
    }
  }

  /// Verifies every invariant of the graph.
  void check(CheckReport& report) const { report = check_graph(graph_); }
  void add_stats(IndexStats& stats) const {
    stats.levels.resize(graph_.linked() == 0 ? 0 : graph_.top_level() + 1);
    for (std::size_t i = 0; i < graph_.size(); ++i) {
      if (!graph_.is_linked(to_slot(i))) continue;
      for (unsigned level = 0; level <= graph_.lists().level_of(to_slot(i)); ++level) {
        stats.levels[level].slots += 1;
        stats.levels[level].links += graph_.lists().count(to_slot(i), level);
      }
    }
  }

  void add_memory(MemoryUsage& usage) const noexcept {
    usage.links += graph_.lists().base_bytes();
    usage.upper_links += graph_.lists().upper_bytes();
    usage.scratch += scratch_.memory_bytes();
  }

  static void add_estimate(MemoryUsage& usage, const HnswConfig& config, std::size_t slots) noexcept {
    usage.links += LinkLists::estimate_base_bytes(config.M, slots);
    usage.upper_links += LinkLists::estimate_upper_bytes(config.M, slots);
  }

  [[nodiscard]] HnswStructure clone() const { return HnswStructure(graph_.clone(), ef_construction_); }

 private:
  HnswStructure(HnswGraph graph, std::size_t ef_construction) noexcept
      : graph_(std::move(graph)), ef_construction_(ef_construction) {}

  HnswGraph graph_;
  std::size_t ef_construction_;
  RoundScratch scratch_;
};

}  // namespace shoal::inline v0::detail
