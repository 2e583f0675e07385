// Taking entries out: what is gone is gone at once, its id and its slot are used again, and what stays is found.

#include <algorithm>
#include <numeric>

#include "index_types.hpp"

using namespace index_tests;
using shoal::ErrorCode;
using support::random_items;

namespace {

/// Of the ids below `bound`, those that are not `step` apart from `first`.
std::vector<std::uint64_t> without(std::uint64_t bound, std::uint64_t first, std::uint64_t step) {
  std::vector<std::uint64_t> ids;
  for (std::uint64_t id = 0; id < bound; ++id) {
    if (id < first || (id - first) % step != 0) ids.push_back(id);
  }
  return ids;
}

}  // namespace

TEST_CASE_TEMPLATE("an erased entry is not found any more, and its id can be used again", Index, ALL_INDEXES) {
  const auto items = random_items(401, 300, dimensions);
  Index index = make_index<Index>();
  REQUIRE(index.batch_insert(items));
  for (std::uint64_t id = 0; id < 300; id += 3) {
    REQUIRE(index.erase(id));
    CHECK(!index.contains(id));
    CHECK(!index.get(id));
    const auto found = index.search(items[id].second, 5);
    CHECK(std::none_of(found.begin(), found.end(), [&](const auto& neighbor) { return neighbor.id == id; }));
    const auto again = index.erase(id);
    REQUIRE(!again);
    CHECK(again.error().code() == ErrorCode::id_not_found);
    CHECK(again.error().message().find(std::to_string(id)) != std::string_view::npos);
  }
  check_holds(index, without(300, 0, 3), 400);
  for (std::uint64_t id = 0; id < 300; id += 3) REQUIRE(index.insert(id, items[id].second));
  check_holds(index, iota(0, 300), 400);
  for (std::uint64_t id = 0; id < 300 && !std::is_same_v<Index, HnswProductSq8>; id += 7) {  // nearest to itself
    CHECK(index.search(items[id].second, {.k = 1, .ef = 300}).front().id == id);
  }
}

TEST_CASE_TEMPLATE("delete, insert, delete of one id again and again leaves one live copy or none", Index,
                   ALL_INDEXES) {
  const auto items = random_items(402, 40, dimensions);
  Index index = make_index<Index>();
  REQUIRE(index.batch_insert(items));
  for (int round = 0; round < 300; ++round) {
    REQUIRE(index.erase(std::uint64_t{7}));
    CHECK(index.size() == 39);
    REQUIRE(index.insert(std::uint64_t{7}, items[7].second));
    CHECK(index.size() == 40);
  }
  check_holds(index, iota(0, 40), 60);
  CHECK(index.stats().dead + index.stats().free <= 64);
}

TEST_CASE_TEMPLATE("all entries can be erased, and the index can be filled again", Index, ALL_INDEXES) {
  const auto items = random_items(403, 500, dimensions);
  for (const bool singly : {false, true}) {
    CAPTURE(singly);
    Index index = make_index<Index>();
    for (int round = 0; round < 3; ++round) {
      REQUIRE(index.batch_insert(items));
      check_holds(index, iota(0, 500), 600);
      if (singly) {
        for (const auto& [id, vector] : items) REQUIRE(index.erase(id));
      } else {
        REQUIRE(index.batch_erase(iota(0, 500)));
      }
      check_holds(index, {}, 600);
      CHECK(index.search(items[0].second, 10).empty());
      CHECK(index.empty());
    }
    CHECK(index.stats().dead + index.stats().free <= 540);
  }
}

TEST_CASE_TEMPLATE("batch_erase says what was erased, absent and repeated, in order", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  REQUIRE(index.batch_insert(random_items(404, 20, dimensions)));
  const auto report = index.batch_erase(std::vector<int>{5, 50, 3, 5, 50, 19, 3, -1});
  REQUIRE(!report);
  CHECK(report.error().code() == ErrorCode::id_out_of_range);
  CHECK(report.error().message().starts_with("item 7: "));
  CHECK(index.size() == 20);
  const auto done = index.batch_erase(std::vector<int>{5, 50, 3, 5, 50, 19, 3});
  REQUIRE(done);
  CHECK(done->erased == std::vector<std::uint64_t>{5, 3, 19});
  CHECK(done->absent == std::vector<std::uint64_t>{50, 50});
  CHECK(done->repeated == std::vector<std::uint64_t>{5, 3});
  CHECK(index.size() == 17);
  const auto nothing = index.batch_erase(std::vector<int>{});
  REQUIRE(nothing);
  CHECK(nothing->erased.empty());
}

