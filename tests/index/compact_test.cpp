// compact(): memory comes back, and nothing else changes: ids, vectors to the last bit, levels, links, results.

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "index_types.hpp"
#include "vectors.hpp"
#include <shoal/shoal.hpp>

namespace {

using namespace index_tests;
using shoal::ErrorCode;
using support::random_items;

/// Erases until nothing is dead: what is left are live slots and free ones.
template <class Index>
void erase_until_reclaimed(Index& index, std::uint64_t first, std::uint64_t step) {
  for (std::uint64_t id = first; index.stats().dead != 0 || index.stats().free == 0; id += step) {
    REQUIRE(index.erase(id));
  }
}

template <class Index>
auto all_results(const Index& index, const std::vector<support::Item>& queries) {
  std::vector<std::vector<shoal::Neighbor<std::uint64_t>>> results;
  for (const auto& [id, query] : queries) results.push_back(index.search(query, {.k = 10, .ef = 12}));
  return results;
}

}  // namespace

TEST_CASE_TEMPLATE("compacting changes nothing that can be seen but the memory", Index, HnswL2, HnswL2Sq8, HnswRefined,
                   HnswCosine, BruteL2, BruteCosineSq8) {
  const auto items = random_items(5, 3'000, dimensions);
  const auto queries = random_items(6, 50, dimensions);
  auto index = make_index<Index>();
  REQUIRE(index.batch_insert(items));
  REQUIRE(index.batch_erase(iota(500, 2'000)));
  erase_until_reclaimed(index, 1, 3);
  const auto before = all_results(index, queries);
  const auto stats = index.stats();
  const auto ids = ids_in(index, 3'000);
  std::vector<std::vector<float>> vectors;
  for (const std::uint64_t id : ids) vectors.push_back(*index.get(id));
  const std::size_t bytes = index.memory_usage().total() - index.memory_usage().scratch;
  CHECK(stats.reclaimable_bytes > bytes / 2);

  REQUIRE(index.compact());
  CHECK(index.check().ok());
  CHECK(all_results(index, queries) == before);
  CHECK(ids_in(index, 3'000) == ids);
  for (std::size_t i = 0; i < ids.size(); ++i) CHECK(*index.get(ids[i]) == vectors[i]);
  const auto after = index.stats();
  CHECK(after.live == stats.live);
  CHECK(after.dead + after.free == 0);
  CHECK(after.reclaimable_bytes == 0);
  REQUIRE(after.levels.size() == stats.levels.size());
  for (std::size_t level = 0; level < stats.levels.size(); ++level) {
    CHECK(after.levels[level].slots == stats.levels[level].slots);
    CHECK(after.levels[level].links == stats.levels[level].links);
  }
  auto fresh = make_index<Index>();
  for (const std::uint64_t id : ids) REQUIRE(fresh.insert(id, items[id].second));
  const auto kept = index.memory_usage(), wanted = fresh.memory_usage();
  CHECK(kept.total() - kept.scratch <= (wanted.total() - wanted.scratch) * 21 / 20 + 8'192);

  // It goes on as if nothing had happened.
  REQUIRE(index.batch_insert(random_items(7, 1'000, dimensions, 10'000)));
  REQUIRE(index.batch_erase(iota(10'100, 300)));
  REQUIRE(index.compact());
  CHECK(index.check().ok());
  CHECK(index.size() == stats.live + 700);
  for (const auto& [id, vector] : random_items(7, 100, dimensions, 10'000)) {
    const auto found = index.search(vector, {.k = 1, .ef = 100});
    CHECK((found.front().id == id || std::is_same_v<Index, HnswL2Sq8> || std::is_same_v<Index, BruteCosineSq8>));
  }
}

TEST_CASE_TEMPLATE("an index is compacted empty, with one entry, with none left, and twice", Index, HnswL2, BruteL2) {
  auto index = make_index<Index>();
  REQUIRE(index.compact());
  const auto items = random_items(8, 100, dimensions);
  REQUIRE(index.insert(items[0].first, items[0].second));
  REQUIRE(index.compact());
  CHECK(index.search(items[0].second, 3).size() == 1);
  REQUIRE(index.batch_insert(std::span(items).subspan(1)));
  REQUIRE(index.batch_erase(iota(0, 100)));
  const std::size_t full = index.memory_usage().vectors;
  REQUIRE(index.compact());
  CHECK(index.empty());
  CHECK(index.memory_usage().vectors < full);
  CHECK(index.search(items[0].second, 3).empty());
  CHECK(index.check().ok());
  REQUIRE(index.compact());
  REQUIRE(index.batch_insert(items));
  CHECK(index.check().ok());
  CHECK(index.search(items[7].second, 1).front().id == 7);
}

TEST_CASE("reserved room is given back") {
  auto index = make_index<HnswL2>();
  REQUIRE(index.reserve(100'000));
  REQUIRE(index.batch_insert(random_items(9, 50, dimensions)));
  const std::size_t before = index.memory_usage().total();
  REQUIRE(index.compact());
  CHECK(index.memory_usage().total() < before / 50);
  CHECK(index.check().ok());
}

TEST_CASE("links become narrow again when few slots are left, and wide when they come back") {
  shoal::HnswIndex<> index({.dimensions = 1, .M = 2, .ef_construction = 4});
  std::vector<std::uint64_t> ids = iota(0, 66'000);
  std::vector<float> values(ids.size());
  support::Random random(4);
  for (float& value : values) value = random.uniform();
  REQUIRE(index.batch_insert(ids, values));
  const double wide = static_cast<double>(index.memory_usage().links) / 66'000;
  REQUIRE(index.batch_erase(iota(0, 40'000)));
  REQUIRE(index.compact());
  const double narrow = static_cast<double>(index.memory_usage().links) / 26'000;
  CHECK(narrow < 0.6 * wide);
  CHECK(index.check().ok());
  REQUIRE(index.batch_insert(iota(100'000, 40'000), std::span(values).first(40'000)));
  CHECK(index.check().ok());
  CHECK(index.size() == 66'000);
  CHECK(static_cast<double>(index.memory_usage().links) / 66'000 > 0.9 * wide);
}

TEST_CASE("sketches stay with their rows, also when fewer are left than they began with") {
  constexpr std::size_t wide = 256;
  shoal::HnswIndex<> index({.dimensions = wide});
  const auto items = random_items(10, 2'000, wide);
  REQUIRE(index.batch_insert(items));
  REQUIRE(index.batch_erase(iota(0, 1'500)));
  REQUIRE(index.compact());
  REQUIRE(index.batch_insert(random_items(11, 20, wide, 5'000)));
  CHECK(index.check().ok());
  for (std::size_t i = 1'500; i < 2'000; i += 7) CHECK(index.search(items[i].second, 1).front().id == i);
  for (const auto& [id, vector] : random_items(11, 20, wide, 5'000)) {
    CHECK(index.search(vector, 1).front().id == id);
  }
}

TEST_CASE("compacting from inside a batch or a filter is refused") {
  auto index = make_index<HnswL2>();
  const auto items = random_items(12, 50, dimensions);
  std::size_t refused = 0;
  REQUIRE(index.batch_insert(items, [&](std::size_t, std::size_t) {
    const auto done = index.compact();
    refused += !done && done.error().code() == ErrorCode::reentrant_mutation ? 1 : 0;
  }));
  CHECK(refused == 50);
  (void)index.search(items[0].second, {.k = 3, .filter = [&](std::uint64_t) {
                                         const auto done = index.compact();
                                         refused += !done ? 1 : 0;
                                         return true;
                                       }});
  CHECK(refused > 50);
}

#if SHOAL_HAS_THREADS
TEST_CASE("searches wait while an index is compacted, and find everything before and after") {
  HnswL2 index({.dimensions = dimensions, .M = 16});
  const auto items = random_items(13, 2'000, dimensions);
  REQUIRE(index.batch_insert(items));
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> faults{0}, searches{0};
  std::vector<std::thread> readers;
  for (std::size_t i = 0; i < 3; ++i) {
    readers.emplace_back([&, i] {
      for (std::size_t n = i; !stop || n < i + 50; ++n) {  // even ids stay
        const auto& [id, vector] = items[n * 2 % items.size()];
        const auto found = index.search(vector, {.k = 1, .ef = 100});
        if (found.size() != 1 || found.front().id != id || !index.contains(id)) ++faults;
        ++searches;
      }
    });
  }
  for (std::uint64_t round = 0; round < 40; ++round) {
    std::vector<std::uint64_t> odd;
    for (std::uint64_t id = 1 + round * 50; id < 51 + round * 50; id += 2) odd.push_back(id);
    CHECK(index.batch_erase(odd));
    CHECK(index.compact());
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  CHECK(searches >= 150);
  CHECK(faults == 0);
  CHECK(index.size() == 1'000);
  CHECK(index.check().ok());
}
#endif
