// DurableIndex: what is acknowledged is in the store and in the index, a failed transaction is in neither, and what is
// opened is what was there.

#include <atomic>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <thread>

#include <doctest/doctest.h>

#include "durable.hpp"
#include "platform.hpp"
#include "vectors.hpp"
#include <shoal/shoal.hpp>

using namespace ingest_tests;
using shoal::Atomicity;
using shoal::DurableOptions;
using shoal::OnDuplicate;
using support::Item;
using support::random_items;

namespace {

Durable open(std::size_t store_batch_size = 5'000, ScriptedStore store = ScriptedStore(dimensions),
             std::size_t max_elements = 0, bool link_behind = false) {
  DurableOptions options;
  options.store_batch_size = store_batch_size;
  options.link_behind = link_behind;
  options.retry = {{}};
  return Durable::open(Index({.dimensions = dimensions, .max_elements = max_elements}), std::move(store), options)
      .value();
}

Script& script(Durable& durable) { return const_cast<ScriptedStore&>(durable.store()).script(); }

std::vector<Record<Id>> as_records(const std::vector<Item>& items) {
  std::vector<Record<Id>> records;
  for (const auto& [id, vector] : items) records.push_back({.id = id, .vector = vector});
  return records;
}

/// Index and store both hold exactly `expected`.
void check_holds(const Durable& durable, const std::map<Id, std::vector<float>>& expected) {
  REQUIRE(durable.size() == expected.size());
  REQUIRE(durable.store().count().value() == expected.size());
  for (const auto& [id, vector] : expected) {
    REQUIRE(durable.index().get(id) == vector);
    REQUIRE(durable.get(id).value().value().vector == vector);
  }
  CHECK(durable.sequence() == durable.store().last_sequence().value());
  CHECK(durable.index().check().ok());
}
void check_holds(const Durable& durable, const std::vector<Item>& items, std::size_t count) {
  check_holds(durable, {items.begin(), items.begin() + static_cast<std::ptrdiff_t>(count)});
}

/// Single pass; throws at one position, if asked to.
struct Stream {
  const std::vector<Item>* items;
  std::size_t at = 0;
  std::size_t throws_at = ~std::size_t{0};
  struct Iterator {
    using difference_type = std::ptrdiff_t;
    using value_type = Item;
    Stream* stream;
    const Item& operator*() const {
      if (stream->at == stream->throws_at) support::raise(std::runtime_error("the embedder is gone"));
      return (*stream->items)[stream->at];
    }
    Iterator& operator++() {
      ++stream->at;
      return *this;
    }
    void operator++(int) { ++stream->at; }
    bool operator==(std::default_sentinel_t) const { return stream->at == stream->items->size(); }
  };
  Iterator begin() { return {this}; }
  std::default_sentinel_t end() const { return {}; }
};

}  // namespace

TEST_CASE("a batch goes into the store in transactions, and every item is searchable when it is reported") {
  auto durable = open(40);
  const auto items = random_items(1, 100, dimensions);
  std::size_t calls = 0;
  const auto inserted = durable.batch_insert(items, [&](std::size_t done, std::size_t total) {
    REQUIRE(done == ++calls);
    REQUIRE(total == 100);
    REQUIRE(durable.contains(items[done - 1].first));
    REQUIRE(durable.get(items[done - 1].first).value());  // and durable
  });
  REQUIRE(inserted);
  CHECK(inserted->size() == 100);
  CHECK(calls == 100);
  CHECK(script(durable).batches == std::vector<std::size_t>{40, 40, 20});
  check_holds(durable, items, 100);
  CHECK(durable.sequence() == 3);
  for (const auto& [id, vector] : items) CHECK(durable.index().search(vector, 1).front().id == id);
}

TEST_CASE("a single-pass source of unknown length goes in alike") {
  auto durable = open(40);
  const auto items = random_items(1, 100, dimensions);
  std::size_t calls = 0;
  REQUIRE(durable.batch_insert(Stream{&items}, [&](std::size_t done, std::size_t total) {
    REQUIRE(done == ++calls);
    REQUIRE(total == 0);
  }));
  CHECK(calls == 100);
  check_holds(durable, items, 100);
}

