#pragma once
// What the caches of a session have done.

#include <cstddef>
#include <cstdint>

namespace shoal::inline v0 {

/// Of one cache. Counts are of the time since the session was made.
struct CacheStats {
  std::uint64_t hits = 0;       ///< What was asked for and was there.
  std::uint64_t misses = 0;     ///< What had to be read.
  std::uint64_t evictions = 0;  ///< What went to make room.
  std::size_t bytes = 0;        ///< Used now.
  std::size_t peak_bytes = 0;   ///< Used at most.
  std::size_t limit_bytes = 0;  ///< The bound.
};

struct SessionStats {
  CacheStats index;     ///< Pages of rows and links. Those of an index whose metadata goes go too, as evictions.
  CacheStats metadata;  ///< Ids, upper levels and page tables, an index at a time; hits are calls that found them.
};

}  // namespace shoal::inline v0
