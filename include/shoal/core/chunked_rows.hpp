#pragma once
// Rows of equal size in chunks that never move. Growing allocates one more chunk and copies no row, so the peak of
// memory is the total, and a pointer into a row stays good until the rows are destroyed. Chunks hold a power of two of
// rows: finding one is a shift, a mask and one load from a small table.
//
//   table   [ * ][ * ][ * ]
//             |    |    '--> chunk 2   row 2r .. 3r-1      r rows each, about chunk_bytes together
//             |    '-------> chunk 1   row  r .. 2r-1      a row begins at a multiple of its alignment
//             '------------> chunk 0   row  0 ..  r-1      new chunks are zero

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "shoal/core/platform.hpp"

namespace shoal::inline v0 {

/// Bytes from one row to the next: the row rounded up to the largest alignment of at most a cache line that costs no
/// more than an eighth, so that wide rows are aligned and narrow ones stay narrow. `bytes` is a multiple of
/// `minimum`, a power of two.
[[nodiscard]] constexpr std::size_t row_stride(std::size_t bytes, std::size_t minimum) noexcept {
  for (std::size_t alignment = detail::cache_line_bytes; alignment > minimum; alignment /= 2) {
    const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    if (rounded - bytes <= bytes / 8) return rounded;
  }
  return bytes;
}

/// Raw rows; whoever keeps them knows what they mean. For storage policies.
class ChunkedRows {
 public:
  static constexpr std::size_t chunk_bytes = 32 * 1024;

  /// `stride`: bytes from row to row, greater than 0.
  explicit ChunkedRows(std::size_t stride) noexcept
      : stride_(stride),
        shift_(static_cast<unsigned>(std::bit_width(std::max<std::size_t>(chunk_bytes / stride, 1)) - 1)) {}

  /// Makes room for `rows` rows in all. Errors: std::bad_alloc; the room there was remains.
  void reserve(std::size_t rows) {
    if (rows <= capacity()) return;
    const std::size_t needed = ((rows - 1) >> shift_) + 1;
    if (needed > chunks_.capacity()) chunks_.reserve(std::max(needed, chunks_.capacity() * 2));
    GiveBack give_back{chunks_, chunks_.size()};
    while (chunks_.size() < needed) chunks_.push_back(allocate());
    give_back.size = needed;
  }

  [[nodiscard]] std::size_t capacity() const noexcept { return chunks_.size() << shift_; }
  [[nodiscard]] std::size_t stride() const noexcept { return stride_; }

  [[nodiscard]] std::byte* operator[](std::size_t row) noexcept { return at(row); }
  [[nodiscard]] const std::byte* operator[](std::size_t row) const noexcept { return at(row); }

  /// Bytes allocated.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return chunks_.size() * rows_bytes() + chunks_.capacity() * sizeof(Chunk);
  }

  /// Bytes that `rows` rows of `stride` bytes will take.
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t stride, std::size_t rows) noexcept {
    if (rows == 0) return 0;
    const ChunkedRows model(stride);
    const std::size_t chunks = ((rows - 1) >> model.shift_) + 1;
    return chunks * (model.rows_bytes() + sizeof(Chunk));
  }

  [[nodiscard]] ChunkedRows clone() const {
    ChunkedRows copy(stride_);
    copy.reserve(capacity());
    for (std::size_t i = 0; i < chunks_.size(); ++i) std::memcpy(copy.chunks_[i].get(), chunks_[i].get(), rows_bytes());
    return copy;
  }

 private:
  struct Release {
    void operator()(std::byte* bytes) const noexcept {
      ::operator delete (bytes, std::align_val_t{detail::cache_line_bytes});
    }
  };
  using Chunk = std::unique_ptr<std::byte, Release>;

  /// Leaves as many chunks as there were when one cannot be had.
  struct GiveBack {
    std::vector<Chunk>& chunks;
    std::size_t size;
    ~GiveBack() { chunks.resize(size); }
  };

  [[nodiscard]] std::size_t rows_bytes() const noexcept { return stride_ << shift_; }

  [[nodiscard]] Chunk allocate() const {
    auto* bytes = static_cast<std::byte*>(::operator new (rows_bytes(), std::align_val_t{detail::cache_line_bytes}));
    std::memset(bytes, 0, rows_bytes());
    return Chunk(bytes);
  }

  [[nodiscard]] SHOAL_ALWAYS_INLINE std::byte* at(std::size_t row) const noexcept {
    assert(row < capacity());
    return chunks_[row >> shift_].get() + (row & ((std::size_t{1} << shift_) - 1)) * stride_;
  }

  std::size_t stride_;
  unsigned shift_;
  std::vector<Chunk> chunks_;
};

/// ChunkedRows of one trivial value each.
template <class T>
  requires std::is_trivially_copyable_v<T>
class ChunkedArray {
 public:
  ChunkedArray() noexcept : rows_(sizeof(T)) {}

  void reserve(std::size_t count) { rows_.reserve(count); }
  [[nodiscard]] std::size_t capacity() const noexcept { return rows_.capacity(); }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return *reinterpret_cast<T*>(rows_[i]); }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return *reinterpret_cast<const T*>(rows_[i]); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return rows_.memory_bytes(); }
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t count) noexcept {
    return ChunkedRows::estimate_bytes(sizeof(T), count);
  }

  [[nodiscard]] ChunkedArray clone() const { return ChunkedArray(rows_.clone()); }

 private:
  explicit ChunkedArray(ChunkedRows rows) noexcept : rows_(std::move(rows)) {}

  ChunkedRows rows_;
};

}  // namespace shoal::inline v0
