#pragma once
// The graph as a structure to search by: joins graph/ to rows.

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "shoal/graph/link_round.hpp"
#include "shoal/graph/unlink.hpp"
#include "shoal/index/config.hpp"
#include "shoal/index/structure.hpp"

namespace shoal::inline v0::detail {

class HnswStructure {
 public:
  static constexpr bool is_walked = true;
  static constexpr std::string_view name = "hnsw";  // in files

  explicit HnswStructure(const HnswConfig& config) noexcept
      : graph_(config.M, config.seed), ef_construction_(std::max(config.ef_construction, config.M)) {}

  /// Whom to wait for before what was taken away is used again.
  void set_readers(Readers* readers) noexcept { graph_.set_readers(readers); }

  /// What is searched by, for who walks it in another way, or fills it with a graph that was made elsewhere.
  [[nodiscard]] const HnswGraph& graph() const noexcept { return graph_; }
  [[nodiscard]] HnswGraph& graph() noexcept { return graph_; }

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
  void renumber(std::span<const Slot> to) noexcept {
    graph_.renumber(to);
    scratch_ = RoundScratch();
  }
  /// Gives back the memory of large rounds, and of many workers; what is small beside the links waits for the next.
  void end_batch() noexcept {
    const bool was_large = scratch_.edges.capacity() > 64 * 2 * graph_.M();
    const bool was_wide = scratch_.workers.size() > 1 && 4 * scratch_.memory_bytes() > graph_.lists().base_bytes();
    if (was_large || was_wide) scratch_ = RoundScratch();
  }
  void begin_undo() { graph_.begin_undo(); }
  void commit() noexcept { graph_.commit(); }
  void roll_back() noexcept { graph_.roll_back(); }
  [[nodiscard]] std::size_t linked() const noexcept { return graph_.linked(); }

  /// Leaves the `ef` nearest in `walk.pool`. Errors: std::bad_alloc.
  template <SlotScorer Scorer>
  void walk(const Scorer& scorer, std::size_t ef, WalkScratch& walk) const {
    walk.pool.reset(ef);
    const Slot entry = graph_.entry();
    if (entry == HnswGraph::no_slot) return;
    const Slot root = graph_.root();
    walk.visited.clear();
    walk.reserve(graph_.size(), 2 * graph_.M());  // asked after the entry point, so that this is one of them
    // From the root every slot can be reached: it is a seed besides the place where the descent ends.
    std::array<Candidate, 2> seeds{Candidate{score(scorer, entry), entry}, Candidate{score(scorer, root), root}};
    seeds[0] = descend(graph_, seeds[0], 0, scorer, walk);
    beam_search(graph_, 0, seeds, scorer, walk);
  }

  /// Verifies every invariant of the graph.
  void check(CheckReport& report) const { report = check_graph(graph_); }
  void add_stats(IndexStats& stats) const {
    stats.levels.resize(graph_.linked() == 0 ? 0 : graph_.top_level() + 1);
    for (std::size_t i = 0; i < graph_.size(); ++i) {
      if (!graph_.is_linked(to_slot(i))) continue;
      for (unsigned level = 0; level <= graph_.lists().level_of(to_slot(i)); ++level) {
        if (level >= stats.levels.size()) stats.levels.resize(level + 1);  // of a mapped file that is damaged
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

  /// What a structure like this one would take for so many slots.
  void add_estimate_for(MemoryUsage& usage, std::size_t slots) const noexcept {
    usage.links += LinkLists::estimate_base_bytes(graph_.M(), slots);
    usage.upper_links += LinkLists::estimate_upper_bytes(graph_.M(), slots);
  }
  static void add_estimate(MemoryUsage& usage, const HnswConfig& config, std::size_t slots) noexcept {
    HnswStructure(config).add_estimate_for(usage, slots);
  }

  template <OutArchive Out>
  void save(Out& out) const {
    graph_.save(out);
  }
  /// As HnswGraph's. Errors: std::bad_alloc.
  template <InArchive In>
  [[nodiscard]] bool load(In& in, std::size_t slots, const SlotSet& free, std::size_t free_count) {
    return graph_.load(in, slots, free, free_count);
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
