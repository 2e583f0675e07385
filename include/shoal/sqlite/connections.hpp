#pragma once
// The two kinds of connection of a store, each with its statements: one that writes, and any number that read. Readers
// are opened when they are needed, lent out for a call or for the life of a cursor, and kept for the next.
// Whoever meets an error with a reader closes it; the next one opens another.

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sqlite3.h>

#include "shoal/core/error.hpp"
#include "shoal/core/lock.hpp"
#include "shoal/sqlite/database.hpp"
#include "shoal/sqlite/options.hpp"
#include "shoal/sqlite/row.hpp"
#include "shoal/sqlite/schema.hpp"

namespace shoal::inline v0::detail {

struct Preparation {
  Statement* statement;
  const char* sql;
  const char* doing;
};

template <std::size_t N>
[[nodiscard]] std::optional<Error> prepare_all(const Database& db, const std::array<Preparation, N>& all) {
  for (const Preparation& one : all) {
    auto prepared = db.prepare(one.sql, one.doing);
    if (!prepared) return as_damage(std::move(prepared).error());
    *one.statement = *std::move(prepared);
  }
  return std::nullopt;
}

/// SQLite counts the cache in pages, of the size that they have now: to be called again when that changes, or a cache
/// of 2 MiB becomes one of 16 MiB when pages of 4 KiB become pages of 32.
[[nodiscard]] inline std::optional<Error> limit_cache(const Database& db, const SqliteStoreOptions& options) {
  const std::string sql =  // in KiB where it is negative
      "PRAGMA cache_size = -" + std::to_string(std::clamp<std::size_t>(options.cache_bytes / 1'024, 1, 1'000'000'000));
  return db.run(sql.c_str(), "opening the store");
}

/// A connection with what all of ours share: nothing is put into temporary files, and pages are checked as they are
/// read. (Not trusted_schema = OFF: SQLite 3.40 then refuses json_valid in a CHECK.)
[[nodiscard]] inline Expected<Database, Error> connect(const std::string& path, int flags,
                                                       const SqliteStoreOptions& options) {
  auto db = Database::open(path, flags, options.vfs, busy_timeout_ms(options));
  if (!db) return db;
  if (auto failed = limit_cache(*db, options)) return Unexpected<Error>(*std::move(failed));
  for (const char* sql : {"PRAGMA temp_store = MEMORY", "PRAGMA cell_size_check = ON"}) {
    if (auto failed = db->run(sql, "opening the store")) return Unexpected<Error>(*std::move(failed));
  }
  return db;
}

struct Reader {
  Database db;
  Statement begin, end, get, content_hash, count, last_sequence, is_json, parse_json, all, changed, erased;
  std::size_t dimensions = 0;

  /// *Errors*: those of SQLite; incompatible and corrupt where there is no store of this format.
  [[nodiscard]] static Expected<std::unique_ptr<Reader>, Error> open(const std::string& path,
                                                                     const SqliteStoreOptions& options,
                                                                     const StoreFormat& format) {
    auto db = connect(path, SQLITE_OPEN_READONLY, options);
    if (!db) return Unexpected<Error>(std::move(db).error());
    const auto is_empty = is_empty_file(*db);
    if (!is_empty) return Unexpected<Error>(is_empty.error());
    if (*is_empty) {
      return Unexpected<Error>(make_error(ErrorCode::incompatible, "expected a store, got an empty file; in ", path));
    }
    const auto dimensions = check_properties(*db, format);
    if (!dimensions) return Unexpected<Error>(dimensions.error());
    auto reader = std::make_unique<Reader>();
    reader->db = *std::move(db);
    reader->dimensions = *dimensions;
    Reader& r = *reader;
    const std::array<Preparation, 11> statements{{
        {&r.begin, "BEGIN", "beginning to read"},
        {&r.end, "COMMIT", "ending to read"},
        {&r.get, "SELECT " SHOAL_RECORD_COLUMNS " FROM vectors WHERE id = ?1", "reading a record"},
        {&r.content_hash, "SELECT content_hash FROM vectors WHERE id = ?1", "reading a content hash"},
        {&r.count, "SELECT count(*) FROM vectors", "counting the records"},
        {&r.last_sequence, "SELECT value FROM properties WHERE name = 'sequence'", "reading the last sequence"},
        {&r.is_json, "SELECT json_valid(?1)", "checking metadata"},
        {&r.parse_json, "SELECT json_type(?1)", "checking metadata"},
        {&r.all, "SELECT " SHOAL_RECORD_COLUMNS ", sequence FROM vectors ORDER BY position", "reading the records"},
        {&r.changed,
         "SELECT " SHOAL_RECORD_COLUMNS ", sequence FROM vectors WHERE sequence > ?1 ORDER BY sequence, position",
         "reading what changed"},
        {&r.erased, "SELECT id, sequence FROM erased WHERE sequence > ?1 ORDER BY sequence, position",
         "reading what was erased"},
    }};
    if (auto failed = prepare_all(reader->db, statements)) return Unexpected<Error>(*std::move(failed));
    return reader;
  }
};

/// Whether SQLite takes a text for JSON. json_valid says no also when it had no memory (3.40); json_type tells which.
[[nodiscard]] inline Expected<bool, Error> is_json(const Reader& reader, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return false;  // to SQLite, a text ends there
  for (const bool is_last : {false, true}) {
    {
      Rows rows(reader.is_json, text);
      auto row = rows.next();
      if (!row) return Unexpected<Error>(std::move(row).error());
      if (rows.integer(0) == 1) return true;
    }
    if (is_last) break;
    Rows rows(reader.parse_json, text);
    auto row = rows.next();
    if (!row && row.error().code() == ErrorCode::store_failed) return false;  // "malformed JSON"
    if (!row) return Unexpected<Error>(std::move(row).error());
  }
  return false;
}

/// Readers that nobody uses at the moment.
class ReaderPool {
 public:
  ReaderPool() { idle_.reserve(most_idle); }

