// Merging, held against sorting everything.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "vectors.hpp"
#include <shoal/shards/merge.hpp>

using Neighbor = shoal::Neighbor<std::uint64_t>;
using List = std::vector<Neighbor>;

namespace {

/// All, sorted, each id at its nearest: what merging has to give.
List sorted_all(const std::vector<List>& lists, std::size_t k) {
  List all, first;
  for (const List& list : lists) all.insert(all.end(), list.begin(), list.end());
  std::sort(all.begin(), all.end());
  std::set<std::uint64_t> seen;
  for (const Neighbor& neighbor : all) {
    if (first.size() < k && seen.insert(neighbor.id).second) first.push_back(neighbor);
  }
  return first;
}

}  // namespace

TEST_CASE("merging gives what sorting all gives, with ties, empty lists and ids that are in several") {
  constexpr std::uint64_t seed = 7;
  support::Random random(seed);
  CAPTURE(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<List> lists(1 + random.below(6));
    const std::size_t ids = 1 + random.below(200);
    for (List& list : lists) {
      std::set<std::uint64_t> used;  // a shard has an id once
      for (std::size_t i = random.below(120); i > 0; --i) {
        const std::uint64_t id = random.below(ids);
        if (used.insert(id).second) list.push_back({id, static_cast<float>(random.below(20))});
      }
      std::sort(list.begin(), list.end());
    }
    for (const std::size_t k : {std::size_t{0}, std::size_t{1}, std::size_t{10}, std::size_t{90}, std::size_t{1'000}}) {
      CAPTURE(round);
      CAPTURE(k);
      REQUIRE(shoal::merge_top_k(lists, k) == sorted_all(lists, k));
    }
  }
}

TEST_CASE("the k nearest of each list are enough, although ids are in several") {
  support::Random random(8);
  for (int round = 0; round < 200; ++round) {
    constexpr std::size_t k = 5;
    std::vector<List> whole(4), cut;
    for (List& list : whole) {
      for (std::uint64_t id = 0; id < 12; ++id) {
        if (random.below(10) < 6) list.push_back({id, static_cast<float>(random.below(30))});
      }
      std::sort(list.begin(), list.end());
      cut.push_back(list);
      if (cut.back().size() > k) cut.back().resize(k);
    }
    REQUIRE(shoal::merge_top_k(cut, k) == sorted_all(whole, k));
  }
}

TEST_CASE("an id that two shards have comes once, at its nearest, and makes room for the next") {
  const std::vector<List> lists{{{1, 0.5F}, {2, 3.0F}}, {{1, 0.25F}, {3, 1.0F}}};
  CHECK(shoal::merge_top_k(lists, 2) == List{{1, 0.25F}, {3, 1.0F}});
  CHECK(shoal::merge_top_k(lists, 9) == List{{1, 0.25F}, {3, 1.0F}, {2, 3.0F}});
}

TEST_CASE("distances that are no numbers come last") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  const std::vector<List> lists{{{1, nan}}, {{2, 1.0F}, {3, infinity}}, {{4, 2.0F}, {5, nan}}};
  std::vector<std::uint64_t> ids;
  for (const Neighbor& neighbor : shoal::merge_top_k(lists, 10)) ids.push_back(neighbor.id);
  CHECK(ids == std::vector<std::uint64_t>{2, 4, 3, 1, 5});
}

TEST_CASE("no lists, and spans as lists") {
  CHECK(shoal::merge_top_k(std::vector<List>{}, 3).empty());
  const List one{{7, 1.0F}, {8, 2.0F}};
  const std::vector<std::span<const Neighbor>> spans{one, {}, std::span(one).first(1)};
  CHECK(shoal::merge_top_k(spans, 3) == one);
}
