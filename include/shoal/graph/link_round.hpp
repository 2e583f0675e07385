#pragma once
// Linking several slots at once: a round (arXiv 1603.09320, Algorithm 1, for many). Every slot of a round looks for its
// neighbours in the graph as it was before the round and among the other slots of the round, which are compared
// exactly; then the links back are put in, all those of one target together. What runs on several threads only reads
// the graph and writes to places of its own, so the graph does not depend on how many there are:
//
//   find     in parallel, by slot     nearest candidates on each level, and which of them to link to
//   gather   one thread               the links back, sorted by target; targets whose list would overflow
//   crowd    in parallel, by target   a list that overflows is chosen anew, with room left for what comes later
//   apply    one thread               lists, then parents (tree.hpp), then the entry point
//
// While the graph is small, and many slots are looked for at once, comparing with all slots in blocks is faster than
// walking, and exact: `scans`. The nearest of the graph are candidates even if the round itself has nearer ones enough:
// a cluster that comes as one round would else know only itself.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "shoal/core/workers.hpp"
#include "shoal/graph/beam_search.hpp"
#include "shoal/graph/nearest_slots.hpp"
#include "shoal/graph/round_scratch.hpp"
#include "shoal/graph/select_neighbors.hpp"
#include "shoal/graph/tree.hpp"
#include "shoal/simd/float_kernels.hpp"

