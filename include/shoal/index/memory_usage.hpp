#pragma once
// Bytes by component.

#include <cstddef>

namespace shoal::inline v0 {

/// Bytes that an index has allocated, or would. Capacity counts, not only what is used.
struct MemoryUsage {
  std::size_t vectors = 0;      ///< Encoded rows with their factors.
  std::size_t links = 0;        ///< Lists of level 0.
  std::size_t upper_links = 0;  ///< Lists of the levels above.
  std::size_t ids = 0;          ///< Ids by slot, the table back, marks of dead slots.
  std::size_t scratch = 0;      ///< Working memory of insertion and of the searches that ran at once.
  std::size_t mapped = 0;  ///< Of a file that is mapped; what of it is in memory, the system decides. Not in total().

  [[nodiscard]] std::size_t total() const noexcept { return vectors + links + upper_links + ids + scratch; }
};

}  // namespace shoal::inline v0
