#pragma once
// How a SqliteVectorStore is opened.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <string>

namespace shoal::inline v0 {

struct SqliteStoreOptions {
  /// Components of a vector. Needed to make a store; 0: whatever the store that is there has.
  std::size_t dimensions = 0;
  bool read_only = false;
  bool create = true;  ///< Where there is no file, or an empty one. Else that is an error.
  /// How long a call waits for another program's lock before it is store_busy.
  std::chrono::milliseconds busy_timeout = std::chrono::seconds(1);
  /// SQLite's cache of pages, for the writer and for each reader. More helps only where ids are random and their index,
  /// about 16 bytes a record, is much larger.
  std::size_t cache_bytes = std::size_t{2} << 20U;
  std::string vfs{};  ///< SQLite's name of a file layer; empty: the default one.
};

/// What the connection that writes says about itself.
struct SqliteSettings {
  std::string journal_mode;   ///< "wal"
  int synchronous = 0;        ///< 2 is FULL: what is committed was synced.
  std::size_t page_size = 0;  ///< In bytes.
};

namespace detail {

[[nodiscard]] inline int busy_timeout_ms(const SqliteStoreOptions& options) noexcept {
  return static_cast<int>(
      std::clamp<std::chrono::milliseconds::rep>(options.busy_timeout.count(), 0, std::numeric_limits<int>::max()));
}

}  // namespace detail
}  // namespace shoal::inline v0
