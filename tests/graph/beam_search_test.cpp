// The walks: on graphs made by hand, where it is known what they must do, and on built ones, where a walk that keeps
// everything must find everything.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"
#include <shoal/graph/beam_search.hpp>

namespace shoal {
namespace {

using detail::Candidate;
using detail::HnswGraph;
using detail::WalkScratch;
using support::bare_graph;
using support::contents;
using support::exact_nearest;
using support::Points;
using support::PointScorer;
using support::Random;
using support::same;
using support::set_links;

const auto everything = [](Slot) { return true; };

Candidate candidate(const PointScorer& scorer, std::size_t slot) {
  return {detail::score(scorer, to_slot(slot)), to_slot(slot)};
}

WalkScratch& prepare(WalkScratch& scratch, const HnswGraph& graph, std::size_t ef) {
  scratch.reserve(graph.size(), 2 * graph.M());
  scratch.visited.clear();
  scratch.pool.reset(ef);
  return scratch;
}

std::vector<Candidate> beam(const HnswGraph& graph, const PointScorer& scorer, std::initializer_list<std::size_t> seeds,
                            std::size_t ef, WalkScratch& scratch) {
  std::vector<Candidate> starts;
  for (const std::size_t seed : seeds) starts.push_back(candidate(scorer, seed));
  detail::beam_search(graph, 0, starts, scorer, prepare(scratch, graph, ef));
  return contents(scratch.pool);
}

/// Points 0, 1, 2, ... on a line, each linked to the ones beside it.
struct Chain {
  explicit Chain(std::size_t slots, std::size_t narrow_slots = detail::LinkLists::most_narrow_slots)
      : graph(bare_graph(slots, 2, 7, narrow_slots)) {
    for (std::size_t i = 0; i < slots; ++i) points.push_back({static_cast<float>(i)});
    for (std::size_t i = 0; i < slots; ++i) {
      if (i == 0) set_links(graph, i, 0, {1});
      if (i > 0 && i + 1 < slots) set_links(graph, i, 0, {i - 1, i + 1});
      if (i + 1 == slots) set_links(graph, i, 0, {i - 1});
    }
  }
  Points points;
  HnswGraph graph;
};

/// Every slot linked to every other: what a walk finds is exact.
struct Complete {
  Complete(Random& random, std::size_t slots)
      : points(support::random_points(random, slots, 3)), graph(bare_graph(slots, slots / 2)) {
    for (std::size_t i = 0; i < slots; ++i) {
      std::vector<std::size_t> others;
      for (std::size_t to = 0; to < slots; ++to) {
        if (to != i) others.push_back(to);
      }
      set_links(graph, i, 0, others);
    }
  }
  Points points;
  HnswGraph graph;
};

}  // namespace

TEST_CASE("a beam of one walks along a chain to the nearest slot, whatever the width of the words") {
  WalkScratch scratch;
  for (const std::size_t narrow_slots : {0U, 100U}) {
    const Chain chain(100, narrow_slots);
    for (const float where : {0.0F, 0.4F, 37.2F, 99.0F, 500.0F, -3.0F}) {
      const std::vector<float> query{where};
      const PointScorer scorer{&chain.points, &query};
      for (const std::size_t start : {0U, 50U, 99U}) {
        const auto found = beam(chain.graph, scorer, {start}, 1, scratch);
        CHECK(same(found, exact_nearest(chain.points, query, 1, everything)));
      }
    }
  }
}

TEST_CASE("a beam as wide as the graph finds every slot, nearest first, and scores each once") {
  const Chain chain(60);
  WalkScratch scratch;
  const std::vector<float> query{17.3F};
  std::atomic<std::size_t> scored{0};
  const PointScorer scorer{&chain.points, &query, support::squared_distance, &scored};
  const Candidate start = candidate(scorer, 0);
  scored = 0;
  detail::beam_search(chain.graph, 0, std::span<const Candidate>(&start, 1), scorer, prepare(scratch, chain.graph, 60));
  CHECK(same(contents(scratch.pool), exact_nearest(chain.points, query, 60, everything)));
  CHECK(scored == 59);  // all but the start, whose distance was known
}

TEST_CASE("a beam stops when nothing it kept leads on: a narrow one in a local minimum, a wide one not") {
  // On the way from slot 0 to the query at 10, slot 1 is farther away than slot 0 was.
  const Points points{{6}, {20}, {10}, {6.5F}};
  HnswGraph graph = bare_graph(4, 2);
  set_links(graph, 0, 0, {1, 3});
  set_links(graph, 1, 0, {0, 2});
  set_links(graph, 2, 0, {1});
  set_links(graph, 3, 0, {0});
  const std::vector<float> query{10};
  const PointScorer scorer{&points, &query};
  WalkScratch scratch;
  CHECK(beam(graph, scorer, {0}, 1, scratch)[0].slot == Slot{3});
  CHECK(beam(graph, scorer, {0}, 2, scratch)[0].slot == Slot{3});
  CHECK(beam(graph, scorer, {0}, 3, scratch)[0].slot == Slot{2});
}

TEST_CASE("a beam finds nothing that cannot be reached, and starts from every seed") {
  Points points;
  for (std::size_t i = 0; i < 10; ++i) points.push_back({static_cast<float>(i)});
  HnswGraph graph = bare_graph(10, 2);  // two chains, 0-4 and 5-9; links lead upwards only
  for (const std::size_t i : {0U, 1U, 2U, 3U, 5U, 6U, 7U, 8U}) set_links(graph, i, 0, {i + 1});
  const std::vector<float> query{6};
  const PointScorer scorer{&points, &query};
  WalkScratch scratch;
  CHECK(same(beam(graph, scorer, {0}, 10, scratch),
             exact_nearest(points, query, 10, [](Slot slot) { return to_index(slot) < 5; })));
  CHECK(same(beam(graph, scorer, {7}, 10, scratch),
             exact_nearest(points, query, 10, [](Slot slot) { return to_index(slot) >= 7; })));
  CHECK(same(beam(graph, scorer, {0, 5}, 10, scratch), exact_nearest(points, query, 10, everything)));
  CHECK(beam(graph, scorer, {0, 0, 0}, 10, scratch).size() == 5);  // a seed given twice is one
}

TEST_CASE("on a complete graph any beam finds exactly the nearest") {
  Random random(1301);
  CAPTURE(random.seed());
  const Complete complete(random, 60);
  WalkScratch scratch;
  for (int round = 0; round < 500; ++round) {
    const std::vector<float> query = random.normal_vector(3);
    const PointScorer scorer{&complete.points, &query};
    const std::size_t start = random.below(60);
    const std::size_t ef = 1 + random.below(70);
    CAPTURE(round);
    CHECK(same(beam(complete.graph, scorer, {start}, ef, scratch),
               exact_nearest(complete.points, query, ef, everything)));
  }
}

TEST_CASE("a walk follows no link to a slot that came after it began, whatever stands behind it in the list") {
  for (const std::size_t narrow_slots : {detail::LinkLists::most_narrow_slots, std::size_t{3}}) {
    HnswGraph graph = bare_graph(6, 3, 7, narrow_slots);
    set_links(graph, 0, 0, {1, 4, 2, 5, 3});
    for (const std::size_t slot : {1U, 2U, 3U, 4U}) set_links(graph, slot, 0, {0});
    const Points points(6, std::vector<float>{1});
    const PointScorer scorer{&points, &points[0]};
    WalkScratch scratch;
    prepare(scratch, graph, 6);
    scratch.limit = 4;
    const Candidate start = candidate(scorer, 0);
    detail::beam_search(graph, 0, std::span<const Candidate>(&start, 1), scorer, scratch);
    std::vector<std::size_t> found;
    for (const Candidate& each : contents(scratch.pool)) found.push_back(to_index(each.slot));
    CHECK(found == std::vector<std::size_t>{0, 1, 2, 3});
  }
}

TEST_CASE("a walk that keeps as many as there are slots finds the exact nearest of a built graph, from the root") {
  Random random(1303);
  CAPTURE(random.seed());
  WalkScratch scratch;
  for (const std::size_t M : {2U, 3U, 8U}) {
    for (const std::size_t dimensions : {1U, 2U, 8U}) {
      CAPTURE(M);
      CAPTURE(dimensions);
      const Points points = support::random_points(random, 400, dimensions);
      const HnswGraph graph = support::graph_of(points, M);
      const std::vector<float> query = random.normal_vector(dimensions);
      const PointScorer scorer{&points, &query};
      CHECK(same(beam(graph, scorer, {0}, 400, scratch), exact_nearest(points, query, 400, everything)));
    }
  }
}

TEST_CASE("beam search on an upper level stays on it") {
  Random random(1304);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 600, 3);
  const HnswGraph graph = support::graph_of(points, 4);
  REQUIRE(graph.top_level() >= 2);
  const std::vector<float> query = random.normal_vector(3);
  const PointScorer scorer{&points, &query};
  WalkScratch scratch;
  for (unsigned level = 1; level <= graph.top_level(); ++level) {
    const Candidate start = candidate(scorer, to_index(graph.entry()));
    detail::beam_search(graph, level, std::span<const Candidate>(&start, 1), scorer, prepare(scratch, graph, 600));
    CHECK(scratch.pool.size() >= 1);
    for (const Candidate& found : contents(scratch.pool)) CHECK(graph.lists().level_of(found.slot) >= level);
  }
}

