// The choice of neighbours against Algorithm 4 of arXiv 1603.09320 written down again in the simplest way, with the two
// additions of this library: of several copies one is taken, and children always are.

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"
#include <shoal/graph/select_neighbors.hpp>

namespace shoal {
namespace {

using detail::LinkCandidate;
using detail::select_neighbors;
using support::Distance;
using support::Points;
using support::PointSpace;
using support::Random;

bool is_copy(const LinkCandidate& a, const LinkCandidate& b, const Points& points, Distance distance) {
  const auto& point = points[to_index(a.slot)];
  return a.distance == b.distance && distance(point, points[to_index(b.slot)]) <= distance(point, point);
}

/// Algorithm 4: keep a candidate when it is nearer to the base than to everything that was kept.
std::vector<std::size_t> naive_selection(const std::vector<LinkCandidate>& candidates, std::size_t capacity,
                                         const Points& points, Distance distance) {
  std::vector<std::size_t> kept;  // positions in candidates
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    std::size_t children_to_come = 0;
    for (std::size_t j = i; j < candidates.size(); ++j) children_to_come += candidates[j].child ? 1U : 0U;
    bool keep = true;
    if (!candidates[i].child) {
      if (kept.size() + children_to_come >= capacity) keep = false;
      for (const std::size_t k : kept) {
        const float to_kept = distance(points[to_index(candidates[i].slot)], points[to_index(candidates[k].slot)]);
        if (to_kept < candidates[i].distance) keep = false;
        if (is_copy(candidates[i], candidates[k], points, distance)) keep = false;
      }
    }
    if (keep) kept.push_back(i);
  }
  return kept;
}

/// Candidates for `base` out of all the other points, sorted.
std::vector<LinkCandidate> candidates_for(const Points& points, std::size_t base, Distance distance) {
  std::vector<LinkCandidate> candidates;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i != base) candidates.push_back({distance(points[base], points[i]), to_slot(i)});
  }
  std::sort(candidates.begin(), candidates.end());
  return candidates;
}

std::vector<LinkCandidate> selected(std::vector<LinkCandidate> candidates, std::size_t capacity, const Points& points,
                                    Distance distance = support::squared_distance) {
  const std::size_t count =
      select_neighbors(std::span<LinkCandidate>(candidates), capacity, PointSpace{&points, distance});
  REQUIRE(count <= candidates.size());
  candidates.erase(candidates.begin() + static_cast<std::ptrdiff_t>(count), candidates.end());
  return candidates;
}

}  // namespace

TEST_CASE("select_neighbors chooses what Algorithm 4 chooses, for points, ties, copies, children and any capacity") {
  Random random(1201);
  CAPTURE(random.seed());
  for (int round = 0; round < 3'000; ++round) {
    const std::size_t dimensions = 1 + random.below(6);
    Points points = support::random_points(random, 2 + random.below(40), dimensions);
    const bool on_grid = random.chance(0.5);  // whole numbers: many ties and copies
    if (on_grid) {
      for (auto& point : points) {
        for (float& value : point) value = static_cast<float>(random.below(3));
      }
    }
    const Distance distance = random.chance(0.7) ? support::squared_distance : support::negated_dot;
    std::vector<LinkCandidate> candidates = candidates_for(points, 0, distance);
    std::size_t children = 0;
    const double share = random.chance(0.5) ? 0 : random.unit() * 0.5;
    for (LinkCandidate& candidate : candidates) {
      candidate.child = random.chance(share);
      children += candidate.child ? 1U : 0U;
    }
    const std::size_t capacity = std::max<std::size_t>(1, children + random.below(12));
    const std::vector<std::size_t> expected = naive_selection(candidates, capacity, points, distance);
    const std::vector<LinkCandidate> got = selected(candidates, capacity, points, distance);
    CAPTURE(round);
    CHECK(got.size() <= capacity);
    CHECK(static_cast<std::size_t>(std::count_if(got.begin(), got.end(), [](const auto& c) { return c.child; })) ==
          children);
    bool same = got.size() == expected.size();
    for (std::size_t i = 0; same && i < got.size(); ++i) {
      const LinkCandidate& wanted = candidates[expected[i]];
      same = got[i].slot == wanted.slot && got[i].distance == wanted.distance && got[i].child == wanted.child;
    }
    CHECK(same);
  }
}

TEST_CASE("a candidate behind a chosen neighbour is left out, one in another direction is not") {
  const Points points{{0, 0}, {1, 0}, {2, 0}, {0, 1.5F}};  // slot 2 is behind slot 1
  const auto got = selected(candidates_for(points, 0, support::squared_distance), 10, points);
  REQUIRE(got.size() == 2);
  CHECK(got[0].slot == Slot{1});
  CHECK(got[1].slot == Slot{3});
}

TEST_CASE("a candidate as far from a chosen neighbour as from the base is kept") {
  const Points points{{0, 0}, {1, 0}, {0.5F, 2}};  // the last one has the same distance to both
  CHECK(selected(candidates_for(points, 0, support::squared_distance), 10, points).size() == 2);
}

TEST_CASE("of several copies one is taken, and copies of the base leave room for links to elsewhere") {
  Points points(20, std::vector<float>{3, 4});
  points[0] = {0, 0};
  auto got = selected(candidates_for(points, 0, support::squared_distance), 8, points);
  REQUIRE(got.size() == 1);
  CHECK(got[0].slot == Slot{1});

  points.assign(20, std::vector<float>{3, 4});
  points[19] = {5, 5};  // all but one are copies of the base
  got = selected(candidates_for(points, 0, support::squared_distance), 8, points);
  REQUIRE(got.size() == 2);
  CHECK(got[0].slot == Slot{1});
  CHECK(got[1].slot == Slot{19});

  // Copies under a distance that does not put a point nearest to itself.
  points.assign(20, std::vector<float>{3, 4});
  points[0] = {1, 1};
  got = selected(candidates_for(points, 0, support::negated_dot), 8, points, support::negated_dot);
  CHECK(got.size() == 1);
}

TEST_CASE("children are taken though they are covered, copies of others, farthest, or fill the capacity") {
  Points points(12, std::vector<float>{1, 0});
  points[0] = {0, 0};
  points[11] = {100, 0};
  std::vector<LinkCandidate> candidates = candidates_for(points, 0, support::squared_distance);
  candidates[4].child = true;   // a copy of what came before
  candidates[10].child = true;  // far behind
  auto got = selected(candidates, 3, points);
  REQUIRE(got.size() == 3);
  CHECK(got[0].slot == Slot{1});
  CHECK(got[1].slot == candidates[4].slot);
  CHECK(got[2].slot == Slot{11});
  CHECK(got[1].child);
  CHECK(got[2].child);
  CHECK_FALSE(got[0].child);

  got = selected(candidates, 2, points);  // no room but for the children
  REQUIRE(got.size() == 2);
  CHECK(got[0].child);
  CHECK(got[1].child);
}

TEST_CASE("nothing is chosen from nothing") {
  const Points points{{0, 0}};
  CHECK(selected({}, 4, points).empty());
}

}  // namespace shoal
