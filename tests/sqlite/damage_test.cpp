// Files that were cut off or written over: whatever is read is an error or a record that may be, and nothing crashes
// (run under AddressSanitizer).

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "faulty_vfs.hpp"
#include "shoal/sqlite/sqlite_vector_store.hpp"
#include "support.hpp"

namespace {

using shoal::ErrorCode;
using support::Folder;
using support::Store;

/// The default file layer, but nobody cuts the power here.
shoal::SqliteStoreOptions options() {
  static support::FaultyVfs vfs("without syncs");
  vfs.set_syncs(false);
  return {.dimensions = 3, .busy_timeout = {}, .vfs = "without syncs"};
}

#if defined(SHOAL_TESTS_OF_FEWER_TYPES)
constexpr std::size_t stride = 5;  // sanitizers have little time
#else
constexpr std::size_t stride = 1;
#endif

/// A store of some pages, closed; returns its bytes.
std::string make_file(const Folder& folder) {
  {
    Store store = support::open_store(folder.file(), options());
    REQUIRE(store.batch_write(support::make_records(1, 60)).has_value());
    REQUIRE(store.batch_write(support::make_records(100, 60)).has_value());
    for (std::uint64_t id = 1; id < 40; id += 3) REQUIRE(store.erase(id).has_value());
  }
  return support::read_file(folder.file());
}

void put(const std::string& path, const std::string& file, const std::string& log = {}) {
  std::filesystem::remove(path + "-wal");
  std::filesystem::remove(path + "-shm");
  support::write_file(path, file);
  if (!log.empty()) support::write_file(path + "-wal", log);
}

struct Outcome {
  bool opened = false;
  std::size_t read = 0;
  std::size_t errors = 0;
};

/// Does everything once. Errors are what a damaged file may give, and each says something.
Outcome use(const std::string& path) {
  Outcome outcome;
  const auto note = [&](const shoal::Error& error) {
    ++outcome.errors;
    CHECK(!error.message().empty());
    const bool expected = error.code() == ErrorCode::corrupt || error.code() == ErrorCode::incompatible ||
                          error.code() == ErrorCode::cannot_open || error.code() == ErrorCode::io_error ||
                          error.code() == ErrorCode::store_failed || error.code() == ErrorCode::store_busy;
    CHECK_MESSAGE(expected, error.message());
  };
  auto store = Store::open(path, options());
  if (!store) {
    note(store.error());
    return outcome;
  }
  outcome.opened = true;
  for (const std::uint64_t since : {0U, 1U}) {
    auto cursor = store->read_since(since);
    if (!cursor) {
      note(cursor.error());
      continue;
    }
    for (std::size_t i = 0; i < 10'000; ++i) {
      const auto next = cursor->next();
      if (!next) note(next.error());
      if (!next || *next == nullptr) break;
      outcome.read += since == 0 ? 1 : 0;
      CHECK(((*next)->erased || (*next)->record.vector.size() == 3));
    }
  }
  for (std::uint64_t id = 0; id < 160; id += 7) {
    if (const auto record = store->get(id); !record) note(record.error());
    if (const auto hash = store->content_hash(id); !hash) note(hash.error());
  }
  if (const auto count = store->count(); !count) note(count.error());
  if (const auto written = store->batch_write(support::make_records(50, 20, 2)); !written) note(written.error());
  if (const auto erased = store->erase(110); !erased) note(erased.error());
  return outcome;
}

TEST_CASE("a file that was cut off is refused or read as far as it goes") {
  const Folder folder;
  const std::string file = make_file(folder);
  REQUIRE(file.size() > 8 * 4096);
  std::size_t noticed = 0;
  for (std::size_t size = 2; size < file.size(); size += size < 600 ? 97 : 1021) {
    CAPTURE(size);
    put(folder.file(), file.substr(0, size));
    const Outcome outcome = use(folder.file());
    noticed += outcome.errors != 0 ? 1 : 0;
  }
  CHECK(noticed > 20);
  put(folder.file(), file);
  CHECK(use(folder.file()).errors == 0);
}

TEST_CASE("bytes that were written over are noticed or make no difference to safety") {
  const Folder folder;
  const std::string file = make_file(folder);
  std::size_t noticed = 0;
  for (std::size_t at = 0; at < file.size(); at += stride * (at < 200 ? 3 : 61)) {
    CAPTURE(at);
    for (const char flip : {'\x01', '\x80', '\xFF'}) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      put(folder.file(), damaged);
      noticed += use(folder.file()).errors != 0 ? 1 : 0;
    }
  }
  CHECK(noticed > 100 / stride);
}

TEST_CASE("a log that was damaged gives the transactions before the damage, whole") {
  const Folder folder;
  const std::string path = folder.file();
  std::string file;
  std::string log;
  {
    Store store = support::open_store(path, options());
    for (std::uint64_t batch = 0; batch < 5; ++batch) {
      REQUIRE(store.batch_write(support::make_records(batch * 100, 20)).has_value());
    }
    file = support::read_file(path);
    log = support::read_file(path + "-wal");
  }
  std::size_t lost = 0;
  const auto check = [&](const std::string& damaged) {
    put(path, file, damaged);
    const auto store = Store::open(path, options());
    REQUIRE(store.has_value());
    const std::uint64_t last = store->last_sequence().value();
    REQUIRE(store->count().value() == last * 20);
    REQUIRE(support::changes_since(*store, 0).size() == last * 20);
    lost += last < 5 ? 1 : 0;
  };
  for (std::size_t at = 0; at < log.size(); at += stride * 211) {
    CAPTURE(at);
    check(log.substr(0, at));
    std::string damaged = log;
    damaged[at] = static_cast<char>(damaged[at] ^ '\x10');
    check(damaged);
  }
  CHECK(lost > 50 / stride);
}

TEST_CASE("a log of other pages is not taken for this file's") {
  const Folder folder;
  const std::string file = make_file(folder);
  put(folder.file(), file, std::string(file));
  CHECK(use(folder.file()).errors == 0);
  put(folder.file(), file, std::string(5000, 'x'));
  CHECK(use(folder.file()).errors == 0);
}

}  // namespace
