// Filters while slots are dead: what was erased or replaced is never returned, and what is behind it is found.

#include <map>
#include <set>

#include "filtering.hpp"

using namespace index_tests;
using support::random_items;

namespace {

constexpr std::uint64_t erased_seed = 20'260'116;

/// 900 entries of which a third was erased at once, and then some more were erased and replaced one by one, so that
/// their slots are dead still.
template <class Index>
struct Churned {
  Index index = filled_index<Index>(random_items(erased_seed, 900, dimensions));
  std::set<std::uint64_t> live;

  Churned() {
    for (const std::uint64_t id : iota(0, 900)) live.insert(id);
    std::vector<std::uint64_t> third;
    for (std::uint64_t id = 0; id < 900; id += 3) third.push_back(id);
    REQUIRE(index.batch_erase(third));
    for (const std::uint64_t id : third) live.erase(id);
    const auto newer = random_items(erased_seed + 1, 900, dimensions);
    for (std::uint64_t id = 1; id < 900; id += 60) {
      REQUIRE(index.erase(id));
      live.erase(id);
    }
    for (std::uint64_t id = 5; id < 900; id += 60) {
      REQUIRE(index.upsert(id, newer[id].second));
      live.insert(id);
    }
    REQUIRE(index.stats().dead >= 15);
    REQUIRE(index.size() == live.size());
  }
};

}  // namespace

TEST_CASE_TEMPLATE("with a third erased and slots dead still, filters give what is live, under its last vector", Index,
                   ALL_INDEXES) {
  const Churned<Index> churned;
  const Index& index = churned.index;
  support::Random random(erased_seed + 2);
  std::size_t near = 0, wanted = 0;
  for (const std::uint64_t per_mille : {1'000U, 500U, 100U, 10U, 1U}) {
    CAPTURE(per_mille);
    const Passing passes = share_of(per_mille);
    const auto listed = ids_below(1'000, passes);  // with those that were erased
    const auto passing = std::count_if(churned.live.begin(), churned.live.end(), passes);
    for (int i = 0; i < 10; ++i) {
      const auto query = support::random_vector(random, dimensions);
      const auto all = all_passing(index, query, passes);
      for (const auto& neighbor : all) CHECK(churned.live.contains(neighbor.id));
      REQUIRE(all.size() == static_cast<std::size_t>(passing));
      for (const std::size_t k : {std::size_t{10}, all.size(), std::size_t{1'000}}) {
        const auto by_filter = index.search(query, {.k = k, .filter = passes});
        const auto by_list = index.search(query, {.k = k, .among = listed});
        near += check_filtered(by_filter, all, k) + check_filtered(by_list, all, k);
        wanted += by_filter.size() + by_list.size();
        if (k >= all.size()) CHECK(by_filter == all);
        if (k >= all.size()) CHECK(by_list == all);
      }
      CHECK(index.search_within(query, 1e9F, {.filter = passes}) == all);
      CHECK(index.search_within(query, 1e9F, {.among = listed}) == all);
    }
  }
  CHECK(static_cast<double>(near) >= 0.99 * static_cast<double>(wanted));
}

TEST_CASE_TEMPLATE("an entry that was replaced is found where it is now, once", Index, HnswL2, HnswL2Sq8, HnswRefined,
                   BruteL2) {
  const auto items = random_items(erased_seed + 3, 600, dimensions);
  const auto newer = random_items(erased_seed + 4, 600, dimensions);
  Index index = filled_index<Index>(items);
  std::vector<std::uint64_t> replaced;
  for (std::uint64_t id = 0; id < 600; id += 25) {
    REQUIRE(index.upsert(id, newer[id].second));
    replaced.push_back(id);
  }
  REQUIRE(index.stats().dead == replaced.size());
  const Passing passes = [](std::uint64_t id) { return id % 25 == 0; };
  for (const std::uint64_t id : replaced) {
    for (const auto& options :
         {shoal::SearchOptions{.k = 100, .filter = passes}, shoal::SearchOptions{.k = 100, .among = replaced}}) {
      const auto there = index.search(newer[id].second, options);
      REQUIRE(there.size() == replaced.size());
      CHECK(ids_are_distinct(there));
      CHECK(there.front().id == id);
      CHECK(there.front().distance < 0.1F);
      const auto before = index.search(items[id].second, options);
      CHECK(before.front().distance > 0.1F);
    }
  }
}

TEST_CASE("when the 500 nearest are erased and their slots dead still, the next nearest are found") {
  auto index = filled_index<HnswL2>(random_items(erased_seed + 5, 9'000, dimensions));
  support::Random random(erased_seed + 6);
  const auto query = support::random_vector(random, dimensions);
  const auto before = index.search(query, 9'000);
  REQUIRE(before.size() == 9'000);
  for (std::size_t i = 0; i < 500; ++i) REQUIRE(index.erase(before[i].id));
  REQUIRE(index.stats().dead == 500);
  const std::vector<shoal::Neighbor<std::uint64_t>> after(before.begin() + 500, before.end());
  for (const std::size_t k : {1U, 10U, 100U}) {
    for (const std::size_t ef : {1U, 20U, 0U, 400U}) {
      CAPTURE(k);
      CAPTURE(ef);
      const auto found = index.search(query, {.k = k, .ef = ef});
      // Walks get wider until what they keep is live, or all is compared.
      CHECK(check_filtered(found, after, k) >= found.size() - found.size() / 20);
    }
  }
  const Passing odd = [](std::uint64_t id) { return id % 2 == 1; };
  auto odd_ones = after;
  std::erase_if(odd_ones, [&](const auto& neighbor) { return !odd(neighbor.id); });
  CHECK(check_filtered(index.search(query, {.k = 10, .filter = odd}), odd_ones, 10) >= 9);
  CHECK(check_filtered(index.search(query, {.k = 10, .among = ids_below(9'000, odd)}), odd_ones, 10) >= 9);
  const auto within = index.search_within(query, after[49].distance);
  CHECK(check_filtered(within, after, 50) >= 49);
  // Nor when their slots are free. A query in the middle of a hole is a hard one: a graph built anew needs as much.
  for (std::size_t i = 500; i < 600; ++i) REQUIRE(index.erase(before[i].id));
  REQUIRE(index.stats().free > 0);
  const std::vector<shoal::Neighbor<std::uint64_t>> rest(before.begin() + 600, before.end());
  CHECK(check_filtered(index.search(query, {.k = 10, .ef = 400}), rest, 10) >= 9);
}
