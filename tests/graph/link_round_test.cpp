// Linking in rounds: against a round written down again with scalar loops, link for link; and for what must hold
// whatever the points are: every invariant after each round, every slot reached, the same graph from the same rounds.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"
#include <shoal/graph/link_round.hpp>

namespace shoal {
namespace {

using detail::Candidate;
using detail::HnswGraph;
using detail::link_round;
using detail::round_size;
using detail::RoundScratch;
using detail::scans;
using detail::Workers;
using support::BlockPointSpace;
using support::Distance;
using support::exact_nearest;
using support::faults;
using support::graph_of;
using support::grow;
using support::grow_in_rounds_of;
using support::links_of;
using support::parent_of;
using support::Points;
using support::PointSpace;
using support::Random;
using support::Snapshot;

struct NamedPoints {
  std::string name;
  Points points;
};

std::vector<NamedPoints> points_of_every_shape(Random& random, std::size_t count) {
  std::vector<NamedPoints> all;
  all.push_back({"normal", support::random_points(random, count, 4)});
  all.push_back({"all equal", Points(count, {1, 2, 3})});
  Points points = support::random_points(random, count, 2);
  for (auto& point : points) {
    for (float& value : point) value = static_cast<float>(random.below(4));
  }
  all.push_back({"16 different points", points});
  points = support::random_points(random, count, 3);
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 5 != 0) points[i] = points[0];
  }
  all.push_back({"four fifths equal", points});
  for (std::size_t i = 0; i < count; ++i) points[i] = {static_cast<float>(i), 0, 0};
  all.push_back({"sorted on a line", points});
  std::reverse(points.begin(), points.end());
  all.push_back({"sorted the other way", points});
  for (std::size_t i = 0; i < count; ++i) points[i] = {static_cast<float>(i % 10) * 100 + random.normal(), 0, 0};
  all.push_back({"ten clusters far apart", points});
  std::sort(points.begin(), points.end());
  all.push_back({"ten clusters far apart, one after the other", points});
  points = support::random_points(random, count, 3);
  points[count / 2] = {1e6F, 1e6F, 1e6F};
  all.push_back({"one far outlier", points});
  all.push_back({"equal first half", Points(count, {5, 5, 5})});
  for (std::size_t i = count / 2; i < count; ++i) all.back().points[i] = random.normal_vector(3);
  // Along the axes no point covers another: lists run over.
  all.push_back({"many directions", Points(count, std::vector<float>(50, 0))});
  for (std::size_t i = 0; i < count; ++i) all.back().points[i][i % 50] = 1 + 0.01F * random.normal();
  return all;
}

/// Sizes of rounds: of one slot, of several, of any number up to `most`.
enum class Rounds { single, several, mixed };
std::size_t next_round(Rounds rounds, std::size_t most, Random& random) {
  if (rounds == Rounds::single) return 1;
  return rounds == Rounds::several ? 7 : 1 + random.below(most);
}

