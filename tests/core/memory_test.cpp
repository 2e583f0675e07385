// The core under an operator new that counts and fails: memory_bytes() is what was allocated, and a failed allocation
// leaves what there was.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#if defined(_MSC_VER)
#include <malloc.h>
#endif

#include <doctest/doctest.h>

#include "allocations.hpp"
#include "platform.hpp"
#include "rows_model.hpp"
#include <shoal/core/chunked_rows.hpp>
#include <shoal/core/error.hpp>
#include <shoal/core/slot_set.hpp>

namespace {

void* allocate(std::size_t bytes) noexcept {
  if (!support::Allocations::permit()) return nullptr;
  void* const where = std::malloc(bytes == 0 ? 1 : bytes);
  support::Allocations::enter(where, bytes);
  return where;
}

void* allocate(std::size_t bytes, std::align_val_t alignment) noexcept {
  if (!support::Allocations::permit()) return nullptr;
  const auto boundary = static_cast<std::size_t>(alignment);
#if defined(_MSC_VER)
  void* const where = _aligned_malloc(bytes, boundary);
#else
  void* const where = std::aligned_alloc(boundary, (bytes + boundary - 1) / boundary * boundary);
#endif
  support::Allocations::enter(where, bytes);
  return where;
}

void release(void* where) noexcept {
  support::Allocations::leave(where);
  std::free(where);
}

void release_aligned(void* where) noexcept {
  support::Allocations::leave(where);
#if defined(_MSC_VER)
  _aligned_free(where);
#else
  std::free(where);
#endif
}

void* or_throw(void* where) {
  if (where == nullptr) support::raise(std::bad_alloc());
  return where;
}

}  // namespace

void* operator new(std::size_t bytes) { return or_throw(allocate(bytes)); }
void* operator new[](std::size_t bytes) { return or_throw(allocate(bytes)); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes); }
void* operator new(std::size_t bytes, std::align_val_t alignment) { return or_throw(allocate(bytes, alignment)); }
void* operator new[](std::size_t bytes, std::align_val_t alignment) { return or_throw(allocate(bytes, alignment)); }
void operator delete(void* where) noexcept { release(where); }
void operator delete[](void* where) noexcept { release(where); }
void operator delete(void* where, std::size_t) noexcept { release(where); }
void operator delete[](void* where, std::size_t) noexcept { release(where); }
void operator delete(void* where, const std::nothrow_t&) noexcept { release(where); }
void operator delete[](void* where, const std::nothrow_t&) noexcept { release(where); }
void operator delete(void* where, std::align_val_t) noexcept { release_aligned(where); }
void operator delete[](void* where, std::align_val_t) noexcept { release_aligned(where); }
void operator delete(void* where, std::size_t, std::align_val_t) noexcept { release_aligned(where); }
void operator delete[](void* where, std::size_t, std::align_val_t) noexcept { release_aligned(where); }