  [[nodiscard]] std::unique_ptr<Reader> take() {
    return lock_([&]() -> std::unique_ptr<Reader> {
      if (idle_.empty()) return nullptr;
      auto reader = std::move(idle_.back());
      idle_.pop_back();
      return reader;
    });
  }

  void give(std::unique_ptr<Reader> reader) noexcept {
    if (reader == nullptr || reader->db.in_transaction()) return;
    lock_([&] {
      if (idle_.size() < most_idle) idle_.push_back(std::move(reader));
    });
  }

 private:
  static constexpr std::size_t most_idle = 8;

  Lock lock_;
  std::vector<std::unique_ptr<Reader>> idle_;
};

struct Writer {
  Database db;
  Statement begin, commit, roll_back, last_sequence, set_sequence, insert, any_erased, forget_erased, remove,
      remember_erased;

  /// Reaches for the file with the flags given, without touching it.
  [[nodiscard]] static Expected<Writer, Error> connect(const std::string& path, int flags,
                                                       const SqliteStoreOptions& options) {
    auto db = detail::connect(path, flags, options);
    if (!db) return Unexpected<Error>(std::move(db).error());
    Writer writer;
    writer.db = *std::move(db);
    if (sqlite3_db_readonly(writer.db.get(), "main") == 1) {
      return Unexpected<Error>(make_error(ErrorCode::cannot_open, "expected a file that may be written, got one that ",
                                          "may only be read; in ", writer.db.path()));
    }
    return writer;
  }

  /// Write-ahead log, and a sync at every commit. Both are read back: not every file system can do it.
  [[nodiscard]] std::optional<Error> make_durable() const {
    constexpr const char* doing = "setting up the write-ahead log";
    const auto mode = db.text("PRAGMA journal_mode = WAL", doing);
    if (!mode) return mode.error();
    if (*mode != "wal") {
      return make_error(ErrorCode::cannot_open,
                        "expected a file system with write-ahead logs (journal mode 'wal'), got '", *mode, "'; in ",
                        db.path());
    }
    for (const char* sql : {"PRAGMA synchronous = FULL", "PRAGMA fullfsync = ON", "PRAGMA checkpoint_fullfsync = ON"}) {
      if (auto failed = db.run(sql, doing)) return failed;
    }
    const auto synchronous = db.integer("PRAGMA synchronous", doing);
    if (!synchronous) return synchronous.error();
    if (*synchronous == 2) return std::nullopt;
    return make_error(ErrorCode::store_failed, "expected a connection that syncs (synchronous 2), got ", *synchronous,
                      "; in ", db.path());
  }

