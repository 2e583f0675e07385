#pragma once
// The tables of a store, and how a file is known to hold them.
//
//   vectors     position INTEGER PRIMARY KEY    grows with every change: rows lie in the order of the changes
//               id INTEGER UNIQUE               a uint64 as its two's complement: ids from 2^63 on are negative here
//               sequence INTEGER                of the transaction that wrote the row
//               vector BLOB                     4 x dimensions bytes: float32, little-endian
//               content_hash                    text, or null
//               metadata TEXT                   JSON, or null
//   erased      position, id, sequence          ids that are gone, so that read_since can tell; an id is in one of both
//   properties  name, value                     dimensions, components ('float32'), ids ('unsigned', 'signed'),
//   sequence
//
// application_id is "shoa", user_version the version of this schema. Who reads or writes with SQL sees no more than
// this: SELECT id, json_extract(metadata, '$.title') FROM vectors. Who writes with SQL must take the next sequence.
//
// Why positions: vectors that lie in the order of their ids are inserted all over the file when ids are random.
// 100,000 of 768 dimensions in batches of 5,000: by position 60,000 rows a second (pages of 32 KiB), by id at most
// 9,500 (4, 16 and 64 KiB); what is newer than a sequence is read in 0.07 s, by id in 0.26 to 0.47 s.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include <sqlite3.h>

#include "shoal/core/error.hpp"
#include "shoal/sqlite/database.hpp"

