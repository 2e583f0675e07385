// What a store is made of, and what is no store: refused with a reason, and untouched.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faulty_vfs.hpp"
#include "shoal/sqlite/sqlite_vector_store.hpp"
#include "support.hpp"

namespace {

using shoal::ErrorCode;
using support::contains;
using support::Folder;
using support::open_error;
using support::open_store;
using support::Shell;
using support::Store;

/// A store of 3 dimensions with two records, and perhaps something done to it.
std::string make_store(const Folder& folder, const std::string& sql = {}) {
  std::string path = folder.file();
  REQUIRE(open_store(path).batch_write(support::make_records(1, 2)).has_value());
  if (!sql.empty()) REQUIRE(!contains(Shell(path)(sql), "error"));
  return path;
}

/// Opening fails with this code and message, and changes nothing.
template <class Id = std::uint64_t>
void check_refused(const std::string& path, ErrorCode code, std::string_view message,
                   const shoal::SqliteStoreOptions& options = {.dimensions = 3}) {
  const std::string before = support::read_file(path);
  const auto error = open_error<Id>(path, options);
  CHECK(error.code() == code);
  CHECK_MESSAGE(contains(error.message(), message), error.message());
  CHECK_MESSAGE(contains(error.message(), std::filesystem::path(path).filename().string()), error.message());
  CHECK(support::read_file(path) == before);
}

TEST_CASE("a store is there again when it is opened again") {
  const Folder folder;
  const std::string path = make_store(folder);
  const Store store = open_store(path);
  CHECK(support::print(support::changes_since(store, 0)) == "1@1 2@1");
  CHECK(store.get(2).value() == support::make_records(1, 2)[1]);
}

TEST_CASE("without dimensions a store has those that it was made with") {
  const Folder folder;
  CHECK(open_store(make_store(folder), {}).dimensions() == 3);
  CHECK(open_store(folder.file(), {.read_only = true}).dimensions() == 3);
}

TEST_CASE("a new store needs dimensions, and not too many") {
  const Folder folder;
  const auto error = open_error(folder.file(), {});
  CHECK(error.code() == ErrorCode::cannot_open);
  CHECK(contains(error.message(), "a new store needs dimensions"));
  CHECK(!std::filesystem::exists(folder.file()));
  support::write_file(folder.file(), "");
  check_refused(folder.file(), ErrorCode::invalid_config, "expected dimensions", {});
  check_refused(folder.file(), ErrorCode::invalid_config, "expected at most 200000000 dimensions, got 200000001",
                {.dimensions = 200'000'001});
}

TEST_CASE("an empty file becomes a store where that is wanted") {
  const Folder folder;
  support::write_file(folder.file(), "");
  check_refused(folder.file(), ErrorCode::incompatible, "expected a store, got an empty file",
                {.dimensions = 3, .create = false});
  check_refused(folder.file(), ErrorCode::incompatible, "expected a store, got an empty file", {.read_only = true});
  CHECK(open_store(folder.file()).count().value() == 0);
}

TEST_CASE("what cannot be opened is said to be so, and nothing is made") {
  const Folder folder;
  for (const auto& options : {shoal::SqliteStoreOptions{.dimensions = 3, .create = false},
                              shoal::SqliteStoreOptions{.dimensions = 3, .read_only = true}}) {
    CHECK(open_error(folder.file("missing.db"), options).code() == ErrorCode::cannot_open);
  }
  CHECK(!std::filesystem::exists(folder.file("missing.db")));

  const auto no_folder = open_error(folder.file("missing/store.db"));
  CHECK(no_folder.code() == ErrorCode::cannot_open);
  CHECK(contains(no_folder.message(), "opening the store: SQLITE_CANTOPEN"));
  CHECK(contains(no_folder.message(), folder.file("missing/store.db")));
  CHECK(open_error(folder.file("")).code() == ErrorCode::cannot_open);  // the folder
  CHECK(open_error(folder.file(), {.dimensions = 3, .vfs = "no such"}).code() == ErrorCode::store_failed);
}

TEST_CASE("places that lose what they hold are refused") {
  for (const char* path : {":memory:", ""}) {
    const auto error = open_error(path);
    CHECK(error.code() == ErrorCode::cannot_open);
    CHECK(contains(error.message(), "expected the path of a file"));
  }
}

TEST_CASE("a file system without write-ahead logs is refused") {
  const Folder folder;
  support::FaultyVfs vfs("no shared memory");
  vfs.offer_shared_memory(false);
  const auto error = open_error(folder.file(), {.dimensions = 3, .vfs = "no shared memory"});
  CHECK(error.code() == ErrorCode::cannot_open);
  CHECK(contains(error.message(), "(journal mode 'wal'), got 'delete'"));
  vfs.offer_shared_memory(true);
  CHECK(open_store(folder.file(), {.dimensions = 3, .vfs = "no shared memory"}).count().value() == 0);
}

TEST_CASE("a file that is no database is refused, and untouched") {
  const Folder folder;
  for (const std::string& bytes : {std::string("ab"), std::string(100, 'x'), std::string(5000, '\0'),
                                   std::string("SQLite format 3"), std::string(70000, 'y')}) {
    support::write_file(folder.file(), bytes);
    check_refused(folder.file(), ErrorCode::corrupt, "SQLITE_NOTADB (26): file is not a database");
    check_refused(folder.file(), ErrorCode::corrupt, "SQLITE_NOTADB", {.read_only = true});
  }
}

TEST_CASE("another program's database is refused, and untouched, its log too") {
  const Folder folder;
  const std::string path = folder.file("other.db");
  const Folder copies;
  {
    Shell shell(path);
    shell("PRAGMA journal_mode = WAL; CREATE TABLE notes(text)");
    shell("INSERT INTO notes VALUES ('one')");
    std::filesystem::copy_file(path, copies.file("other.db"));
    std::filesystem::copy_file(path + "-wal", copies.file("other.db-wal"));
  }
  const std::string log = support::read_file(copies.file("other.db-wal"));
  REQUIRE(!log.empty());
  check_refused(copies.file("other.db"), ErrorCode::incompatible, "expected a store of shoal, got another program's");
  CHECK(support::read_file(copies.file("other.db-wal")) == log);
  CHECK(Shell(copies.file("other.db"))("SELECT text FROM notes") == "one;");
  CHECK(contains(open_error(path, {.read_only = true}).message(), "another program's database"));
}

TEST_CASE("an empty database that another program has claimed is refused") {
  const Folder folder;
  Shell(folder.file())("PRAGMA application_id = 7; CREATE TABLE t(x); DROP TABLE t");
  check_refused(folder.file(), ErrorCode::incompatible, "application_id 7");
}

TEST_CASE("stores of other versions, dimensions, components or ids are refused, and untouched") {
  const Folder folder;
  SUBCASE("newer") {
    check_refused(make_store(folder, "PRAGMA user_version = 2"), ErrorCode::incompatible,
                  "expected a store of version 1, got version 2, written by a newer shoal");
  }
  SUBCASE("dimensions") {
    check_refused(make_store(folder), ErrorCode::incompatible, "expected a store of 4 dimensions, got one of 3",
                  {.dimensions = 4});
    check_refused(folder.file(), ErrorCode::incompatible, "expected a store of 4 dimensions, got one of 3",
                  {.dimensions = 4, .read_only = true});
  }
  SUBCASE("components") {
    check_refused(make_store(folder, "UPDATE properties SET value = 'float16' WHERE name = 'components'"),
                  ErrorCode::incompatible, "expected components of the type float32, got 'float16'");
  }
  SUBCASE("signed ids") {
    check_refused<std::int64_t>(make_store(folder), ErrorCode::incompatible,
                                "expected ids that are signed, got 'unsigned'");
  }
  SUBCASE("narrower ids") {
    Store wide = open_store(make_store(folder));
    REQUIRE(wide.write(support::record_of<std::uint64_t>(0xFFFF'FFFFU, 1)).has_value());
    CHECK(open_store<std::uint32_t>(folder.file()).count().value() == 3);
    REQUIRE(wide.write(support::record_of<std::uint64_t>(0x1'0000'0000U, 1)).has_value());
    check_refused<std::uint32_t>(folder.file(), ErrorCode::incompatible,
                                 "expected ids that fit 32 bits, got 4294967296");
    REQUIRE(wide.erase(0x1'0000'0000U).has_value());
    check_refused<std::uint32_t>(folder.file(), ErrorCode::incompatible, "got 4294967296");  // readers must hear of it
  }
}

TEST_CASE("a store whose properties or tables are gone is corrupt") {
  const Folder folder;
  SUBCASE("no dimensions") {
    check_refused(make_store(folder, "DELETE FROM properties WHERE name = 'dimensions'"), ErrorCode::corrupt, "got 0");
  }
  SUBCASE("no components") {
    check_refused(make_store(folder, "DELETE FROM properties WHERE name = 'components'"), ErrorCode::corrupt,
                  "float32");
  }
  SUBCASE("no kind of ids") {
    check_refused(make_store(folder, "UPDATE properties SET value = 5 WHERE name = 'ids'"), ErrorCode::corrupt,
                  "expected ids");
  }
  SUBCASE("no sequence") {
    check_refused(make_store(folder, "UPDATE properties SET value = -1 WHERE name = 'sequence'"), ErrorCode::corrupt,
                  "0 sequences");
  }
  SUBCASE("no properties") {
    check_refused(make_store(folder, "DROP TABLE properties"), ErrorCode::corrupt, "no such table: properties");
  }
  SUBCASE("no vectors") {
    check_refused(make_store(folder, "DROP TABLE vectors"), ErrorCode::corrupt, "no such table: vectors");
  }
  SUBCASE("no tombstones") {
    check_refused(make_store(folder, "DROP TABLE erased"), ErrorCode::corrupt, "no such table: erased");
  }
}

TEST_CASE("a store that has counted to the last number takes no more, and can be read") {
  const Folder folder;
  const std::string path =
      make_store(folder, "UPDATE properties SET value = 9223372036854775806 WHERE name = 'sequence'");
  Store store = open_store(path);
  CHECK(store.write(support::record_of<std::uint64_t>(50, 1)).value().sequence == 9'223'372'036'854'775'807U);
  for (int i = 0; i < 2; ++i) {
    CHECK(store.write(support::record_of<std::uint64_t>(51, 1)).error().code() == ErrorCode::corrupt);
    CHECK(store.erase(50).error().code() == ErrorCode::corrupt);
  }
  CHECK(store.last_sequence().value() == 9'223'372'036'854'775'807U);
  CHECK(store.get(50).value().has_value());
  CHECK(open_store(path).count().value() == 3);
}

TEST_CASE("an id that came later and does not fit is named when it is read") {
  const Folder folder;
  Store wide = open_store(make_store(folder));
  const auto narrow = open_store<std::uint8_t>(folder.file());
  REQUIRE(wide.write(support::record_of<std::uint64_t>(~std::uint64_t{0} - 5, 1)).has_value());
  auto cursor = narrow.read_since(1).value();
  for (int i = 0; i < 2; ++i) {  // the error stays
    const auto next = cursor.next();
    REQUIRE(!next.has_value());
    CHECK(next.error().code() == ErrorCode::id_out_of_range);
    CHECK(
        contains(next.error().message(), "id 18446744073709551610 of the store does not fit the id type, which has 8"));
  }
  CHECK(narrow.count().value() == 3);
}

TEST_CASE("a store that is opened to be read can be read, and no more") {
  const Folder folder;
  const std::string path = make_store(folder);
  const std::string before = support::read_file(path);
  {
    Store store = open_store(path, {.read_only = true});
    CHECK(store.count().value() == 2);
    for (const auto& refused : {store.write(support::record_of<std::uint64_t>(3, 1)), store.erase(1)}) {
      REQUIRE(!refused.has_value());
      CHECK(refused.error().code() == ErrorCode::cannot_open);
      CHECK(contains(refused.error().message(), "opened with read_only"));
    }
    CHECK(store.settings().error().code() == ErrorCode::cannot_open);
    Store writer = open_store(path);
    REQUIRE(writer.write(support::record_of<std::uint64_t>(3, 1)).has_value());
    CHECK(store.count().value() == 3);
    REQUIRE(writer.erase(3).has_value());
  }
  CHECK(open_store(path, {.read_only = true}).count().value() == 2);
}

TEST_CASE("a file that may only be read is not opened to be written") {
  const Folder folder;
  const std::string path = make_store(folder);
  REQUIRE(chmod(path.c_str(), 0444) == 0);
  REQUIRE(chmod(std::filesystem::path(path).parent_path().c_str(), 0777) == 0);
  std::string said;
  support::in_child(
      [&](int out) {
        if (geteuid() == 0 && setuid(65534) != 0) _exit(1);  // root may write everything
        const auto store = Store::open(path, {.dimensions = 3});
        const bool right = !store && store.error().code() == ErrorCode::cannot_open;
        static_cast<void>(write(out, right ? "y" : "n", 1) == 1);
        const auto reader = Store::open(path, {.dimensions = 3, .read_only = true});
        static_cast<void>(write(out, reader && reader->count().value() == 2 ? "y" : "n", 1) == 1);
      },
      said);
  CHECK(said == "yy");
}

TEST_CASE("a relative path stays what it was when the program goes elsewhere") {
  const Folder folder;
  const auto here = std::filesystem::current_path();
  std::filesystem::current_path(std::filesystem::path(folder.file()).parent_path());
  Store store = open_store("relative.db");
  std::filesystem::current_path(here);
  REQUIRE(store.write(support::record_of<std::uint64_t>(1, 1)).has_value());
  auto first = store.read_since(0).value();  // each has a connection of its own
  auto second = store.read_since(0).value();
  CHECK(second.next().value()->record.id == 1);
  CHECK(std::filesystem::exists(folder.file("relative.db")));
}

TEST_CASE("two stores of one program may share a file") {
  const Folder folder;
  Store one = open_store(folder.file());
  Store other = open_store(folder.file());
  REQUIRE(one.write(support::record_of<std::uint64_t>(1, 1)).has_value());
  CHECK(other.write(support::record_of<std::uint64_t>(2, 1)).value() == shoal::Committed{2, 1});
  CHECK(one.count().value() == 2);
}

TEST_CASE("a cursor may outlive its store") {
  const Folder folder;
  auto cursor = open_store(make_store(folder)).read_since(0).value();
  CHECK(cursor.next().value()->record.id == 1);
  CHECK(cursor.next().value()->record.id == 2);
  CHECK(cursor.next().value() == nullptr);
}

TEST_CASE("a store takes no more memory than its caches, also when it was just made") {
  constexpr std::size_t dimensions = 768;  // pages of 32 KiB, where an empty file has pages of 4
  const Folder folder;
  std::vector<support::Record> records(1'000, {.vector = std::vector<float>(dimensions, 1)});  // 3 MB
  const auto before = sqlite3_memory_used();
  for (std::uint64_t opened = 0; opened < 2; ++opened) {
    CAPTURE(opened);
    sqlite3_memory_highwater(1);
    Store store = open_store(folder.file(), {.dimensions = dimensions, .cache_bytes = std::size_t{1} << 20U});
    for (std::uint64_t batch = 0; batch < 3; ++batch) {
      for (std::size_t i = 0; i < records.size(); ++i) records[i].id = (10 * opened + batch) * 1'000 + i;
      REQUIRE(store.batch_write(records));
    }
    CHECK(sqlite3_memory_highwater(0) - before < 3 << 20);  // a writer, a reader, and statements
  }
}

TEST_CASE("a page holds at least eight rows, up to the largest page there is") {
  const Folder folder;
  for (const auto& [dimensions, bytes] : {std::pair<std::size_t, std::size_t>{3, 4096},
                                          {128, 8192},
                                          {384, 16384},
                                          {768, 32768},
                                          {1024, 65536},
                                          {5000, 65536}}) {
    const Store store = open_store(folder.file(std::to_string(dimensions)), {.dimensions = dimensions});
    CHECK(store.settings().value().page_size == bytes);
  }
}

TEST_CASE("every result of SQLite has a code") {
  using shoal::detail::code_of_sqlite;
  CHECK(code_of_sqlite(SQLITE_BUSY_SNAPSHOT) == ErrorCode::store_busy);
  CHECK(code_of_sqlite(SQLITE_LOCKED) == ErrorCode::store_busy);
  CHECK(code_of_sqlite(SQLITE_PROTOCOL) == ErrorCode::store_busy);
  CHECK(code_of_sqlite(SQLITE_FULL) == ErrorCode::storage_full);
  CHECK(code_of_sqlite(SQLITE_IOERR_FSYNC) == ErrorCode::io_error);
  CHECK(code_of_sqlite(SQLITE_IOERR_NOMEM) == ErrorCode::out_of_memory);
  CHECK(code_of_sqlite(SQLITE_NOMEM) == ErrorCode::out_of_memory);
  for (const int code : {SQLITE_CANTOPEN_ISDIR, SQLITE_PERM, SQLITE_READONLY_DBMOVED, SQLITE_AUTH}) {
    CHECK(code_of_sqlite(code) == ErrorCode::cannot_open);
  }
  CHECK(code_of_sqlite(SQLITE_NOTADB) == ErrorCode::corrupt);
  CHECK(code_of_sqlite(SQLITE_CORRUPT_INDEX) == ErrorCode::corrupt);
  for (const int code : {SQLITE_ERROR, SQLITE_CONSTRAINT, SQLITE_MISUSE, SQLITE_TOOBIG, 999}) {
    CHECK(code_of_sqlite(code) == ErrorCode::store_failed);
  }
  const auto error = shoal::detail::sqlite_error(SQLITE_IOERR_FSYNC, nullptr, "writing a record", "/data/v.db");
  CHECK(error.message() == "writing a record: SQLITE_IOERR_FSYNC (1034): disk I/O error; in /data/v.db");
}

}  // namespace
