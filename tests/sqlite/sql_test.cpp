// The file is also its owner's: with SQL, beside the store. And what is durable can be asked for.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "faulty_vfs.hpp"
#include "shoal/sqlite/sqlite_vector_store.hpp"
#include "support.hpp"

namespace {

using shoal::Committed;
using shoal::ErrorCode;
using support::contains;
using support::Folder;
using support::open_store;
using support::Record;
using support::Shell;
using support::Store;

TEST_CASE("a store syncs what it commits, and says so") {
  const Folder folder;
  support::FaultyVfs vfs("counting");
  Store store = open_store(folder.file(), {.dimensions = 3, .vfs = "counting"});
  const auto settings = store.settings().value();
  CHECK(settings.journal_mode == "wal");
  CHECK(settings.synchronous == 2);
  CHECK(Shell(folder.file())("PRAGMA journal_mode") == "wal;");
  for (int i = 0; i < 20; ++i) {
    const auto before = vfs.sync_count();
    REQUIRE(store.batch_write(support::make_records(1, 150)).has_value());
    const auto syncs = vfs.sync_count() - before;
    CHECK(syncs >= 1);
    CHECK(syncs <= 4);  // the log's header, the log; where it is moved into the file, both
  }
  const auto before = vfs.sync_count();
  REQUIRE(store.erase(3).has_value());
  CHECK(vfs.sync_count() > before);
}

TEST_CASE("records can be asked for with SQL, by their metadata too") {
  const Folder folder;
  Store store = open_store(folder.file());
  REQUIRE(store.write({1, {1, 2, 3}, R"({"title":"Shoals of the north","pages":12})", "ab"}).has_value());
  REQUIRE(store.write({2, {4, 5, 6}, R"({"title":"Reefs","pages":300})"}).has_value());
  REQUIRE(store.write({3, {7, 8, 9}}).has_value());
  Shell shell(folder.file());
  CHECK(
      shell(
          "SELECT id, json_extract(metadata, '$.title') FROM vectors WHERE json_extract(metadata, '$.pages') > 100") ==
      "2|Reefs;");
  CHECK(shell("SELECT id, sequence, content_hash, length(vector) / 4, metadata IS NULL FROM vectors ORDER BY id") ==
        "1|1|ab|3|0;2|2||3|0;3|3||3|1;");
  CHECK(shell("SELECT hex(vector) FROM vectors WHERE id = 1") == "0000803F0000004000004040;");  // little-endian
  CHECK(shell("SELECT name, value FROM properties ORDER BY name") ==
        "components|float32;dimensions|3;ids|unsigned;sequence|3;");
  REQUIRE(store.erase(2).has_value());
  CHECK(shell("SELECT id, sequence FROM erased") == "2|4;");
}

TEST_CASE("ids from 2^63 on are negative in SQL, and themselves in the store") {
  const Folder folder;
  Store store = open_store(folder.file());
  for (const std::uint64_t id :
       {std::uint64_t{0}, std::uint64_t{1} << 63, ~std::uint64_t{0}, (std::uint64_t{1} << 63) - 1}) {
    REQUIRE(store.write(support::record_of(id, 1)).has_value());
  }
  CHECK(Shell(folder.file())("SELECT id FROM vectors ORDER BY position") ==
        "0;-9223372036854775808;-1;9223372036854775807;");
  CHECK(support::print(support::changes_since(store, 0)) ==
        "0@1 9223372036854775808@2 18446744073709551615@3 9223372036854775807@4");
}

TEST_CASE("the tables refuse what is no record") {
  const Folder folder;
  Store store = open_store(folder.file());
  Shell shell(folder.file());
  const std::string insert = "INSERT INTO vectors(id, sequence, vector, metadata) VALUES ";
  CHECK(contains(shell(insert + "(1, 1, zeroblob(11), NULL)"), "CHECK constraint failed"));
  CHECK(contains(shell(insert + "(1, 1, '123456789012', NULL)"), "CHECK constraint failed"));
  CHECK(contains(shell(insert + "(1, 1, zeroblob(12), '{x')"), "CHECK constraint failed"));
  CHECK(contains(shell(insert + "('one', 1, zeroblob(12), NULL)"), "CHECK constraint failed"));
  CHECK(contains(shell(insert + "(1, NULL, zeroblob(12), NULL)"), "NOT NULL constraint failed"));
  CHECK(store.count().value() == 0);
  CHECK(shell(insert + "(1, 1, zeroblob(12), '[]'); UPDATE properties SET value = 1 WHERE name = 'sequence'").empty());
  CHECK(store.get(1).value() == Record{1, {0, 0, 0}, "[]"});
  CHECK(store.write(support::record_of<std::uint64_t>(2, 1)).value() == Committed{2, 1});
}

TEST_CASE("a record that cannot be is corrupt when it is read, and named") {
  const Folder folder;
  Store store = open_store(folder.file());
  REQUIRE(store.batch_write(support::make_records(1, 3)).has_value());
  Shell shell(folder.file());
  const auto check = [&](const std::string& change, std::string_view message) {
    CAPTURE(change);
    REQUIRE(!contains(shell("PRAGMA ignore_check_constraints = ON; UPDATE vectors SET " + change + " WHERE id = 2"),
                      "error"));
    const auto read = store.get(2);
    REQUIRE(!read.has_value());
    CHECK(read.error().code() == ErrorCode::corrupt);
    CHECK_MESSAGE(contains(read.error().message(), "the record of id 2: "), read.error().message());
    CHECK_MESSAGE(contains(read.error().message(), message), read.error().message());
    auto cursor = store.read_since(0).value();
    CHECK(cursor.next().value()->record.id == 1);
    CHECK(cursor.next().error().code() == ErrorCode::corrupt);
    CHECK(cursor.next().error().code() == ErrorCode::corrupt);
    REQUIRE(store.batch_write(support::make_records(1, 3)).has_value());  // mends it
    CHECK(store.get(2).value() == support::make_records(1, 3)[1]);
  };
  check("vector = zeroblob(8)", "expected a vector of 12 bytes, got 8");
  check("vector = zeroblob(16)", "expected a vector of 12 bytes, got 16");
  check("vector = 'abcdefghijkl'", "expected a vector that is a blob");
  check("vector = x'00000000' || x'0000C07F' || x'00000000'", "a blob");  // || makes text
  check("vector = x'000000000000C07F00000000'", "component 1 is NaN");
  check("vector = x'00000000000000000000807F'", "component 2 is infinity");
  check("vector = x'000080FF0000000000000000'", "component 0 is -infinity");
  check("content_hash = 7", "expected a content hash that is text");
  check("metadata = 1.5 + 1, content_hash = 4.5", "expected");
  REQUIRE(!contains(shell("UPDATE vectors SET content_hash = 7 WHERE id = 2"), "error"));
  CHECK(store.content_hash(2).error().code() == ErrorCode::corrupt);
  REQUIRE(!contains(shell("UPDATE vectors SET sequence = 'x' WHERE id = 1"), "error"));
  CHECK(store.read_since(0).value().next().error().code() == ErrorCode::corrupt);
}

TEST_CASE("metadata is JSON or refused, whatever kind of JSON") {
  const Folder folder;
  Store store = open_store(folder.file());
  for (const char* json : {"{}", "[1,2]", "3", "null", "\"text\"", R"({"a":{"b":[true]}})", " {} "}) {
    CHECK(!store.validate({1, {1, 2, 3}, json}));
    CHECK(store.write({1, {1, 2, 3}, json}).has_value());
    CHECK(store.get(1).value()->metadata == json);
  }
  const auto last = store.last_sequence().value();
  for (const std::string& text :
       {std::string("{"), std::string("title"), std::string("{'a':1}"), std::string("{\"a\":1}}"),
        std::string("{}\0x", 4), std::string(1, '\0'), std::string(3000, '[')}) {
    const auto fault = store.validate({1, {1, 2, 3}, text});
    REQUIRE(fault.has_value());
    CHECK(fault->code() == ErrorCode::invalid_metadata);
    const std::vector<Record> records{{1, {1, 2, 3}}, {2, {1, 2, 3}, text}};
    const auto refused = store.batch_write(records);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code() == ErrorCode::invalid_metadata);
    CHECK(contains(refused.error().message(), "record 1 (id 2): expected metadata that is JSON, got "));
  }
  CHECK(store.last_sequence().value() == last);
}

