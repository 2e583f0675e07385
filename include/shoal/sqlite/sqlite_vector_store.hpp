#pragma once
// A durable store of records in one file of SQLite: what a write returned is on the disk, and a batch is there as a
// whole or not at all, whatever ends the program. Readers never wait for the one that writes, nor it for them: the file
// is kept with a write-ahead log, and each reader has a connection of its own. The tables are drawn in schema.hpp, the
// codes of errors in sqlite_error.hpp.
//
// Needs SQLite 3 (target shoal::sqlite), built with its JSON functions and for threads, as it is by default.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sqlite3.h>

#include "shoal/core/error.hpp"
#include "shoal/core/lock.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/ingest/record.hpp"
#include "shoal/ingest/vector_store.hpp"
#include "shoal/sqlite/connections.hpp"
#include "shoal/sqlite/database.hpp"
#include "shoal/sqlite/options.hpp"
#include "shoal/sqlite/row.hpp"
#include "shoal/sqlite/schema.hpp"

namespace shoal::inline v0 {

/// Ids are stored as 64-bit integers, those from 2^63 on as negative ones. A store of unsigned ids is not opened for
/// signed ones, nor the other way round; a narrower type of the same kind may open a store whose ids fit it.
///
/// *Errors* of any function, by what SQLite reports: store_busy (after `busy_timeout`), storage_full, io_error,
/// out_of_memory, cannot_open, corrupt, store_failed; the store is as it was, and goes on when the cause is gone. An
/// error of a write means that nobody sees it. One kind is less certain: where the disk failed at the very end of a
/// commit and the program ends before the store could write again, the next program may find that batch, whole.
/// *Threads*: any function, from any number; moving is for one alone. Writes follow each other. Other programs may read
/// and write the same file. Not across fork. *Cost*: `cache_bytes` for the writer and for each reader that was needed
/// at once, of which eight at most are kept.
template <detail::StoredId Id = std::uint64_t>
class SqliteVectorStore {
 public:
  using id_type = Id;
  class Cursor;

  /// Opens a store, or makes one. `path` is UTF-8.
  ///
  /// *Errors*: cannot_open: no such file (also where one was to be made, of 0 dimensions), directory or permission, or
  /// a place without write-ahead logs (":memory:", some network file systems). corrupt, incompatible: a file that is no
  /// store, or not of these dimensions, components or ids, or of a newer version; it is untouched. invalid_config: 0
  /// dimensions for an empty file, or too many.
  [[nodiscard]] static Expected<SqliteVectorStore, Error> open(const std::string& path,
                                                               const SqliteStoreOptions& options = {}) {
    SHOAL_TRY {
      auto state = std::make_shared<State>();
      if (auto failed = state->open(path, options)) return Unexpected<Error>(*std::move(failed));
      return SqliteVectorStore(std::move(state));
    }
    SHOAL_CATCH_BAD_ALLOC { return no_memory(); }
  }

  [[nodiscard]] std::size_t dimensions() const noexcept { return state_->format.dimensions; }

  [[nodiscard]] Expected<Committed, Error> write(const Record<Id>& record) {
    return batch_write(std::span(&record, 1));
  }

  /// Inserts or replaces, in one transaction. *Errors*: as `validate`, with the record's position and id; those above.
  [[nodiscard]] Expected<Committed, Error> batch_write(std::span<const Record<Id>> records) {
    SHOAL_TRY {
      for (std::size_t i = 0; i < records.size(); ++i) {
        const auto fault = state_->find_fault(records[i]);
        if (!fault) continue;
        return Unexpected<Error>(detail::make_error(fault->code(), "record ", i, " (id ",
                                                    detail::print_id(records[i].id), "): ", fault->message()));
      }
      return state_->transact([&](std::int64_t sequence) { return state_->put(sequence, records); });
    }
    SHOAL_CATCH_BAD_ALLOC { return no_memory(); }
  }

  [[nodiscard]] Expected<Committed, Error> erase(Id id) { return batch_erase(std::span(&id, 1)); }

  /// Removes those that are there, in one transaction.
  [[nodiscard]] Expected<Committed, Error> batch_erase(std::span<const Id> ids) {
    SHOAL_TRY {
      return state_->transact([&](std::int64_t sequence) { return state_->remove(sequence, ids); });
    }
    SHOAL_CATCH_BAD_ALLOC { return no_memory(); }
  }

