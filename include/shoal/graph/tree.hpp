#pragma once
// The tree that keeps every slot reachable. Pruning alone loses slots: when each neighbour of a slot finds something
// better, nothing links to it any more (115 of 20,000 text vectors in hnswlib's graph). Here every linked slot but the
// first, the root, has a parent: an earlier slot that links to it on level 0. Parents come before their children, so
// these links form a tree from the root over all slots. Nothing is kept from pruning: a slot whose parent dropped it is
// adopted by another earlier slot that links to it, and only when there is none a link is put in for it.

#include <cstddef>
#include <optional>

#include "shoal/core/hash.hpp"
#include "shoal/graph/hnsw_graph.hpp"

namespace shoal::inline v0::detail {

/// A place in the list of `parent` that may lead to `child`: the first free one, else the last whose target is not a
/// child or comes after `child`, and can therefore find another parent.
[[nodiscard]] inline std::optional<std::size_t> place_for_child(const HnswGraph& graph, Slot parent,
                                                                Slot child) noexcept {
  const LinkLists& lists = graph.lists();
  std::size_t count = 0;
  std::optional<std::size_t> stranger, later;
  lists.for_each(parent, 0, [&](Slot target) {
    if (lists.parent(target) != parent) {
      stranger = count;
    } else if (target > child) {
      later = count;
    }
    ++count;
  });
  if (count < lists.list_capacity(0)) return count;
  return stranger ? stranger : later;
}

/// Puts a link parent -> child in. Gives the slot that lost its parent by it, or `child`.
/// Errors: std::bad_alloc while an undo log is kept, nothing changed.
inline Slot put_child(HnswGraph& graph, Slot parent, Slot child, std::size_t place) {
  LinkLists& lists = graph.lists();
  Slot lost = child;
  std::size_t i = 0;
  lists.for_each(parent, 0, [&](Slot target) {
    if (i++ == place && lists.parent(target) == parent) lost = target;
  });
  graph.keep_list(parent, 0);
  graph.keep_parent(child);
  lists.put(parent, 0, place, child);
  lists.set_parent(child, parent);
  return lost;
}

/// Gives `slot`, not the root, a parent: the first earlier slot in its list that links back; else a link is put into
/// the list of an earlier slot. Slots that lose their place by that come later than `slot` and are adopted in turn, so
/// it ends; and there is always a place, since the s slots before s have at least 4s places and s - 1 children among
/// them. Errors: std::bad_alloc while an undo log is kept.
inline void adopt(HnswGraph& graph, Slot slot) {
  const LinkLists& lists = graph.lists();
  for (;;) {
    std::optional<Slot> parent, nearest;
    lists.for_each(slot, 0, [&](Slot target) {
      if (parent || target >= slot) return;
      if (lists.contains(target, 0, slot)) parent = target;
      if (!nearest && place_for_child(graph, target, slot)) nearest = target;
    });
    // Anywhere then; in order from the root where hardly any slot is linked.
    std::uint64_t probe = mix64(to_index(slot));
    for (std::size_t probes = 0; !parent && !nearest; ++probes) {
      constexpr std::size_t most = 64;
      const auto random = static_cast<std::size_t>(probe % to_index(slot));
      const Slot earlier = to_slot(probes < most ? random : to_index(graph.root()) + (probes - most));
      probe = mix64(probe);
      if (!graph.is_linked(earlier)) continue;
      if (lists.contains(earlier, 0, slot)) parent = earlier;
      if (place_for_child(graph, earlier, slot)) nearest = earlier;
    }
    if (parent) {
      graph.keep_parent(slot);
      graph.lists().set_parent(slot, *parent);
      return;
    }
    const Slot lost = put_child(graph, *nearest, slot, *place_for_child(graph, *nearest, slot));
    if (lost == slot) return;
    slot = lost;
  }
}

}  // namespace shoal::inline v0::detail
