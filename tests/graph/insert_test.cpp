// Linking slots: whatever the points are, every invariant holds after each insertion, every slot can be reached, and
// the same points give the same graph.

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"
#include <shoal/graph/insert.hpp>

namespace shoal {
namespace {

using detail::check_graph;
using detail::HnswGraph;
using detail::InsertScratch;
using detail::Link;
using support::graph_of;
using support::grow;
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
  points = support::random_points(random, count, 3);
  points[count / 2] = {1e6F, 1e6F, 1e6F};
  all.push_back({"one far outlier", points});
  all.push_back({"equal first half", Points(count, {5, 5, 5})});
  for (std::size_t i = count / 2; i < count; ++i) all.back().points[i] = random.normal_vector(3);
  return all;
}

std::string faults(const HnswGraph& graph) {
  const CheckReport report = check_graph(graph);
  std::string text = report.unreachable == 0 ? "" : std::to_string(report.unreachable) + " unreachable; ";
  for (const std::string& fault : report.faults) text += fault + "; ";
  return text;
}

}  // namespace

TEST_CASE("every invariant holds after each insertion, whatever the points are") {
  Random random(1601);
  CAPTURE(random.seed());
  for (const std::size_t M : {2U, 3U, 6U}) {
    for (const NamedPoints& shape : points_of_every_shape(random, 150)) {
      CAPTURE(M);
      CAPTURE(shape.name);
      HnswGraph graph(M, random.bits());
      InsertScratch scratch;
      for (std::size_t i = 1; i <= shape.points.size(); ++i) {
        grow(graph, PointSpace{&shape.points}, i, scratch, 10);
        REQUIRE(faults(graph) == "");
      }
    }
  }
}

TEST_CASE("in larger graphs every slot can be reached and no list overflows, under a distance that is no metric too") {
  Random random(1602);
  CAPTURE(random.seed());
  for (const support::Distance distance : {support::squared_distance, support::negated_dot}) {
    for (const std::size_t M : {2U, 8U}) {
      for (const NamedPoints& shape : points_of_every_shape(random, 1'500)) {
        CAPTURE(M);
        CAPTURE(shape.name);
        CHECK(faults(graph_of(shape.points, M, 3, distance)) == "");
      }
    }
  }
}

TEST_CASE("the same points and seed give the same graph, however room was made") {
  Random random(1603);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 500, 3);
  const HnswGraph at_once = graph_of(points, 4, 21);
  HnswGraph in_steps(4, 21);
  InsertScratch scratch;
  for (std::size_t i = 1; i <= points.size(); ++i) grow(in_steps, PointSpace{&points}, i, scratch);
  CHECK(Snapshot(in_steps) == Snapshot(at_once));
  CHECK_FALSE(Snapshot(graph_of(points, 4, 22)) == Snapshot(at_once));
}

TEST_CASE("the entry point is the first slot on the highest level") {
  Random random(1604);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 300, 2);
  HnswGraph graph(2, 8);
  InsertScratch scratch;
  Slot expected{0};
  for (std::size_t i = 1; i <= points.size(); ++i) {
    grow(graph, PointSpace{&points}, i, scratch);
    const Slot last = to_slot(i - 1);
    if (graph.lists().level_of(last) > graph.lists().level_of(expected)) expected = last;
    REQUIRE(graph.entry() == expected);
    REQUIRE(graph.top_level() == graph.lists().level_of(expected));
  }
  CHECK(graph.top_level() >= 3);
}

TEST_CASE("a slot links to its nearest neighbour, on each level it has in common with others") {
  // With a beam as wide as the graph the search is exact, and Algorithm 4 always takes the nearest candidate.
  Random random(1605);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 200, 3);
  HnswGraph graph(4, 5);
  InsertScratch scratch;
  for (std::size_t i = 1; i < points.size(); ++i) {
    grow(graph, PointSpace{&points}, i, scratch, 300);
    const std::size_t next = i;
    const auto nearest = support::exact_nearest(points, points[next], 1, [&](Slot s) { return to_index(s) < next; });
    grow(graph, PointSpace{&points}, i + 1, scratch, 300);
    const auto links = graph.lists().links(to_slot(next), 0);
    CHECK(std::any_of(links.begin(), links.end(), [&](Link link) { return link.slot() == nearest[0].slot; }));
  }
}

TEST_CASE("copies of one point do not fill a list: links still lead away from a crowd of copies") {
  // Half of the points are one point, inserted first; the others come after, far from it and from each other.
  Random random(1606);
  CAPTURE(random.seed());
  Points points(400, std::vector<float>{0, 0});
  for (std::size_t i = 200; i < 400; ++i) points[i] = {random.uniform(10, 20), random.uniform(-20, 20)};
  const HnswGraph graph = graph_of(points, 4);
  CHECK(faults(graph) == "");
  // From any slot outside, a wide walk comes to a copy, and from any copy to the outside.
  detail::WalkScratch scratch;
  scratch.reserve(400, 8);
  for (const std::size_t start : {0U, 57U, 199U, 200U, 399U}) {
    CAPTURE(start);
    const std::vector<float>& query = start < 200 ? points[399] : points[0];
    const support::PointScorer scorer{&points, &query};
    const detail::Candidate seed{detail::score(scorer, to_slot(start)), to_slot(start)};
    scratch.visited.clear();
    scratch.pool.reset(100);
    detail::beam_search(graph, 0, std::span<const detail::Candidate>(&seed, 1), scorer, scratch);
    CHECK(scratch.pool[0].distance == 0.0F);
  }
}

TEST_CASE("a new copy gets a link that leads away, though its search found nothing but copies") {
  // 100 different points, then 100 copies of one of them: more than the walk of an insertion keeps.
  Random random(1608);
  CAPTURE(random.seed());
  Points points = support::random_points(random, 200, 3);
  for (std::size_t i = 100; i < 200; ++i) points[i] = points[7];
  HnswGraph graph(4, 2);
  InsertScratch scratch;
  for (std::size_t i = 100; i < 200; ++i) {
    CAPTURE(i);
    grow(graph, PointSpace{&points}, i + 1, scratch, 8);
    const auto links = graph.lists().links(to_slot(i), 0);
    CHECK(
        std::any_of(links.begin(), links.end(), [&](Link link) { return points[to_index(link.slot())] != points[7]; }));
  }
  CHECK(faults(graph) == "");
}

TEST_CASE("insertion takes the memory it estimates") {
  // 1,024 slots fill their words of marks.
  const Points points(1'024, {1, 2});
  HnswGraph graph(8, 1);
  InsertScratch scratch;
  grow(graph, PointSpace{&points}, points.size(), scratch, 100);
  CHECK(scratch.memory_bytes() == InsertScratch::estimate_bytes(points.size(), 8, 100));
}

TEST_CASE("a clone of a graph is the same graph, and grows on its own into the same one") {
  Random random(1607);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 300, 3);
  HnswGraph graph(3, 13);
  InsertScratch scratch;
  grow(graph, PointSpace{&points}, 200, scratch);
  HnswGraph copy = graph.clone();
  const Snapshot before(graph);
  CHECK(Snapshot(copy) == before);
  grow(copy, PointSpace{&points}, 300, scratch);
  CHECK(Snapshot(graph) == before);
  grow(graph, PointSpace{&points}, 300, scratch);
  CHECK(Snapshot(graph) == Snapshot(copy));
}

}  // namespace shoal
