// Memory that runs out: a round, or widening the words, that cannot be finished leaves everything as it was. This file
// replaces operator new for its program.

#include <cmath>
#include <cstddef>
#include <new>
#include <vector>

#include <doctest/doctest.h>

#include "counting_new.hpp"
#include "platform.hpp"
#include "support.hpp"
#include <shoal/graph/link_round.hpp>
#include <shoal/graph/unlink.hpp>

namespace shoal {
namespace {

using detail::HnswGraph;
using detail::link_round;
using detail::LinkLists;
using detail::RoundScratch;
using detail::unlink;
using detail::Workers;
using support::FailingAllocations;
using support::faults;
using support::grow;
using support::grow_in_rounds_of;
using support::links_of;
using support::Points;
using support::PointSpace;
using support::Random;
using support::Snapshot;

enum class Outcome { done, failed, saved };  // saved: an allocation failed, and the work was done all the same

/// Runs `work` with one allocation failing after `allowed`, or all from then on.
template <class Work>
Outcome run(std::size_t allowed, bool forever, const Work& work) {
  SHOAL_TRY {
    const FailingAllocations failing(allowed, forever);
    work();
    return FailingAllocations::stop() ? Outcome::saved : Outcome::done;
  }
  SHOAL_CATCH_BAD_ALLOC {
    FailingAllocations::stop();
    return Outcome::failed;
  }
}

/// Points along 30 axes: most rounds make lists overflow and slots lose their parents.
Points crowded_points(Random& random, std::size_t count) {
  Points points(count, std::vector<float>(30, 0));
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t axis = 0; axis < 30; ++axis) points[i][axis] = 0.01F * random.normal();
    points[i][i % 30] += random.uniform(0.5, 1.5);
  }
  return points;
}

/// A point, and others each on an axis of its own: all of them ask the first one, and only that, for a link.
Points star_points(std::size_t count) {
  Points points(count, std::vector<float>(count, 0));
  for (std::size_t i = 1; i < count; ++i) points[i][i] = 1;
  return points;
}

/// All lists and parents of the first `slots` slots, and the memory.
std::vector<std::vector<std::size_t>> contents(const LinkLists& lists, std::size_t slots) {
  std::vector<std::vector<std::size_t>> all;
  for (std::size_t i = 0; i < slots; ++i) {
    for (unsigned level = 0; level <= lists.level_of(to_slot(i)); ++level) all.push_back(links_of(lists, i, level));
    all.push_back({to_index(lists.parent(to_slot(i)))});
  }
  return all;
}

}  // namespace

TEST_CASE("whichever allocation of a round fails, the graph is what it was, and the round can be done again" *
          support::needs_exceptions()) {
  Random random(1901);
  CAPTURE(random.seed());
  struct Case {
    Points points;
    std::size_t linked;  // before the round
  };
  for (const Case& each : {Case{crowded_points(random, 300), 200}, Case{star_points(130), 1}}) {
    const PointSpace space{&each.points};
    const std::size_t size = each.points.size();
    const std::size_t count = size - each.linked;
    for (const unsigned workers : {1U, 3U}) {
      for (const bool forever : {false, true}) {
        RoundScratch scratch;
        HnswGraph graph(3, 5);
        graph.reserve(size);
        grow(graph, space, each.linked, scratch);
        const Snapshot before(graph);
        HnswGraph expected = graph.clone();
        grow_in_rounds_of(count, expected, space, size, scratch);
        std::size_t failures = 0;
        for (std::size_t allowed = 0;; ++allowed) {
          CAPTURE(size);
          CAPTURE(workers);
          CAPTURE(forever);
          CAPTURE(allowed);
          HnswGraph again = graph.clone();
          RoundScratch fresh;
          const Outcome outcome =
              run(allowed, forever, [&] { support::link_next(again, space, count, 40, fresh, Workers(workers)); });
          if (outcome == Outcome::failed) {
            ++failures;
            REQUIRE(again.size() == each.linked);
            REQUIRE(Snapshot(again) == before);
            REQUIRE(faults(again) == "");
            support::link_next(again, space, count, 40, fresh, Workers(workers));
          }
          REQUIRE(Snapshot(again) == Snapshot(expected));
          if (outcome == Outcome::done) break;
        }
        CHECK(failures > 10);
      }
    }
  }
}

TEST_CASE("whichever allocation of a round fails, an undo log takes back all rounds since it began" *
          support::needs_exceptions()) {
  Random random(1902);
  CAPTURE(random.seed());
  const Points points = crowded_points(random, 400);
  const PointSpace space{&points};
  HnswGraph graph(3, 5);
  RoundScratch scratch;
  graph.reserve(400);
  grow(graph, space, 200, scratch);
  const Snapshot before(graph);
  HnswGraph expected = graph.clone();
  grow_in_rounds_of(50, expected, space, 400, scratch);
  std::vector<std::vector<Slot>> rounds(4);  // made here: in what may fail, nothing but begin_undo and rounds allocates
  for (std::size_t i = 0; i < 200; ++i) rounds[i / 50].push_back(to_slot(200 + i));
  std::size_t failures = 0;
  std::size_t touched = 0;  // failures after which something had to be taken back of the last round
  for (const bool forever : {false, true}) {
    for (std::size_t allowed = 0;; ++allowed) {
      CAPTURE(forever);
      CAPTURE(allowed);
      HnswGraph again = graph.clone();
      RoundScratch fresh;
      std::size_t done = 0;
      const Outcome outcome = run(allowed, forever, [&] {
        again.begin_undo();
        for (; done < 4; ++done) link_round(again, space, rounds[done], 40, fresh, Workers());
        again.commit();
      });
      REQUIRE(outcome != Outcome::saved);
      if (outcome == Outcome::done) break;
      ++failures;
      // begin_undo allocates once, where no slot is free. A round adds its slots before it allocates, and where a log
      // is kept, leaves them to that.
      REQUIRE(again.keeps_undo() == (allowed != 0));
      if (allowed == 0) {
        REQUIRE(Snapshot(again) == before);
        continue;
      }
      REQUIRE(done < 4);
      REQUIRE(again.size() == 200 + 50 * (done + 1));
      if (faults(again) != "") ++touched;
      again.roll_back();
      REQUIRE(Snapshot(again) == before);
      REQUIRE(faults(again) == "");
      grow_in_rounds_of(50, again, space, 400, fresh);
      REQUIRE(Snapshot(again) == Snapshot(expected));
    }
  }
  CHECK(failures > 20);
  CHECK(touched > 0);
}