/// Links `count` slots by comparing each with all. Adoption is tested in tree_test.cpp, and used here as it is.
void naive_link_round(HnswGraph& graph, const Points& points, Distance distance, std::size_t count, std::size_t ef) {
  const std::size_t first = graph.size();
  const std::size_t size = first + count;
  graph.reserve(size);
  for (const Slot slot : support::next_slots(graph, count)) graph.add(slot);
  const auto level_of = [&](std::size_t slot) { return graph.lists().level_of(to_slot(slot)); };
  const auto apart = [&](std::size_t a, std::size_t b) { return distance(points[a], points[b]); };

  std::map<std::pair<unsigned, std::size_t>, std::vector<std::size_t>> links_back;  // by level and target
  for (std::size_t slot = first; slot < size; ++slot) {
    for (unsigned level = 0; level <= level_of(slot); ++level) {
      std::vector<Candidate> found, aside;  // aside: of the graph as it was, candidates in any case
      for (std::size_t other = 0; other < size; ++other) {
        if (other == slot || level_of(other) < level) continue;
        found.push_back({apart(slot, other), to_slot(other)});
        if (other < first) aside.push_back(found.back());
      }
      std::sort(found.begin(), found.end());
      found.resize(std::min(found.size(), ef), Candidate{});
      std::sort(aside.begin(), aside.end());
      aside.resize(std::min({aside.size(), ef, detail::NearestSlots::most_aside}), Candidate{});
      for (const Candidate& each : aside) {
        if (std::none_of(found.begin(), found.end(), [&](const Candidate& c) { return c.slot == each.slot; })) {
          found.push_back(each);
        }
      }
      std::sort(found.begin(), found.end());
      const std::size_t wanted = level == 0 ? graph.M() + graph.M() / 4 : graph.M();
      std::vector<std::size_t> chosen;
      for (const Candidate& each : support::naive_selection(found, wanted, points, distance))
        chosen.push_back(to_index(each.slot));
      support::set_links(graph, slot, level, chosen);
      for (const std::size_t target : chosen) links_back[{level, target}].push_back(slot);
    }
  }

  std::map<std::pair<unsigned, std::size_t>, std::vector<std::size_t>> lists;
  std::vector<std::size_t> orphans;
  for (const auto& [key, sources] : links_back) {
    const auto [level, target] = key;
    std::vector<std::size_t> list = links_of(graph, target, level);
    for (const std::size_t source : sources) {
      if (std::find(list.begin(), list.end(), source) == list.end()) list.push_back(source);
    }
    const std::size_t capacity = graph.lists().list_capacity(level);
    if (list.size() > capacity) {
      std::vector<Candidate> crowd;
      for (const std::size_t each : list) crowd.push_back({apart(target, each), to_slot(each)});
      std::sort(crowd.begin(), crowd.end());
      list.clear();
      for (const Candidate& each : support::naive_selection(crowd, capacity - capacity / 8, points, distance)) {
        list.push_back(to_index(each.slot));
      }
      for (const Candidate& each : crowd) {
        const std::size_t slot = to_index(each.slot);
        const bool dropped = std::find(list.begin(), list.end(), slot) == list.end();
        if (level == 0 && slot < first && dropped && parent_of(graph, slot) == target) orphans.push_back(slot);
      }
    }
    lists[key] = list;
  }
  for (const auto& [key, list] : lists) support::set_links(graph, key.second, key.first, list);
  std::sort(orphans.begin(), orphans.end());
  for (const std::size_t orphan : orphans) detail::adopt(graph, to_slot(orphan));
  for (std::size_t slot = std::max<std::size_t>(first, 1); slot < size; ++slot) detail::adopt(graph, to_slot(slot));
  for (std::size_t slot = first; slot < size; ++slot) graph.promote(to_slot(slot));
}

/// Points of a square grid, each linked to the four around it; levels above have no links. From anywhere a walk comes
/// to the nearest point: a large graph that costs nothing.
struct Grid {
  Grid(std::size_t side, std::size_t M) : graph(support::bare_graph(side * side, M)) {
    for (std::size_t i = 0; i < side * side; ++i) {
      points.push_back({static_cast<float>(i % side), static_cast<float>(i / side)});
      std::vector<std::size_t> around;
      if (i % side > 0) around.push_back(i - 1);
      if (i % side + 1 < side) around.push_back(i + 1);
      if (i >= side) around.push_back(i - side);
      if (i + side < side * side) around.push_back(i + side);
      support::set_links(graph, i, 0, around);
      if (i > 0) graph.lists().set_parent(to_slot(i), to_slot(i % side > 0 ? i - 1 : i - side));
    }
  }
  /// Points to be linked, not on the grid.
  void add_points(Random& random, std::size_t count, double from, double to) {
    for (std::size_t i = 0; i < count; ++i) points.push_back({random.uniform(from, to), random.uniform(from, to)});
  }
  Points points;
  HnswGraph graph;
};

/// A space whose scorer gives way to other threads, so that workers which share what they must not come upon it.
struct YieldingSpace : PointSpace {
  struct Scorer : support::PointScorer {
    void operator()(std::span<const Slot> slots, float* out) const noexcept {
      PointScorer::operator()(slots, out);
      std::this_thread::yield();
    }
  };
  [[nodiscard]] Scorer scorer_for(Slot slot) const noexcept { return {PointSpace::scorer_for(slot)}; }
};

/// The slots that a search as an index does it finds nearest: a descent from the entry point, and the root.
std::vector<Candidate> found_by_search(const HnswGraph& graph, const Points& points, const std::vector<float>& query,
                                       std::size_t k, std::size_t ef) {
  detail::WalkScratch scratch;
  scratch.reserve(graph.size(), 2 * graph.M());
  scratch.pool.reset(ef);
  const support::PointScorer scorer{&points, &query};
  const Candidate entry{detail::score(scorer, graph.entry()), graph.entry()};
  const Candidate seeds[] = {descend(graph, entry, 0, scorer, scratch),
                             {detail::score(scorer, graph.root()), graph.root()}};
  detail::beam_search(graph, 0, seeds, scorer, scratch);
  std::vector<Candidate> found = support::contents(scratch.pool);
  found.resize(std::min(found.size(), k), Candidate{});
  return found;
}