  [[nodiscard]] std::optional<Error> prepare() {
    return prepare_all(
        db,
        std::array<Preparation, 10>{{
            {&begin, "BEGIN IMMEDIATE", "beginning a transaction"},
            {&commit, "COMMIT", "committing a transaction"},
            {&roll_back, "ROLLBACK", "rolling a transaction back"},
            {&last_sequence, "SELECT value FROM properties WHERE name = 'sequence'", "reading the last sequence"},
            {&set_sequence, "UPDATE properties SET value = ?1 WHERE name = 'sequence'", "writing the last sequence"},
            {&insert,
             "INSERT OR REPLACE INTO vectors(id, sequence, vector, content_hash, metadata) "
             "VALUES (?1, ?2, ?3, ?4, ?5)",
             "writing a record"},
            {&any_erased, "SELECT EXISTS (SELECT 1 FROM erased)", "looking for erased ids"},
            {&forget_erased, "DELETE FROM erased WHERE id = ?1", "writing a record"},
            {&remove, "DELETE FROM vectors WHERE id = ?1", "erasing a record"},
            {&remember_erased, "INSERT OR REPLACE INTO erased(id, sequence) VALUES (?1, ?2)", "erasing a record"},
        }});
  }

  /// Takes an open transaction back. False where that failed: the connection is of no use any more.
  [[nodiscard]] bool undo() noexcept {
    if (db.in_transaction()) {
      sqlite3_step(roll_back.get());
      sqlite3_reset(roll_back.get());
    }
    return !db.in_transaction();
  }
};

/// Opens the file as one that a store of this format may live in, and makes the store where there is none.
/// *Errors*: those of SQLite; incompatible, corrupt, and the file untouched; invalid_config where a store was to be
/// made of 0 dimensions.
[[nodiscard]] inline Expected<Writer, Error> open_writer(const std::string& path, const SqliteStoreOptions& options,
                                                         const StoreFormat& format) {
  const bool may_create = options.create && options.dimensions != 0;
  auto writer = Writer::connect(path, SQLITE_OPEN_READWRITE | (may_create ? SQLITE_OPEN_CREATE : 0), options);
  const auto refuse = [](Error&& error) { return Unexpected<Error>(std::move(error)); };
  if (!writer) {
    if (!options.create || may_create || writer.error().code() != ErrorCode::cannot_open) return writer;
    return refuse(make_error(ErrorCode::cannot_open, writer.error().message(), " (a new store needs dimensions)"));
  }
  const Database& db = writer->db;
  if (db.path().empty()) {
    return refuse(make_error(ErrorCode::cannot_open, "expected the path of a file, got '", path,
                             "', which is kept in memory or thrown away"));
  }
  // Until the file is known to be ours, closing leaves even its log as it is.
  sqlite3_db_config(db.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  auto is_empty = is_empty_file(db);
  if (!is_empty) return refuse(std::move(is_empty).error());
  if (*is_empty) {
    if (!may_create) {
      return refuse(make_error(options.create ? ErrorCode::invalid_config : ErrorCode::incompatible,
                               options.create ? "expected dimensions, which a new store needs, got 0; in "
                                              : "expected a store, got an empty file; in ",
                               db.path()));
    }
    const std::string page_size = "PRAGMA page_size = " + std::to_string(page_size_for(options.dimensions));
    if (auto failed = db.run(page_size.c_str(), "creating the store")) return refuse(*std::move(failed));
    if (auto failed = limit_cache(db, options)) return refuse(*std::move(failed));
  } else if (auto dimensions = check_properties(db, format); !dimensions) {
    return refuse(std::move(dimensions).error());
  }
  if (auto failed = writer->make_durable()) return refuse(*std::move(failed));
  if (*is_empty) {
    if (auto failed = db.run("BEGIN IMMEDIATE", "creating the store")) return refuse(*std::move(failed));
    is_empty = is_empty_file(db);  // another program may have been faster
    if (!is_empty) return refuse(std::move(is_empty).error());
    if (*is_empty) {
      if (auto failed = create_tables(db, format)) return refuse(*std::move(failed));
    }
    if (auto failed = db.run("COMMIT", "creating the store")) return refuse(*std::move(failed));
  }
  const auto dimensions = check_properties(db, format);
  if (!dimensions) return refuse(Error(dimensions.error()));
  sqlite3_db_config(db.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  if (auto failed = writer->prepare()) return refuse(*std::move(failed));
  return writer;
}

}  // namespace shoal::inline v0::detail
