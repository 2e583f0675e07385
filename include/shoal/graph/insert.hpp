#pragma once
// Linking one slot into the graph (arXiv 1603.09320, Algorithm 1), and the tree that keeps every slot reachable.
//
// Pruning alone loses slots: when each neighbour of a slot finds something better, nothing links to it any more (115 of
// 20,000 text vectors in hnswlib's graph). Here every slot but slot 0 has a parent: an earlier slot whose link to it is
// marked as a child link and survives all pruning. Parents come earlier than their children, so the child links form a
// tree from slot 0 over all slots. A slot has at most M children, so half of its list stays free for the best links.
//
// Linking allocates nothing: `HnswGraph::reserve` and `InsertScratch::reserve` came before.

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "shoal/graph/beam_search.hpp"
#include "shoal/graph/select_neighbors.hpp"

namespace shoal::inline v0::detail {

/// Memory of insertion, kept from one slot to the next.
struct InsertScratch {
  WalkScratch walk;
  std::vector<LinkCandidate> candidates;  // of the new slot
  std::vector<LinkCandidate> crowd;       // of a full list that one more link asks into

  /// How many of the nearest copies have their links looked at when a walk found nothing but copies.
  static constexpr std::size_t copies_followed = 4;

  /// Room to link a slot into a graph of `slots`. Errors: std::bad_alloc.
  void reserve(std::size_t slots, std::size_t M, std::size_t ef_construction) {
    walk.reserve(slots, 2 * M);
    walk.pool.reset(ef_construction);
    candidates.reserve(ef_construction + copies_followed * 2 * M);
    crowd.reserve(2 * M + 1);
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return walk.memory_bytes() + (candidates.capacity() + crowd.capacity()) * sizeof(LinkCandidate);
  }
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t slots, std::size_t M,
                                                  std::size_t ef_construction) noexcept {
    const std::size_t marks = (slots + 63) / 64 * (sizeof(std::uint64_t) + sizeof(std::uint32_t));
    const std::size_t chosen = ef_construction + copies_followed * 2 * M + 2 * M + 1;
    return marks + ef_construction * sizeof(Candidate) + 2 * M * (sizeof(Slot) + sizeof(float)) +
           chosen * sizeof(LinkCandidate);
  }
};

[[nodiscard]] inline std::size_t count_children(std::span<const Link> links) noexcept {
  return static_cast<std::size_t>(std::count_if(links.begin(), links.end(), [](Link link) { return link.is_child(); }));
}

/// Adds the link from -> to, at `distance`. A full list chooses anew among its links and this one; a child link is kept
/// in any case.
template <SlotSpace Space>
void connect(HnswGraph& graph, unsigned level, Slot from, Slot to, float distance, bool child, const Space& space,
             InsertScratch& scratch) {
  const std::span<Link> places = graph.edit(from, level);
  const std::span<const Link> links = graph.lists().links(from, level);
  if (links.size() < places.size()) {
    places[links.size()] = Link::to(to, child);
    return;
  }
  std::vector<LinkCandidate>& crowd = scratch.crowd;
  std::transform(links.begin(), links.end(), scratch.walk.fresh.begin(), [](Link link) { return link.slot(); });
  space.scorer_for(from)(std::span<const Slot>(scratch.walk.fresh).first(links.size()), scratch.walk.distances.data());
  crowd.clear();
  for (std::size_t i = 0; i < links.size(); ++i) {
    crowd.push_back({scratch.walk.distances[i], links[i].slot(), links[i].is_child()});
  }
  crowd.push_back({distance, to, child});
  std::sort(crowd.begin(), crowd.end());
  const std::size_t kept = select_neighbors(std::span<LinkCandidate>(crowd), places.size(), space);
  for (std::size_t i = 0; i < places.size(); ++i) {
    places[i] = i < kept ? Link::to(crowd[i].slot, crowd[i].child) : Link::none();
  }
}