/// The share of the k nearest, by distance, that searches for `queries` find.
double recall(const HnswGraph& graph, const Points& points, const Points& queries, std::size_t k, std::size_t ef) {
  std::size_t hits = 0;
  for (const std::vector<float>& query : queries) {
    const auto exact = exact_nearest(points, query, k, [](Slot) { return true; });
    for (const Candidate& found : found_by_search(graph, points, query, k, ef)) {
      hits += found.distance <= exact.back().distance ? 1 : 0;
    }
  }
  return static_cast<double>(hits) / static_cast<double>(k * queries.size());
}

// Where comparing with all ends, for few at a time and for many.
static_assert(scans<PointSpace>(0, 1) && scans<PointSpace>(1'485, 15) && !scans<PointSpace>(1'486, 15));
static_assert(scans<PointSpace>(1'499, 1) && !scans<PointSpace>(1'500, 1));
static_assert(scans<PointSpace>(0, 16) && scans<PointSpace>(6'128, 16) && !scans<PointSpace>(6'129, 16));
static_assert(scans<BlockPointSpace>(12'272, 16) && !scans<BlockPointSpace>(12'273, 16));
static_assert(round_size(0) == 64 && round_size(256) == 64 && round_size(400) == 100 && round_size(1'000'000) == 1'024);

}  // namespace

TEST_CASE("a round links what scalar loops link, link for link, whatever the points are") {
  Random random(1600);
  CAPTURE(random.seed());
  for (const std::size_t M : {2U, 3U, 8U}) {
    for (const Distance distance : {support::squared_distance, support::negated_dot}) {
      for (const NamedPoints& shape : points_of_every_shape(random, 220)) {
        CAPTURE(M);
        CAPTURE(shape.name);
        const std::size_t ef = std::max<std::size_t>(M, random.below(2) == 0 ? 6 : 40);
        HnswGraph graph(M, random.bits());
        RoundScratch scratch;
        while (graph.size() < shape.points.size()) {
          const std::size_t count = std::min(1 + random.below(80), shape.points.size() - graph.size());
          HnswGraph expected = graph.clone();
          naive_link_round(expected, shape.points, distance, count, ef);
          graph.reserve(graph.size() + count);
          support::link_next(graph, PointSpace{&shape.points, distance}, count, ef, scratch, Workers());
          CAPTURE(graph.size());
          REQUIRE(Snapshot(graph) == Snapshot(expected));
        }
      }
    }
  }
}