namespace shoal::inline v0::detail {

inline constexpr std::int64_t store_application_id = 0x73686F61;  // "shoa"
inline constexpr std::int64_t store_schema_version = 1;
inline constexpr std::size_t store_max_dimensions = 200'000'000;  // of floats; SQLite's blobs end at 10^9 bytes

/// What is wanted of a file. *Invariant*: dimensions 0 stands for whatever is there.
struct StoreFormat {
  std::size_t dimensions = 0;
  bool signed_ids = false;
};

/// A page holds at least eight rows, so that at most about an eighth of it is wasted: 768 dimensions take 414 MB for
/// 100,000 rows in pages of 4 KiB and 348 MB in pages of 32 KiB, and are written at twice the speed.
[[nodiscard]] constexpr std::size_t page_size_for(std::size_t dimensions) noexcept {
  std::size_t page_size = 4096;
  while (page_size < 65536 && page_size < 8 * (4 * dimensions + 64)) page_size *= 2;
  return page_size;
}

[[nodiscard]] inline Expected<bool, Error> look_at_file(const Database& db, const char* doing) {
  const auto application = db.integer("PRAGMA application_id", doing);
  if (!application) return Unexpected<Error>(application.error());
  const auto version = db.integer("PRAGMA user_version", doing);
  if (!version) return Unexpected<Error>(version.error());
  if (*application == store_application_id) {
    if (*version == store_schema_version) return false;
    return Unexpected<Error>(
        make_error(ErrorCode::incompatible, "expected a store of version ", store_schema_version, ", got version ",
                   *version, *version > store_schema_version ? ", written by a newer shoal; in " : "; in ", db.path()));
  }
  const auto tables = db.integer("SELECT count(*) FROM sqlite_master", doing);
  if (!tables) return Unexpected<Error>(tables.error());
  if (*application == 0 && *version == 0 && *tables == 0) return true;
  return Unexpected<Error>(make_error(ErrorCode::incompatible,
                                      "expected a store of shoal, got another program's database (application_id ",
                                      *application, ", ", *tables, " tables and indexes); in ", db.path()));
}

/// Whether the file is empty (true) or a store of this version (false). Anything else is an error, and untouched. Looks
/// at it in one transaction: another program may be making the store.
[[nodiscard]] inline Expected<bool, Error> is_empty_file(const Database& db) {
  constexpr const char* doing = "reading what the file is";
  if (db.in_transaction()) return look_at_file(db, doing);
  if (auto failed = db.run("BEGIN", doing)) return Unexpected<Error>(*std::move(failed));
  auto result = look_at_file(db, doing);
  if (!result) return result;  // closing the connection ends the transaction
  if (auto failed = db.run("COMMIT", doing)) return Unexpected<Error>(*std::move(failed));
  return result;
}

/// Makes the tables, in the transaction that is open.
[[nodiscard]] inline std::optional<Error> create_tables(const Database& db, const StoreFormat& format) {
  constexpr const char* doing = "creating the tables";
  const std::string vectors =
      "CREATE TABLE vectors("
      "position INTEGER PRIMARY KEY, "
      "id INTEGER NOT NULL UNIQUE CHECK(typeof(id) = 'integer'), "
      "sequence INTEGER NOT NULL CHECK(typeof(sequence) = 'integer'), "
      "vector BLOB NOT NULL CHECK(typeof(vector) = 'blob' AND length(vector) = " +
      std::to_string(4 * format.dimensions) +
      "), "
      "content_hash, "
      "metadata TEXT CHECK(metadata IS NULL OR json_valid(metadata)))";
  const std::string properties = "INSERT INTO properties(name, value) VALUES ('dimensions', " +
                                 std::to_string(format.dimensions) + "), ('components', 'float32'), ('ids', '" +
                                 (format.signed_ids ? "signed" : "unsigned") + "'), ('sequence', 0)";
  const std::string application = "PRAGMA application_id = " + std::to_string(store_application_id);
  const std::string version = "PRAGMA user_version = " + std::to_string(store_schema_version);
  for (const char* sql :
       {vectors.c_str(), "CREATE INDEX vectors_by_sequence ON vectors(sequence)",
        "CREATE TABLE erased(position INTEGER PRIMARY KEY, id INTEGER NOT NULL UNIQUE, sequence INTEGER NOT NULL)",
        "CREATE INDEX erased_by_sequence ON erased(sequence)",
        "CREATE TABLE properties(name TEXT PRIMARY KEY, value) WITHOUT ROWID", properties.c_str(), application.c_str(),
        version.c_str()}) {
    if (auto failed = db.run(sql, doing)) return failed;
  }
  return std::nullopt;
}

/// The dimensions of a store, after its properties were found to be what is wanted.
[[nodiscard]] inline Expected<std::size_t, Error> check_properties(const Database& db, const StoreFormat& wanted) {
  constexpr const char* doing = "reading the properties";
  const auto components = db.text("SELECT value FROM properties WHERE name = 'components'", doing);
  if (!components) return Unexpected<Error>(as_damage(Error(components.error())));
  const auto ids = db.text("SELECT value FROM properties WHERE name = 'ids'", doing);
  if (!ids) return Unexpected<Error>(as_damage(Error(ids.error())));
  const auto dimensions = db.integer("SELECT value FROM properties WHERE name = 'dimensions'", doing);
  if (!dimensions) return Unexpected<Error>(as_damage(Error(dimensions.error())));
  const auto sequences = db.integer(
      "SELECT count(*) FROM properties WHERE name = 'sequence' AND typeof(value) = 'integer' AND value >= 0", doing);
  if (!sequences) return Unexpected<Error>(as_damage(Error(sequences.error())));

  if (*components != "float32") {
    return Unexpected<Error>(make_error(components->empty() ? ErrorCode::corrupt : ErrorCode::incompatible,
                                        "expected components of the type float32, got '", *components, "'; in ",
                                        db.path()));
  }
  if (*ids != (wanted.signed_ids ? "signed" : "unsigned")) {
    const bool known = *ids == "signed" || *ids == "unsigned";
    return Unexpected<Error>(make_error(known ? ErrorCode::incompatible : ErrorCode::corrupt, "expected ids that are ",
                                        wanted.signed_ids ? "signed" : "unsigned", ", got '", *ids, "'; in ",
                                        db.path()));
  }
  if (*dimensions < 1 || *dimensions > static_cast<std::int64_t>(store_max_dimensions) || *sequences != 1) {
    return Unexpected<Error>(make_error(ErrorCode::corrupt, "expected properties with dimensions and a sequence, got ",
                                        *dimensions, " dimensions and ", *sequences, " sequences; in ", db.path()));
  }
  if (wanted.dimensions != 0 && static_cast<std::size_t>(*dimensions) != wanted.dimensions) {
    return Unexpected<Error>(make_error(ErrorCode::incompatible, "expected a store of ", wanted.dimensions,
                                        " dimensions, got one of ", *dimensions, "; in ", db.path()));
  }
  return static_cast<std::size_t>(*dimensions);
}

}  // namespace shoal::inline v0::detail
