// Taking back what was linked: after roll_back every list and parent, the entry point and the top level are what they
// were, and what is linked next is what would have been linked then.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"
#include <shoal/graph/check.hpp>
#include <shoal/graph/hnsw_graph.hpp>

namespace shoal {
namespace {

using detail::check_graph;
using detail::HnswGraph;
using detail::LinkLists;
using detail::RoundScratch;
using detail::UndoLog;
using support::grow;
using support::Points;
using support::PointSpace;
using support::Random;
using support::Snapshot;

}  // namespace

TEST_CASE("roll_back restores every list and parent, the entry point and the top level after random rounds") {
  Random random(1501);
  CAPTURE(random.seed());
  for (const std::size_t M : {2U, 3U, 8U}) {
    const Points points = support::random_points(random, 900, 3);
    const PointSpace space{&points};
    HnswGraph graph(M, random.bits());
    RoundScratch scratch;
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
          for (const std::size_t target : support::links_of(graph, i)) to_new += target >= before_size ? 1 : 0;
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
    RoundScratch scratch;
    grow(graph, PointSpace{&points}, 200, scratch);
    Points mixed = points;
    std::copy(others.begin() + 200, others.end(), mixed.begin() + 200);
    graph.begin_undo();
    grow(graph, PointSpace{&mixed}, 350, scratch);
    graph.roll_back();
    grow(graph, PointSpace{&points}, 400, scratch);

    HnswGraph straight(M, 77);
    RoundScratch other_scratch;
    grow(straight, PointSpace{&points}, 200, other_scratch);  // the same rounds
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
  RoundScratch scratch;
  graph.begin_undo();
  grow(graph, space, 100, scratch);
  graph.roll_back();
  CHECK(graph.size() == 0);
  CHECK(graph.top_level() == 0);
  CHECK(check_graph(graph).ok());
  grow(graph, space, 100, scratch);
  CHECK(Snapshot(graph) == Snapshot(support::graph_of(points, 3, 1)));
}

TEST_CASE("commit keeps what was linked, and what was kept cannot be taken back by a later undo") {
  Random random(1504);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 300, 2);
  const PointSpace space{&points};
  HnswGraph graph(3, 1);
  RoundScratch scratch;
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

TEST_CASE("an undo log does not change what is linked") {
  Random random(1505);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 300, 2);
  HnswGraph graph(3, 9);
  RoundScratch scratch;
  graph.begin_undo();
  grow(graph, PointSpace{&points}, 300, scratch);
  graph.commit();
  CHECK(Snapshot(graph) == Snapshot(support::graph_of(points, 3, 9)));
}

TEST_CASE("a log restores lists and parents changed many times, on every level, in words of either width") {
  constexpr std::size_t old_slots = 400;
  constexpr std::size_t slots = 450;
  constexpr std::size_t M = 2;  // levels up to 8 or so
  Random random(1506);
  CAPTURE(random.seed());
  for (const std::size_t narrow_slots : {0U, 420U, 1'000U}) {
    CAPTURE(narrow_slots);
    LinkLists lists(M, 4, narrow_slots);
    lists.reserve(old_slots);
    for (std::size_t i = 0; i < old_slots; ++i) lists.add(to_slot(i));
    const auto random_targets = [&](unsigned level, std::size_t below) {
      std::vector<Slot> targets(random.below(lists.list_capacity(level) + 1));
      for (Slot& target : targets) target = to_slot(random.below(below));
      return targets;
    };
    unsigned highest = 0;
    for (std::size_t i = 0; i < old_slots; ++i) {
      for (unsigned level = 0; level <= lists.level_of(to_slot(i)); ++level) {
        lists.assign(to_slot(i), level, random_targets(level, old_slots));
        highest = std::max(highest, level);
      }
      if (random.chance(0.9)) lists.set_parent(to_slot(i), to_slot(random.below(old_slots)));
    }
    REQUIRE(highest >= 4);
    const auto copy_of = [&](std::size_t first, std::size_t last) {
      std::vector<std::vector<std::size_t>> all;
      for (std::size_t i = first; i < last; ++i) {
        for (unsigned level = 0; level <= lists.level_of(to_slot(i)); ++level) {
          all.push_back(support::links_of(lists, i, level));
        }
        all.push_back({to_index(lists.parent(to_slot(i)))});
      }
      return all;
    };
    for (int round = 0; round < 10; ++round) {
      CAPTURE(round);
      const auto before = copy_of(0, old_slots);
      UndoLog log(old_slots, false);
      lists.reserve(slots);  // widens the words under the log in one of the cases
      for (std::size_t i = old_slots; i < slots; ++i) lists.add(to_slot(i));
      for (int change = 0; change < 3'000; ++change) {
        const Slot slot = to_slot(random.below(slots));
        const auto level = static_cast<unsigned>(random.below(lists.level_of(slot) + 1));
        const std::size_t count = lists.count(slot, level);
        if (random.chance(0.4) && count < lists.list_capacity(level)) {
          // Appended: to a slot that came later, and not told to the log.
          lists.put(slot, level, count, to_slot(old_slots + random.below(slots - old_slots)));
        } else if (random.chance(0.5)) {
          log.keep_list(lists, slot, level);
          lists.assign(slot, level, random_targets(level, slots));
        } else {
          log.keep_parent(lists, slot);
          lists.set_parent(slot, to_slot(random.below(slots)));
        }
      }
      CHECK_FALSE(copy_of(0, old_slots) == before);
      const auto later = copy_of(old_slots, slots);
      log.restore(lists);
      CHECK(copy_of(0, old_slots) == before);
      CHECK(copy_of(old_slots, slots) == later);  // slots that came after the log began are not its business
      for (std::size_t i = slots; i-- > old_slots;) lists.remove_last(to_slot(i));
    }
  }
}

TEST_CASE("links that were only appended are cut off without having been kept, on every level") {
  LinkLists lists(2, 4);
  lists.reserve(200);
  std::size_t upper = 0;  // some slot that reaches level 2
  for (std::size_t i = 0; i < 200; ++i) {
    lists.add(to_slot(i));
    if (i < 100 && lists.level_of(to_slot(i)) >= 2) upper = i;
  }
  REQUIRE(lists.level_of(to_slot(upper)) >= 2);
  for (unsigned level = 0; level <= 2; ++level) {
    lists.put(to_slot(upper), level, 0, Slot{99});  // the last of the old ones
    lists.put(to_slot(upper), level, 1, Slot{100});
  }
  UndoLog(100, false).restore(lists);
  for (unsigned level = 0; level <= 2; ++level) {
    CHECK(support::links_of(lists, upper, level) == std::vector<std::size_t>{99});
  }
}

TEST_CASE("a graph whose words were widened during an undone batch keeps its lists, and grows on") {
  Random random(1507);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 400, 3);
  HnswGraph graph(3, 5, 250);
  HnswGraph other(3, 5, 250);
  RoundScratch scratch;
  grow(graph, PointSpace{&points}, 200, scratch);
  const Snapshot before(graph);
  graph.begin_undo();
  grow(graph, PointSpace{&points}, 400, scratch);
  graph.roll_back();
  CHECK(Snapshot(graph) == before);
  grow(graph, PointSpace{&points}, 400, scratch);
  grow(other, PointSpace{&points}, 200, scratch);
  grow(other, PointSpace{&points}, 400, scratch);
  CHECK(Snapshot(graph) == Snapshot(other));
}

}  // namespace shoal
