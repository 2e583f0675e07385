#pragma once
// SQLite's connection and prepared statement as values that close themselves. A Database is for one thread at a time.
// A Statement knows what it is for, so that its errors can say what was being done; it ends before its Database.
// Only constant text is ever compiled as SQL: what comes from users is bound.

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sqlite3.h>

#include "shoal/core/error.hpp"
#include "shoal/sqlite/sqlite_error.hpp"

namespace shoal::inline v0::detail {

class Statement {
 public:
  Statement() noexcept = default;
  Statement(sqlite3_stmt* handle, const char* doing) noexcept : handle_(handle), doing_(doing) {}
  Statement(Statement&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)), doing_(other.doing_) {}
  Statement& operator=(Statement&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(doing_, other.doing_);
    return *this;
  }
  ~Statement() { sqlite3_finalize(handle_); }

  [[nodiscard]] sqlite3_stmt* get() const noexcept { return handle_; }
  [[nodiscard]] Error error(int code) const noexcept { return sqlite_error(code, sqlite3_db_handle(handle_), doing_); }

  /// What was read cannot be.
  [[nodiscard]] Error damage(std::string_view what) const noexcept {
    const char* path = sqlite3_db_filename(sqlite3_db_handle(handle_), "main");
    return make_error(ErrorCode::corrupt, doing_, ": ", what, "; in ", path == nullptr ? "" : path);
  }

  /// Runs what returns no rows, or none that matter.
  template <class... Values>
  [[nodiscard]] std::optional<Error> run(const Values&... values);

 private:
  sqlite3_stmt* handle_ = nullptr;
  const char* doing_ = "";
};

/// One run of a statement, reset when it ends. What was bound must live as long.
class Rows {
 public:
  template <class... Values>
  explicit Rows(const Statement& statement, const Values&... values) noexcept : statement_(&statement) {
    int position = 0;
    (bind(++position, values), ...);
  }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows() {
    sqlite3_reset(statement_->get());
    sqlite3_clear_bindings(statement_->get());
  }

