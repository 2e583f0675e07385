// Taking back what was inserted: after roll_back every list, the entry point and the top level are what they were, and
// what is inserted next is what would have been inserted then.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"
#include <shoal/graph/check.hpp>
#include <shoal/graph/hnsw_graph.hpp>

namespace shoal {
namespace {

using detail::check_graph;
using detail::HnswGraph;
using detail::InsertScratch;
using detail::Link;
using detail::LinkLists;
using detail::UndoLog;
using support::grow;
using support::Points;
using support::PointSpace;
using support::Random;
using support::Snapshot;

}  // namespace

TEST_CASE("roll_back restores every list, the entry point and the top level after random insertions") {
  Random random(1501);
  CAPTURE(random.seed());
  for (const std::size_t M : {2U, 3U, 8U}) {
    const Points points = support::random_points(random, 900, 3);
    const PointSpace space{&points};
    HnswGraph graph(M, random.bits());
    InsertScratch scratch;
    for (int round = 0; round < 25; ++round) {
      CAPTURE(M);
      CAPTURE(round);
      const std::size_t before_size = graph.size();
      const Snapshot before(graph);
      graph.begin_undo();
      grow(graph, space, before_size + random.below(200), scratch);
      const bool changed = before_size > 10 && graph.size() > before_size + 5;
      if (changed) {
        // Something was there to be restored: links of old slots to new ones.
        std::size_t to_new = 0;
        for (std::size_t i = 0; i < before_size; ++i) {
          for (const Link link : graph.lists().links(to_slot(i), 0)) to_new += to_index(link.slot()) >= before_size;
        }
        CHECK(to_new > 0);
      }
      graph.roll_back();
      CHECK(graph.size() == before_size);
      CHECK(Snapshot(graph) == before);
      CHECK(check_graph(graph).ok());
      grow(graph, space, before_size + random.below(60), scratch);  // and some that stay
    }
  }
}

TEST_CASE("a graph that was rolled back grows into the graph it would have become") {
  Random random(1502);
  CAPTURE(random.seed());
  for (const std::size_t M : {2U, 5U}) {
    Points points = support::random_points(random, 400, 3);
    const Points others = support::random_points(random, 400, 3);
    HnswGraph graph(M, 77);
    InsertScratch scratch;
    grow(graph, PointSpace{&points}, 200, scratch);
    Points mixed = points;
    std::copy(others.begin() + 200, others.end(), mixed.begin() + 200);
    graph.begin_undo();
    grow(graph, PointSpace{&mixed}, 350, scratch);
    graph.roll_back();
    grow(graph, PointSpace{&points}, 400, scratch);

    HnswGraph straight(M, 77);
    InsertScratch other_scratch;
    grow(straight, PointSpace{&points}, 400, other_scratch);
    CHECK(Snapshot(graph) == Snapshot(straight));
    CHECK(check_graph(graph).ok());
  }
}

TEST_CASE("roll_back of everything leaves an empty graph that can be filled") {
  Random random(1503);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 100, 2);
  const PointSpace space{&points};
  HnswGraph graph(3, 1);
  InsertScratch scratch;
  graph.begin_undo();
  grow(graph, space, 100, scratch);
  graph.roll_back();
  CHECK(graph.size() == 0);
  CHECK(graph.top_level() == 0);
  CHECK(check_graph(graph).ok());
  grow(graph, space, 100, scratch);
  CHECK(Snapshot(graph) == Snapshot(support::graph_of(points, 3, 1)));
}

TEST_CASE("commit keeps what was inserted, and what was kept cannot be taken back by a later undo") {
  Random random(1504);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 300, 2);
  const PointSpace space{&points};
  HnswGraph graph(3, 1);
  InsertScratch scratch;
  grow(graph, space, 100, scratch);
  graph.begin_undo();
  grow(graph, space, 200, scratch);
  graph.commit();
  const Snapshot kept(graph);
  CHECK(graph.size() == 200);
  graph.begin_undo();
  grow(graph, space, 300, scratch);
  graph.roll_back();
  CHECK(Snapshot(graph) == kept);
}

TEST_CASE("an undo log does not change what is inserted") {
  Random random(1505);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 300, 2);
  HnswGraph graph(3, 9);
  InsertScratch scratch;
  graph.begin_undo();
  grow(graph, PointSpace{&points}, 300, scratch);
  graph.commit();
  CHECK(Snapshot(graph) == Snapshot(support::graph_of(points, 3, 9)));
}

TEST_CASE("a log restores the state before the first change, of lists changed many times and on every level") {
  constexpr std::size_t slots = 400;
  constexpr std::size_t M = 2;  // levels up to 8 or so
  Random random(1506);
  CAPTURE(random.seed());
  LinkLists lists(M, 4);
  lists.reserve(slots);
  unsigned highest = 0;
  for (std::size_t i = 0; i < slots; ++i) {
    lists.add(to_slot(i));
    highest = std::max(highest, lists.level_of(to_slot(i)));
  }
  REQUIRE(highest >= 4);
  const auto scramble = [&](std::span<Link> places) {
    std::fill(places.begin(), places.end(), Link::none());
    const std::size_t used = random.below(places.size() + 1);
    for (std::size_t i = 0; i < used; ++i) places[i] = Link::to(to_slot(random.below(slots)), random.chance(0.3));
  };
  const auto copy_of_all = [&] {
    std::vector<std::vector<Link>> all;
    for (std::size_t i = 0; i < slots; ++i) {
      for (unsigned level = 0; level <= lists.level_of(to_slot(i)); ++level) {
        const std::span<Link> places = lists.places(to_slot(i), level);
        all.emplace_back(places.begin(), places.end());
      }
    }
    return all;
  };
  for (std::size_t i = 0; i < slots; ++i) {
    for (unsigned level = 0; level <= lists.level_of(to_slot(i)); ++level) scramble(lists.places(to_slot(i), level));
  }
  for (int round = 0; round < 20; ++round) {
    const auto before = copy_of_all();
    UndoLog log(slots);
    for (int change = 0; change < 2'000; ++change) {
      const Slot slot = to_slot(random.below(slots));
      const auto level = static_cast<unsigned>(random.below(lists.level_of(slot) + 1));
      log.keep(lists, slot, level);
      scramble(lists.places(slot, level));
    }
    CHECK_FALSE(copy_of_all() == before);
    log.restore(lists);
    CHECK(copy_of_all() == before);
  }
}

TEST_CASE("a log leaves slots alone that came after it began") {
  LinkLists lists(2, 4);
  lists.reserve(10);
  for (std::size_t i = 0; i < 10; ++i) lists.add(to_slot(i));
  UndoLog log(5);
  for (const std::size_t slot : {4U, 5U}) {
    log.keep(lists, to_slot(slot), 0);
    lists.places(to_slot(slot), 0)[0] = Link::to(Slot{1});
  }
  log.restore(lists);
  CHECK(lists.links(Slot{4}, 0).empty());
  CHECK(lists.links(Slot{5}, 0).size() == 1);
}

}  // namespace shoal