TEST_CASE("an opened index is the one that a batch of the store's content makes") {
  auto items = random_items(2, 500, dimensions);
  ScriptedStore store(dimensions);
  REQUIRE(store.batch_write(as_records({items.begin(), items.begin() + 300})));
  REQUIRE(store.batch_write(as_records({items.begin() + 300, items.end()})));
  REQUIRE(store.erase(items[17].first));
  items.erase(items.begin() + 17);
  items[3].second[0] += 1;  // replaced: it comes last now
  std::rotate(items.begin() + 3, items.begin() + 4, items.end());
  REQUIRE(store.write(as_records({items.back()})[0]));

  Index expected({.dimensions = dimensions});
  REQUIRE(expected.batch_insert(items));
  for (const unsigned threads : {1U, 3U}) {
    ScriptedStore copy(dimensions);
    REQUIRE(copy.batch_write(contents(store)));
    DurableOptions options;
    options.threads = threads;
    std::size_t calls = 0;
    options.opening = [&](std::size_t done, std::size_t total) {
      CHECK(done == ++calls);
      CHECK(total == 499);
    };
    const auto durable = Durable::open(Index({.dimensions = dimensions}), std::move(copy), options);
    REQUIRE(durable);
    CHECK(calls == 499);
    const shoal::SearchOptions narrow{.k = 5, .ef = 5};  // as narrow as this, other links give other results
    for (const auto& [id, vector] : random_items(9, 200, dimensions)) {
      REQUIRE(durable->index().search(vector, narrow) == expected.search(vector, narrow));
    }
    CHECK(durable->index().check().ok());
  }
}

TEST_CASE("a bad item ends the batch with exactly those before it, in store and index") {
  for (const std::size_t at : {0U, 1U, 39U, 40U, 41U, 79U, 80U, 99U}) {
    CAPTURE(at);
    const auto good = random_items(3, 100, dimensions);
    auto items = good;
    ErrorCode code{};
    SUBCASE("not finite") {
      items[at].second[3] = std::numeric_limits<float>::quiet_NaN();
      code = ErrorCode::not_finite;
    }
    SUBCASE("too short") {
      items[at].second.pop_back();
      code = ErrorCode::dimension_mismatch;
    }
    SUBCASE("there already") {
      items[at].first = at == 0 ? items[at].first : items[0].first;
      code = ErrorCode::duplicate_id;
    }
    auto durable = open(40);
    const bool was_there = code == ErrorCode::duplicate_id && at == 0;
    if (was_there) REQUIRE(durable.insert(good[0].first, good[0].second));
    const auto inserted = durable.batch_insert(items);
    REQUIRE_FALSE(inserted);
    const auto& error = inserted.error();
    CHECK(error.cause.code() == code);
    CHECK(error.failed_index == at);
    CHECK(error.failed_id == items[at].first);
    CHECK(error.successful_count == at);
    CHECK(error.completed_count == at);
    CHECK(error.item_is_bad());
    check_holds(durable, good, was_there ? 1 : at);
  }
}

TEST_CASE("the message of a duplicate says where the id was") {
  auto durable = open(2);
  const auto items = random_items(3, 5, dimensions);
  REQUIRE(durable.insert(items[4].first, items[4].second));
  auto again = items;
  again[3].first = again[0].first;  // two transactions back
  CHECK(durable.batch_insert(again).error().cause.message() ==
        "expected a new id, got 0, which came before in this batch");
  CHECK(durable.batch_insert(std::span(items).subspan(3)).error().cause.message() ==
        "expected a new id, got 4, which is in the index");
}

