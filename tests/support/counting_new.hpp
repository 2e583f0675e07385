#pragma once
// Replaces the global operator new of the program that includes it, in one file: counts bytes that are allocated, their
// peak, and lets the n-th allocation fail. What the allocator gave is asked of it (malloc_usable_size), not assumed.

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

#include <malloc.h>

#include "allocation_counts.hpp"
#include <shoal/core/platform.hpp>

namespace support {

/// While it lives, `allowed` allocations succeed and then one fails, or all.
class FailingAllocations {
 public:
  explicit FailingAllocations(std::size_t allowed, bool forever = false) {
    allocation_counts().fail_forever = forever;
    allocation_counts().fail_after = allowed;
  }
  ~FailingAllocations() { stop(); }
  FailingAllocations(const FailingAllocations&) = delete;
  FailingAllocations& operator=(const FailingAllocations&) = delete;

  /// True when an allocation was made to fail.
  static bool stop() {
    allocation_counts().fail_after = ~std::size_t{0};
    return allocation_counts().failed.exchange(false);
  }
};

/// While it lives, or until its end, allocations succeed whatever `FailingAllocations` says; then that goes on.
class Plenty {
 public:
  Plenty() : allowed_(allocation_counts().fail_after.exchange(~std::size_t{0})) {}
  ~Plenty() { end(); }
  Plenty(const Plenty&) = delete;
  Plenty& operator=(const Plenty&) = delete;
  void end() {
    if (allowed_ != ~std::size_t{0}) allocation_counts().fail_after = std::exchange(allowed_, ~std::size_t{0});
  }

 private:
  std::size_t allowed_;
};

// Not inlined: g++ 12 would see `free` beside `operator new`, and warn of a mismatch.
[[gnu::noinline]] inline void* counted_allocate(std::size_t bytes, std::size_t alignment) {
  AllocationCounts& counts = allocation_counts();
  if (counts.fail_after != ~std::size_t{0}) {
    if (counts.fail_after == 0) {
      counts.failed = true;
      if (!counts.fail_forever) counts.fail_after = ~std::size_t{0};
      return nullptr;
    }
    --counts.fail_after;
  }
  void* memory = alignment <= alignof(std::max_align_t)
                     ? std::malloc(bytes == 0 ? 1 : bytes)
                     : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr) return nullptr;
  ++counts.allocations;
  const std::size_t live = counts.live_bytes += malloc_usable_size(memory);
  std::size_t peak = counts.peak_bytes;
  while (live > peak && !counts.peak_bytes.compare_exchange_weak(peak, live)) {
  }
  return memory;
}

[[gnu::noinline]] inline void counted_free(void* memory) {
  if (memory == nullptr) return;
  allocation_counts().live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace support

void* operator new(std::size_t bytes) {
  void* memory = support::counted_allocate(bytes, 1);
  if (memory == nullptr) shoal::detail::raise_bad_alloc();
  return memory;
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  void* memory = support::counted_allocate(bytes, static_cast<std::size_t>(alignment));
  if (memory == nullptr) shoal::detail::raise_bad_alloc();
  return memory;
}
// The others call these by themselves, but not under AddressSanitizer, which has its own.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return support::counted_allocate(bytes, 1); }
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return support::counted_allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void* operator new[](std::size_t bytes, std::align_val_t alignment) { return operator new(bytes, alignment); }
void operator delete[](void* memory) noexcept { support::counted_free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { support::counted_free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { support::counted_free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { support::counted_free(memory); }
void operator delete(void* memory) noexcept { support::counted_free(memory); }
void operator delete(void* memory, std::size_t) noexcept { support::counted_free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { support::counted_free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { support::counted_free(memory); }