namespace shoal::inline v0::detail {

/// Slots that a round may take when `size` are linked. A function of the size alone, so that the graph is one of the
/// order of its slots alone. It grows with the graph: the first slots are searchable soon.
[[nodiscard]] constexpr std::size_t round_size(std::size_t size) noexcept {
  return std::clamp<std::size_t>(size / 4, 64, 1024);
}

/// Does a round of `count` on a graph of `size` compare with all slots rather than walk?
template <class Space>
[[nodiscard]] constexpr bool scans(std::size_t size, std::size_t count) noexcept {
  const std::size_t most = has_fast_blocks<Space> ? 12'288 : 6'144;
  return size + count <= (count < 16 ? 1'500 : most);
}

/// Links that a list keeps when it is chosen anew: fewer than it holds, so that later ones only append. A quarter less
/// loses recall on data without structure (0.897 to 0.886 at ef 100, normal 64-d), an eighth hardly any.
[[nodiscard]] inline std::size_t kept_links(const LinkLists& lists, unsigned level) noexcept {
  const std::size_t capacity = lists.list_capacity(level);
  return capacity - capacity / 8;
}

/// One round over `graph`. Its slots have rows, and lists without links.
template <SlotSpace Space>
class Round {
 public:
  Round(HnswGraph& graph, const Space& space, std::span<const Slot> slots, std::size_t ef_construction,
        RoundScratch& scratch, const Workers& workers) noexcept
      : graph_(graph),
        lists_(graph.lists()),
        space_(space),
        slots_(slots),
        first_(to_index(slots.front())),
        comes_last_(graph.linked() == graph.size() && first_ + slots.size() == graph.size()),
        ef_construction_(ef_construction),
        scratch_(scratch),
        workers_(workers) {}

  /// Errors: std::bad_alloc; the lists of the new slots may then be filled, nothing else changed unless an undo log is
  /// kept, which takes back the rest.
  void link() {
    const std::size_t width = panel_width();
    const std::size_t panels = (slots_.size() + width - 1) / width;
    const std::size_t visited = compares_all() ? 0 : graph_.size();
    list_others();
    while (scratch_.workers.size() < workers_.count()) scratch_.workers.emplace_back();
    for (std::size_t i = 0; i < workers_.count(); ++i) {  // no more walk than there are panels
      scratch_.workers[i].reserve(i < panels ? visited : 0, width, graph_.M(), ef_construction_);
    }
    workers_.for_each(panels, [&](std::size_t worker, std::size_t panel) { find_links(panel * width, width, worker); });
    gather();
    workers_.for_each(scratch_.crowds.size(),
                      [this](std::size_t worker, std::size_t crowd) { choose(crowd, scratch_.workers[worker]); });
    find_orphans();
    for (const RoundScratch::Crowd& crowd : scratch_.crowds) {
      const Edge edge = scratch_.edges[crowd.first_edge];
      graph_.keep_list(edge.target(), edge.level());
    }
    apply();
    std::sort(scratch_.orphans.begin(), scratch_.orphans.end());
    for (const Slot orphan : scratch_.orphans) adopt(graph_, orphan);
    for (const Slot slot : slots_) {
      if (slot != graph_.root()) adopt(graph_, slot);
    }
    adopt_former_root();
    for (const Slot slot : slots_) graph_.promote(slot);
  }

 private:
  /// Slots that were linked before.
  [[nodiscard]] std::size_t others() const noexcept { return graph_.linked() - slots_.size(); }
  [[nodiscard]] bool compares_all() const noexcept { return others() == 0 || scans<Space>(others(), slots_.size()); }
  [[nodiscard]] bool is_new(Slot slot) const noexcept {
    return to_index(slot) >= first_ && (comes_last_ || std::binary_search(slots_.begin(), slots_.end(), slot));
  }
  /// Slots of a panel: fewer in a round that would leave workers without one. What stands beside a slot does not change
  /// what it is linked to.
  [[nodiscard]] std::size_t panel_width() const noexcept {
    return std::min(LinkWorker::panel_slots, (slots_.size() + workers_.count() - 1) / workers_.count());
  }
  /// Which slots a round compares with.
  enum class Part : std::uint8_t { others, round };

  /// Those that all of the round are compared with, if they are not just the slots before it.
  void list_others() {
    std::vector<Slot>& all = scratch_.others;
    all.clear();
    if (!compares_all() || comes_last_) return;
    constexpr std::size_t least = 1'500;  // as many as a single slot is compared with
    const std::size_t wanted = std::max(least, others());
    if (wanted > all.capacity()) all.reserve(wanted == least ? least : std::bit_ceil(wanted));
    for (std::size_t i = 0; i < graph_.size(); ++i) {
      if (graph_.is_linked(to_slot(i)) && !is_new(to_slot(i))) all.push_back(to_slot(i));
    }
  }

  /// A free slot that was taken again may come before the root, and is then the root itself.
  void adopt_former_root() {
    if (others() == 0 || !is_new(graph_.root())) return;
    Slot former = graph_.root();
    while (is_new(former) || !graph_.is_linked(former)) former = to_slot(to_index(former) + 1);
    adopt(graph_, former);
  }

  // ---- find --------------------------------------------------------------------------------------------------------

  /// Links of the slots of one panel, on all their levels.
  void find_links(std::size_t begin, std::size_t width, std::size_t worker_number) const noexcept {
    LinkWorker& worker = scratch_.workers[worker_number];
    const std::span<const Slot> panel = slots_.subspan(begin, std::min(width, slots_.size() - begin));
    const bool scan = compares_all();
    for (std::size_t i = 0; i < panel.size(); ++i) worker.nearest[i].reset(ef_construction_);
    if (scan) {
      compare_with_others(panel, worker);
      for (std::size_t i = 0; i < panel.size(); ++i) worker.nearest[i].keep_aside();
    }
    compare(panel, slots_, worker);
    for (std::size_t i = 0; i < panel.size(); ++i) {
      // The walk comes last: its rows are still in the cache when links are chosen among them.
      if (!scan) walk(walker_for(space_, panel[i], worker_number), 0, worker.nearest[i], worker);
      choose_links(panel[i], 0, worker.nearest[i], worker);
    }

    for (const Slot slot : panel) {
      for (unsigned level = lists_.level_of(slot); level > 0; --level) {
        NearestSlots& nearest = worker.nearest[0];
        nearest.reset(ef_construction_);
        if (scan) {
          compare_on(slot, level, Part::others, nearest, worker);
          nearest.keep_aside();
        }
        compare_on(slot, level, Part::round, nearest, worker);
        if (!scan && level <= graph_.top_level()) walk(walker_for(space_, slot, worker_number), level, nearest, worker);
        choose_links(slot, level, nearest, worker);
      }
    }
  }

  void compare_with_others(std::span<const Slot> panel, LinkWorker& worker) const noexcept {
    if (!comes_last_) return compare(panel, scratch_.others, worker);
    for (std::size_t begin = 0; begin < others(); begin += LinkWorker::block_slots) {
      const std::size_t size = std::min(LinkWorker::block_slots, others() - begin);
      for (std::size_t i = 0; i < size; ++i) worker.block[i] = to_slot(begin + i);
      compare_block(panel, std::span<const Slot>(worker.block).first(size), worker);
    }
  }
  void compare(std::span<const Slot> panel, std::span<const Slot> slots, LinkWorker& worker) const noexcept {
    for (std::size_t begin = 0; begin < slots.size(); begin += LinkWorker::block_slots) {
      const std::size_t size = std::min(LinkWorker::block_slots, slots.size() - begin);
      compare_block(panel, slots.subspan(begin, size), worker);
    }
  }
  void compare_block(std::span<const Slot> panel, std::span<const Slot> block, LinkWorker& worker) const noexcept {
    block_distances(space_, panel, block, worker.distances.data());
    for (std::size_t i = 0; i < panel.size(); ++i) {
      offer(panel[i], block, &worker.distances[i * block.size()], worker.nearest[i]);
    }
  }

  /// Compares a slot with those of one part that reach `level`.
  void compare_on(Slot slot, unsigned level, Part part, NearestSlots& nearest, LinkWorker& worker) const noexcept {
    const auto scorer = space_.scorer_for(slot);
    std::size_t size = 0;
    const auto flush = [&] {
      const std::span<const Slot> block(worker.block.data(), size);
      scorer(block, worker.distances.data());
      offer(slot, block, worker.distances.data(), nearest);
      size = 0;
    };
    lists_.for_each_on(level, [&](Slot other) {
      if (is_new(other) != (part == Part::round) || !graph_.is_linked(other)) return;
      worker.block[size++] = other;
      if (size == LinkWorker::block_slots) flush();
    });
    flush();
  }

  static void offer(Slot slot, std::span<const Slot> others, const float* distances, NearestSlots& nearest) noexcept {
    for (std::uint64_t near = simd::mask_within(distances, others.size(), nearest.limit()); near != 0;
         near &= near - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(near));
      if (others[i] != slot) nearest.offer(distances[i], others[i]);
    }
  }

  /// Offers what a walk to one level finds.
  template <SlotScorer Scorer>
  void walk(const Scorer& scorer, unsigned level, NearestSlots& nearest, LinkWorker& worker) const noexcept {
    const Candidate start{score(scorer, graph_.entry()), graph_.entry()};
    const Candidate seed = descend(graph_, start, level, scorer, worker.walk);
    worker.walk.visited.clear();
    worker.walk.pool.reset(ef_construction_);
    beam_search(graph_, level, std::span<const Candidate>(&seed, 1), scorer, worker.walk);
    const CandidatePool& found = worker.walk.pool;
    const std::size_t sure = std::min({NearestSlots::most_aside, ef_construction_, found.size()});
    for (std::size_t i = 0; i < sure; ++i) nearest.offer_for_sure(found[i].distance, found[i].slot);
    for (std::size_t i = sure; i < found.size(); ++i) nearest.offer(found[i].distance, found[i].slot);
  }

  /// Links that a new slot asks for: M, and a quarter more on level 0, which pays for the room that lists keep.
  [[nodiscard]] std::size_t wanted_links(unsigned level) const noexcept {
    return level == 0 ? graph_.M() + graph_.M() / 4 : graph_.M();
  }

  /// Writes the list of a new slot.
  void choose_links(Slot slot, unsigned level, NearestSlots& found, LinkWorker& worker) const noexcept {
    std::vector<Candidate>& candidates = worker.candidates;
    found.take(worker.sorted, candidates);
    const std::size_t chosen = select_neighbors(std::span<Candidate>(candidates), wanted_links(level), space_);
    worker.chosen.clear();
    for (std::size_t i = 0; i < chosen; ++i) worker.chosen.push_back(candidates[i].slot);
    graph_.lists().assign(slot, level, worker.chosen);
  }

  // ---- gather ------------------------------------------------------------------------------------------------------

  /// The links back that are not there yet, and the lists that they overflow.
  void gather() {
    std::vector<Edge>& edges = scratch_.edges;
    edges.clear();
    edges.reserve(slots_.size() * (wanted_links(0) + 2));  // and a little more now and then, for the upper levels
    for (std::size_t source = 0; source < slots_.size(); ++source) {
      const Slot slot = slots_[source];
      for (unsigned level = 0; level <= lists_.level_of(slot); ++level) {
        lists_.for_each(slot, level, [&](Slot target) {
          if (!is_new(target) || !lists_.contains(target, level, slot)) edges.emplace_back(level, target, source);
        });
      }
    }
    std::sort(edges.begin(), edges.end());
    scratch_.crowds.clear();
    for_each_target([this](std::size_t first, std::size_t count) {
      const Edge edge = scratch_.edges[first];
      if (lists_.count(edge.target(), edge.level()) + count <= lists_.list_capacity(edge.level())) return;
      scratch_.crowds.push_back({first, count, 0});
    });
    scratch_.slots.resize(scratch_.crowds.size() * 2 * graph_.M());
    std::size_t most = 0;
    for (const RoundScratch::Crowd& crowd : scratch_.crowds) most = std::max(most, crowd.edges);
    for (LinkWorker& worker : std::span(scratch_.workers).first(workers_.count())) {
      worker.candidates.reserve(2 * graph_.M() + most);
      if (worker.block.size() < 2 * graph_.M() + most) worker.block.resize(2 * graph_.M() + most);
      if (worker.distances.size() < 2 * graph_.M() + most) worker.distances.resize(2 * graph_.M() + most);
    }
  }

  /// Calls visit(first edge, number of edges) for each list that gets links.
  template <class Visit>
  void for_each_target(const Visit& visit) const {
    const std::vector<Edge>& edges = scratch_.edges;
    for (std::size_t first = 0, end = 0; first < edges.size(); first = end) {
      while (end < edges.size() && edges[end].same_list(edges[first])) ++end;
      visit(first, end - first);
    }
  }

  // ---- crowd -------------------------------------------------------------------------------------------------------

  /// What the list of a crowd becomes.
  void choose(std::size_t position, LinkWorker& worker) const noexcept {
    RoundScratch::Crowd& crowd = scratch_.crowds[position];
    const Edge edge = scratch_.edges[crowd.first_edge];
    const Slot target = edge.target();
    std::size_t size = lists_.read(target, edge.level(), worker.block.data());
    for (std::size_t i = 0; i < crowd.edges; ++i) {
      worker.block[size++] = slots_[scratch_.edges[crowd.first_edge + i].source()];
    }
    space_.scorer_for(target)(std::span<const Slot>(worker.block).first(size), worker.distances.data());
    worker.candidates.clear();
    for (std::size_t i = 0; i < size; ++i) worker.candidates.push_back({worker.distances[i], worker.block[i]});
    std::sort(worker.candidates.begin(), worker.candidates.end());
    crowd.chosen = select_neighbors(std::span<Candidate>(worker.candidates), kept_links(lists_, edge.level()), space_);
    Slot* const chosen = &scratch_.slots[position * 2 * graph_.M()];
    for (std::size_t i = 0; i < crowd.chosen; ++i) chosen[i] = worker.candidates[i].slot;
  }

  [[nodiscard]] std::span<const Slot> chosen_by(std::size_t position) const noexcept {
    return std::span<const Slot>(scratch_.slots).subspan(position * 2 * graph_.M(), scratch_.crowds[position].chosen);
  }

  // ---- apply -------------------------------------------------------------------------------------------------------

  /// Slots that their parents are about to drop.
  void find_orphans() {
    scratch_.orphans.clear();
    for (std::size_t i = 0; i < scratch_.crowds.size(); ++i) {
      const Edge edge = scratch_.edges[scratch_.crowds[i].first_edge];
      if (edge.level() != 0) continue;
      const std::span<const Slot> chosen = chosen_by(i);
      lists_.for_each(edge.target(), 0, [&](Slot link) {
        if (lists_.parent(link) != edge.target()) return;
        if (std::find(chosen.begin(), chosen.end(), link) == chosen.end()) scratch_.orphans.push_back(link);
      });
    }
  }

  void apply() noexcept {
    std::size_t crowd = 0;
    for_each_target([&](std::size_t first, std::size_t count) {
      const Edge edge = scratch_.edges[first];
      if (crowd < scratch_.crowds.size() && scratch_.crowds[crowd].first_edge == first) {
        graph_.lists().assign(edge.target(), edge.level(), chosen_by(crowd++));
        return;
      }
      std::size_t place = lists_.count(edge.target(), edge.level());
      for (std::size_t i = 0; i < count; ++i) {
        graph_.lists().put(edge.target(), edge.level(), place++, slots_[scratch_.edges[first + i].source()]);
      }
    });
  }

  HnswGraph& graph_;
  const LinkLists& lists_;
  const Space& space_;
  std::span<const Slot> slots_;
  std::size_t first_;  // the first of them
  bool comes_last_;    // no slot is free, and none but those of the round comes after the first of them
  std::size_t ef_construction_;
  RoundScratch& scratch_;
  const Workers& workers_;
};

/// Links slots whose rows are there. *Shape*: free slots, or the next ones; in order. Errors: std::bad_alloc; nothing
/// changed, but where an undo log is kept, which must then be used.
template <SlotSpace Space>
void link_round(HnswGraph& graph, const Space& space, std::span<const Slot> slots, std::size_t ef_construction,
                RoundScratch& scratch, const Workers& workers) {
  if (slots.empty()) return;
  struct TakeBack {  // where no log is kept, nothing fails once something links to the slots
    HnswGraph& graph;
    std::span<const Slot> slots;
    std::size_t size;
    bool is_armed;
    ~TakeBack() {
      if (is_armed) graph.take_back(slots, size);
    }
  } take_back{graph, slots, graph.size(), !graph.keeps_undo()};
  for (const Slot slot : slots) graph.add(slot);
  Round<Space>(graph, space, slots, ef_construction, scratch, workers).link();
  take_back.is_armed = false;
}

}  // namespace shoal::inline v0::detail