TEST_CASE("descend goes to where no link of any level above the target leads nearer") {
  Random random(1305);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 1'000, 3);
  const HnswGraph graph = support::graph_of(points, 3);
  REQUIRE(graph.top_level() >= 3);
  WalkScratch scratch;
  prepare(scratch, graph, 1);
  for (int round = 0; round < 200; ++round) {
    const std::vector<float> query = random.normal_vector(3);
    const PointScorer scorer{&points, &query};
    const Candidate start = candidate(scorer, to_index(graph.entry()));
    Candidate previous = start;
    for (unsigned target = graph.top_level() + 1; target-- > 0;) {
      const Candidate end = detail::descend(graph, start, target, scorer, scratch);
      CHECK(end.distance == detail::score(scorer, end.slot));
      CHECK(!(previous.distance < end.distance));  // lower is never farther
      if (target == graph.top_level()) {
        CHECK(end.slot == start.slot);
      } else {
        CHECK(graph.lists().level_of(end.slot) > target);
        for (const std::size_t to : support::links_of(graph, to_index(end.slot), target + 1)) {
          if (detail::score(scorer, to_slot(to)) < end.distance)
            FAIL_CHECK("a link of level " << target + 1 << " leads nearer");
        }
      }
      previous = end;
    }
  }
}

