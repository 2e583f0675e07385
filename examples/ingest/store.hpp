#pragma once
// Opening a store from a command line: tried again, as writes are, where another program has it locked.

#include <cstddef>
#include <string>

#include <shoal/core/error.hpp>
#include <shoal/index/options.hpp>
#include <shoal/ingest/retry.hpp>
#include <shoal/sqlite/sqlite_vector_store.hpp>

namespace shoal::tools {

struct StorePlace {
  std::string path;
  std::string vfs{};  ///< SQLite's name of a file layer; empty: the default one.
};

/// *Errors*: as of SqliteVectorStore::open.
[[nodiscard]] inline Expected<SqliteVectorStore<>, Error> open_store(const StorePlace& place,
                                                                     SqliteStoreOptions options,
                                                                     const RetryPolicy& retry, const IngestClock& clock,
                                                                     const StopToken& stop) {
  options.vfs = place.vfs;
  return detail::with_retry(retry, clock, stop, [&] { return SqliteVectorStore<>::open(place.path, options); });
}

}  // namespace shoal::tools
