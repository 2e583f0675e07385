#pragma once
// What SQLite's result codes mean to a user of the library: one table from its codes to ours, and messages that name
// the code, what was being done and the file.
//
//   SQLITE_BUSY, LOCKED, PROTOCOL              store_busy     another program holds the lock
//   SQLITE_FULL                                storage_full
//   SQLITE_NOMEM, IOERR_NOMEM                  out_of_memory
//   SQLITE_IOERR and its kinds                 io_error
//   SQLITE_CANTOPEN, PERM, READONLY, AUTH      cannot_open
//   SQLITE_NOTADB, CORRUPT                     corrupt
//   everything else                            store_failed

#include <string>
#include <string_view>

#include <sqlite3.h>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"

namespace shoal::inline v0::detail {

/// Our code for a primary or extended result code of SQLite.
[[nodiscard]] constexpr ErrorCode code_of_sqlite(int code) noexcept {
  if (code == SQLITE_IOERR_NOMEM) return ErrorCode::out_of_memory;
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: return ErrorCode::store_busy;
    case SQLITE_FULL: return ErrorCode::storage_full;
    case SQLITE_NOMEM: return ErrorCode::out_of_memory;
    case SQLITE_IOERR: return ErrorCode::io_error;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH: return ErrorCode::cannot_open;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT: return ErrorCode::corrupt;
    default: return ErrorCode::store_failed;
  }
}

/// SQLite's own name of a code: of the extended one where it tells more, else of the primary one.
[[nodiscard]] constexpr std::string_view name_of_sqlite(int code) noexcept {
  switch (code) {
    case SQLITE_BUSY_RECOVERY: return "SQLITE_BUSY_RECOVERY";
    case SQLITE_BUSY_SNAPSHOT: return "SQLITE_BUSY_SNAPSHOT";
    case SQLITE_CANTOPEN_FULLPATH: return "SQLITE_CANTOPEN_FULLPATH";
    case SQLITE_CANTOPEN_ISDIR: return "SQLITE_CANTOPEN_ISDIR";
    case SQLITE_CONSTRAINT_CHECK: return "SQLITE_CONSTRAINT_CHECK";
    case SQLITE_IOERR_ACCESS: return "SQLITE_IOERR_ACCESS";
    case SQLITE_IOERR_CLOSE: return "SQLITE_IOERR_CLOSE";
    case SQLITE_IOERR_DELETE: return "SQLITE_IOERR_DELETE";
    case SQLITE_IOERR_DIR_FSYNC: return "SQLITE_IOERR_DIR_FSYNC";
    case SQLITE_IOERR_FSTAT: return "SQLITE_IOERR_FSTAT";
    case SQLITE_IOERR_FSYNC: return "SQLITE_IOERR_FSYNC";
    case SQLITE_IOERR_LOCK: return "SQLITE_IOERR_LOCK";
    case SQLITE_IOERR_NOMEM: return "SQLITE_IOERR_NOMEM";
    case SQLITE_IOERR_RDLOCK: return "SQLITE_IOERR_RDLOCK";
    case SQLITE_IOERR_READ: return "SQLITE_IOERR_READ";
    case SQLITE_IOERR_SHMLOCK: return "SQLITE_IOERR_SHMLOCK";
    case SQLITE_IOERR_SHMMAP: return "SQLITE_IOERR_SHMMAP";
    case SQLITE_IOERR_SHMOPEN: return "SQLITE_IOERR_SHMOPEN";
    case SQLITE_IOERR_SHMSIZE: return "SQLITE_IOERR_SHMSIZE";
    case SQLITE_IOERR_SHORT_READ: return "SQLITE_IOERR_SHORT_READ";
    case SQLITE_IOERR_TRUNCATE: return "SQLITE_IOERR_TRUNCATE";
    case SQLITE_IOERR_UNLOCK: return "SQLITE_IOERR_UNLOCK";
    case SQLITE_IOERR_WRITE: return "SQLITE_IOERR_WRITE";
    case SQLITE_READONLY_DBMOVED: return "SQLITE_READONLY_DBMOVED";
    default: break;
  }
  switch (code & 0xFF) {
    case SQLITE_ERROR: return "SQLITE_ERROR";
    case SQLITE_PERM: return "SQLITE_PERM";
    case SQLITE_ABORT: return "SQLITE_ABORT";
    case SQLITE_BUSY: return "SQLITE_BUSY";
    case SQLITE_LOCKED: return "SQLITE_LOCKED";
    case SQLITE_NOMEM: return "SQLITE_NOMEM";
    case SQLITE_READONLY: return "SQLITE_READONLY";
    case SQLITE_INTERRUPT: return "SQLITE_INTERRUPT";
    case SQLITE_IOERR: return "SQLITE_IOERR";
    case SQLITE_CORRUPT: return "SQLITE_CORRUPT";
    case SQLITE_FULL: return "SQLITE_FULL";
    case SQLITE_CANTOPEN: return "SQLITE_CANTOPEN";
    case SQLITE_PROTOCOL: return "SQLITE_PROTOCOL";
    case SQLITE_SCHEMA: return "SQLITE_SCHEMA";
    case SQLITE_TOOBIG: return "SQLITE_TOOBIG";
    case SQLITE_CONSTRAINT: return "SQLITE_CONSTRAINT";
    case SQLITE_MISMATCH: return "SQLITE_MISMATCH";
    case SQLITE_MISUSE: return "SQLITE_MISUSE";
    case SQLITE_AUTH: return "SQLITE_AUTH";
    case SQLITE_RANGE: return "SQLITE_RANGE";
    case SQLITE_NOTADB: return "SQLITE_NOTADB";
    default: return "SQLite's result";
  }
}

/// "writing a record: SQLITE_IOERR_FSYNC (1034): disk I/O error; in /data/vectors.db"
[[nodiscard]] SHOAL_COLD inline Error sqlite_error(int code, std::string_view text, std::string_view doing,
                                                   std::string_view path) noexcept {
  return make_error(code_of_sqlite(code), doing, ": ", name_of_sqlite(code), " (", code, "): ", text, "; in ", path);
}

/// The same, with the text that the connection has for its last error where that is the one. `db` may be null.
[[nodiscard]] SHOAL_COLD inline Error sqlite_error(int code, sqlite3* db, std::string_view doing,
                                                   std::string_view path = {}) noexcept {
  const bool is_last = db != nullptr && (sqlite3_extended_errcode(db) & 0xFF) == (code & 0xFF);
  const char* text = is_last ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  if (db != nullptr && path.empty()) {
    if (const char* name = sqlite3_db_filename(db, "main")) path = name;
  }
  return sqlite_error(code, text == nullptr ? "no text" : text, doing, path);
}

}  // namespace shoal::inline v0::detail
