// Ids as filters see them: as numbers without sign, whatever the index's type, and lists of them as callers make them:
// with ids that came before, are not in, do not fit. And what happens when a filter throws.

#include <array>
#include <limits>
#include <stdexcept>

#include "filtering.hpp"
#include "platform.hpp"

#if SHOAL_HAS_THREADS
#include <atomic>
#include <thread>
#endif

using namespace index_tests;
using support::random_items;

namespace {

constexpr std::uint64_t ids_seed = 20'260'115;

std::uint64_t as_seen(std::int64_t id) { return static_cast<std::uint64_t>(id); }

/// An index of each `id` from first to last.
template <class Index>
Index signed_index(std::int64_t first, std::int64_t last) {
  Index index({.dimensions = dimensions});
  support::Random random(ids_seed);
  for (std::int64_t id = first; id <= last; ++id) REQUIRE(index.insert(id, support::random_vector(random, dimensions)));
  return index;
}

template <class Neighbors>
std::vector<std::int64_t> sorted_ids(const Neighbors& found) {
  std::vector<std::int64_t> ids;
  for (const auto& neighbor : found) ids.push_back(neighbor.id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

using Ids = std::vector<std::int64_t>;

/// A filter that throws when it is asked the `call`-th time.
struct ThrowingFilter {
  std::size_t call;
  std::size_t* calls;
  bool operator()(std::uint64_t id) const {
    if (++*calls == call) support::raise(std::runtime_error("enough"));
    return id % 3 != 0;
  }
};

}  // namespace

TEST_CASE("ids of one byte: filters see negative ones as large numbers, and lists may hold what is out of range") {
  using Index = shoal::HnswIndex<shoal::L2Squared, shoal::Float32, std::int8_t>;
  const Index index = signed_index<Index>(-128, 127);
  REQUIRE(index.size() == 256);
  const std::vector<float> query(dimensions, 0.25F);
  const auto negative = [](std::uint64_t id) { return id >= std::uint64_t{1} << 63; };
  const auto found = index.search(query, {.k = 200, .filter = negative});
  CHECK(found.size() == 128);
  CHECK(std::all_of(found.begin(), found.end(), [](const auto& neighbor) { return neighbor.id < 0; }));
  // 128 and 255 are -128 and -1 in one byte, but they are no ids of this index.
  const std::vector<std::uint64_t> listed = {as_seen(-1), as_seen(-128),          127,          0, 128, 255,
                                             256,         std::uint64_t{1} << 32, as_seen(-129)};
  CHECK(sorted_ids(index.search(query, {.k = 20, .among = listed})) == Ids{-128, -1, 0, 127});
  CHECK(sorted_ids(index.search(query, {.k = 20, .filter = negative, .among = listed})) == Ids{-128, -1});
  CHECK(sorted_ids(index.search_within(query, 1e9F, {.filter = negative, .among = listed})) == Ids{-128, -1});
}

TEST_CASE("ids of four bytes: what is listed beyond their range is not in, and does not stand for another") {
  using Index = shoal::BruteForceIndex<shoal::L2Squared, shoal::Float32, std::int32_t>;
  const Index index = signed_index<Index>(-20, 20);
  const std::vector<float> query(dimensions, 0.25F);
  const std::vector<std::uint64_t> listed = {as_seen(-20),
                                             7,
                                             std::uint64_t{0xFFFF'FFFF},  // -1 if it were cut off
                                             (std::uint64_t{1} << 32) + 5,
                                             std::numeric_limits<std::uint64_t>::max() - 4,  // -5
                                             std::uint64_t{1} << 63};
  CHECK(sorted_ids(index.search(query, {.k = 20, .among = listed})) == Ids{-20, -5, 7});
  const auto below = [](std::uint64_t id) { return static_cast<std::int64_t>(id) < -17; };
  CHECK(sorted_ids(index.search(query, {.k = 20, .filter = below})) == Ids{-20, -19, -18});
}

TEST_CASE_TEMPLATE("a list may repeat ids and name some that are not in; each that is in counts once", Index,
                   ALL_INDEXES) {
  Index index = make_index<Index>();
  REQUIRE(index.batch_insert(random_items(ids_seed + 1, 300, dimensions)));
  REQUIRE(index.erase(std::uint64_t{40}));
  support::Random random(ids_seed + 2);
  const auto query = support::random_vector(random, dimensions);
  std::vector<std::uint64_t> listed;
  for (int copy = 0; copy < 500; ++copy) {
    for (const std::uint64_t id : {3U, 40U, 90U, 1'000U, 3U, 299U}) listed.push_back(id);
  }
  listed.push_back(~std::uint64_t{0});
  const auto all = all_passing(index, query, [](std::uint64_t id) { return id == 3 || id == 90 || id == 299; });
  for (const std::size_t k : {1U, 2U, 3U, 10U, 1'000U}) {
    CAPTURE(k);
    CHECK(index.search(query, {.k = k, .among = listed}) == first_of(all, k));
  }
  // Longer than the index, and all of it listed twice.
  auto twice = iota(0, 300);
  for (const std::uint64_t id : iota(0, 300)) twice.push_back(id);
  const auto everything = all_passing(index, query, [](std::uint64_t) { return true; });
  CHECK(index.search(query, {.k = 1'000, .among = twice}) == everything);
}

TEST_CASE_TEMPLATE("an empty list lets nothing pass, and is not the same as none", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  const std::vector<float> query(dimensions, 0.25F);
  const std::vector<std::uint64_t> nothing;
  const std::vector<std::uint64_t> absent = {500, 501};
  for (int round = 0; round < 2; ++round) {
    CAPTURE(round);
    CHECK(index.search(query, {.k = 5, .among = nothing}).empty());
    CHECK(index.search(query, {.k = 5, .among = absent}).empty());
    CHECK(index.search_within(query, 1e9F, {.among = nothing}).empty());
    CHECK(index.search(query, {.k = 5, .among = std::nullopt}).size() == (round == 0 ? 0U : 5U));
    if (round == 0) REQUIRE(index.batch_insert(random_items(ids_seed + 3, 100, dimensions)));
  }
}

#if SHOAL_HAS_EXCEPTIONS

TEST_CASE_TEMPLATE("what a filter throws comes through, whenever it does; searches go on with the same memory", Index,
                   ALL_INDEXES) {
  const Index index = filled_index<Index>(random_items(ids_seed + 4, 400, dimensions));
  const std::vector<float> query(dimensions, 0.25F);
  const auto listed = iota(100, 150);
  const auto few = iota(7, 3);
  auto context = index.make_search_context();
  const auto expected = index.search(query, 10);
  const auto expected_few = index.search(query, {.k = 10, .among = few});
  REQUIRE(expected_few.size() == 3);
  for (const bool lists : {false, true}) {
    CAPTURE(lists);
    std::size_t thrown = 0;
    for (std::size_t call = 1;; call += 1 + call / 8) {
      CAPTURE(call);
      std::size_t calls = 0;
      shoal::SearchOptions options{.k = 10, .ef = 10, .filter = ThrowingFilter{call, &calls}};
      if (lists) options.among = listed;
      bool threw = false;
      try {
        (void)index.search(query, options, context);
      } catch (const std::runtime_error&) {
        threw = true;
      }
      if (!threw) break;
      ++thrown;
      calls = 0;
      CHECK_THROWS_AS((void)index.search(query, options), std::runtime_error);
      calls = 0;
      CHECK_THROWS_AS((void)index.search_within(query, 1e9F, {.filter = options.filter, .among = options.among}),
                      std::runtime_error);
      // Nothing of the list that the search was left with is there still.
      const auto after = index.search(query, {.k = 10, .among = few}, context);
      CHECK(std::equal(after.begin(), after.end(), expected_few.begin(), expected_few.end()));
      CHECK(index.search(query, {.k = 10, .among = few}) == expected_few);
      CHECK(index.search(query, 10) == expected);
    }
    CHECK(thrown > 5);
  }
}

#endif

#if SHOAL_HAS_THREADS

TEST_CASE("what a filter throws comes out of batches of searches on threads, and the index goes on" *
          support::needs_exceptions()) {
  const HnswL2 index = filled_index<HnswL2>(random_items(ids_seed + 5, 400, dimensions));
  std::vector<float> queries;
  for (const auto& [id, vector] : random_items(ids_seed + 6, 64, dimensions)) {
    queries.insert(queries.end(), vector.begin(), vector.end());
  }
  const auto expected = index.batch_search(queries, 5);
  const auto listed = iota(0, 300);
  std::vector<std::uint64_t> ids(64 * 5);
  std::vector<float> distances(64 * 5);
  for (const unsigned threads : {1U, 2U, 8U}) {
    CAPTURE(threads);
    const shoal::SearchOptions options{.k = 5,
                                       .filter = [](std::uint64_t id) -> bool {
                                         if (id == 250) support::raise(std::runtime_error("no"));
                                         return true;
                                       },
                                       .among = listed,
                                       .threads = threads};
    CHECK_THROWS_AS((void)index.batch_search(queries, options), std::runtime_error);
    CHECK_THROWS_AS(index.batch_search(queries, options, ids, distances), std::runtime_error);
    CHECK(index.batch_search(queries, {.k = 5, .threads = threads}) == expected);
    const auto few = index.batch_search(queries, {.k = 5, .among = iota(7, 3), .threads = threads});
    CHECK(std::all_of(few.begin(), few.end(), [](const auto& found) { return found.size() == 3; }));
  }
}

// The memory is AddressSanitizer's to watch: ids that are put in between two looks at the index have no room in a set
// that was made at the first.
TEST_CASE("ids may be listed while they are put in") {
  constexpr std::size_t count = 10'000;
  const auto items = random_items(ids_seed + 7, count, dimensions);
  std::vector<std::uint64_t> listed;
  for (std::uint64_t id = 0; id < count; id += 16) listed.push_back(id);
  const std::vector<float> query(dimensions, 0.25F);
  for (int round = 0; round < 10; ++round) {
    BruteL2 index = make_index<BruteL2>();
    std::atomic<bool> done{false};
    std::size_t faults = 0, most = 0;
    std::thread reader([&] {
      while (!done) {
        auto context = index.make_search_context();
        const auto found = index.search(query, {.k = count, .among = listed}, context);
        if (!ids_are_distinct(found) || found.size() < most) ++faults;
        most = found.size();
        for (const auto& neighbor : found) faults += neighbor.id % 16 == 0 ? 0 : 1;
      }
    });
    const auto inserted = index.batch_insert(items);
    done = true;
    reader.join();
    CHECK(inserted);
    CHECK(faults == 0);
    CHECK(index.search(query, {.k = count, .among = listed}).size() == listed.size());
  }
}

#endif