TEST_CASE("ids that are there are skipped or overwritten as the caller wants") {
  auto durable = open(3);
  auto items = random_items(4, 8, dimensions);
  REQUIRE(durable.batch_insert(std::span(items).first(3)));
  std::map<Id, std::vector<float>> expected(items.begin(), items.end());
  auto given = random_items(5, 8, dimensions);  // ids 0 to 7
  given.push_back({5, std::vector<float>(dimensions, 0.5F)});
  std::size_t calls = 0;
  const auto count = [&](std::size_t done, std::size_t) { CHECK(done == ++calls); };
  shoal::BatchOptions options;
  SUBCASE("skip") {
    options.on_duplicate = OnDuplicate::skip;
    const auto inserted = durable.batch_insert(given, count, options);
    REQUIRE(inserted);
    CHECK(*inserted == std::vector<Id>{3, 4, 5, 6, 7});
    expected.clear();
    expected.insert(items.begin(), items.begin() + 3);
    expected.insert(given.begin() + 3, given.end() - 1);
  }
  SUBCASE("overwrite") {
    options.on_duplicate = OnDuplicate::overwrite;
    const auto inserted = durable.batch_insert(given, count, options);
    REQUIRE(inserted);
    CHECK(*inserted == std::vector<Id>{0, 1, 2, 3, 4, 5, 6, 7, 5});
    expected.clear();
    for (const auto& [id, vector] : given) expected.insert_or_assign(id, vector);
  }
  CHECK(calls == 9);
  check_holds(durable, expected);
}

TEST_CASE("a failed transaction leaves index and store as they were") {
  auto durable = open(10);
  const auto items = random_items(6, 35, dimensions);
  script(durable).outcomes = {std::nullopt, std::nullopt, ErrorCode::storage_full};
  const auto inserted = durable.batch_insert(items);
  REQUIRE_FALSE(inserted);
  CHECK(inserted.error().cause.code() == ErrorCode::storage_full);
  CHECK(inserted.error().successful_count == 20);
  CHECK(inserted.error().completed_count == 20);
  CHECK_FALSE(inserted.error().failed_index);
  check_holds(durable, items, 20);

  script(durable).outcomes = {ErrorCode::io_error};
  CHECK(durable.erase(items[0].first).error().code() == ErrorCode::io_error);
  check_holds(durable, items, 20);
  script(durable).outcomes = {ErrorCode::store_busy};
  CHECK(durable.batch_write(as_records(items)).error().code() == ErrorCode::store_busy);
  check_holds(durable, items, 20);
  REQUIRE(durable.batch_insert(std::span(items).subspan(inserted.error().completed_count)));
  check_holds(durable, items, 35);
}

TEST_CASE("transactions are tried again as the policy says") {
  FakeTime time;
  DurableOptions options;
  options.clock = time.clock();
  auto durable = Durable::open(Index({.dimensions = dimensions}), ScriptedStore(dimensions), options).value();
  const auto items = random_items(6, 5, dimensions);
  script(durable).outcomes = {ErrorCode::store_busy, ErrorCode::store_busy};
  REQUIRE(durable.batch_insert(items));
  script(durable).outcomes = {ErrorCode::store_busy};
  REQUIRE(durable.erase(Id{2}));
  using namespace std::chrono_literals;
  CHECK(time.waits == std::vector<std::chrono::nanoseconds>{1s, 2s, 1s});
  check_holds(durable, {{0, items[0].second}, {1, items[1].second}, {3, items[3].second}, {4, items[4].second}});
}

TEST_CASE("a stop that is requested while a transaction waits for its next try ends the waiting") {
  FakeTime time;
  time.stop_at_wait = 1;
  DurableOptions options;
  options.clock = time.clock();
  auto durable = Durable::open(Index({.dimensions = dimensions}), ScriptedStore(dimensions), options).value();
  script(durable).outcomes.assign(3, ErrorCode::store_busy);
  shoal::BatchOptions batch;
  batch.stop = time.stop();
  const auto items = random_items(6, 5, dimensions);
  const auto inserted = durable.batch_insert(items, shoal::NoProgress{}, batch);
  REQUIRE_FALSE(inserted);
  CHECK(inserted.error().cause.code() == ErrorCode::store_busy);
  CHECK(script(durable).tries == 2);
  check_holds(durable, items, 0);
}

