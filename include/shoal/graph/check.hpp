#pragma once
// Verifies every invariant of a graph, and counts what cannot be reached. Reads only; takes nothing for granted, so it
// may be run on a graph that came from elsewhere.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/slot_set.hpp"
#include "shoal/graph/hnsw_graph.hpp"

namespace shoal::inline v0 {

/// What `check()` found.
struct CheckReport {
  std::size_t unreachable = 0;        ///< Slots that no walk on level 0 from the root can come to.
  std::size_t fault_count = 0;        ///< Broken invariants, unreachable slots not counted.
  std::vector<std::string> faults{};  ///< The first few, one line each.

  /// Nothing is wrong.
  [[nodiscard]] bool ok() const noexcept { return unreachable == 0 && fault_count == 0; }
};

namespace detail {

template <class... Parts>
void add_fault(CheckReport& report, const Parts&... parts) {
  constexpr std::size_t most = 20;
  if (report.fault_count++ >= most) return;
  std::string text;
  (append(text, parts), ...);
  report.faults.push_back(std::move(text));
}

/// One list: targets exist, reach the level, differ from each other and from their source.
inline void check_list(const HnswGraph& graph, Slot slot, unsigned level, std::vector<Slot>& targets,
                       CheckReport& report) {
  const std::size_t from = to_index(slot);
  targets.clear();
  if (!graph.lists().has_free_places_last(slot, level)) {
    add_fault(report, "slot ", from, " level ", level, ": a link behind a free place");
  }
  if (!graph.is_linked(slot) && graph.lists().count(slot, level) != 0) {
    add_fault(report, "slot ", from, " level ", level, ": is free and has links");
  }
  graph.lists().for_each(slot, level, [&](Slot target) {
    const std::size_t to = to_index(target);
    if (to >= graph.size()) {
      add_fault(report, "slot ", from, " level ", level, ": link to slot ", to, " of ", graph.size());
      return;
    }
    if (!graph.is_linked(target)) {
      add_fault(report, "slot ", from, " level ", level, ": link to slot ", to, ", which is free");
    }
    if (target == slot) add_fault(report, "slot ", from, " level ", level, ": link to itself");
    if (level != 0 && graph.lists().level_of(target) < level) {
      add_fault(report, "slot ", from, " level ", level, ": link to slot ", to, ", which does not reach the level");
    }
    targets.push_back(target);
  });
  std::sort(targets.begin(), targets.end());
  if (std::adjacent_find(targets.begin(), targets.end()) != targets.end()) {
    add_fault(report, "slot ", from, " level ", level, ": two links to one slot");
  }
}

/// Every linked slot but the root has a parent: an earlier slot that links to it.
inline void check_tree(const HnswGraph& graph, CheckReport& report) {
  for (std::size_t i = 0; i < graph.size(); ++i) {
    const Slot slot = to_slot(i);
    const Slot parent = graph.lists().parent(slot);
    if (slot == graph.root() || !graph.is_linked(slot)) {
      if (parent != slot) add_fault(report, "slot ", i, ": has parent ", to_index(parent), ", expected none");
    } else if (parent >= slot) {
      add_fault(report, "slot ", i, ": has parent ", to_index(parent), ", expected an earlier slot");
    } else if (!graph.lists().contains(parent, 0, slot)) {
      add_fault(report, "slot ", i, ": its parent ", to_index(parent), " does not link to it");
    }
  }
}

inline std::size_t count_unreachable(const HnswGraph& graph) {
  if (graph.linked() == 0) return 0;
  SlotSet seen;
  seen.reserve(graph.size());
  std::vector<Slot> open{graph.root()};
  seen.insert(graph.root());
  std::size_t reached = 0;
  while (!open.empty()) {
    const Slot slot = open.back();
    open.pop_back();
    ++reached;
    graph.lists().for_each(slot, 0, [&](Slot target) {
      if (to_index(target) >= graph.size() || seen.contains(target)) return;
      seen.insert(target);
      open.push_back(target);
    });
  }
  return graph.linked() - reached;
}

/// *Cost*: O(links). Errors: std::bad_alloc.
[[nodiscard]] inline CheckReport check_graph(const HnswGraph& graph) {
  CheckReport report;
  if (!graph.lists().has_sound_levels(graph.size())) {
    add_fault(report, "which slots reach up is out of order");
    return report;
  }
  std::vector<Slot> targets;
  unsigned top_level = 0;
  for (std::size_t i = 0; i < graph.size(); ++i) {
    const unsigned levels = graph.lists().level_of(to_slot(i));
    if (graph.is_linked(to_slot(i))) top_level = std::max(top_level, levels);
    for (unsigned level = 0; level <= levels; ++level) check_list(graph, to_slot(i), level, targets, report);
  }
  if (graph.linked() != 0) {
    if (!graph.is_linked(graph.root())) add_fault(report, "the root, slot ", to_index(graph.root()), ", is free");
    if (!graph.is_linked(graph.entry()) || graph.top_level() != top_level) {
      add_fault(report, "entry point is slot ", to_index(graph.entry()), " on level ", graph.top_level(),
                ", expected a linked one on level ", top_level);
    }
  }
  check_tree(graph, report);
  report.unreachable = count_unreachable(graph);
  return report;
}

}  // namespace detail
}  // namespace shoal::inline v0
