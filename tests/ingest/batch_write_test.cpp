// shoal::batch_write: transactions of a size, further tries, and a report that is true.

#include <limits>

#include <doctest/doctest.h>

#include "scripted_store.hpp"
#include <shoal/ingest/batch_write.hpp>

using namespace ingest_tests;
using namespace std::chrono_literals;
using shoal::batch_write;
using shoal::BatchWriteOptions;

TEST_CASE("150 records in batches of 100 are two transactions") {
  ScriptedStore store(3);
  const auto given = records(150);
  const auto report = batch_write(store, given);
  CHECK(report.ok());
  CHECK(report.written == 150);
  CHECK(report.failed == 0);
  CHECK(report.errors.empty());
  CHECK(report.batches_processed == 2);
  CHECK(report.last_sequence == 2);
  CHECK(store.script().batches == std::vector<std::size_t>{100, 50});
  CHECK(contents(store) == given);
  CHECK(report.what() == "wrote 150 of 150 records");
}

TEST_CASE("no records are no transaction") {
  ScriptedStore store(3);
  const auto report = batch_write(store, {});
  CHECK(report.ok());
  CHECK(report.batches_processed == 0);
  CHECK(store.script().tries == 0);
}

TEST_CASE("a store without a batch path is written to record by record") {
  SingleStore store;
  const auto given = records(5);
  const auto report = batch_write(store, given, {.batch_size = 2});
  CHECK(report.written == 5);
  CHECK(report.batches_processed == 5);
  CHECK(report.last_sequence == 5);
  CHECK(store.records == given);
}

TEST_CASE("an error that may pass is tried again after 1, 2 and 4 seconds") {
  FakeTime time;
  ScriptedStore store(3);
  SUBCASE("and the records are written once when it has passed") {
    for (const ErrorCode code : {ErrorCode::store_busy, ErrorCode::storage_full, ErrorCode::io_error}) {
      store.script().outcomes.emplace_back(code);
    }
    const auto given = records(10);
    const auto report = batch_write(store, given, {.clock = time.clock()});
    CHECK(report.ok());
    CHECK(report.written == 10);
    CHECK(report.batches_processed == 1);
    CHECK(report.errors.size() == 3);
    CHECK(time.waits == std::vector<std::chrono::nanoseconds>{1s, 2s, 4s});
    CHECK(contents(store) == given);
    CHECK(store.script().tries == 4);
  }
  SUBCASE("and given up after the fourth try, with nothing written of that batch or behind it") {
    store.script().outcomes = {std::nullopt, ErrorCode::store_busy, ErrorCode::store_busy, ErrorCode::store_busy,
                               ErrorCode::store_busy};
    const auto given = records(30);
    const auto report = batch_write(store, given, {.batch_size = 10, .clock = time.clock()});
    CHECK_FALSE(report.ok());
    CHECK(report.written == 10);
    CHECK(report.failed == 20);
    CHECK(report.batches_processed == 1);
    CHECK(report.errors.size() == 4);
    CHECK(report.errors.back().code() == ErrorCode::store_busy);
    CHECK(time.waits.size() == 3);
    CHECK(contents(store) == records(10));
    CHECK(report.what() == "wrote 10 of 30 records: as the script says");
  }
  SUBCASE("with the delays that the caller chooses") {
    store.script().outcomes = {ErrorCode::io_error, ErrorCode::io_error, ErrorCode::io_error};
    const auto report = batch_write(store, records(1), {.retry = {.delays = {5ms, 7ms}}, .clock = time.clock()});
    CHECK_FALSE(report.ok());
    CHECK(time.waits == std::vector<std::chrono::nanoseconds>{5ms, 7ms});
    CHECK(store.script().tries == 3);
  }
  SUBCASE("not at all with no delays") {
    store.script().outcomes = {ErrorCode::io_error};
    CHECK_FALSE(batch_write(store, records(1), {.retry = {{}}, .clock = time.clock()}).ok());
    CHECK(store.script().tries == 1);
  }
}

