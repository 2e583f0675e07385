// Adoption: on graphs made by hand, where it is known who must become the parent, and on graphs that lost links at
// random, where every slot must have one again.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"
#include <shoal/graph/tree.hpp>

namespace shoal {
namespace {

using detail::adopt;
using detail::HnswGraph;
using detail::place_for_child;
using support::bare_graph;
using support::faults;
using support::links_of;
using support::parent_of;
using support::Points;
using support::Random;
using support::set_links;
using support::Snapshot;

using Targets = std::vector<std::size_t>;

/// A list of `slot` in which the targets of `children` have it for a parent.
void set_family(HnswGraph& graph, std::size_t slot, const Targets& targets, const Targets& children) {
  set_links(graph, slot, 0, targets);
  for (const std::size_t child : children) graph.lists().set_parent(to_slot(child), to_slot(slot));
}

bool has_parent(const HnswGraph& graph, std::size_t slot) {
  const std::size_t parent = parent_of(graph, slot);
  return parent < slot && graph.lists().contains(to_slot(parent), 0, to_slot(slot));
}

std::size_t links_in(const HnswGraph& graph) {
  std::size_t links = 0;
  for (std::size_t i = 0; i < graph.size(); ++i) links += graph.lists().count(to_slot(i), 0);
  return links;
}

}  // namespace

TEST_CASE("a slot is adopted by the first earlier slot of its own list that links back, and no link changes") {
  HnswGraph graph = bare_graph(10, 2);
  set_links(graph, 5, 0, {7, 3, 2, 1});  // 7 links back but comes later, 3 has room but does not link back
  set_links(graph, 7, 0, {5});
  set_links(graph, 2, 0, {4, 5});
  set_links(graph, 1, 0, {5});
  const Targets before = links_of(graph, 3);
  const std::size_t links = links_in(graph);
  adopt(graph, Slot{5});
  CHECK(parent_of(graph, 5) == 2);
  CHECK(links_of(graph, 3) == before);
  CHECK(links_in(graph) == links);
}

TEST_CASE("a slot to which none of its list links back gets a link from the first earlier one with room") {
  HnswGraph graph = bare_graph(10, 2);
  set_links(graph, 5, 0, {7, 3, 2});
  set_links(graph, 3, 0, {8});
  adopt(graph, Slot{5});
  CHECK(parent_of(graph, 5) == 3);
  CHECK(links_of(graph, 3) == Targets{8, 5});
  CHECK(links_of(graph, 5) == Targets{7, 3, 2});
  CHECK(links_of(graph, 7).empty());
  CHECK(links_of(graph, 2).empty());
}

TEST_CASE("a link back from a later slot does not make it a parent") {
  HnswGraph graph = bare_graph(10, 2);
  set_links(graph, 5, 0, {7, 8});
  set_links(graph, 7, 0, {5});
  set_links(graph, 8, 0, {5});
  adopt(graph, Slot{5});
  CHECK(has_parent(graph, 5));
}

TEST_CASE("in a full list the last link goes whose target is not a child") {
  HnswGraph graph = bare_graph(20, 3);
  set_links(graph, 15, 0, {3});
  set_family(graph, 3, {4, 16, 2, 8, 17, 6}, {4, 16, 17, 6});
  REQUIRE(place_for_child(graph, Slot{3}, Slot{15}) == std::optional<std::size_t>{3});
  adopt(graph, Slot{15});
  CHECK(links_of(graph, 3) == Targets{4, 16, 2, 15, 17, 6});
  CHECK(parent_of(graph, 15) == 3);
  for (const std::size_t child : {4U, 16U, 17U, 6U}) CHECK(parent_of(graph, child) == 3);  // the later ones too
}

TEST_CASE("a list full of earlier children takes no more: the next slot of the own list is asked") {
  HnswGraph graph = bare_graph(30, 2);
  set_links(graph, 20, 0, {3, 2});
  set_family(graph, 3, {4, 5, 6, 7}, {4, 5, 6, 7});
  set_family(graph, 2, {9}, {9});
  CHECK_FALSE(place_for_child(graph, Slot{3}, Slot{20}));
  adopt(graph, Slot{20});
  CHECK(links_of(graph, 3) == Targets{4, 5, 6, 7});
  CHECK(links_of(graph, 2) == Targets{9, 20});
  CHECK(parent_of(graph, 20) == 2);
}

TEST_CASE("only a later child is put out of a list of children, and it is adopted in turn") {
  HnswGraph graph = bare_graph(30, 2);
  set_links(graph, 20, 0, {3});
  set_family(graph, 3, {28, 4, 25, 5}, {28, 4, 25, 5});
  set_links(graph, 25, 0, {26, 2});
  REQUIRE(place_for_child(graph, Slot{3}, Slot{20}) == std::optional<std::size_t>{2});
  adopt(graph, Slot{20});
  CHECK(links_of(graph, 3) == Targets{28, 4, 20, 5});
  CHECK(parent_of(graph, 20) == 3);
  CHECK(parent_of(graph, 28) == 3);
  CHECK(parent_of(graph, 4) == 3);
  CHECK(parent_of(graph, 5) == 3);
  CHECK(parent_of(graph, 25) == 2);
  CHECK(links_of(graph, 2) == Targets{25});
}

TEST_CASE("a chain of adoptions goes on until a slot finds room, and everyone displaced has a parent") {
  // 3, 2 and 1 are full of children; 10 puts out 20, which puts out 25, which puts out 29, for which 0 has room.
  HnswGraph graph = bare_graph(30, 2);
  set_family(graph, 3, {4, 5, 6, 20}, {4, 5, 6, 20});
  set_family(graph, 2, {7, 8, 9, 25}, {7, 8, 9, 25});
  set_family(graph, 1, {11, 12, 13, 29}, {11, 12, 13, 29});
  set_links(graph, 10, 0, {3});
  set_links(graph, 20, 0, {2});
  set_links(graph, 25, 0, {1});
  set_links(graph, 29, 0, {0});
  adopt(graph, Slot{10});
  CHECK(parent_of(graph, 10) == 3);
  CHECK(parent_of(graph, 20) == 2);
  CHECK(parent_of(graph, 25) == 1);
  CHECK(parent_of(graph, 29) == 0);
  for (const std::size_t slot : {10U, 20U, 25U, 29U}) CHECK(has_parent(graph, slot));
}

TEST_CASE("a slot without links is adopted by some earlier slot, by one that links to it if that comes first") {
  for (std::size_t slot = 1; slot < 50; ++slot) {
    CAPTURE(slot);
    HnswGraph graph = bare_graph(50, 2);
    adopt(graph, to_slot(slot));
    CHECK(has_parent(graph, slot));
    CHECK(links_in(graph) == 1);
  }
  HnswGraph graph = bare_graph(2, 2);
  set_links(graph, 0, 0, {1});
  adopt(graph, Slot{1});
  CHECK(parent_of(graph, 1) == 0);
  CHECK(links_in(graph) == 1);
}

TEST_CASE("a full list has a place when a target is no child or a later one, and only then") {
  HnswGraph graph = bare_graph(20, 2);
  CHECK(place_for_child(graph, Slot{1}, Slot{2}) == std::optional<std::size_t>{0});
  set_family(graph, 1, {3, 4, 5}, {3, 4, 5});
  CHECK(place_for_child(graph, Slot{1}, Slot{2}) == std::optional<std::size_t>{3});
  set_family(graph, 1, {3, 4, 5, 6}, {3, 4, 5, 6});
  CHECK(place_for_child(graph, Slot{1}, Slot{2}) == std::optional<std::size_t>{3});
  CHECK(place_for_child(graph, Slot{1}, Slot{5}) == std::optional<std::size_t>{3});
  CHECK_FALSE(place_for_child(graph, Slot{1}, Slot{7}));
  graph.lists().set_parent(Slot{3}, Slot{2});
  CHECK(place_for_child(graph, Slot{1}, Slot{7}) == std::optional<std::size_t>{0});
}

TEST_CASE("slots of a graph that lost links at random are all adopted again, in whatever order") {
  Random random(1801);
  CAPTURE(random.seed());
  std::size_t adopted = 0;
  for (const std::size_t M : {2U, 3U, 8U}) {
    const Points points = support::random_points(random, 300, 3);
    const HnswGraph whole = support::graph_of(points, M);
    for (int round = 0; round < 60; ++round) {
      CAPTURE(M);
      CAPTURE(round);
      HnswGraph graph = whole.clone();
      const double share = round % 3 == 0 ? 1 : random.unit();
      for (std::size_t i = 0; i < graph.size(); ++i) {
        Targets kept;
        for (const std::size_t target : links_of(graph, i)) {
          if (!random.chance(share)) kept.push_back(target);
        }
        set_links(graph, i, 0, kept);
      }
      Targets orphans;
      for (std::size_t i = 1; i < graph.size(); ++i) {
        if (!has_parent(graph, i)) orphans.push_back(i);
      }
      adopted += orphans.size();
      if (round % 2 == 0) std::reverse(orphans.begin(), orphans.end());
      for (const std::size_t orphan : orphans) {
        adopt(graph, to_slot(orphan));
        REQUIRE(has_parent(graph, orphan));
      }
      REQUIRE(faults(graph) == "");
    }
  }
  CHECK(adopted > 10'000);
}

TEST_CASE("there is a place for every slot even when all lists are full of links to anywhere") {
  Random random(1802);
  CAPTURE(random.seed());
  for (const std::size_t M : {2U, 3U}) {
    for (const std::size_t slots : {8U, 20U, 200U}) {
      for (int round = 0; round < 30; ++round) {
        CAPTURE(M);
        CAPTURE(slots);
        HnswGraph graph = bare_graph(slots, M);
        for (std::size_t i = 0; i < slots; ++i) {
          Targets targets;
          while (targets.size() < 2 * M) {
            // Mostly the last slots: lists that hardly ever lead where they are needed.
            const std::size_t last = random.chance(0.8) ? std::min<std::size_t>(slots, 7) : slots;
            const std::size_t target = slots - 1 - random.below(last);
            if (target != i && std::find(targets.begin(), targets.end(), target) == targets.end()) {
              targets.push_back(target);
            }
          }
          set_links(graph, i, 0, targets);
        }
        for (std::size_t i = slots; i-- > 1;) adopt(graph, to_slot(i));  // the later ones first: they are in the way
        REQUIRE(faults(graph) == "");
      }
    }
  }
}

TEST_CASE("adoption is taken back by an undo log: links that were put in or written over, and parents") {
  Random random(1803);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 300, 3);
  for (const std::size_t M : {2U, 4U}) {
    HnswGraph graph = support::graph_of(points, M);
    const Snapshot before(graph);
    graph.begin_undo();
    for (std::size_t i = 1; i < graph.size(); ++i) {
      if (!random.chance(0.3)) continue;
      const Slot parent = graph.lists().parent(to_slot(i));
      Targets kept = links_of(graph, to_index(parent));
      kept.erase(std::find(kept.begin(), kept.end(), i));
      graph.keep_list(parent, 0);
      set_links(graph, to_index(parent), 0, kept);
      adopt(graph, to_slot(i));
    }
    CHECK_FALSE(Snapshot(graph) == before);
    CHECK(faults(graph) == "");
    graph.roll_back();
    CHECK(Snapshot(graph) == before);
  }
}

}  // namespace shoal