TEST_CASE("a callback that returns false ends the batch with the transaction it was called for") {
  auto durable = open(10);
  const auto items = random_items(7, 35, dimensions);
  std::size_t calls = 0;
  const auto inserted = durable.batch_insert(items, [&](std::size_t done, std::size_t) {
    ++calls;
    return done != 13;
  });
  REQUIRE_FALSE(inserted);
  CHECK(inserted.error().cause.code() == ErrorCode::cancelled);
  CHECK(inserted.error().successful_count == 20);
  CHECK(inserted.error().completed_count == 20);
  CHECK(calls == 13);
  check_holds(durable, items, 20);
}

TEST_CASE("what a callback throws is kept, and the transaction too" * support::needs_exceptions()) {
  auto durable = open(10);
  const auto items = random_items(7, 35, dimensions);
  const auto inserted = durable.batch_insert(items, [&](std::size_t done, std::size_t) {
    if (done == 13) support::raise(std::runtime_error("no terminal"));
  });
  REQUIRE_FALSE(inserted);
  CHECK(inserted.error().cause.code() == ErrorCode::callback_failed);
  CHECK_THROWS_WITH(std::rethrow_exception(inserted.error().exception), "no terminal");
  CHECK(inserted.error().completed_count == 20);
  check_holds(durable, items, 20);
}

TEST_CASE("what a source throws is kept, and what came before it is in" * support::needs_exceptions()) {
  auto durable = open(10);
  const auto items = random_items(7, 35, dimensions);
  const auto inserted = durable.batch_insert(Stream{.items = &items, .throws_at = 13});
  REQUIRE_FALSE(inserted);
  CHECK(inserted.error().cause.code() == ErrorCode::source_failed);
  CHECK(inserted.error().cause.message() == "the source threw: the embedder is gone");
  CHECK(inserted.error().failed_index == 13);
  CHECK_THROWS_WITH(std::rethrow_exception(inserted.error().exception), "the embedder is gone");
  check_holds(durable, items, 13);
}

TEST_CASE("a requested stop ends the batch before the next item is read") {
  auto durable = open(10);
  const auto items = random_items(7, 35, dimensions);
  FakeTime time;
  shoal::BatchOptions options;
  options.stop = time.stop();
  Stream stream{&items};
  const auto inserted = durable.batch_insert(
      stream, [&](std::size_t done, std::size_t) { time.stopped |= done == 20; }, options);
  REQUIRE_FALSE(inserted);
  CHECK(inserted.error().cause.code() == ErrorCode::cancelled);
  CHECK(inserted.error().successful_count == 20);
  CHECK(stream.at == 19);  // at the last that was taken
  check_holds(durable, items, 20);
}

TEST_CASE("an all-or-nothing batch is one transaction, or none") {
  auto durable = open(10);
  auto items = random_items(8, 35, dimensions);
  shoal::BatchOptions options;
  options.atomicity = Atomicity::all_or_nothing;
  items[30].second.clear();
  const auto failed = durable.batch_insert(items, shoal::NoProgress{}, options);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().failed_index == 30);
  CHECK(failed.error().successful_count == 0);
  CHECK(failed.error().completed_count == 0);
  check_holds(durable, items, 0);
  items = random_items(8, 35, dimensions);
  REQUIRE(durable.batch_insert(
      items, [](std::size_t, std::size_t) { return false; }, options));
  CHECK(script(durable).batches == std::vector<std::size_t>{35});
  check_holds(durable, items, 35);
}

TEST_CASE("a full index takes no more, and what is overwritten needs no room") {
  auto durable = open(4, ScriptedStore(dimensions), 10);
  auto items = random_items(8, 14, dimensions);
  const auto inserted = durable.batch_insert(items);
  REQUIRE_FALSE(inserted);
  CHECK(inserted.error().cause.code() == ErrorCode::capacity_exceeded);
  CHECK(inserted.error().failed_index == 10);
  check_holds(durable, items, 10);
  auto records = as_records(random_items(9, 10, dimensions));
  REQUIRE(durable.batch_write(records));
  records.push_back({.id = 11, .vector = items[11].second});
  records.push_back({.id = 12, .vector = items[12].second});
  const auto written = durable.batch_write(records);
  REQUIRE_FALSE(written);
  CHECK(written.error().message() == "expected at most max_elements = 10 entries, record 10, id 11 would be one more");
  CHECK(durable.size() == 10);
}

