// The choice of neighbours against Algorithm 4 of arXiv 1603.09320 written down again in the simplest way, with the
// addition of this library: of several copies one is taken.

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"
#include <shoal/graph/select_neighbors.hpp>

namespace shoal {
namespace {

using detail::Candidate;
using detail::select_neighbors;
using support::Distance;
using support::Points;
using support::PointSpace;
using support::Random;

/// Candidates for `base` out of all the other points, sorted.
std::vector<Candidate> candidates_for(const Points& points, std::size_t base, Distance distance) {
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i != base) candidates.push_back({distance(points[base], points[i]), to_slot(i)});
  }
  std::sort(candidates.begin(), candidates.end());
  return candidates;
}

std::vector<Candidate> selected(std::vector<Candidate> candidates, std::size_t capacity, const Points& points,
                                Distance distance = support::squared_distance) {
  const std::size_t count = select_neighbors(std::span<Candidate>(candidates), capacity, PointSpace{&points, distance});
  REQUIRE(count <= candidates.size());
  candidates.erase(candidates.begin() + static_cast<std::ptrdiff_t>(count), candidates.end());
  return candidates;
}

}  // namespace

TEST_CASE("select_neighbors chooses what Algorithm 4 chooses, for points, ties, copies and any capacity") {
  Random random(1201);
  CAPTURE(random.seed());
  std::size_t longest = 0;
  for (int round = 0; round < 3'000; ++round) {
    const std::size_t dimensions = 1 + random.below(12);
    Points points = support::random_points(random, 2 + random.below(60), dimensions);
    const bool on_grid = random.chance(0.5);  // whole numbers: many ties and copies
    if (on_grid) {
      for (auto& point : points) {
        for (float& value : point) value = static_cast<float>(random.below(3));
      }
    }
    const Distance distance = random.chance(0.7) ? support::squared_distance : support::negated_dot;
    const std::vector<Candidate> candidates = candidates_for(points, 0, distance);
    const std::size_t capacity = random.below(20);
    const std::vector<Candidate> got = selected(candidates, capacity, points, distance);
    CAPTURE(round);
    CHECK(got.size() <= capacity);
    CHECK(support::same(got, support::naive_selection(candidates, capacity, points, distance)));
    longest = std::max(longest, got.size());
  }
  CHECK(longest > 8);  // candidates were compared with more than two handfuls of chosen ones
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

TEST_CASE("a candidate that only the last of many chosen neighbours covers is left out") {
  // Neighbours along the axes of seven dimensions do not cover each other; the last point is behind the seventh.
  Points points(9, std::vector<float>(7, 0));
  for (std::size_t i = 0; i < 7; ++i) points[i + 1][i] = 1 + 0.01F * static_cast<float>(i);
  points[8][6] = 2;
  CHECK(selected(candidates_for(points, 0, support::squared_distance), 10, points).size() == 7);
}

TEST_CASE("nothing is chosen from nothing") {
  const Points points{{0, 0}};
  CHECK(selected({}, 4, points).empty());
}

}  // namespace shoal