/// Adds to the candidates the neighbours of the nearest ones. For a walk that found only copies of the new slot: their
/// links lead out, and the new slot needs some of those too.
template <SlotScorer Scorer>
void follow_copies(const HnswGraph& graph, unsigned level, const Scorer& scorer, InsertScratch& scratch) noexcept {
  std::vector<LinkCandidate>& candidates = scratch.candidates;
  const float copy_distance = candidates.front().distance;
  const std::size_t copies = std::min(InsertScratch::copies_followed, candidates.size());
  for (std::size_t copy = 0; copy < copies; ++copy) {
    const std::span<const Link> links = graph.lists().links(candidates[copy].slot, level);
    std::transform(links.begin(), links.end(), scratch.walk.fresh.begin(), [](Link link) { return link.slot(); });
    scorer(std::span<const Slot>(scratch.walk.fresh).first(links.size()), scratch.walk.distances.data());
    for (std::size_t i = 0; i < links.size(); ++i) {
      if (scratch.walk.distances[i] == copy_distance) continue;
      candidates.push_back({scratch.walk.distances[i], links[i].slot()});
    }
  }
  std::sort(candidates.begin(), candidates.end());
  const auto same = [](const LinkCandidate& a, const LinkCandidate& b) { return a.slot == b.slot; };
  candidates.erase(std::unique(candidates.begin(), candidates.end(), same), candidates.end());
}

/// The parent of a new slot: the nearest chosen neighbour with fewer than M children, else the nearest candidate of
/// the walk, else a descendant of the nearest one: children are fewer than slots, so the way down ends.
template <SlotScorer Scorer>
[[nodiscard]] LinkCandidate find_parent(const HnswGraph& graph, Slot slot, std::span<const LinkCandidate> chosen,
                                        const CandidatePool& pool, const Scorer& scorer) noexcept {
  const auto has_room = [&](Slot s) { return count_children(graph.lists().links(s, 0)) < graph.M(); };
  for (const LinkCandidate& neighbor : chosen) {
    if (has_room(neighbor.slot)) return neighbor;
  }
  for (std::size_t i = 0; i < pool.size(); ++i) {
    if (has_room(pool[i].slot)) return {pool[i].distance, pool[i].slot};
  }
  Slot parent = pool[0].slot;
  for (std::uint64_t turn = mix64(to_index(slot)); !has_room(parent); turn = mix64(turn)) {
    std::size_t skip = turn % graph.M();
    for (const Link link : graph.lists().links(parent, 0)) {
      if (link.is_child() && skip-- == 0) {
        parent = link.slot();
        break;
      }
    }
  }
  return {score(scorer, parent), parent};
}

/// Links the next slot, whose row is there. Errors: std::bad_alloc while the graph keeps an undo log, else none.
template <SlotSpace Space>
void insert_next(HnswGraph& graph, const Space& space, std::size_t ef_construction, InsertScratch& scratch) {
  const bool first = graph.size() == 0;
  const unsigned top_level = graph.top_level();
  const Slot slot = graph.add();
  if (first) return graph.promote(slot);

  const unsigned slot_level = graph.lists().level_of(slot);
  const auto scorer = space.scorer_for(slot);
  WalkScratch& walk = scratch.walk;
  Candidate seed{score(scorer, graph.entry()), graph.entry()};
  seed = descend(graph, seed, std::min(slot_level, top_level), scorer, walk);

  for (unsigned level = std::min(slot_level, top_level) + 1; level-- > 0;) {
    walk.visited.clear();
    walk.pool.reset(ef_construction);
    beam_search(graph, level, std::span<const Candidate>(&seed, 1), scorer, walk);
    seed = walk.pool[0];

    std::vector<LinkCandidate>& candidates = scratch.candidates;
    candidates.clear();
    for (std::size_t i = 0; i < walk.pool.size(); ++i) candidates.push_back({walk.pool[i].distance, walk.pool[i].slot});
    if (candidates.front().distance == candidates.back().distance) follow_copies(graph, level, scorer, scratch);
    candidates.resize(select_neighbors(std::span<LinkCandidate>(candidates), graph.M(), space), LinkCandidate{});

    const std::span<Link> places = graph.edit(slot, level);
    std::transform(candidates.begin(), candidates.end(), places.begin(),
                   [](const LinkCandidate& c) { return Link::to(c.slot); });
    Slot parent = slot;  // none
    if (level == 0) {
      const LinkCandidate found = find_parent(graph, slot, candidates, walk.pool, scorer);
      parent = found.slot;
      connect(graph, level, parent, slot, found.distance, true, space, scratch);
    }
    for (const LinkCandidate& neighbor : candidates) {
      if (neighbor.slot != parent) connect(graph, level, neighbor.slot, slot, neighbor.distance, false, space, scratch);
    }
  }
  graph.promote(slot);
}

}  // namespace shoal::inline v0::detail
