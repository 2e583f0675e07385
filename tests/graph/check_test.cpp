// check_graph: nothing to say of a sound graph, and a line that names the slot for each way of breaking one.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"
#include <shoal/graph/check.hpp>

namespace shoal {
namespace {

using detail::check_graph;
using detail::HnswGraph;
using support::links_of;
using support::parent_of;
using support::Points;
using support::Random;

constexpr std::size_t graph_M = 4;
constexpr std::size_t graph_slots = 300;

const Points& the_points() {
  static const Points points = [] {
    Random random(1401);
    return support::random_points(random, graph_slots, 3);
  }();
  return points;
}
const HnswGraph& sound_graph() {
  static const HnswGraph graph = support::graph_of(the_points(), graph_M);
  return graph;
}

/// The first slot for which `wanted` holds.
std::size_t find_slot(const HnswGraph& graph, const std::function<bool(std::size_t)>& wanted) {
  for (std::size_t i = 0; i < graph.size(); ++i) {
    if (wanted(i)) return i;
  }
  FAIL("no slot of the graph will do");
  return 0;
}
bool has_link(const HnswGraph& graph, std::size_t from, std::size_t to) {
  return graph.lists().contains(to_slot(from), 0, to_slot(to));
}
/// A place of a list where a link can be put without a child losing its parent.
std::size_t spare_place(const HnswGraph& graph, std::size_t slot) {
  const std::vector<std::size_t> targets = links_of(graph, slot);
  for (std::size_t place = 0; place < targets.size(); ++place) {
    if (parent_of(graph, targets[place]) != slot) return place;
  }
  REQUIRE(targets.size() < 2 * graph_M);
  return targets.size();
}
void put(HnswGraph& graph, std::size_t slot, std::size_t target) {
  graph.lists().put(to_slot(slot), 0, spare_place(graph, slot), to_slot(target));
}

std::string all_faults(const CheckReport& report) {
  std::string text;
  for (const std::string& fault : report.faults) text += fault + "\n";
  return text;
}

/// The report has a line that names the slot and holds the text, and is not ok.
void check_reported(const CheckReport& report, std::size_t slot, const std::string& text) {
  CAPTURE(all_faults(report));
  CAPTURE(text);
  CAPTURE(slot);
  CHECK_FALSE(report.ok());
  CHECK(report.fault_count >= 1);
  const std::string name = "slot " + std::to_string(slot);
  CHECK(std::any_of(report.faults.begin(), report.faults.end(), [&](const std::string& fault) {
    const bool named = fault.starts_with(name + " ") || fault.starts_with(name + ":");
    return named && fault.find(text) != std::string::npos;
  }));
}

}  // namespace

TEST_CASE("a sound graph has no faults and no unreachable slots, also when it is empty or has one slot") {
  const CheckReport report = check_graph(sound_graph());
  INFO(all_faults(report));
  CHECK(report.ok());
  CHECK(report.fault_count == 0);
  CHECK(report.unreachable == 0);
  CHECK(check_graph(HnswGraph(graph_M, 1)).ok());
  HnswGraph one(graph_M, 1);
  one.reserve(1);
  one.add(Slot{0});
  one.promote(Slot{0});
  CHECK(check_graph(one).ok());
}

TEST_CASE("a link to a slot that does not exist is a fault, in words of either width") {
  for (const std::size_t target : {graph_slots, graph_slots + 1, std::size_t{0xFFFE}}) {
    HnswGraph graph = sound_graph().clone();
    put(graph, 17, target);
    const CheckReport report = check_graph(graph);
    check_reported(report, 17, "link to slot " + std::to_string(target) + " of 300");
    CHECK(report.fault_count == 1);
  }
  for (const std::size_t target : {graph_slots, std::size_t{0xFFFF}, max_slots - 1}) {
    HnswGraph graph(graph_M, 7, 0);
    detail::RoundScratch scratch;
    support::grow(graph, support::PointSpace{&the_points()}, graph_slots, scratch);
    put(graph, 17, target);
    const CheckReport report = check_graph(graph);
    check_reported(report, 17, "link to slot " + std::to_string(target) + " of 300");
    CHECK(report.fault_count == 1);
  }
}

TEST_CASE("a link to itself is a fault") {
  HnswGraph graph = sound_graph().clone();
  put(graph, 23, 23);
  const CheckReport report = check_graph(graph);
  check_reported(report, 23, "link to itself");
  CHECK(report.fault_count == 1);
}

TEST_CASE("two links to one slot are a fault") {
  HnswGraph graph = sound_graph().clone();
  const std::size_t slot =
      find_slot(graph, [&](std::size_t i) { return links_of(graph, i).size() >= 3 && spare_place(graph, i) != 0; });
  put(graph, slot, links_of(graph, slot)[0]);
  const CheckReport report = check_graph(graph);
  check_reported(report, slot, "two links to one slot");
  CHECK(report.fault_count == 1);
}

TEST_CASE("two links to one slot are a fault on an upper level too, wherever in the list they are") {
  HnswGraph graph = sound_graph().clone();
  const std::size_t slot = find_slot(graph, [&](std::size_t i) {
    return graph.lists().level_of(to_slot(i)) >= 1 && links_of(graph, i, 1).size() >= 3;
  });
  const std::vector<std::size_t> targets = links_of(graph, slot, 1);
  graph.lists().put(to_slot(slot), 1, targets.size() - 1, to_slot(targets[0]));
  const CheckReport report = check_graph(graph);
  check_reported(report, slot, "level 1: two links to one slot");
  CHECK(report.fault_count == 1);
}

TEST_CASE("a root with a parent is a fault") {
  HnswGraph graph = sound_graph().clone();
  graph.lists().set_parent(Slot{0}, Slot{5});
  const CheckReport report = check_graph(graph);
  check_reported(report, 0, "has parent 5, expected none");
  CHECK(report.fault_count == 1);
}

TEST_CASE("a slot without a parent is a fault, and not unreachable as long as links lead to it") {
  HnswGraph graph = sound_graph().clone();
  graph.lists().set_parent(Slot{40}, Slot{40});
  const CheckReport report = check_graph(graph);
  check_reported(report, 40, "has parent 40, expected an earlier slot");
  CHECK(report.fault_count == 1);
  CHECK(report.unreachable == 0);
}

TEST_CASE("a parent that comes later, or does not exist, is a fault though it links to its child") {
  const std::size_t later =
      find_slot(sound_graph(), [&](std::size_t i) { return i > 40 && has_link(sound_graph(), i, 40); });
  for (const std::size_t parent : {later, graph_slots, std::size_t{0xFFFE}}) {
    HnswGraph graph = sound_graph().clone();
    graph.lists().set_parent(Slot{40}, to_slot(parent));
    const CheckReport report = check_graph(graph);
    check_reported(report, 40, "has parent " + std::to_string(parent) + ", expected an earlier slot");
    CHECK(report.fault_count == 1);
  }
}

TEST_CASE("a parent that does not link to its child is a fault") {
  HnswGraph graph = sound_graph().clone();
  const std::size_t other = find_slot(graph, [&](std::size_t i) { return i < 40 && !has_link(graph, i, 40); });
  graph.lists().set_parent(Slot{40}, to_slot(other));
  CheckReport report = check_graph(graph);
  check_reported(report, 40, "its parent " + std::to_string(other) + " does not link to it");
  CHECK(report.fault_count == 1);

  graph = sound_graph().clone();  // the same from the other side: the parent drops its child
  const std::size_t child = find_slot(graph, [&](std::size_t i) { return links_of(graph, i).size() >= 2 && i > 0; });
  const std::size_t parent = parent_of(graph, child);
  std::vector<std::size_t> targets = links_of(graph, parent);
  targets.erase(std::find(targets.begin(), targets.end(), child));
  support::set_links(graph, parent, 0, targets);
  report = check_graph(graph);
  check_reported(report, child, "its parent " + std::to_string(parent) + " does not link to it");
  CHECK(report.fault_count == 1);
}

TEST_CASE("a link on a level that its target does not reach is a fault") {
  HnswGraph graph = sound_graph().clone();
  const std::size_t from = find_slot(graph, [&](std::size_t i) { return graph.lists().level_of(to_slot(i)) >= 2; });
  const std::size_t low = find_slot(graph, [&](std::size_t i) { return graph.lists().level_of(to_slot(i)) == 0; });
  const std::size_t middle = find_slot(graph, [&](std::size_t i) { return graph.lists().level_of(to_slot(i)) == 1; });
  graph.lists().put(to_slot(from), 1, 0, to_slot(low));
  check_reported(check_graph(graph), from, "level 1: link to slot " + std::to_string(low) + ", which does not reach");
  graph = sound_graph().clone();
  graph.lists().put(to_slot(from), 2, 0, to_slot(middle));
  check_reported(check_graph(graph), from,
                 "level 2: link to slot " + std::to_string(middle) + ", which does not reach");
}

TEST_CASE("slots that no walk from the root comes to are counted") {
  // A chain 0 - 1 - ... - 9, cut after slot 6.
  HnswGraph graph = support::bare_graph(10, 2, 1);
  for (std::size_t i = 0; i < 9; ++i) {
    support::set_links(graph, i, 0, {i + 1});
    graph.lists().set_parent(to_slot(i + 1), to_slot(i));
  }
  CHECK(check_graph(graph).ok());
  support::set_links(graph, 6, 0, {});
  support::set_links(graph, 8, 0, {9, 2});  // leads out of the part that was cut off, not into it
  const CheckReport report = check_graph(graph);
  CHECK(report.unreachable == 3);
  CHECK(report.fault_count == 1);
  check_reported(report, 7, "its parent 6 does not link to it");
}

TEST_CASE("links that leave the graph are not followed") {
  HnswGraph graph = support::bare_graph(3, 2, 1);
  support::set_links(graph, 0, 0, {0xFFFE, 1});
  support::set_links(graph, 1, 0, {3});
  graph.lists().set_parent(Slot{1}, Slot{0});
  const CheckReport report = check_graph(graph);
  CHECK(report.unreachable == 1);
  CHECK(report.fault_count == 3);
  check_reported(report, 0, "link to slot 65534 of 3");
  check_reported(report, 1, "link to slot 3 of 3");
  check_reported(report, 2, "has parent 2, expected an earlier slot");
}

TEST_CASE("an entry point that is none, or not on the highest level there is, is a fault") {
  HnswGraph graph(2, 1);
  graph.reserve(50);
  for (std::size_t i = 0; i < 50; ++i) graph.add(to_slot(i));
  for (std::size_t i = 1; i < 50; ++i) {
    graph.lists().put(to_slot((i - 1) / 2), 0, (i - 1) % 2, to_slot(i));
    graph.lists().set_parent(to_slot(i), to_slot((i - 1) / 2));
  }
  unsigned highest = 0;
  for (std::size_t i = 0; i < 50; ++i) highest = std::max(highest, graph.lists().level_of(to_slot(i)));
  REQUIRE(highest > graph.lists().level_of(Slot{0}));
  // One fault each: the top level is that of the entry point, and is not kept beside it.
  for (const std::size_t entry : {to_index(HnswGraph::no_slot), std::size_t{0}}) {
    if (entry == 0) graph.promote(Slot{0});  // and no other
    const CheckReport report = check_graph(graph);
    CHECK_FALSE(report.ok());
    CHECK(report.fault_count == 1);
    const std::string fault = "entry point is slot " + std::to_string(entry) +
                              " on level 0, expected a linked one on level " + std::to_string(highest);
    CHECK(all_faults(report).find(fault) != std::string::npos);
  }
  for (std::size_t i = 0; i < 50; ++i) graph.promote(to_slot(i));
  CHECK(check_graph(graph).ok());

  HnswGraph low(2, 1);  // where a missing one is on the highest level by its number alone
  low.reserve(1);
  low.add(Slot{0});
  REQUIRE(low.lists().level_of(Slot{0}) == 0);
  CHECK(check_graph(low).fault_count == 1);
  low.promote(Slot{0});
  CHECK(check_graph(low).ok());
}

TEST_CASE("the first 20 faults are told, and all are counted") {
  HnswGraph graph = sound_graph().clone();
  for (std::size_t i = 100; i < 150; ++i) put(graph, i, i);
  const CheckReport report = check_graph(graph);
  CHECK(report.fault_count == 50);
  CHECK(report.faults.size() == 20);
  for (const std::string& fault : report.faults) CHECK(fault.find('\n') == std::string::npos);
}

}  // namespace shoal
