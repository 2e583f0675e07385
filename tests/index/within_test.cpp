// search_within: everything no farther than a radius. The oracle is a search for everything, cut off behind it.

#include <cmath>
#include <limits>

#include "filtering.hpp"

using namespace index_tests;
using shoal::ErrorCode;
using support::random_items;

namespace {

constexpr std::uint64_t within_seed = 20'260'117;
constexpr float infinite = std::numeric_limits<float>::infinity();

using BruteProduct = shoal::BruteForceIndex<shoal::InnerProduct, shoal::Float32>;

std::vector<support::Item> clustered_items(std::uint64_t random_seed, std::size_t count) {
  std::vector<support::Item> items;
  for (auto& vector : support::clustered_vectors(random_seed, count, dimensions, 12))
    items.emplace_back(items.size(), vector);
  return items;
}

/// Of `all`, in order, those no farther than the radius.
template <class Neighbors>
Neighbors cut_at(Neighbors all, float radius) {
  std::erase_if(all, [radius](const auto& neighbor) { return !(neighbor.distance <= radius); });
  return all;
}

/// Nothing but what is expected, once, in order. Gives how many are as near as the exact ones.
template <class Neighbors>
std::size_t check_within(const Neighbors& found, const Neighbors& expected) {
  CHECK(std::is_sorted(found.begin(), found.end()));
  CHECK(ids_are_distinct(found));
  CHECK(std::includes(expected.begin(), expected.end(), found.begin(), found.end()));
  if (found.empty()) return 0;
  const float last = expected[std::min(expected.size(), found.size()) - 1].distance;
  return static_cast<std::size_t>(
      std::count_if(found.begin(), found.end(), [last](const auto& neighbor) { return neighbor.distance <= last; }));
}

}  // namespace