  /// *Errors*: dimension_mismatch; not_finite; invalid_metadata; those above, of asking SQLite about the metadata.
  [[nodiscard]] std::optional<Error> validate(const Record<Id>& record) const {
    SHOAL_TRY { return state_->find_fault(record); }
    SHOAL_CATCH_BAD_ALLOC { return Error(ErrorCode::out_of_memory); }
  }

  [[nodiscard]] Expected<std::optional<Record<Id>>, Error> get(Id id) const {
    using Result = Expected<std::optional<Record<Id>>, Error>;
    return state_->read([&](detail::Reader& reader) -> Result {
      detail::Rows rows(reader.get, detail::to_stored(id));
      auto row = rows.next();
      if (!row) return Unexpected<Error>(std::move(row).error());
      if (!*row) return std::optional<Record<Id>>();
      Record<Id> record;
      if (auto fault = detail::read_record(rows, dimensions(), reader.db.path(), record)) {
        return Unexpected<Error>(*std::move(fault));
      }
      return std::optional<Record<Id>>(std::move(record));
    });
  }

  [[nodiscard]] Expected<std::string, Error> content_hash(Id id) const {
    return state_->read([&](detail::Reader& reader) -> Expected<std::string, Error> {
      detail::Rows rows(reader.content_hash, detail::to_stored(id));
      auto row = rows.next();
      if (!row) return Unexpected<Error>(std::move(row).error());
      std::string hash;
      if (!*row) return hash;
      auto read = detail::read_text(rows, 0, hash);
      if (!read) return Unexpected<Error>(std::move(read).error());
      if (*read) return hash;
      return Unexpected<Error>(detail::make_error(ErrorCode::corrupt, "the record of id ", detail::print_id(id),
                                                  ": expected a content hash that is text, got a number; in ",
                                                  reader.db.path()));
    });
  }

  /// *Cost*: goes over an index; 0.1 ms for 100,000 records.
  [[nodiscard]] Expected<std::uint64_t, Error> count() const {
    return state_->read([&](detail::Reader& reader) { return detail::read_number(reader.count); });
  }

  [[nodiscard]] Expected<std::uint64_t, Error> last_sequence() const {
    return state_->read([&](detail::Reader& reader) { return detail::read_number(reader.last_sequence); });
  }

  /// Changes after transaction `sequence`. While a cursor lives that is not at its end, the log cannot be moved into
  /// the file, and grows with every write.
  [[nodiscard]] Expected<Cursor, Error> read_since(std::uint64_t sequence) const {
    SHOAL_TRY {
      auto reader = state_->borrow();
      if (!reader) return Unexpected<Error>(std::move(reader).error());
      Cursor cursor(state_, *std::move(reader), sequence);
      if (auto failed = cursor.begin()) return Unexpected<Error>(*std::move(failed));
      return cursor;
    }
    SHOAL_CATCH_BAD_ALLOC { return no_memory(); }
  }

  /// How the connection that writes is set up. *Errors*: cannot_open for a store that may only be read.
  [[nodiscard]] Expected<SqliteSettings, Error> settings() const {
    SHOAL_TRY { return state_->settings(); }
    SHOAL_CATCH_BAD_ALLOC { return no_memory(); }
  }

 private:
  struct State;

  explicit SqliteVectorStore(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

  [[nodiscard]] static Unexpected<Error> no_memory() noexcept {
    return Unexpected<Error>(Error(ErrorCode::out_of_memory));
  }

  std::shared_ptr<State> state_;
};

/// What a store and its cursors share.
template <detail::StoredId Id>
struct SqliteVectorStore<Id>::State {
  std::string path;
  SqliteStoreOptions options;
  detail::StoreFormat format{0, std::is_signed_v<Id>};
  detail::Lock writing;
  std::optional<detail::Writer> writer;  // before the readers: it is closed last, and moves the log into the file
  detail::ReaderPool readers;

  [[nodiscard]] std::optional<Error> open(const std::string& given_path, const SqliteStoreOptions& given_options) {
    path = given_path;
    options = given_options;
    format.dimensions = options.dimensions;
    if (options.dimensions > detail::store_max_dimensions) {
      return detail::make_error(ErrorCode::invalid_config, "expected at most ", detail::store_max_dimensions,
                                " dimensions, got ", options.dimensions, "; in ", path);
    }
    if (SHOAL_HAS_THREADS != 0 && sqlite3_threadsafe() == 0) {
      return detail::make_error(ErrorCode::store_failed, "expected an SQLite that was built for threads");
    }
    if (!options.read_only) {
      auto opened = detail::open_writer(path, options, format);
      if (!opened) return std::move(opened).error();
      writer = *std::move(opened);
      path = std::string(writer->db.path());  // what was relative stays where it was
    }
    auto reader = detail::Reader::open(path, options, format);
    if (!reader) return std::move(reader).error();
    path = std::string((*reader)->db.path());
    format.dimensions = (*reader)->dimensions;
    if (auto fault = find_narrow_id((*reader)->db)) return fault;
    readers.give(*std::move(reader));
    return std::nullopt;
  }

