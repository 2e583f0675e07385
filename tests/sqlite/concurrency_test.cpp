// Threads beside each other in one store: readers see whole batches and are not held up, writers follow each other.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "shoal/sqlite/sqlite_vector_store.hpp"
#include "support.hpp"

namespace {

using support::Folder;
using support::Record;
using support::Store;

/// All records of one batch tell the same version.
void check_one_version(const Store& store, std::size_t count, std::atomic<std::size_t>& wrong) {
  auto cursor = store.read_since(0);
  if (!cursor) {
    ++wrong;
    return;
  }
  std::set<std::string> versions;
  std::set<std::uint64_t> sequences;
  std::size_t read = 0;
  for (;;) {
    const auto next = cursor->next();
    if (!next) ++wrong;
    if (!next || *next == nullptr) break;
    versions.insert((*next)->record.content_hash);
    sequences.insert((*next)->sequence);
    ++read;
  }
  if (versions.size() != 1 || sequences.size() != 1 || read != count) ++wrong;
}

TEST_CASE("readers see one batch or the next, never parts of both") {
  constexpr std::size_t count = 40;
  const Folder folder;
  Store store = support::open_store(folder.file());
  REQUIRE(store.batch_write(support::make_records(1, count, 0)).has_value());
  std::atomic<bool> ended{false};
  std::atomic<std::size_t> wrong{0};
  std::vector<std::thread> readers;
  readers.reserve(3);
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      do {
        check_one_version(store, count, wrong);
        const auto record = store.get(7);
        if (!record || !*record || (*record)->metadata.empty()) ++wrong;
        if (const auto number = store.count(); !number || *number != count) ++wrong;
        const auto hash = store.content_hash(9);
        if (!hash || hash->empty()) ++wrong;
        const auto last = store.last_sequence();
        if (!last || *last == 0) ++wrong;
      } while (!ended);
    });
  }
  std::size_t failed = 0;
  for (int version = 1; version <= 60; ++version) {
    failed += store.batch_write(support::make_records(1, count, version)) ? 0 : 1;
  }
  ended = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(failed == 0);
  CHECK(wrong == 0);
  CHECK(store.content_hash(1).value() == "v60");
}

TEST_CASE("a reader is not held up while a batch is being written") {
  const Folder folder;
  Store store = support::open_store(folder.file());
  REQUIRE(store.batch_write(support::make_records(1, 10)).has_value());
  // The transaction of another connection is open, and has written, for as long as the reading takes.
  support::Shell shell(folder.file());
  REQUIRE(shell("BEGIN IMMEDIATE; DELETE FROM vectors WHERE id < 6").empty());
  std::vector<std::thread> readers;
  std::atomic<std::size_t> wrong{0};
  readers.reserve(4);
  for (int i = 0; i < 4; ++i) readers.emplace_back([&] { check_one_version(store, 10, wrong); });
  for (std::thread& reader : readers) reader.join();
  CHECK(wrong == 0);
  REQUIRE(shell("COMMIT").empty());
  CHECK(store.count().value() == 5);
}

TEST_CASE("writers of many threads follow each other without a gap") {
  const Folder folder;
  Store store = support::open_store(folder.file());
  std::mutex mutex;
  std::set<std::uint64_t> sequences;
  std::atomic<std::size_t> failed{0};
  std::vector<std::thread> writers;
  for (std::uint64_t writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      for (std::uint64_t i = 0; i < 15; ++i) {
        const auto committed = store.batch_write(support::make_records((writer * 100 + i) * 10, 5));
        if (!committed) {
          ++failed;
          continue;
        }
        const std::lock_guard guard(mutex);
        sequences.insert(committed->sequence);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  CHECK(failed == 0);
  CHECK(sequences.size() == 60);
  CHECK(*sequences.begin() == 1);
  CHECK(*sequences.rbegin() == 60);
  CHECK(store.count().value() == 300);
}

TEST_CASE("many cursors at once read what was there when each began, also after it was erased") {
  const Folder folder;
  Store store = support::open_store(folder.file());
  std::vector<Store::Cursor> cursors;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    REQUIRE(store.write(support::record_of(i, 1.0F)).has_value());
    cursors.push_back(store.read_since(0).value());
  }
  for (std::uint64_t i = 1; i <= 20; ++i) REQUIRE(store.erase(i).has_value());
  for (std::size_t i = 0; i < cursors.size(); ++i) {
    std::size_t read = 0;
    while (cursors[i].next().value() != nullptr) ++read;
    CHECK(read == i + 1);
  }
  CHECK(store.count().value() == 0);
}

}  // namespace