TEST_CASE("descend takes the nearest of the links, not the first that is nearer") {
  // Levels are hashes: a seed for which four slots reach level 1 and none a higher one.
  constexpr std::size_t slots = 20;
  HnswGraph graph = bare_graph(slots, 3, 0);
  std::vector<std::size_t> upper;
  for (std::uint64_t seed = 1; upper.size() != 4 || graph.top_level() != 1; ++seed) {
    graph = bare_graph(slots, 3, seed);
    upper.clear();
    for (std::size_t i = 0; i < slots; ++i) {
      if (graph.lists().level_of(to_slot(i)) >= 1) upper.push_back(i);
    }
  }
  REQUIRE(graph.entry() == to_slot(upper[0]));
  Points points(slots, std::vector<float>{1'000});
  points[upper[0]] = {10};
  points[upper[1]] = {8};
  points[upper[2]] = {3};  // nearest to 0, a dead end
  points[upper[3]] = {0};  // reached only through upper[1]
  set_links(graph, upper[0], 1, {upper[1], upper[2]});
  set_links(graph, upper[1], 1, {upper[3]});
  const std::vector<float> query{0};
  const PointScorer scorer{&points, &query};
  WalkScratch scratch;
  prepare(scratch, graph, 1);
  const Candidate end = detail::descend(graph, candidate(scorer, upper[0]), 0, scorer, scratch);
  CHECK(end.slot == to_slot(upper[2]));
}

namespace {

/// Says of what is beyond a bound no more than that it is far, as often as it may; counts what it was asked for early.
struct ShortScorer : PointScorer {
  static constexpr std::size_t prefetched_first = 3;
  std::atomic<std::size_t>* spared = nullptr;
  std::atomic<std::size_t>* prefetched = nullptr;

  void within(std::span<const Slot> slots, float bound, float* out) const noexcept {
    (*this)(slots, out);
    for (std::size_t i = 0; i < slots.size(); ++i) {
      if (!(out[i] > bound)) continue;
      out[i] = std::numeric_limits<float>::max();
      ++*spared;
    }
  }
  void prefetch(Slot) const noexcept { ++*prefetched; }
};

}  // namespace

TEST_CASE("walks find the same when the scorer spares itself what is too far to count") {
  Random random(1307);
  CAPTURE(random.seed());
  std::atomic<std::size_t> spared{0};
  std::atomic<std::size_t> prefetched{0};
  WalkScratch scratch;
  const Points points = support::random_points(random, 900, 5);
  const HnswGraph graph = support::graph_of(points, 4);
  for (int round = 0; round < 100; ++round) {
    CAPTURE(round);
    const std::vector<float> query = random.normal_vector(5);
    const PointScorer scorer{&points, &query};
    const ShortScorer sparing{scorer, &spared, &prefetched};
    const std::size_t ef = 1 + random.below(40);
    const Candidate start = candidate(scorer, to_index(graph.entry()));
    const std::vector<Candidate> expected = beam(graph, scorer, {to_index(start.slot)}, ef, scratch);
    detail::beam_search(graph, 0, std::span<const Candidate>(&start, 1), sparing, prepare(scratch, graph, ef));
    CHECK(same(contents(scratch.pool), expected));
    CHECK(detail::descend(graph, start, 0, sparing, scratch).slot ==
          detail::descend(graph, start, 0, scorer, scratch).slot);
  }
  CHECK(spared > 1'000);
}

TEST_CASE("the first new links of a hop are prefetched, as many as the scorer asks for") {
  std::atomic<std::size_t> spared{0};
  std::atomic<std::size_t> prefetched{0};
  const Points points(6, std::vector<float>{1});
  HnswGraph graph = bare_graph(6, 3);
  set_links(graph, 0, 0, {1, 2, 3, 4, 5});
  set_links(graph, 1, 0, {0, 2});
  const ShortScorer scorer{{&points, &points[0]}, &spared, &prefetched};
  WalkScratch scratch;
  const Candidate start = candidate(scorer, 0);
  detail::beam_search(graph, 0, std::span<const Candidate>(&start, 1), scorer, prepare(scratch, graph, 6));
  CHECK(prefetched == 3);
}

TEST_CASE("a walk's memory counts what it keeps") {
  WalkScratch scratch;
  CHECK(scratch.memory_bytes() == 0);
  scratch.reserve(10'000, 32);
  scratch.pool.reset(100);
  CHECK(scratch.memory_bytes() >= 10'000 / 8 + 32 * (sizeof(Slot) + sizeof(float)) + 100 * sizeof(Candidate));
}

}  // namespace shoal
