// BatchWriter: what it holds, when it writes, what it says, and that nothing is lost on any way through it.

#include <functional>
#include <iterator>
#include <stdexcept>

#include <doctest/doctest.h>

#include "platform.hpp"
#include "random.hpp"
#include "scripted_store.hpp"
#include <shoal/ingest/batch_writer.hpp>

using namespace ingest_tests;
using namespace std::chrono_literals;
using shoal::BatchWriter;
using shoal::BatchWriterOptions;
using shoal::IngestProgress;

namespace {

const std::vector<std::chrono::milliseconds> no_delays;

}  // namespace

TEST_CASE("100,000 records that arrive 50 at a time are 20 writes by default") {
  std::vector<std::size_t> writes;
  BatchWriter writer([&](std::span<const Record<Id>> batch) -> Expected<void, Error> {
    writes.push_back(batch.size());
    return {};
  });
  for (Id first = 0; first < 100'000; first += 50) REQUIRE(writer.add_all(records(50, first)));
  CHECK(writer.finish());
  CHECK(writes == std::vector<std::size_t>(20, 5'000));
}

TEST_CASE("buffered writing leaves what unbuffered writing leaves") {
  const auto given = records(47);
  ScriptedStore buffered(3);
  ScriptedStore unbuffered(3);
  BatchWriter writer(buffered, {.store_batch_size = 10});
  for (const auto& record : given) {
    REQUIRE(writer.add(record));
    REQUIRE(unbuffered.write(record));
  }
  REQUIRE(writer.finish());
  CHECK(contents(buffered) == contents(unbuffered));
  CHECK(buffered.script().batches == std::vector<std::size_t>{10, 10, 10, 10, 7});
}

TEST_CASE("the buffer never holds more than a batch, also when more comes at once") {
  ScriptedStore store(3);
  std::size_t most = 0;
  BatchWriter writer(store, {.store_batch_size = 8, .progress_interval = 1, .progress = [&](const IngestProgress& p) {
                               most = std::max(most, static_cast<std::size_t>(p.buffered));
                               CHECK(p.generated == p.persisted + p.buffered);
                             }});
  REQUIRE(writer.add_all(records(100)));
  CHECK(most == 7);  // an event is after the write
  CHECK(writer.buffered().size() == 4);
  CHECK(store.script().batches == std::vector<std::size_t>(12, 8));
}

TEST_CASE("the buffer never holds more bytes than allowed, but for a record that alone has more") {
  ScriptedStore store(3);
  const std::size_t each = shoal::size_bytes(record(0));
  BatchWriter writer(store, {.store_batch_size = 100, .store_batch_bytes = 4 * each + each / 2});
  for (Id id = 0; id < 9; ++id) {
    REQUIRE(writer.add(record(id)));
    CHECK(writer.buffered().size() <= 4);
  }
  CHECK(store.script().batches == std::vector<std::size_t>{4, 4});
  auto large = record(9);
  large.metadata.assign(10 * each, ' ');
  REQUIRE(writer.add(large));  // what waits goes first, then it goes alone
  CHECK(store.script().batches == std::vector<std::size_t>{4, 4, 1, 1});
  CHECK(writer.buffered().empty());
}

TEST_CASE("flush writes what is there, once") {
  ScriptedStore store(3);
  BatchWriter writer(store);
  REQUIRE(writer.flush());  // nothing
  REQUIRE(writer.add_all(records(3)));
  CHECK(store.script().tries == 0);
  REQUIRE(writer.flush());
  REQUIRE(writer.flush());
  CHECK(store.script().batches == std::vector<std::size_t>{3});
  CHECK(writer.progress().persisted == 3);
}

TEST_CASE("the last event comes after the last write, and persisted has reached generated") {
  ScriptedStore store(3);
  std::vector<IngestProgress> events;
  BatchWriter writer(store, {.store_batch_size = 1'000, .total = 250, .progress = [&](const IngestProgress& progress) {
                               events.push_back(progress);
                             }});
  REQUIRE(writer.add_all(records(250)));
  const auto last = writer.finish();
  REQUIRE(last);
  REQUIRE(events.size() == 3);  // every 100, and the last
  CHECK(events[0].generated == 100);
  CHECK(events[0].persisted == 0);
  CHECK(events[0].buffered == 100);
  CHECK(events[1].generated == 200);
  CHECK_FALSE(events[1].finished);
  CHECK(events[2].generated == 250);
  CHECK(events[2].persisted == 250);
  CHECK(events[2].buffered == 0);
  CHECK(events[2].total == 250);
  CHECK(events[2].finished);
  CHECK(last->persisted == 250);
}

TEST_CASE("rate and time left are those of the clock") {
  FakeTime time;
  ScriptedStore store(3);
  BatchWriter writer(store, {.total = 100, .clock = time.clock()});
  for (Id id = 0; id < 25; ++id) {
    time.now += 2s;
    REQUIRE(writer.add(record(id)));
  }
  CHECK(writer.progress().rate() == 0.5);
  CHECK(writer.progress().eta() == 150s);
  CHECK(format_progress(writer.progress()) == "25.0% | generated 25 | persisted 0 | 0.5/s | ETA 2m30s");
}

TEST_CASE("a write that fails keeps its records, and they are written once when it succeeds") {
  FakeTime time;
  ScriptedStore store(3);
  BatchWriter writer(store, {.store_batch_size = 4, .clock = time.clock()});
  store.script().outcomes.assign(4, ErrorCode::storage_full);
  REQUIRE(writer.add_all(records(3)));
  auto fourth = writer.add(record(3));
  REQUIRE_FALSE(fourth);
  CHECK(fourth.error().accepted == 1);  // it waits with the others
  CHECK(fourth.error().cause.code() == ErrorCode::storage_full);
  CHECK(fourth.error().progress.generated == 4);
  CHECK(fourth.error().progress.persisted == 0);
  CHECK(fourth.error().what() == "at 4 generated, 0 persisted, 4 buffered: as the script says");
  CHECK(time.waits == std::vector<std::chrono::nanoseconds>{1s, 2s, 4s});

  store.script().outcomes.assign(4, ErrorCode::storage_full);
  auto fifth = writer.add(record(4));  // no room until the four have gone
  REQUIRE_FALSE(fifth);
  CHECK(fifth.error().accepted == 0);
  CHECK(writer.buffered().size() == 4);
  CHECK(writer.progress().generated == 4);

  REQUIRE(writer.add(record(4)));
  REQUIRE(writer.finish());
  CHECK(contents(store) == records(5));
  CHECK(store.script().batches == std::vector<std::size_t>{4, 1});
}

TEST_CASE("a record that is not accepted is as it was") {
  ScriptedStore store(3);
  BatchWriter writer(store, {.store_batch_size = 1, .retry = {no_delays}});
  store.script().outcomes = {ErrorCode::io_error, ErrorCode::io_error};
  REQUIRE_FALSE(writer.add(record(1)));  // accepted, not written
  auto waiting = record(2);
  auto added = writer.add(std::move(waiting));
  REQUIRE_FALSE(added);
  CHECK(added.error().accepted == 0);
  CHECK(waiting == record(2));  // NOLINT(bugprone-use-after-move)
  REQUIRE(writer.add(std::move(waiting)));
  CHECK(contents(store) == std::vector{record(1), record(2)});
}

TEST_CASE("of many at once the error says how many were accepted") {
  ScriptedStore store(3);
  BatchWriter writer(store, {.store_batch_size = 4, .retry = {no_delays}});
  const auto given = records(11);
  store.script().outcomes = {std::nullopt, ErrorCode::store_failed};
  auto added = writer.add_all(given);
  REQUIRE_FALSE(added);
  CHECK(added.error().accepted == 8);
  REQUIRE(writer.add_all(std::span(given).subspan(added.error().accepted)));
  REQUIRE(writer.finish());
  CHECK(contents(store) == given);
}

TEST_CASE("a record that the sink finds wrong is refused alone, and counted") {
  ScriptedStore store(3);
  BatchWriter writer(store);
  REQUIRE(writer.add(record(1)));
  auto wrong = writer.add({.id = 2, .vector = {1, 2}});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().cause.code() == ErrorCode::dimension_mismatch);
  CHECK(wrong.error().cause.message() == "expected 3 components, got 2");
  CHECK(wrong.error().accepted == 0);
  REQUIRE(writer.add(record(3)));
  writer.count_error();  // one that the producer could not make
  const auto last = writer.finish();
  REQUIRE(last);
  CHECK(last->errors == 2);
  CHECK(last->generated == 2);
  CHECK(last->persisted == 2);
  CHECK(contents(store) == std::vector{record(1), record(3)});
}

TEST_CASE("records with the content that is there are skipped, unless all are to be written") {
  ScriptedStore store(3);
  const auto hashed = [](Id id, const char* hash, float value) {
    auto made = record(id, value);
    made.content_hash = hash;
    return made;
  };
  REQUIRE(store.batch_write(std::vector{hashed(1, "a", 1), hashed(2, "b", 1), record(3)}));
  store.script() = {};

  SUBCASE("in the store") {
    BatchWriter writer(store);
    REQUIRE(writer.add(hashed(1, "a", 9)));  // unchanged
    REQUIRE(writer.add(hashed(2, "x", 9)));  // changed
    REQUIRE(writer.add(hashed(3, "c", 9)));  // nothing was known of it
    REQUIRE(writer.add(record(1, 9)));       // nothing is said of it
    REQUIRE(writer.add(hashed(4, "d", 9)));  // new
    const auto last = writer.finish();
    REQUIRE(last);
    CHECK(last->skipped == 1);
    CHECK(last->generated == 4);
    CHECK(last->persisted == 4);
    CHECK(store.get(1)->value().vector[0] == 9);
  }
  SUBCASE("in the buffer, which hides the store") {
    BatchWriter writer(store);
    REQUIRE(writer.add(hashed(1, "x", 7)));
    REQUIRE(writer.add(hashed(1, "x", 8)));  // unchanged since the one before
    REQUIRE(writer.add(hashed(1, "a", 9)));  // as in the store, but something else waits: what comes last counts
    REQUIRE(writer.add(record(2, 5)));
    REQUIRE(writer.add(hashed(2, "b", 6)));  // the same, behind one without a hash
    CHECK(writer.progress().skipped == 1);
    REQUIRE(writer.finish());
    CHECK(store.get(1)->value() == hashed(1, "a", 9));
    CHECK(store.get(2)->value() == hashed(2, "b", 6));
    REQUIRE(writer.add(hashed(2, "b", 1)));  // and after the write it is the store again that counts
    CHECK(writer.progress().skipped == 2);
  }
  SUBCASE("forced") {
    BatchWriter writer(store, {.force_all = true});
    REQUIRE(writer.add(hashed(1, "a", 9)));
    const auto last = writer.finish();
    REQUIRE(last);
    CHECK(last->skipped == 0);
    CHECK(last->persisted == 1);
    CHECK(store.get(1)->value().vector[0] == 9);
  }
}

TEST_CASE("a requested stop writes what is there and accepts nothing more") {
  FakeTime time;
  ScriptedStore store(3);
  BatchWriter writer(store, {.stop = time.stop(), .clock = time.clock()});
  REQUIRE(writer.add_all(records(7)));
  time.stopped = true;
  SUBCASE("and says so") {
    auto added = writer.add(record(8));
    REQUIRE_FALSE(added);
    CHECK(added.error().cause.code() == ErrorCode::cancelled);
    CHECK(added.error().accepted == 0);
    CHECK(added.error().progress.persisted == 7);
    CHECK(contents(store) == records(7));
    CHECK(writer.finish());
  }
  SUBCASE("with one try, for nobody wants to wait") {
    store.script().outcomes = {ErrorCode::store_busy};
    auto added = writer.add(record(8));
    REQUIRE_FALSE(added);
    CHECK(added.error().cause.code() == ErrorCode::store_busy);
    CHECK(added.error().progress.buffered == 7);
    CHECK(time.waits.empty());
    CHECK(writer.finish());  // it may be asked again
    CHECK(contents(store) == records(7));
  }
}

TEST_CASE("what cannot be written can be taken back") {
  ScriptedStore store(3);
  BatchWriter writer(store, {.store_batch_size = 10});
  REQUIRE(writer.add_all(records(12)));
  store.script().outcomes = {ErrorCode::store_failed};
  auto finished = writer.finish();
  REQUIRE_FALSE(finished);
  CHECK(finished.error().progress.persisted == 10);
  CHECK_FALSE(finished.error().progress.finished);
  CHECK(writer.take_buffered() == records(2, 10));
  CHECK(writer.progress().generated == 10);
  CHECK(writer.progress().errors == 2);
  REQUIRE(writer.finish());
  REQUIRE(writer.add_all(records(10, 50)));
  CHECK(store.script().batches == std::vector<std::size_t>{10, 10});
}

TEST_CASE("the end of a writer's life writes what is there, without waiting") {
  FakeTime time;
  ScriptedStore store(3);
  {
    BatchWriter writer(store, {.clock = time.clock()});
    REQUIRE(writer.add_all(records(3)));
  }
  CHECK(contents(store) == records(3));
  {
    BatchWriter writer(store, {.clock = time.clock()});
    REQUIRE(writer.add_all(records(3, 3)));
    store.script().outcomes = {ErrorCode::store_busy};
  }
  CHECK(time.waits.empty());
  CHECK(contents(store) == records(3));
}

TEST_CASE("what a sink throws comes through, and no record is lost or written twice by it" *
          support::needs_exceptions()) {
  struct Throwing {
    std::vector<Id> written;
    std::size_t throw_at = 5;
    Expected<Committed, Error> write(const Record<Id>& record) {
      if (written.size() == std::exchange(throw_at, throw_at == written.size() ? 1'000 : throw_at)) {
        support::raise(std::runtime_error("unplugged"));
      }
      written.push_back(record.id);
      return Committed{written.size(), 1};
    }
  } sink;
  BatchWriter writer(sink, {.store_batch_size = 8});
  REQUIRE(writer.add_all(records(7)));
  CHECK_THROWS_WITH(static_cast<void>(writer.add(record(7))), "unplugged");
  CHECK(writer.progress().generated == 8);
  CHECK(writer.progress().persisted == 5);
  CHECK(writer.buffered().size() == 3);
  REQUIRE(writer.finish());
  CHECK(sink.written == std::vector<Id>{0, 1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("what a callback throws comes through after the record was accepted" * support::needs_exceptions()) {
  ScriptedStore store(3);
  bool throws = true;
  BatchWriter writer(store, {.progress_interval = 2, .progress = [&](const IngestProgress&) {
                               if (std::exchange(throws, false)) support::raise(std::runtime_error("no terminal"));
                             }});
  REQUIRE(writer.add(record(0)));
  CHECK_THROWS_WITH(static_cast<void>(writer.add(record(1))), "no terminal");
  REQUIRE(writer.add(record(2)));
  REQUIRE(writer.finish());
  CHECK(contents(store) == records(3));
}

TEST_CASE("what a callback throws at the last event does not leave the writer finished" * support::needs_exceptions()) {
  ScriptedStore store(3);
  bool throws = true;
  std::vector<bool> finished;
  BatchWriter writer(store, {.progress_interval = 1, .progress = [&](const IngestProgress& progress) {
                               finished.push_back(progress.finished);
                               if (progress.finished && std::exchange(throws, false))
                                 support::raise(std::runtime_error("gone"));
                             }});
  CHECK_THROWS_WITH(static_cast<void>(writer.finish()), "gone");
  REQUIRE(writer.add(record(0)));
  REQUIRE(writer.finish());
  CHECK(finished == std::vector<bool>{true, false, true});
}

TEST_CASE("a sink that is behind its store takes the next record, and says so") {
  struct Behind {
    using id_type = Id;
    std::vector<Id> written;
    bool stopped = false;
    Expected<Committed, Error> batch_write(std::span<const Record<Id>> records) {
      for (const auto& record : records) written.push_back(record.id);
      return shoal::Unexpected<Error>(Error(ErrorCode::behind_store));
    }
    [[nodiscard]] bool stop_requested() const { return stopped; }
  } sink;
  struct Ask {
    const Behind* sink;
    [[nodiscard]] bool stop_requested() const { return sink->stopped; }
  };
  BatchWriter writer(sink, {.store_batch_bytes = 2 * size_bytes(record(0)) + 1, .stop = shoal::StopToken(Ask{&sink})});
  REQUIRE(writer.add(record(0)));
  REQUIRE(writer.add(record(1)));
  const auto added = writer.add(record(2));  // those before it are written first, for there is no room
  REQUIRE_FALSE(added);
  CHECK(added.error().cause.code() == ErrorCode::behind_store);
  CHECK(added.error().accepted == 1);
  CHECK(sink.written == std::vector<Id>{0, 1});
  CHECK(writer.buffered().size() == 1);
  sink.stopped = true;
  const auto refused = writer.add(record(3));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().cause.code() == ErrorCode::cancelled);  // behind_store would mean that it was accepted
  CHECK(refused.error().accepted == 0);
  CHECK(sink.written == std::vector<Id>{0, 1, 2});
  CHECK(writer.progress().persisted == 3);
  CHECK(writer.progress().generated == 3);
}

TEST_CASE("a writer may be used again after it has finished") {
  ScriptedStore store(3);
  BatchWriter writer(store);
  REQUIRE(writer.finish());
  REQUIRE(writer.add(record(0)));
  REQUIRE(writer.finish());
  REQUIRE(writer.add(record(1)));
  const auto last = writer.finish();
  REQUIRE(last);
  CHECK(last->persisted == 2);
  CHECK_FALSE(writer.progress().finished);
}

TEST_CASE("a buffer without room is refused") {
  ScriptedStore store(3);
  CHECK_THROWS_WITH_AS(BatchWriter(store, {.store_batch_size = 0}), "store_batch_size must be at least 1, got 0",
                       std::invalid_argument);
}

TEST_CASE("whatever fails and when: every record that was accepted is written once, in order, or is still there") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    support::Random random(seed);
    FakeTime time;
    ScriptedStore store(3);
    const std::size_t batch = 1 + random.below(6);
    BatchWriter writer(store, {.store_batch_size = batch,
                               .store_batch_bytes = shoal::size_bytes(record(0)) * (1 + random.below(6)),
                               .retry = {{1ms}},
                               .clock = time.clock()});
    std::vector<Record<Id>> accepted;
    for (Id id = 0; id < 60; ++id) {
      if (random.chance(0.3)) {
        store.script().outcomes.emplace_back(random.chance(0.5) ? ErrorCode::store_busy : ErrorCode::store_failed);
      }
      auto added = writer.add(record(id));
      if (added || added.error().accepted == 1) accepted.push_back(record(id));
      if (random.chance(0.1)) static_cast<void>(writer.flush());
      REQUIRE(writer.buffered().size() <= batch);
      auto all = contents(store);
      REQUIRE(all.size() == writer.progress().persisted);
      std::copy(writer.buffered().begin(), writer.buffered().end(), std::back_inserter(all));
      REQUIRE(all == accepted);
      REQUIRE(writer.progress().generated == accepted.size());
    }
    store.script().outcomes.clear();
    REQUIRE(writer.finish());
    REQUIRE(contents(store) == accepted);
  }
}