TEST_CASE_TEMPLATE("exact search within a radius gives exactly what is there, and what ties with it", Index, BruteL2,
                   BruteCosineSq8, BruteCosineRefined, BruteProduct) {
  auto items = clustered_items(within_seed, 700);
  for (std::uint64_t i = 0; i < 200; ++i) items.emplace_back(700 + i, items[i].second);  // 200 ties
  const Index index = filled_index<Index>(items);
  for (std::size_t i = 0; i < 20; ++i) {
    auto query = items[7 * i].second;
    query[0] += 0.1F;
    const auto all = index.search(query, items.size());
    REQUIRE(all.size() == items.size());
    for (const std::size_t rank : {0U, 1U, 2U, 9U, 10U, 99U, 450U, 898U, 899U}) {
      CAPTURE(rank);
      const float radius = all[rank].distance;
      const auto expected = cut_at(all, radius);
      REQUIRE(expected.size() > rank);
      CHECK(index.search_within(query, radius) == expected);
      CHECK(index.search_within(query, std::nextafter(radius, -infinite)) ==
            cut_at(all, std::nextafter(radius, -infinite)));
      for (const std::size_t most : {1U, 10U, 450U, 5'000U}) {
        CHECK(index.search_within(query, radius, {.most = most, .ef = 3}) == first_of(expected, most));
      }
    }
    CHECK(index.search_within(query, infinite) == all);
    CHECK(index.search_within(query, -infinite).empty());
  }
}

TEST_CASE_TEMPLATE("a radius is compared with distances as they are: 0 finds copies, less finds what is less", Index,
                   ALL_INDEXES, BruteProduct) {
  auto items = random_items(within_seed + 1, 300, dimensions);
  for (std::uint64_t i = 0; i < 40; ++i) items.emplace_back(1'000 + (i * 17) % 41, items[5].second);
  const Index index = filled_index<Index>(items);
  const auto& query = items[5].second;
  const auto all = index.search(query, items.size());
  const auto negative = cut_at(all, -0.5F);
  if constexpr (std::is_same_v<Index, HnswProductSq8> || std::is_same_v<Index, BruteProduct>) {
    CHECK(negative.size() > 40);  // 1 - dot
  } else {
    CHECK(negative.empty());
    // Copies are at distance 0, or what rounding makes of it.
    const auto copies = index.search_within(query, std::max(0.0F, all.front().distance));
    REQUIRE(copies.size() == 41);
    CHECK(copies.front().id == 5);
    for (std::size_t i = 1; i < 40; ++i) CHECK(copies[i].id < copies[i + 1].id);
  }
  CHECK(index.search_within(query, -0.5F) == negative);
  CHECK(index.search_within(query, -infinite).empty());
  CHECK(index.search_within(query, infinite) == all);
  CHECK(index.search_within(query, std::numeric_limits<float>::max()) == all);
}

TEST_CASE_TEMPLATE("a radius that is no number and a bad query are errors", Index, ALL_INDEXES) {
  const Index index = filled_index<Index>(random_items(within_seed + 2, 50, dimensions));
  std::vector<float> query(dimensions, 0.5F);
  for (const float radius : {std::nanf(""), -std::nanf("")}) {
    const auto result = index.try_search_within(query, radius);
    REQUIRE(!result);
    CHECK(result.error().code() == ErrorCode::not_finite);
    CHECK(result.error().message().find("radius") != std::string_view::npos);
    CHECK_THROWS_AS((void)index.search_within(query, radius), std::invalid_argument);
  }
  CHECK(index.try_search_within(std::vector<float>(3), 1.0F).error().code() == ErrorCode::dimension_mismatch);
  query[2] = std::nanf("");
  CHECK(index.try_search_within(query, 1.0F).error().code() == ErrorCode::not_finite);
  CHECK_THROWS_AS((void)index.search_within(query, 1.0F), std::invalid_argument);
}

TEST_CASE_TEMPLATE("an empty index has nothing within any radius, one that was emptied neither", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  const std::vector<float> query(dimensions, 0.5F);
  for (int round = 0; round < 2; ++round) {
    CHECK(index.search_within(query, infinite).empty());
    CHECK(index.search_within(query, 1.0F, {.most = 3, .ef = 7}).empty());
    CHECK(index.search_within(query, 1.0F, {.filter = [](std::uint64_t) { return true; }}).empty());
    if (round == 1) break;
    REQUIRE(index.batch_insert(random_items(within_seed + 3, 60, dimensions)));
    REQUIRE(index.batch_erase(iota(0, 60)));
  }
}

TEST_CASE_TEMPLATE("the graph finds nearly all within a radius, be that none, one, a hundred, half or everything",
                   Index, HnswL2, HnswL2Sq8, HnswRefined, HnswCosine) {
  constexpr std::size_t count = 3'000;
  const auto items = clustered_items(within_seed + 4, count + 20);
  const Index index = filled_index<Index>({items.begin(), items.begin() + count});
  std::vector<std::uint64_t> even;
  for (std::uint64_t id = 0; id < count; id += 2) even.push_back(id);
  const Passing is_even = [](std::uint64_t id) { return id % 2 == 0; };
  for (const std::size_t rank : {0U, 1U, 10U, 95U, 100U, 1'500U, 3'000U}) {
    CAPTURE(rank);
    std::size_t hits = 0, wanted = 0;
    for (std::size_t i = count; i < items.size(); ++i) {
      const auto& query = items[i].second;
      const auto all = index.search(query, count);
      const auto all_even = all_passing(index, query, is_even);
      const float radius = rank == 0 ? std::nextafter(all[0].distance, -infinite) : all[rank - 1].distance;
      const auto expected = cut_at(all, radius);
      const auto expected_even = cut_at(all_even, radius);
      hits += check_within(index.search_within(query, radius), expected);
      hits += check_within(index.search_within(query, radius, {.ef = 20}), expected);
      hits += check_within(index.search_within(query, radius, {.filter = is_even}), expected_even);
      hits += check_within(index.search_within(query, radius, {.among = even}), expected_even);
      wanted += 2 * (expected.size() + expected_even.size());
      // A walk as wide as the index leaves nothing out.
      CHECK(index.search_within(query, radius, {.ef = count}) == expected);
      CHECK(index.search_within(query, radius, {.ef = ~std::size_t{0}}) == expected);
      for (const std::size_t most : {1U, 30U, 2'000U}) {
        const auto nearest = index.search_within(query, radius, {.most = most});
        CHECK(nearest.size() <= most);
        hits += check_within(nearest, expected);
        wanted += std::min(most, expected.size());
      }
    }
    MESSAGE(rank, " within: ", hits, " of ", wanted);
    CHECK(static_cast<double>(hits) >= 0.99 * static_cast<double>(wanted));
  }
}

TEST_CASE_TEMPLATE("what was erased is within no radius", Index, ALL_INDEXES) {
  auto items = clustered_items(within_seed + 5, 600);
  Index index = filled_index<Index>(items);
  for (std::uint64_t id = 0; id < 600; id += 23) REQUIRE(index.erase(id));
  REQUIRE(index.stats().dead > 0);
  std::size_t hits = 0, wanted = 0;
  for (std::size_t i = 0; i < 600; i += 23) {
    const auto all = index.search(items[i].second, 600);
    REQUIRE(all.size() == index.size());
    for (const std::size_t rank : {0U, 20U, 400U}) {
      const auto expected = cut_at(all, all[rank].distance);
      hits += check_within(index.search_within(items[i].second, all[rank].distance), expected);
      wanted += expected.size();
    }
    CHECK(index.search_within(items[i].second, infinite) == all);
  }
  // Inner products lead astray in a graph of M = 8.
  CHECK(static_cast<double>(hits) >=
        (std::is_same_v<Index, HnswProductSq8> ? 0.95 : 0.99) * static_cast<double>(wanted));
}