TEST_CASE("records are written all or none, and the last of several with one id counts") {
  auto durable = open();
  auto records = as_records(random_items(10, 5, dimensions));
  records[4].id = 2;
  records[4].metadata = R"({"title": "the last"})";
  const auto written = durable.batch_write(records);
  REQUIRE(written);
  CHECK(*written == Committed{1, 5});
  check_holds(durable,
              {{0, records[0].vector}, {1, records[1].vector}, {2, records[4].vector}, {3, records[3].vector}});
  CHECK(durable.get(2).value()->metadata == records[4].metadata);

  auto wrong = as_records(random_items(11, 3, dimensions));
  wrong[1].vector[2] = std::numeric_limits<float>::infinity();
  const auto refused = durable.batch_write(wrong);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ErrorCode::not_finite);
  CHECK(refused.error().message() == "record 1, id 1: expected finite components, component 2 is infinity");
  CHECK(durable.get(0).value()->vector == records[0].vector);
  CHECK(durable.sequence() == 1);
}

TEST_CASE("erasing says what was there, and is durable") {
  auto durable = open();
  const auto items = random_items(12, 6, dimensions);
  REQUIRE(durable.batch_insert(items));
  const auto report = durable.batch_erase(std::vector<Id>{4, 9, 1, 4});
  REQUIRE(report);
  CHECK(report->erased == std::vector<Id>{4, 1});
  CHECK(report->absent == std::vector<Id>{9});
  CHECK(report->repeated == std::vector<Id>{4});
  std::map<Id, std::vector<float>> expected(items.begin(), items.end());
  expected.erase(4);
  expected.erase(1);
  check_holds(durable, expected);
  CHECK(durable.erase(4).error().code() == ErrorCode::id_not_found);
  CHECK(durable.erase(-1).error().code() == ErrorCode::id_out_of_range);
  REQUIRE(durable.insert(4, items[0].second));  // the id can be used again at once
  expected[4] = items[0].second;
  check_holds(durable, expected);
  REQUIRE(durable.upsert(4, items[1].second));
  expected[4] = items[1].second;
  check_holds(durable, expected);
  REQUIRE(durable.compact());
  check_holds(durable, expected);
}

TEST_CASE("what others write to the store is taken in by refresh, and by the next change") {
  auto durable = open();
  auto& store = const_cast<ScriptedStore&>(durable.store());  // another program's
  const auto items = random_items(13, 30, dimensions);
  std::map<Id, std::vector<float>> expected(items.begin(), items.begin() + 10);
  REQUIRE(durable.batch_insert(std::span(items).first(10)));
  REQUIRE(store.batch_write(as_records({items.begin() + 10, items.begin() + 15})));
  REQUIRE(store.erase(3));
  expected.insert(items.begin() + 10, items.begin() + 15);
  expected.erase(3);
  CHECK(durable.size() == 10);
  CHECK(durable.sequence() == 1);
  SUBCASE("refresh") { REQUIRE(durable.refresh()); }
  SUBCASE("a batch") {
    REQUIRE(durable.batch_insert(std::span(items).subspan(20)));
    expected.insert(items.begin() + 20, items.end());
  }
  SUBCASE("an erasure") {
    REQUIRE(durable.erase(5));
    expected.erase(5);
  }
  SUBCASE("twice") {
    REQUIRE(durable.refresh());
    REQUIRE(durable.refresh());
  }
  check_holds(durable, expected);
}