  /// Goes to the next row; false after the last.
  [[nodiscard]] Expected<bool, Error> next() {
    if (bound_ != SQLITE_OK) return Unexpected<Error>(statement_->error(bound_));
    const int code = sqlite3_step(statement_->get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return Unexpected<Error>(error(code));
  }

  [[nodiscard]] Error error(int code) const noexcept {
    sqlite3* const db = sqlite3_db_handle(statement_->get());
    const int extended = sqlite3_extended_errcode(db);  // sqlite3_step may give the primary code alone
    return statement_->error((extended & 0xFF) == (code & 0xFF) ? extended : code);
  }

  [[nodiscard]] int type(int column) const noexcept { return sqlite3_column_type(statement_->get(), column); }
  [[nodiscard]] std::int64_t integer(int column) const noexcept {
    return sqlite3_column_int64(statement_->get(), column);
  }
  /// The bytes of a text or blob as they are stored, good until the next row; nothing where memory ran out.
  [[nodiscard]] std::optional<std::span<const unsigned char>> bytes(int column) const noexcept {
    const auto* data = static_cast<const unsigned char*>(sqlite3_column_blob(statement_->get(), column));
    const int count = sqlite3_column_bytes(statement_->get(), column);
    if (data == nullptr && count != 0) return std::nullopt;
    return std::span(data, static_cast<std::size_t>(count));
  }

 private:
  void bind(int position, std::int64_t value) noexcept { note(sqlite3_bind_int64(statement_->get(), position, value)); }
  /// Text; null where it is empty.
  void bind(int position, std::string_view text) noexcept {
    note(text.empty()
             ? sqlite3_bind_null(statement_->get(), position)
             : sqlite3_bind_text64(statement_->get(), position, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8));
  }
  void bind(int position, std::span<const unsigned char> blob) noexcept {
    note(sqlite3_bind_blob64(statement_->get(), position, blob.data(), blob.size(), SQLITE_STATIC));
  }
  void note(int code) noexcept {
    if (bound_ == SQLITE_OK) bound_ = code;
  }

  const Statement* statement_;
  int bound_ = SQLITE_OK;
};

template <class... Values>
std::optional<Error> Statement::run(const Values&... values) {
  Rows rows(*this, values...);
  for (;;) {
    auto more = rows.next();
    if (!more) return std::move(more).error();
    if (!*more) return std::nullopt;
  }
}

/// The one number, not negative, that a statement gives: a count, a sequence.
[[nodiscard]] inline Expected<std::uint64_t, Error> read_number(const Statement& statement) {
  Rows rows(statement);
  auto row = rows.next();
  if (!row) return Unexpected<Error>(std::move(row).error());
  if (*row && rows.type(0) == SQLITE_INTEGER && rows.integer(0) >= 0) {
    return static_cast<std::uint64_t>(rows.integer(0));
  }
  return Unexpected<Error>(statement.damage("expected a number from 0 on, got something else"));
}

/// An error of compiling our own SQL against a file's tables: SQLITE_ERROR says that these are not what they should be.
[[nodiscard]] inline Error as_damage(Error&& error) noexcept {
  if (error.code() != ErrorCode::store_failed) return std::move(error);
  return make_error(ErrorCode::corrupt, "expected the tables of a store: ", error.message());
}

class Database {
 public:
  Database() noexcept = default;
  Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Database& operator=(Database&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  /// Takes back a transaction that is open. The last connection to a file moves the log into it.
  ~Database() { sqlite3_close(handle_); }

  /// *Threads*: any one at a time. `vfs`: SQLite's name of a file layer; empty: the default.
  [[nodiscard]] static Expected<Database, Error> open(const std::string& path, int flags, const std::string& vfs,
                                                      int busy_timeout_ms) {
    Database database;
    const int code = sqlite3_open_v2(path.c_str(), &database.handle_, flags | SQLITE_OPEN_NOMUTEX,
                                     vfs.empty() ? nullptr : vfs.c_str());
    if (code != SQLITE_OK) {
      const int extended = database.handle_ == nullptr ? code : sqlite3_extended_errcode(database.handle_);
      return Unexpected<Error>(sqlite_error((extended & 0xFF) == (code & 0xFF) ? extended : code, database.handle_,
                                            "opening the store", path));
    }
    sqlite3_extended_result_codes(database.handle_, 1);
    sqlite3_busy_timeout(database.handle_, busy_timeout_ms);
    return database;
  }

  [[nodiscard]] sqlite3* get() const noexcept { return handle_; }
  [[nodiscard]] bool in_transaction() const noexcept { return sqlite3_get_autocommit(handle_) == 0; }
  [[nodiscard]] std::string_view path() const noexcept {
    const char* name = sqlite3_db_filename(handle_, "main");
    return name == nullptr ? std::string_view() : std::string_view(name);
  }

  /// `doing` ends up in messages: "writing a record". Both texts are constants of the program.
  [[nodiscard]] Expected<Statement, Error> prepare(const char* sql, const char* doing) const {
    sqlite3_stmt* handle = nullptr;
    const int code = sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
    if (code != SQLITE_OK) return Unexpected<Error>(sqlite_error(code, handle_, doing));
    return Statement(handle, doing);
  }

  /// Compiles and runs once.
  [[nodiscard]] std::optional<Error> run(const char* sql, const char* doing) const {
    auto statement = prepare(sql, doing);
    return statement ? statement->run() : std::optional<Error>(std::move(statement).error());
  }

  /// The first column of the first row, as a number.
  [[nodiscard]] Expected<std::int64_t, Error> integer(const char* sql, const char* doing) const {
    auto statement = prepare(sql, doing);
    if (!statement) return Unexpected<Error>(std::move(statement).error());
    Rows rows(*statement);
    auto row = rows.next();
    if (!row) return Unexpected<Error>(std::move(row).error());
    return *row ? rows.integer(0) : 0;
  }

  /// The first column of the first row, as text; empty where there is no row.
  [[nodiscard]] Expected<std::string, Error> text(const char* sql, const char* doing) const {
    auto statement = prepare(sql, doing);
    if (!statement) return Unexpected<Error>(std::move(statement).error());
    Rows rows(*statement);
    auto row = rows.next();
    if (!row) return Unexpected<Error>(std::move(row).error());
    if (!*row) return std::string();
    const auto bytes = rows.bytes(0);
    if (!bytes) return Unexpected<Error>(Error(ErrorCode::out_of_memory));
    return std::string(bytes->begin(), bytes->end());
  }

 private:
  sqlite3* handle_ = nullptr;
};

}  // namespace shoal::inline v0::detail
