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

/// One list: targets exist, reach the level, differ from each other and from their source; no free place before a link.
/// Child links are on level 0 and lead to later slots.
inline void check_list(const HnswGraph& graph, Slot slot, unsigned level, std::vector<Slot>& targets,
                       CheckReport& report) {
  const std::size_t from = to_index(slot);
  targets.clear();
  for (const Link link : graph.lists().links(slot, level)) {
    const std::size_t to = to_index(link.slot());
    if (link.is_none()) {
      add_fault(report, "slot ", from, " level ", level, ": a free place before a link");
      continue;
    }
    if (to >= graph.size()) {
      add_fault(report, "slot ", from, " level ", level, ": link to slot ", to, " of ", graph.size());
      continue;
    }
    if (link.slot() == slot) add_fault(report, "slot ", from, " level ", level, ": link to itself");
    if (graph.lists().level_of(link.slot()) < level) {
      add_fault(report, "slot ", from, " level ", level, ": link to slot ", to, ", which does not reach the level");
    }
    if (link.is_child() && (level != 0 || to <= from)) {
      add_fault(report, "slot ", from, " level ", level, ": child link to slot ", to);
    }
    targets.push_back(link.slot());
  }
  std::sort(targets.begin(), targets.end());
  if (std::adjacent_find(targets.begin(), targets.end()) != targets.end()) {
    add_fault(report, "slot ", from, " level ", level, ": two links to one slot");
  }
}

/// Every slot but the root has one parent; no slot has more than M children.
inline void check_tree(const HnswGraph& graph, CheckReport& report) {
  std::vector<std::size_t> parents(graph.size());
  for (std::size_t i = 0; i < graph.size(); ++i) {
    std::size_t children = 0;
    for (const Link link : graph.lists().links(to_slot(i), 0)) {
      if (!link.is_child() || to_index(link.slot()) >= graph.size()) continue;
      ++children;
      ++parents[to_index(link.slot())];
    }
    if (children > graph.M()) add_fault(report, "slot ", i, ": ", children, " children, expected at most ", graph.M());
  }
  for (std::size_t i = 0; i < graph.size(); ++i) {
    const std::size_t expected = to_slot(i) == HnswGraph::root() ? 0 : 1;
    if (parents[i] != expected) add_fault(report, "slot ", i, ": ", parents[i], " parents, expected ", expected);
  }
}

inline std::size_t count_unreachable(const HnswGraph& graph) {
  if (graph.size() == 0) return 0;
  SlotSet seen;
  seen.reserve(graph.size());
  std::vector<Slot> open{HnswGraph::root()};
  seen.insert(HnswGraph::root());
  std::size_t reached = 0;
  while (!open.empty()) {
    const Slot slot = open.back();
    open.pop_back();
    ++reached;
    for (const Link link : graph.lists().links(slot, 0)) {
      if (to_index(link.slot()) >= graph.size() || seen.contains(link.slot())) continue;
      seen.insert(link.slot());
      open.push_back(link.slot());
    }
  }
  return graph.size() - reached;
}

/// *Cost*: O(links). Errors: std::bad_alloc.
[[nodiscard]] inline CheckReport check_graph(const HnswGraph& graph) {
  CheckReport report;
  std::vector<Slot> targets;
  unsigned top_level = 0;
  for (std::size_t i = 0; i < graph.size(); ++i) {
    const unsigned levels = graph.lists().level_of(to_slot(i));
    top_level = std::max(top_level, levels);
    for (unsigned level = 0; level <= levels; ++level) check_list(graph, to_slot(i), level, targets, report);
  }
  if (graph.size() != 0) {
    if (graph.top_level() != top_level) {
      add_fault(report, "top level is ", graph.top_level(), ", expected ", top_level);
    }
    if (to_index(graph.entry()) >= graph.size() || graph.lists().level_of(graph.entry()) != top_level) {
      add_fault(report, "entry point is slot ", to_index(graph.entry()), ", which is not on the top level");
    }
  }
  check_tree(graph, report);
  report.unreachable = count_unreachable(graph);
  return report;
}

}  // namespace detail
}  // namespace shoal::inline v0