TEST_CASE("a component that is not finite is refused, and named") {
  const Folder folder;
  Store store = open_store(folder.file());
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<Record> records{{1, {1, 2, 3}}, {~std::uint64_t{0}, {1, -infinity, 3}}};
  const auto refused = store.batch_write(records);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code() == ErrorCode::not_finite);
  CHECK(refused.error().message() ==
        "record 1 (id 18446744073709551615): expected finite components, component 1 is -infinity");
  CHECK(store.validate({1, {1, 2, std::numeric_limits<float>::quiet_NaN()}})->code() == ErrorCode::not_finite);
  CHECK(store.count().value() == 0);
}

TEST_CASE("another program's lock makes a store busy, and nothing changes") {
  const Folder folder;
  Store store = open_store(folder.file(), {.dimensions = 3, .busy_timeout = std::chrono::milliseconds(1)});
  REQUIRE(store.batch_write(support::make_records(1, 3)).has_value());
  Shell shell(folder.file());
  REQUIRE(shell("BEGIN IMMEDIATE; DELETE FROM vectors").empty());
  for (const auto& refused : {store.batch_write(support::make_records(2, 3, 2)), store.erase(1)}) {
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code() == ErrorCode::store_busy);
    CHECK(contains(refused.error().message(), "beginning a transaction: SQLITE_BUSY (5): database is locked; in "));
  }
  // Reading goes on, and sees nothing of what is not committed.
  CHECK(store.count().value() == 3);
  CHECK(store.content_hash(2).value() == "v1");
  CHECK(support::print(support::changes_since(store, 0)) == "1@1 2@1 3@1");
  CHECK(!store.validate(support::make_records(1, 1)[0]));
  REQUIRE(shell("ROLLBACK").empty());
  CHECK(store.batch_write(support::make_records(2, 3, 2)).value() == Committed{2, 3});
}

TEST_CASE("another program that reads does not hold a store up") {
  const Folder folder;
  Store store = open_store(folder.file(), {.dimensions = 3, .busy_timeout = {}});
  REQUIRE(store.batch_write(support::make_records(1, 3)).has_value());
  Shell shell(folder.file());
  REQUIRE(shell("BEGIN; SELECT count(*) FROM vectors") == "3;");
  CHECK(store.batch_write(support::make_records(4, 3)).value() == Committed{2, 3});
  CHECK(shell("SELECT count(*) FROM vectors") == "3;");
  CHECK(shell("COMMIT; SELECT count(*) FROM vectors") == "6;");
}

}  // namespace
