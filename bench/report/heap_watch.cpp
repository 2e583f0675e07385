#include "heap_watch.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__GLIBC__)
#include <malloc.h>
#define SHOAL_REPORT_KNOWS_SIZES 1
#else
#define SHOAL_REPORT_KNOWS_SIZES 0
#endif

namespace shoal::report {

namespace {

std::atomic<bool> is_watched{false};
std::atomic<std::ptrdiff_t> live{0};
std::atomic<std::ptrdiff_t> peak{0};

std::ptrdiff_t size_of_block([[maybe_unused]] void* block) noexcept {
#if SHOAL_REPORT_KNOWS_SIZES
  return static_cast<std::ptrdiff_t>(malloc_usable_size(block));
#else
  return 0;
#endif
}

void* counted(void* block) {
  if (block == nullptr) throw std::bad_alloc();
  if (!is_watched.load(std::memory_order_relaxed)) return block;
  const std::ptrdiff_t size = size_of_block(block);
  const std::ptrdiff_t now = live.fetch_add(size) + size;
  std::ptrdiff_t before = peak.load();
  while (now > before && !peak.compare_exchange_weak(before, now)) {
  }
  return block;
}

void release(void* block) noexcept {
  if (block != nullptr && is_watched.load(std::memory_order_relaxed)) live -= size_of_block(block);
  std::free(block);
}

}  // namespace

HeapWatch::HeapWatch() noexcept {
  live = 0;
  peak = 0;
  is_watched = true;
}
HeapWatch::~HeapWatch() { is_watched = false; }

bool HeapWatch::is_available() noexcept { return SHOAL_REPORT_KNOWS_SIZES != 0; }
std::ptrdiff_t HeapWatch::live_bytes() const noexcept { return live; }
std::ptrdiff_t HeapWatch::peak_bytes() const noexcept { return peak; }

}  // namespace shoal::report

// The other forms (arrays, nothrow) end in these. The standard library's own do the same, without the counting.

void* operator new(std::size_t size) { return shoal::report::counted(std::malloc(size == 0 ? 1 : size)); }

void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto multiple = static_cast<std::size_t>(alignment);
  return shoal::report::counted(std::aligned_alloc(multiple, (size + multiple - 1) / multiple * multiple));
}

void operator delete(void* block) noexcept { shoal::report::release(block); }
void operator delete(void* block, std::size_t) noexcept { shoal::report::release(block); }
void operator delete(void* block, std::align_val_t) noexcept { shoal::report::release(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { shoal::report::release(block); }
