#pragma once
// What passes through operator new while somebody watches: bytes that live, and the most that ever did. This program
// replaces the operators (heap_watch.cpp); while nobody watches they cost a branch. Blocks that were there before count
// as negative when they go, so the numbers are growth.

#include <cstddef>

namespace shoal::report {

/// Watches from its beginning to its end. *Threads*: counts those of all; one watch at a time.
class HeapWatch {
 public:
  HeapWatch() noexcept;
  HeapWatch(const HeapWatch&) = delete;
  HeapWatch& operator=(const HeapWatch&) = delete;
  ~HeapWatch();

  /// Can sizes be asked of the allocator here? Else all counts are 0.
  [[nodiscard]] static bool is_available() noexcept;

  [[nodiscard]] std::ptrdiff_t live_bytes() const noexcept;
  [[nodiscard]] std::ptrdiff_t peak_bytes() const noexcept;
};

}  // namespace shoal::report