namespace shoal {
namespace {

using detail::SlotSet;
using detail::VisitedSet;
using support::Allocations;
using support::RowsModel;
using support::TableModel;

/// From far below a chunk to beyond one.
const std::vector<std::size_t>& strides() {
  static const std::vector<std::size_t> all{1,   3,    4,    8,      12,     64,     100,    112,    768,
                                            772, 3072, 4096, 16'384, 32'767, 32'768, 32'769, 100'000};
  return all;
}

}  // namespace

TEST_CASE("ChunkedRows: memory_bytes is what operator new gave, after one reserve and after many") {
  for (const std::size_t stride : strides()) {
    CAPTURE(stride);
    std::size_t bytes_at_once = 0;
    std::size_t reported_at_once = 0;
    std::size_t bytes_in_steps = 0;
    std::size_t reported_in_steps = 0;
    std::size_t bytes_after = 0;
    const std::size_t rows = 40 + 200'000 / stride;
    {
      const Allocations::Watch watch;
      {
        ChunkedRows at_once(stride);
        at_once.reserve(rows);
        bytes_at_once = watch.live_bytes();
        reported_at_once = at_once.memory_bytes();
      }
      {
        ChunkedRows in_steps(stride);
        for (std::size_t i = 1; i <= rows; ++i) in_steps.reserve(i);
        bytes_in_steps = watch.live_bytes();
        reported_in_steps = in_steps.memory_bytes();
      }
      bytes_after = watch.live_bytes();
    }
    CHECK(bytes_at_once > rows * stride);
    CHECK(reported_at_once == bytes_at_once);
    CHECK(reported_in_steps == bytes_in_steps);
    CHECK(bytes_after == 0);
  }
}

TEST_CASE("ChunkedRows: the estimate is what one reserve allocates, and that is under two chunks of 32 KiB more") {
  for (const std::size_t stride : strides()) {
    for (const std::size_t rows : {0U, 1U, 2U, 31U, 32U, 33U, 64U, 65U}) {
      CAPTURE(stride);
      CAPTURE(rows);
      std::size_t allocated = 0;
      {
        const Allocations::Watch watch;
        ChunkedRows chunks(stride);
        chunks.reserve(rows);
        allocated = watch.live_bytes();
      }
      CHECK(ChunkedRows::estimate_bytes(stride, rows) == allocated);
      // The table has 8 bytes for each chunk, and a chunk at least one row.
      CHECK(allocated <= rows * stride + ChunkedRows::chunk_bytes(stride) + (rows + 1) * sizeof(void*));
    }
  }
}

TEST_CASE("ChunkedRows: growing in steps allocates each chunk once, and tables of 1, 2, 4, ... places that stay") {
  constexpr std::size_t stride = 1024;
  RowsModel model(stride);
  std::size_t most = 0;
  std::size_t reported = 0;
  std::size_t allocations = 0;
  {
    const Allocations::Watch watch;
    ChunkedRows rows(stride);
    for (std::size_t i = 1; i <= 3'200; ++i) {  // 100 chunks
      rows.reserve(i);
      model.reserve(i);
      most = std::max(most, watch.live_bytes());
    }
    reported = rows.memory_bytes();
    allocations = watch.count();
  }
  // Eight tables, the last of 128 places; they lie in lists of 1, 3, 7 and 15 places, of which the last is left.
  REQUIRE(model.bytes() == 3'200 * stride + (255 + 15) * sizeof(void*));
  REQUIRE(model.allocations() == 100 + 8 + 4);
  CHECK(reported == model.bytes());
  CHECK(most == reported);
  CHECK(allocations == model.allocations());
}

TEST_CASE("ChunkedRows: what is given back is not counted, and rows that were emptied take nothing") {
  for (const std::size_t stride : strides()) {
    CAPTURE(stride);
    const std::size_t rows = 40 + 200'000 / stride;
    for (const std::size_t kept : {rows, rows / 2, std::size_t{1}, std::size_t{0}}) {
      CAPTURE(kept);
      std::size_t bytes = 0, reported = 0;
      {
        const Allocations::Watch watch;
        ChunkedRows chunks(stride);
        for (std::size_t i = 1; i <= rows; ++i) chunks.reserve(i);
        chunks.shrink(kept);
        bytes = watch.live_bytes();
        reported = chunks.memory_bytes();
      }
      CHECK(reported == bytes);
      CHECK((bytes == 0) == (kept == 0));
    }
  }
}

TEST_CASE("ChunkedRows: when the first rows cannot be had, the table for them is counted" *
          support::needs_exceptions()) {
  ChunkedRows rows(4'096);
  std::size_t bytes = 0;
  bool failed = false;
  {
    const Allocations::Watch watch(2);  // the list of tables, and a table
    SHOAL_TRY { rows.reserve(80); }
    SHOAL_CATCH_BAD_ALLOC { failed = true; }
    bytes = watch.live_bytes();
  }
  CHECK(failed);
  CHECK(bytes == 11 * sizeof(void*));
  CHECK(rows.memory_bytes() == bytes);
}

TEST_CASE("ChunkedRows: when an allocation fails the rows that were there stay, and reserving can be tried again" *
          support::needs_exceptions()) {
  constexpr std::size_t stride = 4096;
  for (std::size_t allowed = 0; allowed < 14; ++allowed) {
    CAPTURE(allowed);
    ChunkedRows rows(stride);
    rows.reserve(10);
    const std::size_t before = rows.capacity();
    const std::size_t bytes = rows.memory_bytes();
    std::byte* const first = rows[0];
    std::memset(rows[9], 7, stride);
    bool failed = false;
    {
      const Allocations::Watch watch(allowed);
      SHOAL_TRY {
        rows.reserve(before + 80);  // ten more chunks, and a larger table
      }
      SHOAL_CATCH_BAD_ALLOC { failed = true; }
    }
    CHECK(failed == (allowed < 2 + 10));  // the list of tables, the table, and ten chunks
    if (failed) CHECK(rows.capacity() == before);
    // The list has 3 places where it had 1; the table that is for 12 chunks stays.
    if (failed)
      CHECK(rows.memory_bytes() ==
            bytes + (std::min<std::size_t>(allowed, 1) * 2 + (allowed > 1 ? 12 : 0)) * sizeof(void*));
    CHECK(rows[0] == first);
    CHECK(std::all_of(rows[9], rows[9] + stride, [](std::byte b) { return b == std::byte{7}; }));
    rows.reserve(before + 80);
    CHECK(rows.capacity() >= before + 80);
    CHECK(std::all_of(rows[before + 79], rows[before + 79] + stride, [](std::byte b) { return b == std::byte{0}; }));
  }
}

TEST_CASE("ChunkedRows: rows beyond 32 MiB lie in huge pages, counted, cloned, given back and out of memory alike" *
          support::needs_exceptions()) {
  constexpr std::size_t stride = 3'000;              // 8 rows a chunk, 87 chunks a page, and some of it is left
  constexpr std::size_t few = (33U << 20) / stride;  // just beyond
  constexpr std::size_t many = (39U << 20) / stride;
  std::size_t live = 0, reported = 0, clone_live = 0, after = 0, chunks_of_few = 0, chunks = 0;
  bool kept = true;
  {
    const Allocations::Watch watch;
    {
      ChunkedRows rows(stride);
      rows.reserve(few);
      chunks_of_few = rows.capacity() / 8;
      for (std::size_t i = 0; i < few; i += 97) rows[i][0] = static_cast<std::byte>(i % 251);
      std::byte* const last = rows[few - 1];
      rows.reserve(many);
      chunks = rows.capacity() / 8;
      live = watch.live_bytes();
      reported = rows.memory_bytes();
      kept = kept && rows[few - 1] == last && rows[many - 1][stride - 1] == std::byte{0};
      const ChunkedRows copy = rows.clone();
      clone_live = watch.live_bytes() - live;
      for (std::size_t i = 0; i < few; i += 97) kept = kept && copy[i][0] == static_cast<std::byte>(i % 251);
      ChunkedRows moved = std::move(rows);
      kept = kept && moved[few - 1] == last;
    }
    after = watch.live_bytes();
  }
  CHECK(kept);
  CHECK(reported == live);
  CHECK(clone_live == ChunkedRows::estimate_bytes(stride, many));
  CHECK(after == 0);
  // What one reserve takes, but for the tables: there were two reserves.
  TableModel at_once, at_first, in_steps;
  at_once.reserve(chunks);
  at_first.reserve(chunks_of_few);
  in_steps.reserve(chunks_of_few);
  in_steps.reserve(chunks);
  CHECK(reported == ChunkedRows::estimate_bytes(stride, many) - at_once.bytes() + in_steps.bytes());
  const std::size_t blocks = SHOAL_HAS_HUGE_PAGES != 0 ? 3 : chunks - chunks_of_few;  // from one page to four
  for (std::size_t allowed = 0; allowed <= 2 + 3; ++allowed) {  // the list of tables, the table, and the pages
    CAPTURE(allowed);
    ChunkedRows rows(stride);
    rows.reserve(few);
    const std::size_t before = rows.capacity();
    const std::size_t bytes = rows.memory_bytes();
    bool failed = false;
    {
      const Allocations::Watch watch(allowed);
      SHOAL_TRY { rows.reserve(many); }
      SHOAL_CATCH_BAD_ALLOC { failed = true; }
    }
    CHECK(failed == (allowed < 2 + blocks));
    if (failed) {
      CHECK(rows.capacity() == before);
      const std::size_t list_alone = in_steps.list_bytes() - at_first.list_bytes();
      const std::size_t all = in_steps.bytes() - at_first.bytes();
      CHECK(rows.memory_bytes() == bytes + (allowed == 0 ? 0 : allowed == 1 ? list_alone : all));
    }
    rows.reserve(many);
    rows[many - 1][0] = std::byte{1};
  }
}

TEST_CASE("a clone takes what it reports, and a failed clone leaks nothing" * support::needs_exceptions()) {
  ChunkedArray<double> array;
  array.reserve(20'000);
  std::size_t allocations = 0;
  std::size_t copy_bytes = 0;
  std::size_t copy_reported = 0;
  {
    const Allocations::Watch watch;
    const ChunkedArray<double> copy = array.clone();
    allocations = watch.count();
    copy_bytes = watch.live_bytes();
    copy_reported = copy.memory_bytes();
  }
  CHECK(copy_reported == copy_bytes);
  CHECK(allocations >= 3);
  for (std::size_t allowed = 0; allowed < allocations; ++allowed) {
    bool failed = false;
    std::size_t bytes = 0;
    {
      const Allocations::Watch watch(allowed);
      SHOAL_TRY { const ChunkedArray<double> copy = array.clone(); }
      SHOAL_CATCH_BAD_ALLOC { failed = true; }
      bytes = watch.live_bytes();
    }
    CHECK(failed);
    CHECK(bytes == 0);
  }
}

TEST_CASE("SlotSet and VisitedSet: memory_bytes is what operator new gave") {
  std::size_t slot_set_bytes = 0, slot_set_reported = 0, visited_bytes = 0, visited_reported = 0;
  {
    const Allocations::Watch watch;
    SlotSet set;
    for (std::size_t slots = 1; slots < 5'000; slots += 37) set.reserve(slots);
    slot_set_bytes = watch.live_bytes();
    slot_set_reported = set.memory_bytes();
  }
  {
    const Allocations::Watch watch;
    VisitedSet set;
    for (std::size_t slots = 1; slots < 5'000; slots += 37) set.reserve(slots);
    for (std::size_t slot = 0; slot < 4'900; ++slot) set.insert(to_slot(slot));
    visited_bytes = watch.live_bytes();
    visited_reported = set.memory_bytes();
  }
  CHECK(slot_set_bytes > 0);
  CHECK(slot_set_reported == slot_set_bytes);
  CHECK(visited_bytes > 0);
  CHECK(visited_reported == visited_bytes);
}

TEST_CASE("VisitedSet: entering slots that were reserved for never allocates") {
  VisitedSet set;
  set.reserve(10'000);
  std::size_t allocations = 0;
  {
    const Allocations::Watch watch;
    for (int round = 0; round < 3; ++round) {
      for (std::size_t slot = 0; slot < 10'000; ++slot) set.insert(to_slot(slot));
      set.clear();
    }
    allocations = watch.count();
  }
  CHECK(allocations == 0);
}

TEST_CASE("SlotSet and VisitedSet: a reserve that fails changes nothing" * support::needs_exceptions()) {
  SlotSet plain;
  plain.reserve(100);
  plain.insert(Slot{99});
  VisitedSet visited;
  visited.reserve(100);
  visited.insert(Slot{99});
  int failures = 0;
  {
    const Allocations::Watch watch(0);
    SHOAL_TRY { plain.reserve(100'000); }
    SHOAL_CATCH_BAD_ALLOC { ++failures; }
  }
  {
    const Allocations::Watch watch(0);
    SHOAL_TRY { visited.reserve(100'000); }
    SHOAL_CATCH_BAD_ALLOC { ++failures; }
  }
  CHECK(failures == 2);
  CHECK(plain.contains(Slot{99}));
  CHECK_FALSE(plain.contains(Slot{98}));
  CHECK_FALSE(plain.contains(Slot{99'999}));
  CHECK_FALSE(visited.insert(Slot{99}));
  CHECK(visited.insert(Slot{98}));
  visited.reserve(100'000);
  CHECK_FALSE(visited.insert(Slot{98}));
  CHECK(visited.insert(Slot{99'999}));
  visited.clear();
  CHECK(visited.insert(Slot{99}));
}

TEST_CASE("an error made without memory keeps its code and says its standing description" *
          support::needs_exceptions()) {
  const std::string long_text(100, 'x');
  std::size_t allocations = 0;
  Error error(ErrorCode::cancelled);
  {
    const Allocations::Watch watch(0);
    error = detail::make_error(ErrorCode::duplicate_id, "expected ", long_text, " and ", 7);
    allocations = watch.count();
  }
  CHECK(error.code() == ErrorCode::duplicate_id);
  CHECK(error.message() == describe(ErrorCode::duplicate_id));
  CHECK(allocations > 0);
}

}  // namespace shoal