  /// An id of the store that the type cannot hold.
  [[nodiscard]] std::optional<Error> find_narrow_id(const detail::Database& db) const {
    if constexpr (sizeof(Id) < sizeof(std::int64_t)) {
      for (const char* sql : {"SELECT min(id) FROM vectors", "SELECT max(id) FROM vectors",
                              "SELECT min(id) FROM erased", "SELECT max(id) FROM erased"}) {
        const auto id = db.integer(sql, "looking at the ids");
        if (!id) return id.error();
        if (detail::from_stored<Id>(*id)) continue;
        return detail::make_error(ErrorCode::incompatible, "expected ids that fit ", 8 * sizeof(Id), " bits, got ",
                                  detail::print_stored<Id>(*id), "; in ", db.path());
      }
    }
    return std::nullopt;
  }

  // --- reading ---

  [[nodiscard]] Expected<std::unique_ptr<detail::Reader>, Error> borrow() {
    if (auto reader = readers.take()) return reader;
    return detail::Reader::open(path, options, format);
  }

  /// Runs `body` with a reader, which is kept for the next call where all went well.
  template <class Body>
  [[nodiscard]] auto read(const Body& body) -> decltype(body(std::declval<detail::Reader&>())) {
    SHOAL_TRY {
      auto reader = borrow();
      if (!reader) return Unexpected<Error>(std::move(reader).error());
      auto result = body(**reader);
      if (result) readers.give(*std::move(reader));
      return result;
    }
    SHOAL_CATCH_BAD_ALLOC { return no_memory(); }
  }

  [[nodiscard]] std::optional<Error> find_fault(const Record<Id>& record) {
    if (record.vector.size() != format.dimensions) {
      return detail::make_error(ErrorCode::dimension_mismatch, "expected ", format.dimensions, " components, got ",
                                record.vector.size());
    }
    if (auto fault = detail::find_not_finite(record.vector)) return fault;
    if (record.metadata.empty()) return std::nullopt;
    const auto is_json = read([&](detail::Reader& reader) { return detail::is_json(reader, record.metadata); });
    if (!is_json) return is_json.error();
    if (*is_json) return std::nullopt;
    std::size_t shown = 0;
    while (shown < record.metadata.size() && shown < 40 && static_cast<unsigned char>(record.metadata[shown]) >= ' ' &&
           static_cast<unsigned char>(record.metadata[shown]) < 0x7F) {
      ++shown;
    }
    return detail::make_error(ErrorCode::invalid_metadata, "expected metadata that is JSON, got ",
                              record.metadata.size(), " bytes that begin with '",
                              std::string_view(record.metadata).substr(0, shown), "'");
  }

  // --- writing ---

  /// Takes a transaction back when it was not committed, whatever the reason. Where even that fails, the connection is
  /// closed, and the next transaction opens another.
  class Undo {
   public:
    explicit Undo(State& state) noexcept : state_(&state) {}
    Undo(const Undo&) = delete;
    Undo& operator=(const Undo&) = delete;
    ~Undo() {
      if (!state_->writer->undo()) state_->writer.reset();
    }

   private:
    State* state_;
  };

  /// Runs `body(sequence)` in a transaction of that number. What it gives is the count; where that is 0,
  /// nothing was done.
  template <class Body>
  [[nodiscard]] Expected<Committed, Error> transact(const Body& body) {
    return writing([&]() -> Expected<Committed, Error> {
      if (auto failed = ensure_writer()) return Unexpected<Error>(*std::move(failed));
      const Undo undo(*this);  // does nothing after a commit
      if (auto failed = writer->begin.run()) return Unexpected<Error>(*std::move(failed));
      const auto last = detail::read_number(writer->last_sequence);
      if (!last) return Unexpected<Error>(last.error());
      if (*last >= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        return Unexpected<Error>(detail::make_error(
            ErrorCode::corrupt, "expected a last sequence that can be counted on from, got ", *last, "; in ", path));
      }
      const std::uint64_t sequence = *last + 1;
      const auto stored_sequence = static_cast<std::int64_t>(sequence);
      const Expected<std::size_t, Error> count = body(stored_sequence);
      if (!count) return Unexpected<Error>(count.error());
      if (*count == 0) return Committed{*last, 0};
      if (auto failed = writer->set_sequence.run(stored_sequence)) return Unexpected<Error>(*std::move(failed));
      if (auto failed = writer->commit.run()) return Unexpected<Error>(*std::move(failed));
      return Committed{sequence, *count};
    });
  }