TEST_CASE("a change that has nothing to do takes in what others wrote") {
  const auto items = random_items(19, 20, dimensions);
  bool link_behind = false;
  SUBCASE("linked at once") {}
  SUBCASE("linked behind") { link_behind = true; }
  CAPTURE(link_behind);
  for (const bool erases : {true, false}) {
    CAPTURE(erases);
    auto durable = open(5'000, ScriptedStore(dimensions), 0, link_behind);
    REQUIRE(durable.batch_write(as_records({items.begin(), items.begin() + 10})));
    REQUIRE(durable.refresh());
    auto& store = const_cast<ScriptedStore&>(durable.store());  // another program's, one transaction
    REQUIRE(store.batch_write(as_records({items.begin() + 10, items.end()})));
    if (erases) {
      CHECK(durable.batch_erase(std::vector<Id>{9'999}).value().absent == std::vector<Id>{9'999});
    } else {
      CHECK(durable.batch_write({}).value().count == 0);
    }
    REQUIRE(durable.refresh());
    check_holds(durable, items, 20);
  }
}

TEST_CASE("what others erase is taken in also where the index has taken in no whole transaction yet") {
  const auto items = random_items(20, 10, dimensions);
  auto durable = open();
  auto& store = const_cast<ScriptedStore&>(durable.store());  // another program's
  REQUIRE(store.write(as_records({items[0]})[0]));
  // While the index links its first transaction, which is the second, another program erases of it.
  REQUIRE(durable.batch_insert(std::span(items).subspan(1), [&](std::size_t done, std::size_t) {
    if (done == 9) REQUIRE(store.erase(items[5].first));
  }));
  std::map<Id, std::vector<float>> expected(items.begin(), items.end());
  expected.erase(items[5].first);
  check_holds(durable, expected);
}

TEST_CASE("erasing what only the store has is no error, for it is done") {
  const auto items = random_items(21, 3, dimensions);
  auto durable = open();
  auto& store = const_cast<ScriptedStore&>(durable.store());  // another program's
  REQUIRE(durable.batch_insert(std::span(items).first(2)));
  REQUIRE(store.write(as_records({items[2]})[0]));
  REQUIRE(durable.erase(items[2].first));
  check_holds(durable, items, 2);
  CHECK(durable.erase(items[2].first).error().code() == ErrorCode::id_not_found);
}

TEST_CASE("what the index cannot take keeps the store from being opened, and names the record") {
  ScriptedStore store(dimensions);
  auto records = as_records(random_items(14, 5, dimensions));
  records[3].vector.assign(dimensions, 0);
  REQUIRE(store.batch_write(records));
  using Cosine = shoal::DurableIndex<shoal::HnswIndex<shoal::Cosine>, ScriptedStore>;
  const auto durable = Cosine::open(shoal::HnswIndex<shoal::Cosine>({.dimensions = dimensions}), std::move(store));
  REQUIRE_FALSE(durable);
  CHECK(durable.error().code() == ErrorCode::zero_vector);
  CHECK(durable.error().message().starts_with("id 3 of the store: expected a vector with a direction"));
}

TEST_CASE("what does not belong together is not put together") {
  const auto refusal = [](Index index, std::size_t store_dimensions) {
    return Durable::open(std::move(index), ScriptedStore(store_dimensions)).error();
  };
  CHECK(refusal(Index({.dimensions = 8}), 9).code() == ErrorCode::incompatible);
  CHECK(refusal(Index({.dimensions = 8}), 9).message() ==
        "expected a store of 8 dimensions, as the index has, got one of 9");
  Index used({.dimensions = 8});
  REQUIRE(used.insert(1, std::vector<float>(8, 1)));
  CHECK(refusal(std::move(used), 8).code() == ErrorCode::invalid_config);
  CHECK(refusal(Index({.dimensions = 8, .second_writer = shoal::SecondWriter::is_refused}), 8).code() ==
        ErrorCode::invalid_config);
}

TEST_CASE("opening can be stopped") {
  ScriptedStore store(dimensions);
  REQUIRE(store.batch_write(as_records(random_items(14, 2'000, dimensions))));
  FakeTime time;
  DurableOptions options;
  options.stop = time.stop();
  options.opening = [&](std::size_t done, std::size_t) { time.stopped |= done == 20; };
  const auto durable = Durable::open(Index({.dimensions = dimensions}), std::move(store), options);
  REQUIRE_FALSE(durable);
  CHECK(durable.error().code() == ErrorCode::cancelled);
}

TEST_CASE("a change from inside a call is refused, and the call goes on") {
  auto durable = open(4);
  const auto items = random_items(15, 10, dimensions);
  std::set<ErrorCode> codes;
  REQUIRE(durable.batch_insert(items, [&](std::size_t, std::size_t) {
    codes.insert(durable.insert(77, items[0].second).error().code());
    codes.insert(durable.erase(items[0].first).error().code());
    codes.insert(durable.refresh().error().code());
    codes.insert(durable.batch_write(as_records(items)).error().code());
    CHECK(durable.index().search(items[0].second, 1).front().id == 0);
  }));
  CHECK(codes == std::set{ErrorCode::reentrant_mutation});
  check_holds(durable, items, 10);
}

TEST_CASE("linking behind, a batch is durable when it is written and searchable after a refresh") {
  const auto items = random_items(18, 400, dimensions);
  auto durable = open(5'000, ScriptedStore(dimensions), 0, true);
  auto moved = [&] {
    shoal::BatchWriter writer(durable, {.store_batch_size = 60});
    REQUIRE(writer.add_all(as_records(items)));
    REQUIRE(writer.finish());
    CHECK(durable.store().count().value() == 400);
    return std::move(durable);  // while the last batch is being linked
  }();
  REQUIRE(moved.refresh());
  check_holds(moved, items, 400);
  Index expected({.dimensions = dimensions});
  for (std::size_t first = 0; first < 400; first += 60) {
    REQUIRE(expected.batch_insert(std::span(items).subspan(first, std::min<std::size_t>(60, 400 - first))));
  }
  const shoal::SearchOptions narrow{.k = 5, .ef = 5};
  for (const auto& [id, vector] : random_items(9, 100, dimensions)) {
    REQUIRE(moved.index().search(vector, narrow) == expected.search(vector, narrow));
  }
}

TEST_CASE("a change from inside a filter is refused before anything is committed, also beside a batch that is linked") {
  for (const bool link_behind : {false, true}) {
    CAPTURE(link_behind);
    auto durable = open(5'000, ScriptedStore(dimensions), 0, link_behind);
    const auto items = random_items(17, 300, dimensions);
    REQUIRE(durable.batch_write(as_records(items)));  // perhaps being linked still
    std::set<ErrorCode> codes;
    shoal::SearchOptions options;
    options.k = 3;
    options.filter = [&](std::uint64_t) {
      codes.insert(durable.erase(items[0].first).error().code());
      codes.insert(durable.insert(9'999, items[0].second).error().code());
      codes.insert(durable.refresh().error().code());
      return true;
    };
    while (codes.empty()) static_cast<void>(durable.index().search(items[1].second, options));
    CHECK(codes == std::set{ErrorCode::reentrant_mutation});
    REQUIRE(durable.refresh());
    check_holds(durable, items, 300);
  }
}

TEST_CASE("a writer over an index keeps what could not be committed") {
  auto durable = open();
  const auto records = as_records(random_items(16, 50, dimensions));
  shoal::BatchWriter writer(durable, {.store_batch_size = 20, .retry = {{}}});
  script(durable).outcomes = {std::nullopt, ErrorCode::storage_full};
  auto added = writer.add_all(records);
  REQUIRE_FALSE(added);
  CHECK(added.error().accepted == 40);
  CHECK(durable.size() == 20);
  REQUIRE(writer.add_all(std::span(records).subspan(40)));
  REQUIRE(writer.finish());
  check_holds(durable, random_items(16, 50, dimensions), 50);
  auto nan = records[0];
  nan.vector[0] = std::numeric_limits<float>::quiet_NaN();
  CHECK(writer.add(nan).error().cause.code() == ErrorCode::not_finite);  // before it is buffered
}

#if SHOAL_HAS_THREADS
TEST_CASE("many threads write and search, and index and store agree afterwards") {
  auto durable = open(16);
  constexpr std::size_t writers = 3;
  constexpr std::size_t each = 120;
  std::atomic<bool> done{false};
  std::atomic<std::size_t> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t w = 0; w < writers; ++w) {
    threads.emplace_back([&, w] {
      const auto items = random_items(20 + w, each, dimensions, 1'000 * w);
      if (!durable.batch_insert(items)) ++wrong;
      for (std::size_t i = 0; i < each; i += 3) {
        if (!durable.erase(items[i].first)) ++wrong;
      }
    });
  }
  std::thread reader([&] {
    const auto queries = random_items(30, 20, dimensions);
    while (!done) {
      for (const auto& [id, query] : queries) {
        for (const auto& neighbor : durable.index().search(query, 5)) wrong += neighbor.id % 1'000 >= each ? 1 : 0;
      }
      if (!durable.get(1)) ++wrong;
    }
  });
  for (auto& thread : threads) thread.join();
  done = true;
  reader.join();
  CHECK(wrong == 0);
  std::map<Id, std::vector<float>> expected;
  for (std::size_t w = 0; w < writers; ++w) {
    const auto items = random_items(20 + w, each, dimensions, 1'000 * w);
    for (std::size_t i = 0; i < each; ++i) {
      if (i % 3 != 0) expected.insert(items[i]);
    }
  }
  check_holds(durable, expected);
}
#endif

TEST_CASE("whatever is done and whatever fails: index and store agree with a map, and so does what is opened again") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    support::Random random(seed);
    const bool link_behind = seed % 2 == 1;
    auto durable = open(1 + random.below(12), ScriptedStore(dimensions), seed % 4 < 2 ? 0 : 90, link_behind);
    std::map<Id, std::vector<float>> expected;
    for (int step = 0; step < 40; ++step) {
      const auto items = random_items(random.next(), 1 + random.below(20), dimensions, random.below(60));
      std::vector<Id> ids;
      for (const auto& item : items) ids.push_back(item.first);
      if (random.below(5) == 0) script(durable).outcomes = {std::nullopt, ErrorCode::store_busy};
      switch (random.below(4)) {
        case 0: {
          shoal::BatchOptions options;
          options.on_duplicate = static_cast<OnDuplicate>(random.below(3));
          const auto inserted = durable.batch_insert(items, shoal::NoProgress{}, options);
          for (const Id id : inserted ? *inserted : inserted.error().successful_ids) {
            expected[id] = items[static_cast<std::size_t>(id - items[0].first)].second;
          }
          break;
        }
        case 1:
          if (durable.batch_write(as_records(items))) {
            for (const auto& [id, vector] : items) expected[id] = vector;
          }
          break;
        case 2:
          if (const auto report = durable.batch_erase(ids)) {
            for (const Id id : report->erased) REQUIRE(expected.erase(id) == 1);
          }
          break;
        default: {
          auto& store = const_cast<ScriptedStore&>(durable.store());
          script(durable).outcomes.clear();
          if (random.below(2) == 0) {
            REQUIRE(store.batch_write(as_records(items)));
            for (const auto& [id, vector] : items) expected[id] = vector;
          } else {
            REQUIRE(store.batch_erase(ids));
            for (const Id id : ids) expected.erase(id);
          }
          REQUIRE(durable.refresh());
        }
      }
      script(durable).outcomes.clear();
      if (!link_behind) REQUIRE(durable.size() == expected.size());
      if (random.below(3) == 0) {
        REQUIRE(durable.refresh());  // waits for what is being linked
        REQUIRE(durable.size() == expected.size());
      }
    }
    REQUIRE(durable.refresh());
    check_holds(durable, expected);
    ScriptedStore copy(dimensions);
    REQUIRE(copy.batch_write(contents(durable.store())));
    auto again = open(5'000, std::move(copy));
    check_holds(again, expected);
  }
}
