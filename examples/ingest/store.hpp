#pragma once
// Opening a store from a command line: tried again, as writes are, where another program has it locked. And what can be
// told of a record before there is a store.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "announced_waits.hpp"
#include <datasets/result.hpp>
#include <shoal/core/error.hpp>
#include <shoal/index/options.hpp>
#include <shoal/ingest/retry.hpp>
#include <shoal/sqlite/sqlite_vector_store.hpp>

namespace shoal::tools {

struct StorePlace {
  std::string path;
  std::string vfs{};  ///< SQLite's name of a file layer; empty: the default one.
};

/// *Errors*: as of SqliteVectorStore::open; cannot_open where the place is a folder, or `options` say to make no store
/// and there is none.
[[nodiscard]] inline Expected<SqliteVectorStore<>, Error> open_store(const StorePlace& place,
                                                                     SqliteStoreOptions options,
                                                                     const RetryPolicy& retry, AnnouncedWaits& waits,
                                                                     const StopToken& stop) {
  const auto refuse = [&](const char* why) {
    return Unexpected<Error>(Error(ErrorCode::cannot_open, datasets::shown(place.path) + ": " + why));
  };
  std::error_code ignored;
  const auto status = std::filesystem::status(place.path, ignored);
  if (std::filesystem::is_directory(status)) return refuse("is a directory");
  if (options.read_only && status.type() == std::filesystem::file_type::not_found) return refuse("no such file");
  options.vfs = place.vfs;
  return detail::with_retry(retry, waits.clock(), stop, [&] {
    auto store = SqliteVectorStore<>::open(place.path, options);
    waits.note(store);
    return store;
  });
}

/// What a store would refuse in metadata, asked of an SQLite without a file: JSON that is nested too deep, above all.
[[nodiscard]] inline std::optional<Error> find_fault_of_metadata(const std::string& metadata) {
  if (metadata.empty()) return std::nullopt;
  auto database = detail::Database::open(":memory:", SQLITE_OPEN_READWRITE, "", 0);
  if (!database) return std::move(database).error();
  auto statement = database->prepare("SELECT json_valid(?1)", "looking at the metadata");
  if (!statement) return std::move(statement).error();
  detail::Rows rows(*statement, std::string_view(metadata));
  const auto row = rows.next();
  if (!row) return row.error();
  if (*row && rows.integer(0) == 1) return std::nullopt;
  return Error(ErrorCode::invalid_metadata, "expected metadata that is JSON, and not nested too deep, got " +
                                                std::to_string(metadata.size()) + " bytes");
}

}  // namespace shoal::tools