  /// Writes all; the count, or what went wrong.
  [[nodiscard]] Expected<std::size_t, Error> put(std::int64_t sequence, std::span<const Record<Id>> records) {
    if (records.empty()) return std::size_t{0};
    const auto any_erased = detail::read_number(writer->any_erased);
    if (!any_erased) return Unexpected<Error>(any_erased.error());
    std::vector<unsigned char> buffer;
    for (const Record<Id>& record : records) {
      const std::int64_t id = detail::to_stored(record.id);
      const auto insert = [&] {
        return writer->insert.run(id, sequence, detail::to_bytes(record.vector, buffer),
                                  std::string_view(record.content_hash), std::string_view(record.metadata));
      };
      auto failed = insert();
      if (failed && sqlite3_extended_errcode(writer->db.get()) == SQLITE_CONSTRAINT_CHECK) {
        // The record was valid a moment ago: json_valid had no memory.
        failed = find_fault(record);
        if (!failed) failed = insert();
      }
      if (!failed && *any_erased != 0) failed = writer->forget_erased.run(id);
      if (failed) return Unexpected<Error>(*std::move(failed));
    }
    return records.size();
  }

  /// Erases what is there; the count, or what went wrong.
  [[nodiscard]] Expected<std::size_t, Error> remove(std::int64_t sequence, std::span<const Id> ids) {
    std::size_t count = 0;
    for (const Id id : ids) {
      const std::int64_t stored = detail::to_stored(id);
      if (auto failed = writer->remove.run(stored)) return Unexpected<Error>(*std::move(failed));
      if (sqlite3_changes(writer->db.get()) == 0) continue;
      if (auto failed = writer->remember_erased.run(stored, sequence)) return Unexpected<Error>(*std::move(failed));
      ++count;
    }
    return count;
  }

  [[nodiscard]] std::optional<Error> ensure_writer() {
    if (writer) return std::nullopt;
    if (options.read_only) {
      return detail::make_error(ErrorCode::cannot_open,
                                "expected a store that may be written, got one that was opened ", "with read_only; in ",
                                path);
    }
    SqliteStoreOptions again = options;
    again.create = false;
    auto opened = detail::open_writer(path, again, format);
    if (!opened) return std::move(opened).error();
    writer = *std::move(opened);
    return std::nullopt;
  }

  [[nodiscard]] Expected<SqliteSettings, Error> settings() {
    return writing([&]() -> Expected<SqliteSettings, Error> {
      constexpr const char* doing = "reading the settings";
      if (auto failed = ensure_writer()) return Unexpected<Error>(*std::move(failed));
      auto journal_mode = writer->db.text("PRAGMA journal_mode", doing);
      if (!journal_mode) return Unexpected<Error>(std::move(journal_mode).error());
      const auto synchronous = writer->db.integer("PRAGMA synchronous", doing);
      if (!synchronous) return Unexpected<Error>(synchronous.error());
      const auto page_size = writer->db.integer("PRAGMA page_size", doing);
      if (!page_size) return Unexpected<Error>(page_size.error());
      return SqliteSettings{*std::move(journal_mode), static_cast<int>(*synchronous),
                            static_cast<std::size_t>(*page_size)};
    });
  }
};

/// Goes over changes in the order they were made. Sees the store as it was at read_since, whatever is written
/// meanwhile, and may outlive the store. *Threads*: one at a time. *Errors*: those of the store; corrupt and
/// id_out_of_range with the id. After an error it gives the same error again.
template <detail::StoredId Id>
class SqliteVectorStore<Id>::Cursor {
 public:
  /// The next change, null at the end. What it points to is good until the next call.
  [[nodiscard]] Expected<const Change<Id>*, Error> next() {
    SHOAL_TRY {
      if (scan_->failed) return Unexpected<Error>(*scan_->failed);
      if (!scan_->reader) return nullptr;
      auto more = scan_->advance();
      if (!more) return fail(std::move(more).error());
      if (*more) return &scan_->change;
      scan_->release();
      return nullptr;
    }
    SHOAL_CATCH_BAD_ALLOC { return fail(Error(ErrorCode::out_of_memory)); }
  }