TEST_CASE("walks that keep everything link what scalar loops link, link for link") {
  Random random(1610);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 1'600, 3);
  for (const std::size_t M : {6U, 8U}) {  // with shorter lists, not all of an upper level can be reached
    // Levels are hashes: a seed for which a slot that walks reaches the top level there was, and one goes beyond it.
    std::uint64_t seed = 0;
    for (bool found = false; !found; ++seed) {
      const HnswGraph levels(M, seed);
      const auto level_of = [&](std::size_t slot) { return levels.lists().new_level(to_slot(slot)); };
      unsigned top = 0;
      for (std::size_t i = 0; i < 1'500; ++i) top = std::max(top, level_of(i));
      bool reached = false;
      for (std::size_t i = 1'500; i < 1'600; ++i) {
        reached = reached || level_of(i) == top;
        found = found || (reached && level_of(i) > top);
      }
    }
    CAPTURE(seed);
    HnswGraph graph(M, seed - 1);
    RoundScratch scratch;
    grow(graph, PointSpace{&points}, 1'500, scratch);
    while (graph.size() < points.size()) {
      const std::size_t count = std::min(1 + random.below(15), points.size() - graph.size());
      REQUIRE_FALSE(scans<PointSpace>(graph.size(), count));
      HnswGraph expected = graph.clone();
      naive_link_round(expected, points, support::squared_distance, count, 2'000);
      grow_in_rounds_of(count, graph, PointSpace{&points}, graph.size() + count, scratch, 2'000);
      CAPTURE(graph.size());
      REQUIRE(Snapshot(graph) == Snapshot(expected));
    }
  }
}

TEST_CASE("every invariant holds after each round, whatever the points and the rounds are") {
  Random random(1601);
  CAPTURE(random.seed());
  for (const std::size_t M : {2U, 3U, 6U}) {
    for (const Rounds rounds : {Rounds::single, Rounds::several, Rounds::mixed}) {
      for (const NamedPoints& shape : points_of_every_shape(random, 150)) {
        CAPTURE(M);
        CAPTURE(static_cast<int>(rounds));
        CAPTURE(shape.name);
        HnswGraph graph(M, random.bits());
        RoundScratch scratch;
        while (graph.size() < shape.points.size()) {
          const std::size_t count = next_round(rounds, 60, random);
          grow_in_rounds_of(count, graph, PointSpace{&shape.points},
                            std::min(graph.size() + count, shape.points.size()), scratch, 10);
          REQUIRE(faults(graph) == "");
        }
      }
    }
  }
}

TEST_CASE("every invariant holds after each round that walks, whatever the points are") {
  Random random(1611);
  CAPTURE(random.seed());
  for (const std::size_t M : {2U, 5U}) {
    for (const NamedPoints& shape : points_of_every_shape(random, 1'640)) {
      CAPTURE(M);
      CAPTURE(shape.name);
      HnswGraph graph(M, random.bits());
      RoundScratch scratch;
      grow(graph, PointSpace{&shape.points}, 1'500, scratch, 10);
      while (graph.size() < shape.points.size()) {
        const std::size_t count = std::min(1 + random.below(15), shape.points.size() - graph.size());
        grow_in_rounds_of(count, graph, PointSpace{&shape.points}, graph.size() + count, scratch, 10);
        REQUIRE(faults(graph) == "");
      }
    }
  }
}

TEST_CASE("in larger graphs every slot can be reached and no list overflows, under a distance that is no metric too") {
  Random random(1602);
  CAPTURE(random.seed());
  for (const Distance distance : {support::squared_distance, support::negated_dot}) {
    for (const std::size_t M : {2U, 8U}) {
      for (const NamedPoints& shape : points_of_every_shape(random, 1'500)) {
        CAPTURE(M);
        CAPTURE(shape.name);
        CHECK(faults(graph_of(shape.points, M, 3, distance)) == "");
      }
    }
  }
}

TEST_CASE(
    "the same points, rounds and seed give the same graph, however room was made and whatever was linked before") {
  Random random(1603);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 600, 3);
  const HnswGraph at_once = graph_of(points, 4, 21);
  HnswGraph in_steps(4, 21);
  RoundScratch scratch;
  const Points others = support::random_points(random, 500, 6);
  HnswGraph other(9, 3);
  grow(other, PointSpace{&others}, 500, scratch, 100, Workers(3));  // leaves its traces in the scratch
  in_steps.reserve(700);
  while (in_steps.size() < points.size()) {
    const std::size_t count = std::min(round_size(in_steps.size()), points.size() - in_steps.size());
    support::link_next(in_steps, PointSpace{&points}, count, 40, scratch, Workers());
  }
  CHECK(Snapshot(in_steps) == Snapshot(at_once));
  CHECK_FALSE(Snapshot(graph_of(points, 4, 22)) == Snapshot(at_once));
}

TEST_CASE("a space that compares blocks gives the graph that one gives which does not") {
  Random random(1612);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 1'530, 3);
  HnswGraph plain(4, 1);
  HnswGraph blockwise(4, 1);
  RoundScratch scratch;
  std::atomic<std::size_t> blocks{0};
  const BlockPointSpace space{{&points}, &blocks};
  grow(plain, PointSpace{&points}, 1'500, scratch);
  grow(blockwise, space, 1'500, scratch);
  CHECK(blocks > 0);
  grow_in_rounds_of(15, plain, PointSpace{&points}, 1'530, scratch);  // walks
  const std::size_t before = blocks.exchange(0);
  grow_in_rounds_of(15, blockwise, space, 1'530, scratch);
  CHECK(blocks == 2);  // the slots of a round with each other
  CHECK(before > 1'000);
  CHECK(Snapshot(plain) == Snapshot(blockwise));
}

TEST_CASE("the entry point is the first slot on the highest level, whatever the rounds") {
  Random random(1604);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 300, 2);
  for (const std::size_t round : {1U, 7U, 64U, 300U}) {
    CAPTURE(round);
    HnswGraph graph(2, 8);
    RoundScratch scratch;
    for (std::size_t i = round; i < points.size() + round; i += round) {
      grow_in_rounds_of(round, graph, PointSpace{&points}, std::min(i, points.size()), scratch);
      Slot expected{0};
      for (std::size_t slot = 0; slot < graph.size(); ++slot) {
        if (graph.lists().level_of(to_slot(slot)) > graph.lists().level_of(expected)) expected = to_slot(slot);
      }
      REQUIRE(graph.entry() == expected);
      REQUIRE(graph.top_level() == graph.lists().level_of(expected));
    }
    CHECK(graph.top_level() >= 3);
  }
}

TEST_CASE("a round of nothing changes nothing, on an empty graph too") {
  Random random(1613);
  const Points points = support::random_points(random, 100, 2);
  RoundScratch scratch;
  HnswGraph graph(2, 8);
  support::link_next(graph, PointSpace{&points}, 0, 10, scratch, Workers());
  CHECK(graph.size() == 0);
  grow(graph, PointSpace{&points}, 100, scratch);
  const Snapshot before(graph);
  support::link_next(graph, PointSpace{&points}, 0, 10, scratch, Workers(2));
  CHECK(Snapshot(graph) == before);
}

// ---- who links to whom ---------------------------------------------------------------------------------------------

TEST_CASE(
    "a slot links to its nearest neighbour on each of its levels, and the neighbour back, in rounds of any size") {
  // Compared with all, and Algorithm 4 always takes the nearest candidate. With few slots no list is full.
  Random random(1605);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 400, 3);
  for (const std::size_t round : {1U, 5U, 50U, 400U}) {
    CAPTURE(round);
    HnswGraph graph(4, 5);
    RoundScratch scratch;
    std::size_t upper = 0;
    while (graph.size() < points.size()) {
      const std::size_t first = graph.size();
      grow_in_rounds_of(round, graph, PointSpace{&points}, std::min(first + round, points.size()), scratch, 8);
      for (std::size_t slot = first; slot < graph.size(); ++slot) {
        for (unsigned level = 0; level <= graph.lists().level_of(to_slot(slot)); ++level) {
          const auto nearest = exact_nearest(points, points[slot], 1, [&](Slot other) {
            return to_index(other) < graph.size() && to_index(other) != slot && graph.lists().level_of(other) >= level;
          });
          if (nearest.empty()) continue;
          upper += level > 0 ? 1 : 0;
          if (!graph.lists().contains(to_slot(slot), level, nearest[0].slot)) {
            FAIL_CHECK("slot " << slot << " level " << level << " does not link to " << to_index(nearest[0].slot));
          }
        }
      }
    }
    CHECK(upper > 100);
  }
}

TEST_CASE("in a graph too large to compare with all, a slot walks to its nearest neighbour at a fraction of the cost") {
  Random random(1614);
  CAPTURE(random.seed());
  // Few at a time, and many at a time: each with a grid beyond what is compared.
  for (const auto& sizes : {std::pair<std::size_t, std::size_t>{60, 1}, {60, 15}, {130, 100}}) {
    const std::size_t side = sizes.first;
    const std::size_t round = sizes.second;
    CAPTURE(side);
    CAPTURE(round);
    Grid grid(side, 4);
    const std::size_t slots = grid.graph.size();
    REQUIRE_FALSE(scans<PointSpace>(slots, round));
    grid.add_points(random, round, 0, static_cast<double>(side) - 1);
    std::atomic<std::size_t> scored{0};
    RoundScratch scratch;
    grow_in_rounds_of(round, grid.graph, PointSpace{&grid.points, support::squared_distance, &scored}, slots + round,
                      scratch, 20);
    CHECK(scored < round * slots / 3);
    for (std::size_t slot = slots; slot < grid.graph.size(); ++slot) {
      for (const bool among_new : {false, true}) {
        const auto nearest = exact_nearest(grid.points, grid.points[slot], 1, [&](Slot other) {
          return to_index(other) != slot && (among_new || to_index(other) < slots);
        });
        // The nearest of all is chosen for certain, the nearest of the grid while nothing new is nearer.
        const auto all = exact_nearest(grid.points, grid.points[slot], 2, [](Slot) { return true; });
        if (!among_new && all[1].slot != nearest[0].slot) continue;
        CHECK(grid.graph.lists().contains(to_slot(slot), 0, nearest[0].slot));
        CHECK(grid.graph.lists().contains(nearest[0].slot, 0, to_slot(slot)));
      }
    }
    CHECK(faults(grid.graph) == "");
  }
}

TEST_CASE("up to the limit a slot is compared with all, beyond it the walk is short") {
  Random random(1615);
  for (const std::size_t slots : {1'499U, 1'500U}) {
    Grid grid(38, 4);  // 1,444 slots; the rest is linked beside them
    grid.add_points(random, 100, 0, 37);
    RoundScratch scratch;
    grow(grid.graph, PointSpace{&grid.points}, slots, scratch, 10);
    std::atomic<std::size_t> scored{0};
    grow_in_rounds_of(1, grid.graph, PointSpace{&grid.points, support::squared_distance, &scored}, slots + 1, scratch,
                      10);
    CAPTURE(slots);
    CHECK((scored >= slots) == (slots == 1'499));
  }
}

TEST_CASE("slots of one round link to each other, whether they are compared with all or walk") {
  Random random(1616);
  CAPTURE(random.seed());
  for (const auto& sizes : {std::pair<std::size_t, std::size_t>{1, 30}, {20, 1}, {20, 50}, {60, 7}, {130, 50}}) {
    const std::size_t side = sizes.first;
    const std::size_t pairs = sizes.second;
    CAPTURE(side);
    CAPTURE(pairs);
    Grid grid(side, 4);
    const std::size_t slots = grid.graph.size();
    grid.add_points(random, pairs, 0, 1'000);  // twins: most far from the grid, and from all other twins
    for (std::size_t i = 0; i < pairs; ++i) {
      grid.points.push_back({grid.points[slots + i][0] + 1e-3F, grid.points[slots + i][1]});
    }
    RoundScratch scratch;
    grow_in_rounds_of(2 * pairs, grid.graph, PointSpace{&grid.points}, slots + 2 * pairs, scratch, 10);
    for (std::size_t i = slots; i < slots + pairs; ++i) {
      CHECK(grid.graph.lists().contains(to_slot(i), 0, to_slot(i + pairs)));
      CHECK(grid.graph.lists().contains(to_slot(i + pairs), 0, to_slot(i)));
    }
    CHECK(faults(grid.graph) == "");
  }
}

TEST_CASE("a list that overflows keeps its nearest links and leaves an eighth of its places free") {
  // A hub with a friend on each of 40 axes, which came before it; then a spoke between the hub and each friend. From
  // the hub no spoke covers another, and each covers its friend. The friends are the spokes' parents, so that none has
  // to be adopted by the hub.
  constexpr std::size_t axes = 40;
  constexpr std::size_t M = 8;
  const auto on_axis = [](std::size_t axis, float where) {
    std::vector<float> point(axes, 0);
    point[axis] = where;
    return point;
  };
  Points points;
  for (std::size_t i = 0; i < axes; ++i) points.push_back(on_axis(i, 1.1F));
  points.emplace_back(axes, 0.0F);
  for (std::size_t i = 0; i < axes; ++i) points.push_back(on_axis(i, 1 + 0.001F * static_cast<float>(i * 7 % axes)));
  constexpr std::size_t hub = axes;
  for (const std::size_t round : {axes, std::size_t{1}}) {
    CAPTURE(round);
    HnswGraph graph(M, 5);
    RoundScratch scratch;
    grow_in_rounds_of(axes, graph, PointSpace{&points}, axes, scratch);
    grow_in_rounds_of(1, graph, PointSpace{&points}, axes + 1, scratch);
    std::size_t overflows = 0;
    while (graph.size() < points.size()) {
      const std::size_t before = links_of(graph, hub).size();
      grow_in_rounds_of(round, graph, PointSpace{&points}, graph.size() + round, scratch);
      const std::vector<std::size_t> links = links_of(graph, hub);
      REQUIRE(faults(graph) == "");
      if (before + round <= 2 * M) continue;  // no overflow
      ++overflows;
      CHECK(links.size() <= 2 * M - 2 * M / 8);
      const auto nearest = exact_nearest(points, points[hub], links.size() + 1,
                                         [&](Slot slot) { return to_index(slot) < graph.size(); });
      CHECK(to_slot(links[0]) == nearest[1].slot);
      if (round == 1) continue;
      // Spokes alone, and all of them diverse.
      CHECK(links.size() == 2 * M - 2 * M / 8);
      for (std::size_t i = 0; i < links.size(); ++i) CHECK(to_slot(links[i]) == nearest[i + 1].slot);
    }
    CHECK(overflows >= 1);
  }
}

// ---- crowds and orders ---------------------------------------------------------------------------------------------

TEST_CASE("copies of one point do not fill a list: links still lead away from a crowd of copies") {
  // Half of the points are one point, inserted first; the others come after, far from it and from each other.
  Random random(1606);
  CAPTURE(random.seed());
  Points points(400, std::vector<float>{0, 0});
  for (std::size_t i = 200; i < 400; ++i) points[i] = {random.uniform(10, 20), random.uniform(-20, 20)};
  for (const std::size_t round : {1U, 64U}) {
    CAPTURE(round);
    HnswGraph graph(4, 7);
    RoundScratch round_scratch;
    grow_in_rounds_of(round, graph, PointSpace{&points}, 400, round_scratch);
    CHECK(faults(graph) == "");
    // From any slot outside, a wide walk comes to a copy, and from any copy to the outside.
    detail::WalkScratch scratch;
    scratch.reserve(400, 8);
    for (const std::size_t start : {0U, 57U, 199U, 200U, 399U}) {
      CAPTURE(start);
      const std::vector<float>& query = start < 200 ? points[399] : points[0];
      const support::PointScorer scorer{&points, &query};
      const Candidate seed{detail::score(scorer, to_slot(start)), to_slot(start)};
      scratch.visited.clear();
      scratch.pool.reset(100);
      detail::beam_search(graph, 0, std::span<const Candidate>(&seed, 1), scorer, scratch);
      CHECK(scratch.pool[0].distance == 0.0F);
    }
  }
}

// More copies than ef_construction fill the candidates with themselves, and none of them has links yet.
TEST_CASE("a crowd of copies that comes in one round links to what is around it") {
  Random random(1621);
  CAPTURE(random.seed());
  Points points = support::random_points(random, 500, 4);
  const std::vector<float> crowd = random.normal_vector(4);
  points.insert(points.end(), 60, crowd);
  HnswGraph graph(8, 3);
  RoundScratch scratch;
  grow(graph, PointSpace{&points}, 500, scratch);
  grow_in_rounds_of(60, graph, PointSpace{&points}, 560, scratch, 40);
  std::size_t leading_away = 0;
  for (std::size_t i = 500; i < 560; ++i) {
    for (const std::size_t to : links_of(graph, i)) leading_away += points[to] != crowd ? 1 : 0;
  }
  CHECK(leading_away > 0);
}

TEST_CASE("points in any order are found when they come in one big round") {
  Random random(1617);
  CAPTURE(random.seed());
  for (const NamedPoints& shape : points_of_every_shape(random, 1'000)) {
    for (const std::size_t M : {4U, 8U}) {
      CAPTURE(M);
      CAPTURE(shape.name);
      HnswGraph graph(M, 5);
      RoundScratch scratch;
      grow_in_rounds_of(1'000, graph, PointSpace{&shape.points}, 1'000, scratch, 40);
      CHECK(faults(graph) == "");
      Points queries;
      for (std::size_t i = 0; i < 100; ++i) queries.push_back(shape.points[random.below(1'000)]);
      // In many directions there is no way from one to the next; all else is easy.
      CHECK(recall(graph, shape.points, queries, 5, 80) >= (shape.name == "many directions" ? 0.5 : 0.99));
    }
  }
}

// ---- workers -------------------------------------------------------------------------------------------------------

TEST_CASE("the graph is the same for any number of workers, and on an executor, compared or walked") {
  Random random(1618);
  CAPTURE(random.seed());
  std::atomic<std::size_t> asked{0};
  const Executor backwards = [&](std::size_t count, const std::function<void(std::size_t)>& task) {
    for (std::size_t i = count; i-- > 0;) task(i);
    ++asked;
  };
  const Executor pool = [&](std::size_t count, const std::function<void(std::size_t)>& task) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i) threads.emplace_back(task, i);
    for (std::thread& thread : threads) thread.join();
    ++asked;
  };
  const std::vector<Workers> all{Workers(1),      Workers(2), Workers(3), Workers(8), Workers(4, backwards),
                                 Workers(3, pool)};
  for (const NamedPoints& shape : points_of_every_shape(random, 400)) {
    CAPTURE(shape.name);
    RoundScratch scratch;
    HnswGraph first(4, 5);
    grow_in_rounds_of(130, first, PointSpace{&shape.points}, 400, scratch, 20, all[0]);
    const Snapshot expected(first);
    for (const Workers& workers : all) {
      HnswGraph graph(4, 5);
      grow_in_rounds_of(130, graph, BlockPointSpace{{&shape.points}}, 400, scratch, 20, workers);
      CHECK(Snapshot(graph) == expected);
    }
  }
  CHECK((asked > 0) == (SHOAL_HAS_THREADS != 0));
  for (const NamedPoints& shape : points_of_every_shape(random, 200)) {
    CAPTURE(shape.name);
    for (const std::size_t M : {2U, 4U}) {
      std::vector<Snapshot> built;
      for (const unsigned workers : {1U, 8U}) {
        HnswGraph graph(M, 5);
        RoundScratch scratch;
        grow_in_rounds_of(100, graph, YieldingSpace{{&shape.points}}, 200, scratch, 20, Workers(workers));
        built.emplace_back(graph);
      }
      CHECK(built[0] == built[1]);
    }
  }
  Grid grid(128, 4);
  grid.add_points(random, 300, 0, 130);
  grid.add_points(random, 100, 50, 51);  // a crowd: lists overflow
  std::vector<Snapshot> walked;
  for (const Workers& workers : all) {
    HnswGraph graph = grid.graph.clone();
    RoundScratch scratch;
    grow_in_rounds_of(200, graph, PointSpace{&grid.points}, grid.points.size(), scratch, 20, workers);
    walked.emplace_back(graph);
    CHECK(walked.back() == walked.front());
  }
}

TEST_CASE("a walker is prepared in the place of the worker that walks, and no two workers share a place") {
  struct WalkerSpace : PointSpace {
    std::vector<std::atomic<std::size_t>>* prepared;
    std::vector<std::vector<float>>* places;  // one for each worker, that another would overwrite
    [[nodiscard]] support::PointScorer walker_for(Slot slot, std::size_t worker) const noexcept {
      ++(*prepared)[worker];
      const std::vector<float>& point = (*points)[to_index(slot)];
      std::copy(point.begin(), point.end(), (*places)[worker].begin());
      std::this_thread::yield();
      return {points, &(*places)[worker]};
    }
  };
  Random random(1622);
  CAPTURE(random.seed());
  Grid grid(128, 4);
  grid.add_points(random, 300, 0, 127);
  HnswGraph plain = grid.graph.clone();
  RoundScratch scratch;
  grow_in_rounds_of(100, plain, PointSpace{&grid.points}, grid.points.size(), scratch, 20);
  std::size_t walks = 0;  // one on each level, as long as there are levels
  for (std::size_t i = 128 * 128; i < grid.points.size(); ++i) {
    walks += 1 + std::min(plain.lists().level_of(to_slot(i)), grid.graph.top_level());
  }
  for (const unsigned workers : {1U, 4U}) {
    std::vector<std::atomic<std::size_t>> prepared(workers);
    std::vector<std::vector<float>> places(workers, std::vector<float>(2));
    HnswGraph graph = grid.graph.clone();
    const WalkerSpace space{{&grid.points}, &prepared, &places};
    grow_in_rounds_of(100, graph, space, grid.points.size(), scratch, 20, Workers(workers));
    CHECK(Snapshot(graph) == Snapshot(plain));
    std::size_t all = 0;
    for (const std::atomic<std::size_t>& each : prepared) all += each;
    CHECK(all == walks);
  }
}

// ---- words, memory, clones -----------------------------------------------------------------------------------------

TEST_CASE("a graph whose words were widened on the way is the one that had wide words from the start, link for link") {
  Random random(1619);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 500, 3);
  for (const std::size_t M : {2U, 6U}) {
    HnswGraph wide(M, 5, 0);
    RoundScratch scratch;
    grow(wide, PointSpace{&points}, 500, scratch);
    const std::vector<std::size_t> steps = support::steps_of_growing(0, 500);
    CHECK(wide.lists().base_bytes() == support::modelled_base_bytes(M, 0, steps));
    for (const std::size_t narrow_slots : {1U, 100U, 128U, 333U, 499U, 500U}) {
      CAPTURE(M);
      CAPTURE(narrow_slots);
      HnswGraph graph(M, 5, narrow_slots);
      grow(graph, PointSpace{&points}, 500, scratch);
      CHECK(Snapshot(graph) == Snapshot(wide));
      CHECK(faults(graph) == "");
      CHECK(graph.lists().base_bytes() == support::modelled_base_bytes(M, narrow_slots, steps));
    }
  }
}

TEST_CASE("a clone of a graph is the same graph, and grows on its own into the same one") {
  Random random(1607);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 300, 3);
  for (const std::size_t narrow_slots : {0U, 250U, 1'000U}) {
    HnswGraph graph(3, 13, narrow_slots);
    RoundScratch scratch;
    grow(graph, PointSpace{&points}, 200, scratch);
    HnswGraph copy = graph.clone();
    const Snapshot before(graph);
    CHECK(Snapshot(copy) == before);
    grow(copy, PointSpace{&points}, 300, scratch);
    CHECK(Snapshot(graph) == before);
    grow(graph, PointSpace{&points}, 300, scratch);
    CHECK(Snapshot(graph) == Snapshot(copy));
  }
}

}  // namespace shoal
