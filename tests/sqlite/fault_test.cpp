// Whatever fails, and at whatever step: a batch that was acknowledged is there, one that was not has left no trace,
// none is there by half, and the store goes on when the cause is gone. Every step of opening, writing, erasing and
// reading is made to fail, once and from there on: file operations, the disk's room, SQLite's memory, its calls, ours.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>
#include <unistd.h>

#include "../ingest/store_contract.hpp"
#include "faults.hpp"
#include "faulty_vfs.hpp"
#include "shoal/sqlite/sqlite_vector_store.hpp"
#include "support.hpp"

namespace {

using shoal::Committed;
using shoal::Error;
using shoal::ErrorCode;
using shoal::Expected;
using support::Folder;
using support::Record;
using support::Store;
using Result = Expected<Committed, Error>;
using Kind = support::FaultyVfs::Kind;

/// The default file layer but for its faults, and for syncs that do not reach the disk: nobody cuts the power here.
support::FaultyVfs& vfs() {
  static support::FaultyVfs the_only("faulty");
  the_only.set_syncs(false);
  return the_only;
}

shoal::SqliteStoreOptions options() {
  vfs();
  return {.dimensions = 3, .busy_timeout = {}, .vfs = "faulty"};
}

/// How far to go on from one failing step to the next. Failing for ever, steps next to each other do the same; and
/// under sanitizers, which have little time, allocations and calls are so many.
template <class Faults>
std::int64_t stride(bool forever) {
  if (std::is_same_v<std::remove_cvref_t<Faults>, support::FileFaults>) return 1;
#if defined(SHOAL_TESTS_OF_FEWER_TYPES)
  return forever ? 29 : 11;
#else
  return forever ? 5 : 1;
#endif
}

/// Everything a store says, as text.
std::string contents(const Store& store) {
  std::string text = support::print(support::changes_since(store, 1)) + " / ";
  bool same = true;
  for (const auto& change : support::changes_since(store, 0)) {
    const Record& record = change.record;
    same = same && store.get(record.id).value() == record;
    same = same && store.content_hash(record.id).value() == record.content_hash;
    text += std::to_string(record.id) + "=" + std::to_string(record.vector[0]) + record.metadata + record.content_hash;
    text += "@" + std::to_string(change.sequence) + " ";
  }
  CHECK(same);
  return text + "/ " + std::to_string(store.count().value()) + "@" + std::to_string(store.last_sequence().value());
}

std::string contents_at(const std::string& path) { return contents(support::open_store(path, options())); }

/// 20 records: new ones, ones that replace, one that was erased.
Result write_batch(Store& store) {
  static const std::vector<Record> records = support::make_records(21, 20, 2);
  return store.batch_write(records);
}

/// Three that are there, one that is not, one that was erased.
Result erase_batch(Store& store) {
  static constexpr std::uint64_t ids[] = {5, 25, 99, 31, 12};
  return store.batch_erase(ids);
}

/// A file with a history: 30 records and one that went, and what it holds before and after an operation.
struct Scene {
  explicit Scene(Result (*operation_to_try)(Store&)) : operation(operation_to_try) {
    {
      Store store = support::open_store(path, options());
      REQUIRE(store.batch_write(support::make_records(1, 31)).has_value());
      REQUIRE(store.erase(31).has_value());
      before = contents(store);
    }
    file = support::read_file(path);
    Store store = support::open_store(path, options());
    REQUIRE(operation(store).has_value());
    after = contents(store);
    ids_after = ids(store);
  }

  /// The file as it was.
  void reset() const {
    support::write_file(path, file);
    std::filesystem::remove(path + "-wal");
    std::filesystem::remove(path + "-shm");
  }

  /// The store goes on: the next transaction has the next number, and what failed can be done again.
  void check_goes_on(Store& store, bool done) const {
    const auto next = store.write(support::record_of<std::uint64_t>(1000, 1));
    REQUIRE_MESSAGE(next.has_value(), (next ? "" : std::string(next.error().message())));
    CHECK(*next == Committed{done ? std::uint64_t{4} : std::uint64_t{3}, 1});
    REQUIRE(store.erase(1000).has_value());
    if (!done) REQUIRE(operation(store).has_value());
    CHECK(ids(store) == ids_after);
  }

