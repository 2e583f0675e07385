#pragma once
// What an index counts of itself.

#include <cstddef>
#include <vector>

namespace shoal::inline v0 {

/// Counts of one level of the graph.
struct LevelStats {
  std::size_t slots = 0;  ///< Slots that reach the level.
  std::size_t links = 0;  ///< Links on it.
};

/// Counts of an index.
struct IndexStats {
  std::size_t live = 0;  ///< Entries that can be found.
  std::size_t dead = 0;  ///< Slots whose entry was erased or replaced: still walked over, never returned.
  std::size_t free = 0;  ///< Slots that wait for new entries.
  std::size_t reclaimable_bytes =
      0;  ///< About what `compact()` would give back: the share of slots that are dead or free.
  std::vector<LevelStats> levels{};  ///< From level 0 up; none without a graph.
};

}  // namespace shoal::inline v0