TEST_CASE_TEMPLATE("nothing is erased from inside a batch", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  REQUIRE(index.batch_insert(random_items(407, 20, dimensions)));
  REQUIRE(index.batch_insert(random_items(408, 3, dimensions, 100), [&](std::size_t, std::size_t) {
    const auto one = index.erase(5);
    REQUIRE(!one);
    CHECK(one.error().code() == ErrorCode::reentrant_mutation);
    const auto many = index.batch_erase(std::vector{5});
    REQUIRE(!many);
    CHECK(many.error().code() == ErrorCode::reentrant_mutation);
  }));
  CHECK(index.size() == 23);
}

TEST_CASE_TEMPLATE("upsert inserts or replaces", Index, ALL_INDEXES) {
  const auto items = random_items(405, 200, dimensions);
  Index index = make_index<Index>();
  for (const auto& [id, vector] : items) REQUIRE(index.upsert(id % 100, vector));
  check_holds(index, iota(0, 100), 200);
  Index expected = make_index<Index>();
  for (std::size_t i = 100; i < 200; ++i) REQUIRE(expected.insert(i - 100, items[i].second));
  for (std::uint64_t id = 0; id < 100; ++id) CHECK(index.get(id) == expected.get(id));
}

TEST_CASE_TEMPLATE("slots of erased entries are used again: memory does not grow", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  const auto items = random_items(406, 2'000, dimensions);
  REQUIRE(index.batch_insert(items));
  const std::size_t before = index.memory_usage().total();
  for (std::uint64_t round = 1; round <= 5; ++round) {
    CAPTURE(round);
    REQUIRE(index.batch_erase(iota((round - 1) * 1'000, 1'000)));
    auto more = random_items(406 + round, 1'000, dimensions, 1'000 + round * 1'000);
    REQUIRE(index.batch_insert(more));
    CHECK(index.stats().live == 2'000);
    CHECK(index.stats().dead == 0);
    CHECK(index.stats().free == 0);
    CHECK(index.check().ok());
  }
  CHECK(static_cast<double>(index.memory_usage().total()) <= 1.1 * static_cast<double>(before));
}

TEST_CASE_TEMPLATE("what is erased can be taken in by every kind of batch, and a failed one leaves its slots free",
                   Index, ALL_INDEXES) {
  const auto items = random_items(420, 900, dimensions);
  for (const shoal::Atomicity atomicity : {shoal::Atomicity::prefix, shoal::Atomicity::all_or_nothing}) {
    for (const std::size_t end : {1U, 64U, 150U, 399U}) {
      CAPTURE(end);
      Index index = make_index<Index>();
      REQUIRE(index.batch_insert(std::span(items).first(500)));
      REQUIRE(index.batch_erase(iota(100, 300)));
      const std::size_t free = index.stats().free;
      CHECK(free == 300);
      const auto result =
          index.batch_insert(std::span(items).subspan(500), [&](std::size_t done, std::size_t) { return done != end; },
                             {.atomicity = atomicity});
      REQUIRE(!result);
      auto expected = iota(0, 100);
      for (std::uint64_t id = 400; id < 500; ++id) expected.push_back(id);
      if (atomicity == shoal::Atomicity::prefix) {
        for (std::uint64_t id = 500; id < 500 + end; ++id) expected.push_back(id);
      }
      check_holds(index, expected, 1'000);
      REQUIRE(index.batch_insert(items, shoal::NoProgress{}, {.on_duplicate = shoal::OnDuplicate::skip}));
      check_holds(index, iota(0, 900), 1'000);
    }
  }
}

TEST_CASE_TEMPLATE("the graph after erasing is the same on any number of threads", Index, HnswL2, HnswProductSq8) {
  const auto items = random_items(430, 3'000, dimensions);
  Index base = make_index<Index>();
  REQUIRE(base.batch_insert(items));
  std::vector<std::uint64_t> ids;
  for (std::uint64_t id = 0; id < 3'000; id += 2) ids.push_back(id);
  Index reference = base.clone();
  REQUIRE(reference.batch_erase(ids));
  for (const unsigned threads : {2U, 3U, 8U}) {
    Index index = base.clone();
    REQUIRE(index.batch_erase(ids, {.threads = threads}));
    check_same(index, reference, 3'000);
    Index copy = index.clone();
    check_same(copy, reference, 3'000);
    REQUIRE(copy.batch_insert(random_items(431, 500, dimensions, 10'000)));
    CHECK(copy.check().ok());
  }
}
