// What a batch does with ids that are there already: skip and overwrite. (Failing, the default, is in batch_test.cpp.)

#include "index_types.hpp"

using namespace index_tests;
using shoal::OnDuplicate;
using support::random_items;

TEST_CASE_TEMPLATE("skip leaves what is there and returns the ids that went in", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  REQUIRE(index.batch_insert(random_items(1, 5, dimensions)));
  const auto before = index.get(3);
  auto items = random_items(2, 10, dimensions, 3);  // 3, 4 are there; 5 .. 12 are new
  items[9].first = 7;                               // and 7 comes twice
  const auto first_seven = items[4].second;
  std::size_t calls = 0;
  const auto inserted =
      index.batch_insert(items, [&](std::size_t done, std::size_t total) { CHECK((done == ++calls && total == 10)); },
                         {.on_duplicate = OnDuplicate::skip});
  REQUIRE(inserted);
  CHECK(*inserted == iota(5, 7));
  CHECK(calls == 10);
  CHECK(index.get(3) == before);
  check_holds(index, iota(0, 12), 100);
  Index reference = make_index<Index>();
  REQUIRE(reference.insert(7, first_seven));
  CHECK(index.get(7) == reference.get(7));
}

TEST_CASE_TEMPLATE("a cancelled batch that skips says how many items of the source are dealt with", Index,
                   ALL_INDEXES) {
  Index index = make_index<Index>();
  REQUIRE(index.batch_insert(random_items(1, 5, dimensions)));
  const auto items = random_items(2, 20, dimensions);
  const shoal::BatchOptions options{.on_duplicate = OnDuplicate::skip};
  const auto cancelled = index.batch_insert(
      items, [](std::size_t done, std::size_t) { return done != 12; }, options);
  REQUIRE(!cancelled);
  CHECK(cancelled.error().successful_count == 7);
  CHECK(cancelled.error().completed_count == 12);
  const auto rest =
      index.batch_insert(std::span(items).subspan(cancelled.error().completed_count), shoal::NoProgress{}, options);
  REQUIRE(rest);
  CHECK(rest->size() == 8);
  check_holds(index, iota(0, 20), 100);
}

TEST_CASE_TEMPLATE("overwrite replaces the vector, returns all ids, and the old vector is never returned", Index,
                   ALL_INDEXES) {
  Index index = make_index<Index>();
  REQUIRE(index.batch_insert(random_items(3, 60, dimensions)));
  auto items = random_items(4, 40, dimensions, 30);  // 30 .. 59 are there
  items[39].first = 31;                              // and 31 comes twice
  const auto inserted = index.batch_insert(items, shoal::NoProgress{}, {.on_duplicate = OnDuplicate::overwrite});
  REQUIRE(inserted);
  REQUIRE(inserted->size() == 40);
  for (std::size_t i = 0; i < 40; ++i) CHECK((*inserted)[i] == items[i].first);
  check_holds(index, iota(0, 69), 100);

  Index reference = make_index<Index>();  // the same content, built at once
  const auto old_items = random_items(3, 60, dimensions);
  for (std::uint64_t id = 0; id < 69; ++id) {
    const auto& vector = id < 30 ? old_items[id].second : id == 31 ? items[39].second : items[id - 30].second;
    REQUIRE(reference.insert(id, vector));
    CHECK(index.get(id) == reference.get(id));
  }
  support::Random random(5);
  for (int i = 0; i < 30; ++i) {
    const auto query = support::random_vector(random, dimensions);
    CHECK(index.search(query, {.k = 10, .ef = 1000}) == reference.search(query, {.k = 10, .ef = 1000}));
  }
}

TEST_CASE_TEMPLATE("overwriting one id again and again leaves one live entry", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  REQUIRE(index.insert(1, std::vector<float>(dimensions, 1.0F)));
  for (int i = 0; i < 50; ++i) {
    std::vector<float> vector(dimensions, 0.0F);
    vector[0] = static_cast<float>(i + 1);
    REQUIRE(index.insert(0, vector, {.on_duplicate = OnDuplicate::overwrite}));
    CHECK(index.size() == 2);
    CHECK(index.search(vector, 10).size() == 2);
  }
  check_holds(index, {0, 1}, 10);
}

TEST_CASE_TEMPLATE("overwriting needs no room under max_elements, a new id does", Index, ALL_INDEXES) {
  Index index = make_index<Index>(10);
  REQUIRE(index.batch_insert(random_items(6, 10, dimensions)));
  CHECK(index.batch_insert(random_items(7, 10, dimensions), shoal::NoProgress{},
                           {.on_duplicate = OnDuplicate::overwrite}));
  CHECK(index.batch_insert(random_items(7, 10, dimensions), shoal::NoProgress{}, {.on_duplicate = OnDuplicate::skip}));
  const auto result = index.batch_insert(random_items(8, 2, dimensions, 9), shoal::NoProgress{},
                                         {.on_duplicate = OnDuplicate::overwrite});
  REQUIRE(!result);
  CHECK(result.error().cause.code() == shoal::ErrorCode::capacity_exceeded);
  CHECK(result.error().successful_ids == std::vector<std::uint64_t>{9});
  check_holds(index, iota(0, 10), 100);
}

TEST_CASE_TEMPLATE("a clone never returns what was overwritten before", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  REQUIRE(index.batch_insert(random_items(11, 60, dimensions)));
  REQUIRE(index.batch_insert(random_items(12, 60, dimensions), shoal::NoProgress{},
                             {.on_duplicate = OnDuplicate::overwrite}));
  const Index copy = index.clone();
  check_holds(copy, iota(0, 60), 100);
  check_same(index, copy, 100);
}

TEST_CASE("stats count the entries that were overwritten") {
  HnswL2 index = make_index<HnswL2>();
  REQUIRE(index.batch_insert(random_items(9, 20, dimensions)));
  REQUIRE(index.batch_insert(random_items(10, 5, dimensions), shoal::NoProgress{},
                             {.on_duplicate = OnDuplicate::overwrite}));
  const shoal::IndexStats stats = index.stats();
  CHECK(stats.live == 20);
  CHECK(stats.dead == 5);
  CHECK(stats.levels.at(0).slots == 25);
}
