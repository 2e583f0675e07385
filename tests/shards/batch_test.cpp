// The batch over shards is the batch of one index: order, the exact prefix, progress, cancelling, exceptions, and the
// graph of each shard.

#include <cmath>
#include <iterator>
#include <limits>
#include <new>
#include <optional>
#include <set>
#include <stdexcept>

#include "platform.hpp"
#include "support.hpp"

using namespace shard_tests;
using shoal::ErrorCode;
using support::random_items;

namespace {

/// 1, 2 or 5 shards, more items than a block of each has.
constexpr std::size_t item_count = 6'000;

/// Where items fall in their block, and blocks in the batch.
const std::vector<std::size_t> positions{0, 1, 17, 1'023, 1'024, 1'025, 2'047, 2'048, 5'119, 5'120, 5'121, 5'999};

template <class Result>
void check_failed_at(const Result& result, std::size_t failed, ErrorCode code) {
  REQUIRE(!result);
  const auto& error = result.error();
  CHECK(error.cause.code() == code);
  CHECK(error.failed_index == failed);
  CHECK(error.successful_count == failed);
  CHECK(error.completed_count == failed);
  CHECK(error.successful_ids == iota(0, failed));
}

struct Throwing {
  std::vector<support::Item> items;
  std::size_t throw_at = 0;
  struct Iterator {
    using difference_type = std::ptrdiff_t;
    using value_type = support::Item;
    const Throwing* source = nullptr;
    std::size_t i = 0;
    const support::Item& operator*() const {
      if (i == source->throw_at) support::raise(std::runtime_error("no more"));
      return source->items[i];
    }
    Iterator& operator++() {
      ++i;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++i;
      return before;
    }
    bool operator==(const Iterator& other) const { return i == other.i; }
  };
  [[nodiscard]] Iterator begin() const { return {this, 0}; }
  [[nodiscard]] Iterator end() const { return {this, items.size()}; }
};

/// A source that can be read only once, and says how far it was.
struct Stream {
  const std::vector<support::Item>* items;
  std::size_t taken = 0;
  struct Iterator {
    using difference_type = std::ptrdiff_t;
    using value_type = support::Item;
    Stream* stream = nullptr;
    const support::Item& operator*() const { return (*stream->items)[stream->taken - 1]; }
    Iterator& operator++() {
      ++stream->taken;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return stream->taken > stream->items->size(); }
  };
  Iterator begin() {
    ++taken;
    return {this};
  }
  std::default_sentinel_t end() const { return {}; }
};

}  // namespace

TEST_CASE_TEMPLATE("each shard is the index that its items alone would make, and results are those merged", Index, Hnsw,
                   Brute) {
  const auto items = random_items(1, item_count, dimensions);
  for (const std::size_t count : {1U, 2U, 5U}) {
    for (const unsigned threads : {1U, 3U}) {
      CAPTURE(count);
      auto shards = make_shards<Index>(count);
      const auto inserted = shards.batch_insert(items, shoal::NoProgress{}, {.threads = threads});
      REQUIRE(inserted);
      CHECK(*inserted == iota(0, item_count));
      const auto alone = build_alone<Index>(shards.plan(), items);
      for (std::size_t i = 0; i < count; ++i) {
        REQUIRE(io_tests::bytes_of(shards.shards()[i]) == io_tests::bytes_of(alone[i]));
      }
      const auto queries = make_queries(30);
      const auto found = shards.batch_search(queries, {.k = 10, .threads = threads});
      for (std::size_t i = 0; i < queries.size(); ++i) {
        std::vector<Found> lists;
        lists.reserve(count);
        for (const Index& index : alone) lists.push_back(index.search(queries[i], 10));
        REQUIRE(found[i] == shoal::merge_top_k(lists, 10));
        REQUIRE(shards.search(queries[i], 10) == found[i]);
      }
    }
  }
}

TEST_CASE("exact shards find what one exact index finds, ties and filters included") {
  auto items = random_items(2, 3'000, dimensions);
  for (std::size_t i = 0; i < items.size(); ++i) items[i].second = items[i / 3 * 3].second;  // thrice each
  auto shards = make_shards<Brute>(4);
  Brute one(make_config<Brute>());
  REQUIRE(shards.batch_insert(items));
  REQUIRE(one.batch_insert(items));
  const std::vector<std::uint64_t> among{5, 7, 8, 100, 2'999, 77'777};
  for (const auto& query : make_queries(40)) {
    REQUIRE(shards.search(query, 20) == one.search(query, 20));
    const shoal::SearchOptions even{.k = 8, .filter = [](std::uint64_t id) { return id % 2 == 0; }};
    REQUIRE(shards.search(query, even) == one.search(query, even));
    REQUIRE(shards.search(query, {.k = 9, .among = among}) == one.search(query, {.k = 9, .among = among}));
    REQUIRE(shards.search(query, 5'000) == one.search(query, 5'000));
  }
}

TEST_CASE("a bad vector anywhere ends the batch with exactly the items before it, on all shards") {
  const auto good = random_items(3, item_count, dimensions);
  for (const std::size_t at : positions) {
    CAPTURE(at);
    auto items = good;
    auto shards = make_shards<Brute>(2);
    ErrorCode code{};
    std::string message;
    switch (at % 3) {
      case 0:
        items[at].second[7] = std::numeric_limits<float>::quiet_NaN();
        code = ErrorCode::not_finite;
        message = "expected finite components, component 7 is NaN";
        break;
      case 1:
        items[at].second.pop_back();
        code = ErrorCode::dimension_mismatch;
        message = "expected 12 components, got 11";
        break;
      default:
        items[at].second[0] = 1e30F;
        code = ErrorCode::norm_too_large;
        break;
    }
    std::vector<std::size_t> told;
    const auto result = shards.batch_insert(items, [&](std::size_t done, std::size_t total) {
      told.push_back(done);
      REQUIRE(total == item_count);
    });
    check_failed_at(result, at, code);
    if (!message.empty()) CHECK(result.error().cause.message() == message);
    CHECK(result.error().failed_id == at);
    CHECK(told.size() == at);
    CHECK(ids_in(shards) == iota(0, at));
    CHECK(std::all_of(shards.shards().begin(), shards.shards().end(),
                      [](const Brute& shard) { return shard.stats().dead == 0; }));
    // And the rest goes in behind it.
    std::vector<support::Item> rest(items.begin() + static_cast<std::ptrdiff_t>(at) + 1, items.end());
    REQUIRE(shards.batch_insert(rest));
    CHECK(shards.size() == item_count - 1);
  }
}

TEST_CASE("an id that is there, or came before, ends the batch where it comes first") {
  const auto good = random_items(4, item_count, dimensions);
  for (const std::size_t at : positions) {
    if (at == 0) continue;
    CAPTURE(at);
    for (const bool in_batch : {true, false}) {
      auto items = good;
      auto shards = make_shards<Brute>(5);
      if (!in_batch) REQUIRE(shards.insert(1'000'000, good[0].second));
      items[at].first = in_batch ? at / 2 : 1'000'000;
      if (at + 3 < items.size()) items[at + 3].second[0] = std::nanf("");  // later, and not the reason
      const auto result = shards.batch_insert(items);
      check_failed_at(result, at, ErrorCode::duplicate_id);
      CHECK(result.error().cause.message() ==
            "expected a new id, got " + std::to_string(items[at].first) +
                (in_batch ? ", which came before in this batch" : ", which is in the index"));
      auto expected = iota(0, at);
      if (!in_batch) expected.push_back(1'000'000);
      CHECK(ids_in(shards) == expected);
    }
  }
}

TEST_CASE("skip passes over what is there, and gives the ids that went in") {
  auto items = random_items(5, 3'000, dimensions);
  auto shards = make_shards<Brute>(3);
  const auto before = random_items(6, 1'000, dimensions, 500);
  REQUIRE(shards.batch_insert(before));
  items.push_back(items[100]);
  items.push_back(items[2'000]);
  const auto inserted = shards.batch_insert(items, shoal::NoProgress{}, {.on_duplicate = shoal::OnDuplicate::skip});
  REQUIRE(inserted);
  auto expected = iota(0, 500);
  for (std::uint64_t id = 1'500; id < 3'000; ++id) expected.push_back(id);
  CHECK(*inserted == expected);
  CHECK(ids_in(shards) == iota(0, 3'000));
  CHECK(*shards.get(700) == before[200].second);  // as it was
}

TEST_CASE("a source that throws leaves exactly what came before it, and its exception" * support::needs_exceptions()) {
  for (const std::size_t at : positions) {
    CAPTURE(at);
    auto shards = make_shards<Brute>(2);
    const auto result = shards.batch_insert(Throwing{random_items(7, item_count, dimensions), at});
    check_failed_at(result, at, ErrorCode::source_failed);
    CHECK(result.error().cause.message() == "the source threw: no more");
    CHECK_THROWS_AS(std::rethrow_exception(result.error().exception), std::runtime_error);
    CHECK(ids_in(shards) == iota(0, at));
  }
}

TEST_CASE("cancelling keeps exactly what was told of, whether by false, by a throw or by a stop") {
  const auto items = random_items(8, item_count, dimensions);
  struct Stop {
    const bool* wanted;
    [[nodiscard]] bool stop_requested() const { return *wanted; }
  };
  for (const std::size_t at : positions) {
    CAPTURE(at);
    for (int way = 0; way < 3; ++way) {
      if (way == 1 && SHOAL_HAS_EXCEPTIONS == 0) continue;
      CAPTURE(way);
      auto shards = make_shards<Hnsw>(2);
      bool wanted = false;
      const auto result = [&] {
        switch (way) {
          case 0: return shards.batch_insert(items, [&](std::size_t done, std::size_t) { return done != at + 1; });
          case 1:
            return shards.batch_insert(items, [&](std::size_t done, std::size_t) {
              if (done == at + 1) support::raise(std::runtime_error("enough"));
            });
          default:
            return shards.batch_insert(items, [&](std::size_t done, std::size_t) { wanted = wanted || done == at + 1; },
                                       {.stop = Stop{&wanted}});
        }
      }();
      if (way == 2 && at + 1 == items.size()) {
        CHECK(result);
        continue;
      }
      REQUIRE(!result);
      const auto& error = result.error();
      CHECK(error.cause.code() == (way == 1 ? ErrorCode::callback_failed : ErrorCode::cancelled));
      CHECK(error.completed_count == at + 1);
      CHECK(!error.failed_index);
      CHECK(error.successful_ids == iota(0, at + 1));
      if (way == 1) CHECK_THROWS_AS(std::rethrow_exception(error.exception), std::runtime_error);
      CHECK(ids_in(shards) == iota(0, at + 1));
      // And it goes on from there, to the same entries.
      std::vector<support::Item> rest(items.begin() + static_cast<std::ptrdiff_t>(at) + 1, items.end());
      REQUIRE(shards.batch_insert(rest));
      CHECK(shards.size() == item_count);
      for (const Hnsw& shard : shards.shards()) REQUIRE(shard.check().ok());
    }
  }
}

TEST_CASE("a source that can be read once loses nothing when the batch is cancelled") {
  const auto items = random_items(9, 300, dimensions);
  auto shards = make_shards<Brute>(3);
  Stream stream{&items};
  const auto result = shards.batch_insert(stream, [](std::size_t done, std::size_t) { return done != 40; });
  REQUIRE(!result);
  CHECK(stream.taken == 40);
  REQUIRE(shards.batch_insert(stream));  // its begin() moves it on
  CHECK(ids_in(shards) == iota(0, 300));
}

TEST_CASE("a shard that is full ends the batch at its item, and nothing behind it stays on the others") {
  const auto items = random_items(10, item_count, dimensions);
  auto shards = make_shards<Brute>(3, 900);
  const auto result = shards.batch_insert(items);
  std::vector<std::size_t> in(3);
  std::size_t expected = 0;
  while (in[shards.plan().shard_of(items[expected].first)] < 900) ++in[shards.plan().shard_of(items[expected++].first)];
  check_failed_at(result, expected, ErrorCode::capacity_exceeded);
  CHECK(ids_in(shards) == iota(0, expected));
}

TEST_CASE("a change from inside the callback is refused, a search there is not") {
  const auto items = random_items(11, 100, dimensions);
  auto shards = make_shards<Brute>(2);
  std::size_t refused = 0, found = 0;
  REQUIRE(shards.batch_insert(items, [&](std::size_t, std::size_t) {
    const auto inserted = shards.insert(5'000, items[0].second);
    if (!inserted && inserted.error().code() == ErrorCode::reentrant_mutation) ++refused;
    const auto erased = shards.erase(0);
    if (!erased && erased.error().code() == ErrorCode::reentrant_mutation) ++refused;
    found += shards.search(items[0].second, 1).size();
  }));
  CHECK(refused == 200);
  CHECK(found == 100);
}

TEST_CASE("what cannot be kept over shards is refused before anything is read") {
  const auto items = random_items(12, 10, dimensions);
  auto shards = make_shards<Brute>(2);
  Stream stream{&items};
  auto result = shards.batch_insert(stream, shoal::NoProgress{}, {.atomicity = shoal::Atomicity::all_or_nothing});
  REQUIRE(!result);
  CHECK(result.error().cause.code() == ErrorCode::invalid_config);
  CHECK(result.error().cause.message() == "expected Atomicity::prefix for a batch over shards, got all_or_nothing");
  result = shards.batch_insert(stream, shoal::NoProgress{}, {.on_duplicate = shoal::OnDuplicate::overwrite});
  REQUIRE(!result);
  CHECK(result.error().cause.message() == "expected OnDuplicate::fail or skip for a batch over shards, got overwrite");
  CHECK(stream.taken == 0);
  CHECK(shards.empty());
}

TEST_CASE_TEMPLATE("a batch of ids is erased from all shards, and the report is in the order of the ids", Index, Hnsw,
                   Brute) {
  const auto items = random_items(71, 600, dimensions);
  auto shards = make_shards<Index>(4);
  Index one(make_config<Index>());
  REQUIRE(shards.batch_insert(items));
  REQUIRE(one.batch_insert(items));
  std::vector<std::int64_t> ids{5, 900, 5, 17, 900};
  for (std::int64_t id = 599; id >= 200; id -= 3) ids.push_back(id);
  ids.insert(ids.end(), {17, 598, 1'000});
  const auto report = shards.batch_erase(ids, {.threads = 2});
  const auto expected = one.batch_erase(ids);
  REQUIRE(report);
  CHECK(report->erased == expected->erased);
  CHECK(report->absent == expected->absent);
  CHECK(report->repeated == expected->repeated);
  CHECK(shards.size() == one.size());
  for (const auto& item : items) CHECK(shards.contains(item.first) == one.contains(item.first));
  CHECK(shards.check().ok());

  const auto before = shards.batch_search(std::vector<std::vector<float>>{items[0].second, items[7].second}, {.k = 9});
  const std::size_t bytes = shards.memory_usage().total();
  REQUIRE(shards.compact());
  CHECK(shards.memory_usage().total() < bytes);
  CHECK(shards.batch_search(std::vector<std::vector<float>>{items[0].second, items[7].second}, {.k = 9}) == before);
  CHECK(shards.check().ok());

  ids = {1, 2, -1, 3};
  const auto refused = shards.batch_erase(ids);
  REQUIRE(!refused);
  CHECK(refused.error().code() == ErrorCode::id_out_of_range);
  CHECK(refused.error().message() == one.batch_erase(ids).error().message());
  CHECK(shards.contains(1));
  REQUIRE(shards.batch_insert(random_items(72, 1, dimensions, 2'000), [&](std::size_t, std::size_t) {
    CHECK(shards.batch_erase(ids).error().code() == ErrorCode::reentrant_mutation);
    CHECK(shards.compact().error().code() == ErrorCode::reentrant_mutation);
  }));
}

TEST_CASE("what is near is found in all shards, as many as are wanted") {
  const auto items = random_items(73, 500, dimensions);
  auto shards = make_shards<Brute>(3);
  Brute one(make_config<Brute>());
  REQUIRE(shards.batch_insert(items));
  REQUIRE(one.batch_insert(items));
  const auto& query = items[3].second;
  const float radius = one.search(query, 40).back().distance;
  for (const std::size_t most : {std::size_t{0}, std::size_t{7}, std::size_t{1'000}}) {
    const shoal::WithinOptions options{.most = most, .filter = [](std::uint64_t id) { return id % 2 == 1; }};
    CHECK(shards.search_within(query, radius, options) == one.search_within(query, radius, options));
  }
  CHECK(shards.search_within(query, radius).size() == 40);
  CHECK(shards.try_search_within(query, std::nanf("")).error().code() == ErrorCode::not_finite);
  CHECK(shards.memory_usage().vectors >= 500 * dimensions * sizeof(float));
}

TEST_CASE("an empty batch calls nothing, a matrix goes in by its rows, and ids of other types are looked up") {
  auto shards = make_shards<HnswCosineSq8>(3);
  std::size_t calls = 0;
  REQUIRE(shards.batch_insert(std::vector<support::Item>{}, [&](std::size_t, std::size_t) { ++calls; }));
  CHECK(calls == 0);
  std::vector<float> rows;
  std::vector<int> ids;
  for (const auto& [id, vector] : random_items(13, 500, dimensions)) {
    ids.push_back(static_cast<int>(id) - 250);
    rows.insert(rows.end(), vector.begin(), vector.end());
  }
  const auto inserted = shards.batch_insert(ids, rows);
  REQUIRE(inserted);
  CHECK(*inserted == std::vector<std::int32_t>(ids.begin(), ids.end()));
  CHECK(shards.contains(-250L));
  CHECK(!shards.contains(std::uint64_t{1} << 40));
  CHECK(!shards.get(std::uint64_t{1} << 40));
  REQUIRE(shards.erase(-3));
  CHECK(!shards.contains(-3));
  CHECK(shards.erase(-3).error().code() == ErrorCode::id_not_found);
  CHECK(shards.erase(std::uint64_t{1} << 40).error().code() == ErrorCode::id_not_found);
  const auto mismatch = shards.batch_insert(ids, std::vector<float>(dimensions));
  REQUIRE(!mismatch);
  CHECK(mismatch.error().cause.code() == ErrorCode::length_mismatch);
  const auto bad = shards.try_search(std::vector<float>(dimensions), 3);
  REQUIRE(!bad);
  CHECK(bad.error().code() == ErrorCode::zero_vector);
  CHECK_THROWS_AS((void)shards.search(std::vector<float>(3), 3), std::invalid_argument);
}