  /// All ids, in order.
  static std::vector<std::uint64_t> ids(const Store& store) {
    std::vector<std::uint64_t> all;
    for (const auto& change : support::changes_since(store, 0)) all.push_back(change.record.id);
    std::sort(all.begin(), all.end());
    return all;
  }

  void check_sound() const { CHECK(support::Shell(path)("PRAGMA integrity_check") == "ok;"); }

  Folder folder{};
  std::string path = folder.file();
  Result (*operation)(Store&);
  std::string file{};
  std::string before{};
  std::string after{};
  std::vector<std::uint64_t> ids_after{};
};

/// The operation with the k-th step failing, for every k.
template <class Faults>
void fail_every_step(Faults&& faults, const Scene& scene, bool forever) {
  std::size_t failures = 0;
  for (std::int64_t k = 0;; k += stride<Faults>(forever)) {
    CAPTURE(k);
    CAPTURE(forever);
    scene.reset();
    bool failed = false;
    bool done = false;
    {
      Store store = support::open_store(scene.path, options());
      faults.fail(k, forever);
      const Result result = scene.operation(store);
      failed = faults.stop();
      done = result.has_value();
      if (!done) {
        REQUIRE(failed);
        CHECK(!result.error().message().empty());
        ++failures;
      }
      const std::string& expected = done ? scene.after : scene.before;
      REQUIRE(contents(store) == expected);
      REQUIRE(contents_at(scene.path) == expected);
      scene.check_goes_on(store, done);
    }
    if (k % 8 == 0) scene.check_sound();
    if (!failed) break;
  }
  // Writing needs no memory of ours.
  CHECK((failures > 0) == !std::is_same_v<std::remove_cvref_t<Faults>, support::NewAllocations>);
}

/// The same, but the store is closed before the cause is gone. Where the very end of a commit failed, the batch may be
/// found then, whole, though it was not acknowledged.
template <class Faults>
void fail_until_closed(Faults&& faults, const Scene& scene) {
  for (std::int64_t k = 0;; k += stride<Faults>(true)) {
    CAPTURE(k);
    scene.reset();
    bool done = false;
    bool failed = false;
    {
      auto store = std::make_unique<Store>(support::open_store(scene.path, options()));
      faults.fail(k, true);
      done = scene.operation(*store).has_value();
      store.reset();
      failed = faults.stop();
    }
    const std::string found = contents_at(scene.path);
    if (done) REQUIRE(found == scene.after);
    const bool whole = found == scene.before || found == scene.after;
    REQUIRE_MESSAGE(whole, found);
    Store store = support::open_store(scene.path, options());
    scene.check_goes_on(store, found == scene.after);
    if (!failed) break;
  }
}

/// Both operations, with faults of one kind.
template <class MakeFaults>
void fail_everywhere(const MakeFaults& make_faults) {
  for (Result (*operation)(Store&) : {write_batch, erase_batch}) {
    CAPTURE(operation == write_batch);
    const Scene scene(operation);
    fail_every_step(make_faults(), scene, false);
    fail_every_step(make_faults(), scene, true);
    fail_until_closed(make_faults(), scene);
  }
}

TEST_CASE("a batch is whole or not there, whichever file operation fails") {
  fail_everywhere([] { return support::FileFaults{vfs()}; });
}

TEST_CASE("a batch is whole or not there, whichever write finds the disk full and whichever lock is taken") {
  fail_everywhere([] { return support::FileFaults{vfs(), Kind::full_or_busy}; });
}

TEST_CASE("a batch is whole or not there, whichever allocation of SQLite fails") {
  fail_everywhere([] { return support::SqliteMemory{}; });
}

TEST_CASE("a batch is whole or not there, whichever allocation of ours fails") {
  fail_everywhere([] { return support::NewAllocations{}; });
}

TEST_CASE("a batch is whole or not there, whichever call of SQLite fails") {
  for (const int code : {SQLITE_IOERR_READ, SQLITE_BUSY}) {
    CAPTURE(code);
    fail_everywhere([code] { return support::SqliteCalls{code}; });
  }
}

/// Every step of an opening fails once, and from there on: what is there is not harmed, and opens when the cause is
/// gone.
template <class Faults>
void fail_opening(Faults&& faults, const std::string& file, const std::string& log, const std::string& expected) {
  const Folder folder;
  const std::string path = folder.file();
  const shoal::SqliteStoreOptions with_faults = options();
  for (const bool forever : {false, true}) {
    std::size_t failures = 0;
    for (std::int64_t k = 0;; k += stride<Faults>(forever)) {
      CAPTURE(k);
      CAPTURE(forever);
      std::filesystem::remove(path + "-wal");
      std::filesystem::remove(path + "-shm");
      std::filesystem::remove(path);
      if (!file.empty()) support::write_file(path, file);
      if (!log.empty()) support::write_file(path + "-wal", log);
      faults.fail(k, forever);
      bool failed = false;
      {
        const auto store = Store::open(path, with_faults);
        failed = faults.stop();
        if (!store) {
          REQUIRE(failed);
          CHECK(!store.error().message().empty());
          ++failures;
        } else {
          REQUIRE(contents(*store) == expected);
        }
      }
      REQUIRE(contents_at(path) == expected);
      if (!failed) break;
    }
    CHECK(failures > 0);
  }
}

template <class MakeFaults>
void fail_all_openings(const MakeFaults& make_faults) {
  const std::string empty = " / / 0@0";
  SUBCASE("of a new store") { fail_opening(make_faults(), {}, {}, empty); }
  SUBCASE("of one whose log is still to be moved into its file") {
    const Folder folder;
    const std::string path = folder.file();
    Store store = support::open_store(path, options());
    REQUIRE(store.batch_write(support::make_records(1, 20)).has_value());
    REQUIRE(store.erase(3).has_value());
    const std::string file = support::read_file(path);
    const std::string log = support::read_file(path + "-wal");
    REQUIRE(!log.empty());
    fail_opening(make_faults(), file, log, contents(store));
  }
}

TEST_CASE("an opening that fails harms nothing, whichever file operation it is") {
  fail_all_openings([] { return support::FileFaults{vfs()}; });
}
TEST_CASE("an opening that fails harms nothing, on a disk that is full and beside locks") {
  fail_all_openings([] { return support::FileFaults{vfs(), Kind::full_or_busy}; });
}
TEST_CASE("an opening that fails harms nothing, whichever allocation of SQLite it is") {
  fail_all_openings([] { return support::SqliteMemory{}; });
}
TEST_CASE("an opening that fails harms nothing, whichever allocation of ours it is") {
  fail_all_openings([] { return support::NewAllocations{}; });
}
TEST_CASE("an opening that fails harms nothing, whichever call of SQLite it is") {
  fail_all_openings([] { return support::SqliteCalls{SQLITE_IOERR_READ}; });
}

/// What is read while something fails is the truth or an error.
template <class Faults>
void fail_reading(Faults&& faults) {
  const Folder folder;
  Store store = support::open_store(folder.file(), options());
  const std::vector<Record> records = support::make_records(1, 20);
  REQUIRE(store.batch_write(records).has_value());
  REQUIRE(store.erase(20).has_value());
  const std::string expected = contents(store);
  for (const bool forever : {false, true}) {
    for (std::int64_t k = 0;; ++k) {
      CAPTURE(k);
      CAPTURE(forever);
      faults.fail(k, forever);
      const char* wrong = "";
      const auto check = [&](bool holds, const char* what) { wrong = holds ? wrong : what; };
      if (const auto record = store.get(7)) check(*record == records[6], "get");
      if (const auto hash = store.content_hash(7)) check(*hash == "v1", "content_hash");
      if (const auto count = store.count()) check(*count == 19, "count");
      if (const auto last = store.last_sequence()) check(*last == 2, "last_sequence");
      if (const auto fault = store.validate(records[0]))
        check(fault->code() != ErrorCode::invalid_metadata, "validate");
      if (auto cursor = store.read_since(0)) {
        std::size_t read = 0;
        for (;;) {
          const auto next = cursor->next();
          if (!next) break;
          if (*next == nullptr) {
            check(read == 19, "the number of records");
            break;
          }
          check((*next)->record == records[read++], "a record");
        }
      }
      const bool failed = faults.stop();
      REQUIRE(wrong == std::string());
      REQUIRE(contents(store) == expected);
      if (!failed) break;
    }
  }
}

TEST_CASE("what is read is the truth or an error, whatever fails") {
  SUBCASE("file operations") { fail_reading(support::FileFaults{vfs()}); }
  SUBCASE("locks") { fail_reading(support::FileFaults{vfs(), Kind::full_or_busy}); }
  SUBCASE("allocations of SQLite") { fail_reading(support::SqliteMemory{}); }
  SUBCASE("allocations of ours") { fail_reading(support::NewAllocations{}); }
  SUBCASE("calls of SQLite") { fail_reading(support::SqliteCalls{SQLITE_IOERR_READ}); }
}

TEST_CASE("a cursor that failed gives the same error again, and passes over no record") {
  const Folder folder;
  Store store = support::open_store(folder.file(), options());
  std::vector<Record> records = support::make_records(1, 5);
  for (std::size_t i = 0; i < records.size(); ++i)
    records[i].content_hash.assign(100 * (i + 1), 'x');  // more each time
  REQUIRE(store.batch_write(records).has_value());
  support::NewAllocations faults;
  std::size_t failures = 0;
  for (std::int64_t k = 0;; ++k) {
    CAPTURE(k);
    auto cursor = store.read_since(0).value();
    std::size_t read = 0;
    bool has_failed = false;
    faults.fail(k, false);
    for (;;) {
      const auto next = cursor.next();
      if (!next) has_failed = true;
      if (!next || *next == nullptr) break;
      ++read;
    }
    const bool failed = faults.stop();
    if (has_failed) {
      ++failures;
      for (int i = 0; i < 2; ++i) {
        const auto again = cursor.next();
        REQUIRE(!again.has_value());
        CHECK(again.error().code() == ErrorCode::out_of_memory);
      }
    } else {
      REQUIRE(read == records.size());
    }
    if (!failed) break;
  }
  CHECK(failures > 3);
}

TEST_CASE("errors of a disk have the codes that say so") {
  const Scene scene(write_batch);
  const auto codes = [&](auto&& faults) {
    std::map<ErrorCode, std::string> found;
    for (std::int64_t k = 0;; ++k) {
      scene.reset();
      Store store = support::open_store(scene.path, options());
      faults.fail(k, false);
      const Result result = scene.operation(store);
      if (!result) found.try_emplace(result.error().code(), result.error().message());
      if (!faults.stop()) return found;
    }
  };
  const auto of_files = codes(support::FileFaults{vfs()});
  REQUIRE(of_files.size() == 1);
  REQUIRE(of_files.contains(ErrorCode::io_error));
  CHECK(support::contains(of_files.at(ErrorCode::io_error), "SQLITE_IOERR_"));
  CHECK(support::contains(of_files.at(ErrorCode::io_error), scene.path));

  const auto of_room = codes(support::FileFaults{vfs(), Kind::full_or_busy});
  REQUIRE(of_room.size() == 2);
  CHECK(support::contains(of_room.at(ErrorCode::storage_full), "SQLITE_FULL (13): database or disk is full"));
  CHECK(support::contains(of_room.at(ErrorCode::store_busy), "beginning a transaction: SQLITE_BUSY"));

  const auto of_memory = codes(support::SqliteMemory{});
  REQUIRE(of_memory.size() == 1);
  CHECK(of_memory.contains(ErrorCode::out_of_memory));
}

TEST_CASE("a disk that fills up keeps every batch that fitted, and takes more when there is room") {
  const Folder folder;
  Store store = support::open_store(folder.file(), options());
  vfs().limit_growth(400'000);
  std::uint64_t acknowledged = 0;
  for (;;) {
    const Result result = store.batch_write(support::make_records(1 + acknowledged * 100, 100));
    if (!result) {
      CHECK(result.error().code() == ErrorCode::storage_full);
      break;
    }
    ++acknowledged;
  }
  CHECK(acknowledged > 2);
  CHECK(store.count().value() == acknowledged * 100);
  vfs().lift_limit();
  CHECK(store.batch_write(support::make_records(1 + acknowledged * 100, 100)).value() ==
        Committed{acknowledged + 1, 100});
}

/// What a power cut would leave of the store, opened beside it.
std::string contents_after_power_cut() {
  const Folder folder;
  for (const auto& [path, bytes] : vfs().synced()) {
    const std::string name = std::filesystem::path(path).filename().string();
    support::write_file(folder.file(name), std::string(bytes.begin(), bytes.end()));
  }
  return contents(support::open_store(folder.file(), {.dimensions = 3}));
}

TEST_CASE("what was acknowledged survives a power cut that forgets all that was not synced") {
  support::FaultyVfs& files = vfs();
  const Folder folder;
  files.remember_synced(true);
  {
    Store store = support::open_store(folder.file(), options());
    CHECK(contents_after_power_cut() == contents(store));
    for (int round = 0; round < 12; ++round) {
      const auto first = static_cast<std::uint64_t>(round) * 50;
      // The log is moved into the file while more is written, as it is every 1000 pages.
      REQUIRE(store.batch_write(support::make_records(first, 400, round)).has_value());
      REQUIRE(contents_after_power_cut() == contents(store));
      REQUIRE(store.erase(first).has_value());
      REQUIRE(contents_after_power_cut() == contents(store));
    }
  }
  files.remember_synced(false);
}

TEST_CASE("a power cut at any moment leaves the whole batch or none of it") {
  support::FaultyVfs& files = vfs();
  const Scene scene(write_batch);
  for (std::int64_t k = 0;; ++k) {
    CAPTURE(k);
    scene.reset();
    files.remember_synced(true);
    Store store = support::open_store(scene.path, options());
    files.fail(k, true);
    const bool done = scene.operation(store).has_value();
    const std::string found = contents_after_power_cut();  // by the default file layer
    const bool failed = files.stop();
    files.remember_synced(false);
    if (done) REQUIRE(found == scene.after);
    const bool whole = found == scene.before || found == scene.after;
    REQUIRE_MESSAGE(whole, found);
    if (!failed) break;
  }
}

TEST_CASE("a program that dies in any file operation leaves the whole batch or none of it") {
  for (Result (*operation)(Store&) : {write_batch, erase_batch}) {
    const Scene scene(operation);
    std::size_t deaths = 0;
    for (std::int64_t k = 0;; ++k) {
      CAPTURE(k);
      scene.reset();
      std::string said;
      const int status = support::in_child(
          [&](int acknowledge) {
            auto store = Store::open(scene.path, options());
            vfs().fail(k, false, Kind::death);
            if (store && operation(*store)) static_cast<void>(write(acknowledge, "y", 1) == 1);
            store = shoal::Unexpected<Error>(Error(ErrorCode::cancelled));  // closes it
          },
          said);
      const bool acknowledged = said == "y";
      const std::string found = contents_at(scene.path);
      if (acknowledged) REQUIRE(found == scene.after);
      const bool whole = found == scene.before || found == scene.after;
      REQUIRE_MESSAGE(whole, found);
      {
        Store store = support::open_store(scene.path, options());
        scene.check_goes_on(store, found == scene.after);
      }
      scene.check_sound();
      if (status == 0) break;
      REQUIRE(status == support::FaultyVfs::exit_status_of_death);
      ++deaths;
    }
    CHECK(deaths > 5);
  }
}

TEST_CASE("a program that dies while it makes a store leaves a place where it can be made") {
  const Folder folder;
  const std::string path = folder.file();
  for (std::int64_t k = 0;; ++k) {
    CAPTURE(k);
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) std::filesystem::remove(path + suffix);
    std::string said;
    const int status = support::in_child(
        [&](int) {
          vfs().fail(k, false, Kind::death);
          static_cast<void>(Store::open(path, options()).has_value());
        },
        said);
    REQUIRE(contents_at(path) == " / / 0@0");
    if (status == 0) break;
    REQUIRE(status == support::FaultyVfs::exit_status_of_death);
  }
}

}  // namespace