 private:
  friend SqliteVectorStore;

  /// One of the two lists of changes, and its next row.
  struct Source {
    std::optional<detail::Rows> rows;
    bool has_row = false;
    std::int64_t sequence = 0;

    /// Goes to the next row, unless one is there that was not used.
    [[nodiscard]] std::optional<Error> peek(int sequence_column, std::string_view path) {
      if (!rows || has_row) return std::nullopt;
      auto row = rows->next();
      if (!row) return std::move(row).error();
      if (!*row) {
        rows.reset();
        return std::nullopt;
      }
      sequence = rows->integer(sequence_column);
      if (rows->type(sequence_column) != SQLITE_INTEGER || sequence < 1) {
        return detail::make_error(ErrorCode::corrupt, "expected a sequence from 1 on, got ", sequence, "; in ", path);
      }
      has_row = true;
      return std::nullopt;
    }
  };

  struct Scan {
    std::shared_ptr<State> state;  // the reader goes back to it
    std::unique_ptr<detail::Reader> reader;
    std::int64_t since;
    Source records{};
    Source erased{};
    Change<Id> change{};
    std::optional<Error> failed{};

    Scan(std::shared_ptr<State> state_of_store, std::unique_ptr<detail::Reader> reader_of_store, std::uint64_t sequence)
        : state(std::move(state_of_store)),
          reader(std::move(reader_of_store)),
          since(
              static_cast<std::int64_t>(std::min<std::uint64_t>(sequence, std::numeric_limits<std::int64_t>::max()))) {}
    Scan(const Scan&) = delete;
    Scan& operator=(const Scan&) = delete;
    ~Scan() { release(); }

    /// Reading one number fixes what the transaction sees.
    [[nodiscard]] std::optional<Error> begin() {
      if (auto error = reader->begin.run()) return error;
      if (const auto last = detail::read_number(reader->last_sequence); !last) return last.error();
      if (since == 0) {
        records.rows.emplace(reader->all);
      } else {
        records.rows.emplace(reader->changed, since);
        erased.rows.emplace(reader->erased, since);
      }
      return std::nullopt;
    }

    /// Fills `change`; false at the end.
    [[nodiscard]] Expected<bool, Error> advance() {
      const std::string_view path = reader->db.path();
      if (auto error = records.peek(4, path)) return Unexpected<Error>(*std::move(error));
      if (auto error = erased.peek(1, path)) return Unexpected<Error>(*std::move(error));
      if (!records.has_row && !erased.has_row) return false;
      Source& source = !erased.has_row || (records.has_row && records.sequence <= erased.sequence) ? records : erased;
      source.has_row = false;
      change.sequence = static_cast<std::uint64_t>(source.sequence);
      change.erased = &source == &erased;
      if (!change.erased) {
        auto fault = detail::read_record(*source.rows, state->format.dimensions, path, change.record);
        if (fault) return Unexpected<Error>(*std::move(fault));
        return true;
      }
      auto id = detail::read_id<Id>(*source.rows, 0, path);
      if (!id) return Unexpected<Error>(std::move(id).error());
      change.record = {.id = *id};
      return true;
    }

    void release() noexcept {
      records.rows.reset();
      erased.rows.reset();
      if (!reader) return;
      sqlite3_step(reader->end.get());
      sqlite3_reset(reader->end.get());
      if (failed) reader.reset();
      state->readers.give(std::move(reader));
      reader.reset();
    }
  };

  Cursor(std::shared_ptr<State> state, std::unique_ptr<detail::Reader> reader, std::uint64_t since)
      : scan_(std::make_unique<Scan>(std::move(state), std::move(reader), since)) {}

  [[nodiscard]] std::optional<Error> begin() {
    scan_->failed = scan_->begin();
    return scan_->failed;
  }

  /// The row that the scan stands at was not given out and is passed: nothing can come behind it.
  [[nodiscard]] Unexpected<Error> fail(Error&& error) {
    scan_->failed = std::move(error);
    scan_->release();
    return Unexpected<Error>(*scan_->failed);
  }

  std::unique_ptr<Scan> scan_;
};

static_assert(TransactionalStore<SqliteVectorStore<>>);
static_assert(KnowsContent<SqliteVectorStore<>, std::uint64_t>);
static_assert(ValidatesRecords<SqliteVectorStore<>, std::uint64_t>);

}  // namespace shoal::inline v0