TEST_CASE("whichever allocation of taking slots out fails, the graph is what it was, and it can be done again" *
          support::needs_exceptions()) {
  Random random(1905);
  CAPTURE(random.seed());
  const Points points = crowded_points(random, 300);
  const PointSpace space{&points};
  HnswGraph graph(3, 5);
  RoundScratch scratch;
  grow(graph, space, 300, scratch);
  std::vector<Slot> gone;
  for (std::size_t i = 0; i < 300; i += 1 + random.below(4)) gone.push_back(to_slot(i));
  const Snapshot before(graph);
  HnswGraph expected = graph.clone();
  unlink(expected, space, gone, scratch, Workers());
  for (const unsigned workers : {1U, 3U}) {
    for (const bool forever : {false, true}) {
      std::size_t failures = 0;
      for (std::size_t allowed = 0;; ++allowed) {
        CAPTURE(workers);
        CAPTURE(forever);
        CAPTURE(allowed);
        HnswGraph again = graph.clone();
        RoundScratch fresh;
        const Outcome outcome = run(allowed, forever, [&] { unlink(again, space, gone, fresh, Workers(workers)); });
        if (outcome == Outcome::failed) {
          ++failures;
          REQUIRE(Snapshot(again) == before);
          REQUIRE(again.linked() == 300);
          unlink(again, space, gone, fresh, Workers(workers));
        }
        REQUIRE(Snapshot(again) == Snapshot(expected));
        REQUIRE(faults(again) == "");
        if (outcome == Outcome::done) break;
      }
      CHECK(failures > 5);
    }
  }
}

TEST_CASE("whichever allocation of reserving fails, widening or not, lists and parents are what they were" *
          support::needs_exceptions()) {
  for (const std::size_t narrow_slots : {0U, 300U, 5'000U}) {  // wide; widened; narrow
    std::size_t failures = 0;
    for (std::size_t allowed = 0;; ++allowed) {
      CAPTURE(narrow_slots);
      CAPTURE(allowed);
      LinkLists lists(8, 3, narrow_slots);
      lists.reserve(300);
      for (std::size_t i = 0; i < 300; ++i) {
        lists.add(to_slot(i));
        for (unsigned level = 0; level <= lists.level_of(to_slot(i)); ++level) {
          for (std::size_t place = 0; place < i % (lists.list_capacity(level) + 1); ++place) {
            lists.put(to_slot(i), level, place, to_slot((i * 7 + place) % 300));
          }
        }
        if (i % 3 != 0) lists.set_parent(to_slot(i), to_slot(i / 2));
      }
      const auto before = contents(lists, 300);
      const std::size_t bytes = lists.base_bytes();
      const Outcome outcome = run(allowed, true, [&] { lists.reserve(3'000); });
      REQUIRE(contents(lists, 300) == before);
      if (outcome == Outcome::failed) {
        ++failures;
        if (allowed == 0) CHECK(lists.base_bytes() == bytes);
        lists.reserve(3'000);
      }
      for (std::size_t i = 300; i < 3'000; ++i) {
        lists.add(to_slot(i));
        lists.put(to_slot(i), 0, 0, to_slot(i - 1));
      }
      REQUIRE(contents(lists, 300) == before);
      REQUIRE(links_of(lists, 2'999) == std::vector<std::size_t>{2'998});
      if (outcome == Outcome::done) break;
    }
    CHECK(failures > 5);
  }
}

TEST_CASE("what linking keeps for the next round is what it says, within a twentieth") {
  Random random(1903);
  const Points points = support::random_points(random, 1'000, 8);
  for (const unsigned workers : {1U, 3U}) {
    HnswGraph graph(8, 5);
    graph.reserve(1'000);
    const std::size_t before = support::allocation_counts().live_bytes;
    RoundScratch scratch;
    grow(graph, PointSpace{&points}, 1'000, scratch, 50, Workers(workers));
    const auto owned = static_cast<double>(support::allocation_counts().live_bytes - before);
    CHECK(std::abs(static_cast<double>(scratch.memory_bytes()) - owned) <= 0.05 * owned);
  }
}

TEST_CASE("rounds as large as those before allocate nothing") {
  Random random(1904);
  const Points points = support::random_points(random, 600, 4);
  HnswGraph graph(6, 5);
  RoundScratch scratch;
  graph.reserve(600);
  const Workers workers;
  grow_in_rounds_of(50, graph, PointSpace{&points}, 500, scratch, 40, workers);
  const std::vector<Slot> slots = support::next_slots(graph, 40);
  const std::size_t before = support::allocation_counts().allocations;
  link_round(graph, PointSpace{&points}, slots, 40, scratch, workers);
  CHECK(support::allocation_counts().allocations == before);
}

}  // namespace shoal