TEST_CASE("an error that cannot pass is not tried again") {
  for (std::uint8_t value = 0; value <= static_cast<std::uint8_t>(ErrorCode::peer_lost); ++value) {
    const auto code = static_cast<ErrorCode>(value);
    CAPTURE(shoal::describe(code));
    const bool may_pass =
        code == ErrorCode::store_busy || code == ErrorCode::storage_full || code == ErrorCode::io_error;
    CHECK(shoal::is_transient(code) == may_pass);
    if (may_pass || code == ErrorCode::behind_store) continue;
    FakeTime time;
    ScriptedStore store(3);
    store.script().outcomes = {code};
    const auto report = batch_write(store, records(4), {.clock = time.clock()});
    CHECK(report.failed == 4);
    CHECK(report.errors.size() == 1);
    CHECK(time.waits.empty());
  }
}

TEST_CASE("a store that writes singly goes on behind what it has written") {
  FakeTime time;
  SingleStore store;
  store.outcomes = {std::nullopt, std::nullopt, ErrorCode::io_error, ErrorCode::io_error, std::nullopt};
  const auto given = records(5);
  const auto report = batch_write(store, given, {.clock = time.clock()});
  CHECK(report.ok());
  CHECK(report.written == 5);
  CHECK(store.records == given);  // each once
  CHECK(time.waits == std::vector<std::chrono::nanoseconds>{1s, 2s});
}

TEST_CASE("each record of a store that writes singly has tries of its own") {
  FakeTime time;
  SingleStore store;
  for (int i = 0; i < 5; ++i) {
    for (int tries = 0; tries < 3; ++tries) store.outcomes.emplace_back(ErrorCode::store_busy);
    store.outcomes.emplace_back(std::nullopt);
  }
  CHECK(batch_write(store, records(5), {.clock = time.clock()}).ok());
  CHECK(store.records == records(5));
}

TEST_CASE("a stop ends it between transactions and between tries") {
  FakeTime time;
  ScriptedStore store(3);
  SUBCASE("between transactions") {
    std::vector<std::size_t> events;
    const auto report = batch_write(store, records(10),
                                    {.batch_size = 4,
                                     .stop = time.stop(),
                                     .clock = time.clock(),
                                     .progress = [&](std::size_t written, std::size_t total) {
                                       CHECK(total == 10);
                                       events.push_back(written);
                                       time.stopped = written == 8;
                                     }});
    CHECK(report.written == 8);
    CHECK(report.failed == 2);
    CHECK(report.errors.back().code() == ErrorCode::cancelled);
    CHECK(events == std::vector<std::size_t>{4, 8});
  }
  SUBCASE("during a wait") {
    time.stop_at_wait = 1;
    store.script().outcomes = {ErrorCode::store_busy, ErrorCode::store_busy, ErrorCode::store_busy};
    const auto report = batch_write(store, records(3), {.stop = time.stop(), .clock = time.clock()});
    CHECK(report.failed == 3);
    CHECK(store.script().tries == 2);
    CHECK(report.errors.back().code() == ErrorCode::store_busy);
  }
}

TEST_CASE("batches keep to a number of bytes") {
  ScriptedStore store(3);
  const auto given = records(10);
  const std::size_t each = shoal::size_bytes(given[0]);
  CHECK(batch_write(store, given, {.batch_bytes = 3 * each}).ok());
  CHECK(store.script().batches == std::vector<std::size_t>{3, 3, 3, 1});
  store.script().batches.clear();
  CHECK(batch_write(store, given, {.batch_bytes = 1}).ok());  // none fits: one by one
  CHECK(store.script().batches == std::vector<std::size_t>(10, 1));
  store.script().batches.clear();
  CHECK(batch_write(store, given, {.batch_size = 0, .batch_bytes = std::numeric_limits<std::size_t>::max()}).ok());
  CHECK(store.script().batches == std::vector<std::size_t>(10, 1));
}

TEST_CASE("what is durable but not searchable counts as written") {
  struct Behind {
    using id_type = Id;
    int calls = 0;
    Expected<Committed, Error> batch_write(std::span<const Record<Id>>) {
      ++calls;
      return shoal::Unexpected<Error>(Error(ErrorCode::behind_store));
    }
  } sink;
  const auto report = batch_write(sink, records(150));
  CHECK(report.written == 100);  // it ends there, for the next would fail too
  CHECK(report.failed == 50);
  CHECK(report.errors.back().code() == ErrorCode::behind_store);
  CHECK(sink.calls == 1);
}
