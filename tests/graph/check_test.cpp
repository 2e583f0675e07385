// check_graph: nothing to say of a sound graph, and a line that names the slot for each way of breaking one.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"
#include <shoal/graph/check.hpp>

namespace shoal {
namespace {

using detail::check_graph;
using detail::HnswGraph;
using detail::Link;
using support::Points;
using support::Random;

constexpr std::size_t M = 4;
constexpr std::size_t slots = 300;

const Points& the_points() {
  static const Points points = [] {
    Random random(1401);
    return support::random_points(random, slots, 3);
  }();
  return points;
}
const HnswGraph& sound_graph() {
  static const HnswGraph graph = support::graph_of(the_points(), M);
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
std::size_t links_of(const HnswGraph& graph, std::size_t slot, unsigned level = 0) {
  return graph.lists().links(to_slot(slot), level).size();
}
std::size_t children_of(const HnswGraph& graph, std::size_t slot) {
  return detail::count_children(graph.lists().links(to_slot(slot), 0));
}
bool has_link(const HnswGraph& graph, std::size_t from, std::size_t to) {
  const auto links = graph.lists().links(to_slot(from), 0);
  return std::any_of(links.begin(), links.end(), [&](Link link) { return link.slot() == to_slot(to); });
}
/// Replaces a link that is not a child link, or takes a free place.
Link& spare_place(HnswGraph& graph, std::size_t slot, unsigned level = 0) {
  for (Link& link : graph.edit(to_slot(slot), level)) {
    if (!link.is_child()) return link;
  }
  FAIL("a list of nothing but children");
  return graph.edit(to_slot(slot), level)[0];
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
  CHECK(check_graph(HnswGraph(M, 1)).ok());
  HnswGraph one(M, 1);
  one.reserve(1);
  one.promote(one.add());
  CHECK(check_graph(one).ok());
}

TEST_CASE("a link to a slot that does not exist is a fault") {
  for (const std::size_t target : {slots, slots + 1, max_slots - 1}) {
    HnswGraph graph = sound_graph().clone();
    spare_place(graph, 17) = Link::to(to_slot(target));
    const CheckReport report = check_graph(graph);
    check_reported(report, 17, "link to slot " + std::to_string(target) + " of 300");
    CHECK(report.fault_count == 1);
  }
}

TEST_CASE("a child link to a slot that does not exist is a fault") {
  HnswGraph graph = sound_graph().clone();
  spare_place(graph, 17) = Link::to(to_slot(slots + 5), true);
  check_reported(check_graph(graph), 17, "link to slot 305 of 300");
}

TEST_CASE("a link to itself is a fault") {
  HnswGraph graph = sound_graph().clone();
  spare_place(graph, 23) = Link::to(Slot{23});
  const CheckReport report = check_graph(graph);
  check_reported(report, 23, "link to itself");
  CHECK(report.fault_count == 1);
}

TEST_CASE("two links to one slot are a fault") {
  HnswGraph graph = sound_graph().clone();
  const std::size_t slot = find_slot(graph, [&](std::size_t i) { return links_of(graph, i) >= 3; });
  const std::span<Link> places = graph.edit(to_slot(slot), 0);
  const auto plain =
      std::find_if(places.begin(), places.end(), [](Link link) { return !link.is_child() && !link.is_none(); });
  const auto other = std::find_if(places.begin(), places.end(), [&](Link link) { return link != *plain; });
  REQUIRE(plain != places.end());
  REQUIRE(other != places.end());
  *plain = Link::to(other->slot());
  const CheckReport report = check_graph(graph);
  check_reported(report, slot, "two links to one slot");
  CHECK(report.fault_count == 1);
}

TEST_CASE("a free place before a link is a fault") {
  HnswGraph graph = sound_graph().clone();
  const std::size_t slot = find_slot(graph, [&](std::size_t i) {
    const auto links = graph.lists().links(to_slot(i), 0);
    return links.size() >= 2 && !links[0].is_child();
  });
  graph.edit(to_slot(slot), 0)[0] = Link::none();
  const CheckReport report = check_graph(graph);
  check_reported(report, slot, "a free place before a link");
  CHECK(report.fault_count == 1);
}

TEST_CASE("a slot with a second parent is a fault") {
  HnswGraph graph = sound_graph().clone();
  const std::size_t from = 40;
  const std::size_t to = find_slot(graph, [&](std::size_t i) { return i > from && !has_link(graph, from, i); });
  spare_place(graph, from) = Link::to(to_slot(to), true);
  check_reported(check_graph(graph), to, "2 parents, expected 1");
}

TEST_CASE("the root with a parent is a fault") {
  HnswGraph graph = sound_graph().clone();
  const std::size_t from = find_slot(graph, [&](std::size_t i) { return i > 0 && !has_link(graph, i, 0); });
  spare_place(graph, from) = Link::to(Slot{0}, true);
  const CheckReport report = check_graph(graph);
  check_reported(report, 0, "1 parents, expected 0");
  check_reported(report, from, "child link to slot 0");
}

TEST_CASE("a slot without a parent is a fault, and not unreachable as long as other links lead to it") {
  HnswGraph graph = sound_graph().clone();
  std::size_t child = 0;
  const std::size_t parent = find_slot(graph, [&](std::size_t i) { return children_of(graph, i) > 0; });
  for (Link& link : graph.edit(to_slot(parent), 0)) {
    if (!link.is_child()) continue;
    child = to_index(link.slot());
    link = Link::to(link.slot());  // stays, unmarked
    break;
  }
  const CheckReport report = check_graph(graph);
  check_reported(report, child, "0 parents, expected 1");
  CHECK(report.fault_count == 1);
  CHECK(report.unreachable == 0);
}

TEST_CASE("more than M children are a fault") {
  HnswGraph graph = sound_graph().clone();
  const std::size_t slot = 5;
  std::size_t next = 250;
  for (Link& link : graph.edit(to_slot(slot), 0)) {
    if (!link.is_child()) link = Link::to(to_slot(next++), true);
  }
  check_reported(check_graph(graph), slot, std::to_string(2 * M) + " children, expected at most " + std::to_string(M));
}

TEST_CASE("a link on a level that its target does not reach is a fault") {
  HnswGraph graph = sound_graph().clone();
  const std::size_t from = find_slot(graph, [&](std::size_t i) { return graph.lists().level_of(to_slot(i)) >= 2; });
  const std::size_t low = find_slot(graph, [&](std::size_t i) { return graph.lists().level_of(to_slot(i)) == 0; });
  const std::size_t middle = find_slot(graph, [&](std::size_t i) { return graph.lists().level_of(to_slot(i)) == 1; });
  graph.edit(to_slot(from), 1)[0] = Link::to(to_slot(low));
  check_reported(check_graph(graph), from, "level 1: link to slot " + std::to_string(low) + ", which does not reach");
  graph = sound_graph().clone();
  graph.edit(to_slot(from), 2)[0] = Link::to(to_slot(middle));
  check_reported(check_graph(graph), from,
                 "level 2: link to slot " + std::to_string(middle) + ", which does not reach");
}

TEST_CASE("a child link above level 0, or to an earlier slot, is a fault") {
  HnswGraph graph = sound_graph().clone();
  const std::size_t from = find_slot(
      graph, [&](std::size_t i) { return graph.lists().level_of(to_slot(i)) >= 1 && links_of(graph, i, 1) >= 1; });
  Link& upper = graph.edit(to_slot(from), 1)[0];
  upper = Link::to(upper.slot(), true);
  CheckReport report = check_graph(graph);
  check_reported(report, from, "level 1: child link");
  CHECK(report.fault_count == 1);

  graph = sound_graph().clone();
  const std::size_t later = 200;
  const std::size_t earlier = find_slot(graph, [&](std::size_t i) { return i > 0 && !has_link(graph, later, i); });
  spare_place(graph, later) = Link::to(to_slot(earlier), true);
  report = check_graph(graph);
  check_reported(report, later, "child link to slot " + std::to_string(earlier));
  check_reported(report, earlier, "2 parents");
}

TEST_CASE("slots that no walk from the root comes to are counted") {
  // A chain 0 - 1 - ... - 9 of child links, cut after slot 6.
  HnswGraph graph(2, 1);
  graph.reserve(10);
  for (std::size_t i = 0; i < 10; ++i) graph.promote(graph.add());
  for (std::size_t i = 0; i < 9; ++i) graph.edit(to_slot(i), 0)[0] = Link::to(to_slot(i + 1), true);
  CHECK(check_graph(graph).ok());
  graph.edit(Slot{6}, 0)[0] = Link::none();
  graph.edit(Slot{8}, 0)[1] = Link::to(Slot{2});  // leads out of the part that was cut off, not into it
  const CheckReport report = check_graph(graph);
  CHECK(report.unreachable == 3);
  CHECK(report.fault_count == 1);
  check_reported(report, 7, "0 parents, expected 1");
}

TEST_CASE("links that leave the graph are neither followed nor counted as parents") {
  HnswGraph graph(2, 1);
  graph.reserve(3);
  for (std::size_t i = 0; i < 3; ++i) graph.promote(graph.add());
  graph.edit(Slot{0}, 0)[0] = Link::to(to_slot(max_slots - 1), true);
  graph.edit(Slot{0}, 0)[2] = Link::to(Slot{1}, true);  // behind a free place
  graph.edit(Slot{1}, 0)[0] = Link::to(Slot{3}, true);
  const CheckReport report = check_graph(graph);
  CHECK(report.unreachable == 1);
  check_reported(report, 0, "link to slot 2147483646 of 3");
  check_reported(report, 0, "a free place before a link");
  check_reported(report, 1, "link to slot 3 of 3");
  check_reported(report, 2, "0 parents");
}

TEST_CASE("an entry point or top level that is not the highest there is, is a fault") {
  HnswGraph graph(2, 1);
  graph.reserve(50);
  for (std::size_t i = 0; i < 50; ++i) graph.add();  // never promoted: the entry point stays slot 0
  for (std::size_t i = 1; i < 50; ++i) graph.edit(to_slot((i - 1) / 2), 0)[(i - 1) % 2] = Link::to(to_slot(i), true);
  unsigned highest = 0;
  for (std::size_t i = 0; i < 50; ++i) highest = std::max(highest, graph.lists().level_of(to_slot(i)));
  REQUIRE(highest > graph.lists().level_of(Slot{0}));
  const CheckReport report = check_graph(graph);
  CHECK_FALSE(report.ok());
  CHECK(report.fault_count == 2);
  const std::string text = all_faults(report);
  CHECK(text.find("top level is 0, expected " + std::to_string(highest)) != std::string::npos);
  CHECK(text.find("entry point is slot 0") != std::string::npos);
}

TEST_CASE("the first 20 faults are told, and all are counted") {
  HnswGraph graph = sound_graph().clone();
  for (std::size_t i = 100; i < 150; ++i) spare_place(graph, i) = Link::to(to_slot(i));
  const CheckReport report = check_graph(graph);
  CHECK(report.fault_count == 50);
  CHECK(report.faults.size() == 20);
  for (const std::string& fault : report.faults) CHECK(fault.find('\n') == std::string::npos);
}

}  // namespace shoal
