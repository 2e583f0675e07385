// Memory that runs out in a DurableIndex, at every allocation of a change: the change is not made, or it is durable and
// the index says that it is behind.

#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "../io/support.hpp"
#include "counting_new.hpp"
#include "durable.hpp"
#include "platform.hpp"
#include "shared_store.hpp"
#include "vectors.hpp"
#include <shoal/shoal.hpp>

using namespace ingest_tests;
using support::FailingAllocations;
using support::random_items;

namespace {

/// Every record of the store is in the index with the same vector, and nothing else.
void check_agrees(const Durable& durable) {
  const auto all = contents(durable.store());
  REQUIRE(durable.size() == all.size());
  for (const auto& record : all) REQUIRE(durable.index().get(record.id) == record.vector);
  REQUIRE(durable.index().check().ok());
}

}  // namespace

TEST_CASE("whichever allocation of a change fails, nothing is lost and the index catches up" *
          support::needs_exceptions()) {
  const auto items = random_items(1, 60, dimensions);
  std::vector<Record<Id>> records;
  for (const auto& [id, vector] : items) records.push_back({.id = id + 1'000, .vector = vector});
  std::size_t behind = 0;
  std::size_t refused = 0;
  bool link_behind = false;
  SUBCASE("linked at once") {}
  SUBCASE("linked behind") { link_behind = true; }
  for (const bool forever : {false, true}) {
    for (std::size_t allowed = 0;; ++allowed) {
      CAPTURE(allowed);
      shoal::DurableOptions options;
      options.link_behind = link_behind;
      auto durable = Durable::open(Index({.dimensions = dimensions}), ScriptedStore(dimensions), options).value();
      REQUIRE(durable.batch_insert(std::span(items).first(40)));
      bool done = false;
      bool is_behind = false;
      {
        const FailingAllocations failing(allowed, forever);
        const auto written = durable.batch_write(records);
        if (link_behind) static_cast<void>(durable.refresh());  // waits for the links, and may lack memory itself
        done = !FailingAllocations::stop();
        is_behind = !written && written.error().code() == ErrorCode::behind_store;
        if (written) {
          CHECK(written->count == records.size());
        } else if (!is_behind) {
          CHECK(written.error().code() == ErrorCode::out_of_memory);
        }
        behind += is_behind ? 1 : 0;
        refused += !written && !is_behind ? 1 : 0;
        const std::size_t expected = written || is_behind ? 100 : 40;
        REQUIRE(durable.store().count().value() == expected);
      }
      if (is_behind) {
        REQUIRE(durable.sequence() == (link_behind && durable.size() == 100 ? 2 : 1));
        REQUIRE(durable.index().check().ok());
        if (allowed % 2 == 0) {
          REQUIRE(durable.refresh());
        } else {
          REQUIRE(durable.erase(items[0].first));  // any change catches up
        }
      }
      if (link_behind) REQUIRE(durable.refresh());
      check_agrees(durable);
      REQUIRE(durable.sequence() == durable.store().last_sequence().value());
      if (done) break;
    }
  }
  CHECK(behind > 0);
  CHECK(refused > 0);
}

TEST_CASE("whichever allocation of a batch_insert fails, what it says is in is what the store has" *
          support::needs_exceptions()) {
  const auto items = random_items(2, 40, dimensions);
  std::size_t refused = 0;
  for (const bool forever : {false, true}) {
    for (std::size_t allowed = 0;; ++allowed) {
      CAPTURE(forever);
      CAPTURE(allowed);
      shoal::DurableOptions options;
      options.store_batch_size = 16;
      auto durable = Durable::open(Index({.dimensions = dimensions}), ScriptedStore(dimensions), options).value();
      bool done = false;
      {
        const FailingAllocations failing(allowed, forever);
        const auto inserted = durable.batch_insert(items);
        done = !FailingAllocations::stop();
        if (inserted) {
          REQUIRE(inserted->size() == items.size());
        } else if (inserted.error().cause.code() != ErrorCode::behind_store) {
          ++refused;
          const auto& error = inserted.error();
          REQUIRE(error.cause.code() == ErrorCode::out_of_memory);
          REQUIRE(error.successful_ids.size() == error.successful_count);
          REQUIRE(error.completed_count == error.successful_count);
          REQUIRE(durable.store().count().value() == error.successful_count);
          if (error.failed_index) REQUIRE(*error.failed_index == error.successful_count);
        }
      }
      REQUIRE(durable.refresh());
      check_agrees(durable);
      if (done) break;
    }
  }
  CHECK(refused > 0);
}

TEST_CASE("records that find no room and no memory to tell are refused with an error" * support::needs_exceptions()) {
  const auto items = random_items(3, 8, dimensions);
  std::vector<Record<Id>> records;
  for (const auto& [id, vector] : items) records.push_back({.id = id, .vector = vector});
  for (std::size_t allowed = 0;; ++allowed) {
    CAPTURE(allowed);
    auto durable =
        Durable::open(Index({.dimensions = dimensions, .max_elements = 8}), ScriptedStore(dimensions)).value();
    bool done = false;
    {
      const FailingAllocations failing(allowed);
      CHECK_NOTHROW(static_cast<void>(durable.batch_write(records)));
      done = !FailingAllocations::stop();
    }
    REQUIRE(durable.refresh());
    check_agrees(durable);
    if (done) break;
  }
}

TEST_CASE("a batch that memory was missing to begin to link is linked by the next change" *
          support::needs_exceptions()) {
  struct CostlyExecutor {  // to copy it allocates
    std::vector<int> state = std::vector<int>(100);
    void operator()(std::size_t count, const std::function<void(std::size_t)>& task) const {
      for (std::size_t i = 0; i < count; ++i) task(i);
    }
  };
  const auto items = random_items(4, 60, dimensions);
  std::vector<Record<Id>> records;
  for (const auto& [id, vector] : items) records.push_back({.id = id, .vector = vector});
  const std::span<const Record<Id>> all(records);
  for (std::size_t allowed = 0;; ++allowed) {
    CAPTURE(allowed);
    shoal::DurableOptions options;
    options.link_behind = true;
    options.executor = CostlyExecutor();
    auto durable = Durable::open(Index({.dimensions = dimensions}), ScriptedStore(dimensions), options).value();
    bool done = false;
    {
      const FailingAllocations failing(allowed);
      static_cast<void>(durable.batch_write(all.first(30)));
      done = !FailingAllocations::stop();
    }
    REQUIRE(durable.batch_write(all.subspan(30)));
    REQUIRE(durable.refresh());
    check_agrees(durable);
    if (done) break;
  }
}

TEST_CASE("whichever allocation of saving or opening a snapshot fails, the store's records are there, or an error" *
          support::needs_exceptions() * support::needs_index_files()) {
  using Opened = shoal::DurableIndex<Index, SharedStore>;
  const auto items = random_items(5, 40, dimensions);
  for (const bool forever : {false, true}) {
    std::size_t refused = 0, passed_over = 0, not_saved = 0;
    const io_tests::Folder folder;
    shoal::DurableOptions options;
    options.snapshot = folder.file();
    const SharedStore store(dimensions);
    {
      auto durable = Opened::open(Index({.dimensions = dimensions}), store, options).value();
      REQUIRE(durable.batch_insert(std::span(items).first(30)));
      bool done = false;
      for (std::size_t allowed = 0; !done; ++allowed) {
        const FailingAllocations failing(allowed, forever);
        const auto saved = durable.save_snapshot();
        done = !FailingAllocations::stop();
        if (saved) continue;
        REQUIRE(saved.error().code() == shoal::ErrorCode::out_of_memory);
        ++not_saved;
      }
      REQUIRE(durable.batch_insert(std::span(items).subspan(30)));
    }
    bool done = false;
    for (std::size_t allowed = 0; !done; ++allowed) {
      CAPTURE(allowed);
      Index index({.dimensions = dimensions});
      shoal::DurableOptions copy = options;
      const FailingAllocations failing(allowed, forever);
      auto durable = Opened::open(std::move(index), store, std::move(copy));
      done = !FailingAllocations::stop();
      if (!durable) {
        REQUIRE(durable.error().code() == shoal::ErrorCode::out_of_memory);
        ++refused;
        continue;
      }
      passed_over += durable->open_report().warnings.empty() ? 0 : 1;
      REQUIRE(durable->size() == items.size());
      for (const auto& [id, vector] : items) REQUIRE(durable->index().get(id) == vector);
      REQUIRE(durable->index().check().ok());
    }
    CHECK(not_saved > 0);
    CHECK(refused > 0);
    CHECK((passed_over > 0) == !forever);
  }
}

TEST_CASE("a snapshot of an index that is behind its store knows it" * support::needs_exceptions()) {
  using Opened = shoal::DurableIndex<Index, SharedStore>;
  const auto items = random_items(6, 60, dimensions);
  std::size_t behind = 0;
  bool done = false;
  for (std::size_t allowed = 0; !done; ++allowed) {
    CAPTURE(allowed);
    const io_tests::Folder folder;
    shoal::DurableOptions options;
    options.snapshot = folder.file();
    const SharedStore store(dimensions);
    auto durable = Opened::open(Index({.dimensions = dimensions}), store, options).value();
    REQUIRE(durable.batch_insert(std::span(items).first(40)));
    {
      const FailingAllocations failing(allowed);
      static_cast<void>(durable.batch_insert(std::span(items).subspan(40)));
      done = !FailingAllocations::stop();
    }
    const std::uint64_t last = store.last_sequence().value();
    behind += durable.sequence() < last ? 1 : 0;
    REQUIRE(durable.save_snapshot());
    const auto again = Opened::open(Index({.dimensions = dimensions}), store, options).value();
    REQUIRE(again.open_report().warnings.empty());
    REQUIRE(again.open_report().snapshot_sequence == durable.sequence());
    REQUIRE(again.sequence() == last);
    const auto all = contents(store);
    REQUIRE(again.size() == all.size());
    for (const auto& record : all) REQUIRE(again.index().get(record.id) == record.vector);
  }
  CHECK(behind > 0);
}
