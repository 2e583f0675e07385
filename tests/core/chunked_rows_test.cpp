// Rows in chunks: where they lie, that they stay there, and what is in them. memory_test.cpp counts their bytes.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <shoal/core/chunked_rows.hpp>

namespace shoal {
namespace {

std::uint8_t pattern(std::size_t row, std::size_t byte) { return static_cast<std::uint8_t>(row * 31 + byte * 7 + 1); }

void fill(ChunkedRows& rows, std::size_t row) {
  for (std::size_t i = 0; i < rows.stride(); ++i) rows[row][i] = std::byte{pattern(row, i)};
}
bool is_filled(const ChunkedRows& rows, std::size_t row) {
  for (std::size_t i = 0; i < rows.stride(); ++i) {
    if (rows[row][i] != std::byte{pattern(row, i)}) return false;
  }
  return true;
}
bool is_zero(const ChunkedRows& rows, std::size_t row) {
  return std::all_of(rows[row], rows[row] + rows.stride(), [](std::byte b) { return b == std::byte{0}; });
}

const std::vector<std::size_t>& strides() {
  static const std::vector<std::size_t> all{1, 3, 4, 64, 100, 112, 772, 4096, 16'384, 32'767, 32'768, 32'769, 70'000};
  return all;
}

}  // namespace

TEST_CASE("the stride is the row rounded up to the largest alignment that costs at most an eighth") {
  for (const std::size_t minimum : {1U, 2U, 4U, 8U}) {
    for (std::size_t bytes = minimum; bytes <= 5'000; bytes += minimum) {
      const std::size_t stride = row_stride(bytes, minimum);
      const auto rounded_to = [bytes](std::size_t alignment) {
        return bytes + (alignment - bytes % alignment) % alignment;
      };
      std::size_t expected = bytes;
      for (std::size_t alignment = minimum; alignment <= 64; alignment *= 2) {
        if (8 * (rounded_to(alignment) - bytes) <= bytes) expected = rounded_to(alignment);
      }
      if (stride != expected) FAIL_CHECK(bytes << " bytes: stride " << stride << ", expected " << expected);
    }
  }
}

TEST_CASE("strides of well-known widths") {
  CHECK(row_stride(1, 1) == 1);
  CHECK(row_stride(70, 1) == 72);      // 128 and 96 and 80 cost too much
  CHECK(row_stride(100, 1) == 112);    // 128 costs 28, 112 costs 12
  CHECK(row_stride(768, 1) == 768);    // a multiple already
  CHECK(row_stride(1000, 1) == 1024);  // costs 24
  CHECK(row_stride(4, 4) == 4);
  CHECK(row_stride(400, 4) == 448);
  CHECK(row_stride(4 * 768, 4) == 4 * 768);
}

TEST_CASE("rows never move and keep their bytes while the rows grow") {
  for (const std::size_t stride : strides()) {
    CAPTURE(stride);
    ChunkedRows rows(stride);
    const std::size_t most = std::max<std::size_t>(40, 100'000 / stride);
    std::vector<std::byte*> places;
    for (std::size_t row = 0; row < most; ++row) {
      rows.reserve(row + 1);
      places.push_back(rows[row]);
      fill(rows, row);
    }
    std::size_t moved = 0;
    std::size_t changed = 0;
    for (std::size_t row = 0; row < most; ++row) {
      if (rows[row] != places[row] || std::as_const(rows)[row] != places[row]) ++moved;
      if (!is_filled(rows, row)) ++changed;  // also when a later row overlaps it
    }
    CHECK(moved == 0);
    CHECK(changed == 0);
  }
}

TEST_CASE("rows begin as zeros, those of later chunks too") {
  for (const std::size_t stride : strides()) {
    CAPTURE(stride);
    for (int round = 0; round < 2; ++round) {  // the second round is likely to get memory that was written to before
      ChunkedRows rows(stride);
      std::size_t not_zero = 0;
      std::size_t seen = 0;
      for (std::size_t wanted = 1; wanted <= 40; wanted += 13) {
        rows.reserve(wanted);
        for (; seen < rows.capacity(); ++seen) {
          if (!is_zero(rows, seen)) ++not_zero;
          std::memset(rows[seen], 0xFF, stride);
        }
      }
      CHECK(seen >= 40);
      CHECK(not_zero == 0);
    }
  }
}

TEST_CASE("every row of a stride that is a multiple of 64 begins at a cache line, and each chunk's first row always") {
  for (const std::size_t stride : strides()) {
    CAPTURE(stride);
    ChunkedRows rows(stride);
    rows.reserve(1);
    const std::size_t in_chunk = rows.capacity();
    rows.reserve(3 * in_chunk);
    std::size_t misaligned = 0;
    for (std::size_t row = 0; row < 3 * in_chunk; row += stride % 64 == 0 ? 1 : in_chunk) {
      if (reinterpret_cast<std::uintptr_t>(rows[row]) % 64 != 0) ++misaligned;
    }
    CHECK(misaligned == 0);
  }
}

TEST_CASE("a chunk holds a power of two of rows that fit chunk_bytes, or one row") {
  for (const std::size_t stride : strides()) {
    CAPTURE(stride);
    ChunkedRows rows(stride);
    CHECK(rows.capacity() == 0);
    rows.reserve(1);
    const std::size_t in_chunk = rows.capacity();
    CHECK(std::has_single_bit(in_chunk));
    CHECK((in_chunk == 1 || in_chunk * stride <= ChunkedRows::chunk_bytes(stride)));
    CHECK(2 * in_chunk * stride > ChunkedRows::chunk_bytes(stride));
    rows.reserve(in_chunk);
    CHECK(rows.capacity() == in_chunk);
    rows.reserve(in_chunk + 1);
    CHECK(rows.capacity() == 2 * in_chunk);
    rows.reserve(1);  // less than there is
    CHECK(rows.capacity() == 2 * in_chunk);
    CHECK(rows.stride() == stride);
  }
}

TEST_CASE("a clone has the same bytes and shares nothing") {
  for (const std::size_t stride : strides()) {
    CAPTURE(stride);
    ChunkedRows rows(stride);
    rows.reserve(40);
    for (std::size_t row = 0; row < 40; ++row) fill(rows, row);
    ChunkedRows copy = rows.clone();
    CHECK(copy.capacity() == rows.capacity());
    CHECK(copy.stride() == stride);
    std::size_t different = 0;
    for (std::size_t row = 0; row < 40; ++row) {
      if (!is_filled(copy, row) || copy[row] == rows[row]) ++different;
      std::memset(rows[row], 0, stride);
      if (!is_filled(copy, row)) ++different;
    }
    CHECK(different == 0);
    std::memset(copy[3], 0xFF, stride);
    CHECK(is_zero(rows, 3));
    copy.reserve(10 * copy.capacity());
    CHECK(rows.capacity() < copy.capacity());
  }
}

TEST_CASE("moved rows stay where they are") {
  ChunkedRows rows(100);
  rows.reserve(1'000);
  fill(rows, 999);
  const std::byte* const place = rows[999];
  const ChunkedRows taken = std::move(rows);
  CHECK(taken[999] == place);
  CHECK(is_filled(taken, 999));
}

TEST_CASE("a ChunkedArray holds values that stay where they are, and its clone is independent") {
  struct Triple {
    std::uint32_t a, b, c;
  };
  ChunkedArray<Triple> array;
  array.reserve(1);
  Triple* const first = &array[0];
  array.reserve(10'000);
  CHECK(&array[0] == first);
  CHECK(array.capacity() >= 10'000);
  for (std::uint32_t i = 0; i < 10'000; ++i) array[i] = {i, i + 1, i + 2};
  const ChunkedArray<Triple> copy = array.clone();
  array[77] = {0, 0, 0};
  std::size_t wrong = 0;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    if (copy[i].a != i || copy[i].b != i + 1 || copy[i].c != i + 2) ++wrong;
  }
  CHECK(wrong == 0);
  ChunkedArray<Triple> at_once;
  at_once.reserve(10'000);
  CHECK(at_once.memory_bytes() == ChunkedArray<Triple>::estimate_bytes(10'000));
}

}  // namespace shoal
