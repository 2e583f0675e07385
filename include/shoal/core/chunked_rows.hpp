#pragma once
// Rows of equal size in chunks that never move. Growing allocates one more chunk and copies no row, so the peak of
// memory is the total, and a pointer into a row stays good until the rows are destroyed. Chunks hold a power of two of
// rows: finding one is a shift, a mask and one load from a small table.
//
//   table   [ * ][ * ][ * ]
//             |    |    '--> chunk 2   row 2r .. 3r-1      r rows each, about chunk_bytes together
//             |    '-------> chunk 1   row  r .. 2r-1      a row begins at a multiple of its alignment
//             '------------> chunk 0   row  0 ..  r-1      new chunks are zero
//
// Rows that have come to 32 MiB grow by huge pages of 2 MiB, many chunks in each: a small set is not rounded up, and
// most of a large one is spared the page tables (huge_pages.hpp).

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "shoal/core/huge_pages.hpp"
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
  /// Bytes of a chunk at most, if it holds more than one row: rows are rounded up to it, so narrow ones get less.
  [[nodiscard]] static constexpr std::size_t chunk_bytes(std::size_t stride) noexcept {
    return stride < 128 ? 8 * 1024 : 32 * 1024;
  }
  /// From here on, rows grow by huge pages.
  static constexpr std::size_t small_bytes = SHOAL_HAS_HUGE_PAGES ? std::size_t{32} << 20 : ~std::size_t{0};

  /// `stride`: bytes from row to row, greater than 0.
  explicit ChunkedRows(std::size_t stride) noexcept
      : stride_(stride),
        shift_(static_cast<unsigned>(std::bit_width(std::max<std::size_t>(chunk_bytes(stride) / stride, 1)) - 1)) {}

  /// Makes room for `rows` rows in all. Errors: std::bad_alloc; the room there was remains.
  void reserve(std::size_t rows) {
    if (rows <= capacity()) return;
    const Layout wanted = layout_of(rows);
    grow(blocks_, wanted.blocks());
    grow(chunks_, wanted.chunks);
    GiveBack give_back{*this, blocks_.size(), chunks_.size()};
    while (chunks_.size() < wanted.chunks) add_block();
    give_back.blocks = blocks_.size();
    give_back.chunks = chunks_.size();
  }

  [[nodiscard]] std::size_t capacity() const noexcept { return chunks_.size() << shift_; }
  [[nodiscard]] std::size_t stride() const noexcept { return stride_; }

  [[nodiscard]] SHOAL_ALWAYS_INLINE std::byte* operator[](std::size_t row) noexcept { return at(row); }
  [[nodiscard]] SHOAL_ALWAYS_INLINE const std::byte* operator[](std::size_t row) const noexcept { return at(row); }

  /// Bytes allocated.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return small_blocks() * rows_bytes() + (blocks_.size() - small_blocks()) * detail::huge_page_bytes +
           blocks_.capacity() * sizeof(Block) + chunks_.capacity() * sizeof(std::byte*);
  }

  /// Bytes that `rows` rows of `stride` bytes will take.
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t stride, std::size_t rows) noexcept {
    if (rows == 0) return 0;
    const ChunkedRows model(stride);
    const Layout layout = model.layout_of(rows);
    return layout.small * model.rows_bytes() + layout.huge * detail::huge_page_bytes + layout.blocks() * sizeof(Block) +
           layout.chunks * sizeof(std::byte*);
  }

  [[nodiscard]] ChunkedRows clone() const {
    ChunkedRows copy(stride_);
    copy.reserve(capacity());
    for (std::size_t i = 0; i < chunks_.size(); ++i) std::memcpy(copy.chunks_[i], chunks_[i], rows_bytes());
    return copy;
  }

 private:
  /// Memory of one chunk, or of as many as a huge page holds.
  struct Release {
    std::size_t alignment;
    void operator()(std::byte* bytes) const noexcept { ::operator delete (bytes, std::align_val_t{alignment}); }
  };
  using Block = std::unique_ptr<std::byte, Release>;

  /// Leaves what there was when more cannot be had.
  struct GiveBack {
    ChunkedRows& rows;
    std::size_t blocks;
    std::size_t chunks;
    ~GiveBack() {
      rows.chunks_.resize(chunks);
      while (rows.blocks_.size() > blocks) rows.blocks_.pop_back();
    }
  };

  [[nodiscard]] std::size_t rows_bytes() const noexcept { return stride_ << shift_; }
  [[nodiscard]] std::size_t chunks_in_huge_page() const noexcept { return detail::huge_page_bytes / rows_bytes(); }
  /// Blocks of one chunk come first.
  [[nodiscard]] std::size_t most_small_blocks() const noexcept {
    return chunks_in_huge_page() == 0 ? ~std::size_t{0} : small_bytes / rows_bytes();
  }
  [[nodiscard]] std::size_t small_blocks() const noexcept { return std::min(blocks_.size(), most_small_blocks()); }

  /// What so many rows lie in.
  struct Layout {
    std::size_t small;  // blocks of one chunk
    std::size_t huge;   // blocks of one huge page
    std::size_t chunks;
    [[nodiscard]] std::size_t blocks() const noexcept { return small + huge; }
  };
  [[nodiscard]] Layout layout_of(std::size_t rows) const noexcept {
    const std::size_t chunks = ((rows - 1) >> shift_) + 1;
    const std::size_t small = std::min(chunks, most_small_blocks());
    const std::size_t in_huge = std::max<std::size_t>(chunks_in_huge_page(), 1);
    const std::size_t huge = (chunks - small + in_huge - 1) / in_huge;
    return {small, huge, small + huge * in_huge};
  }

  template <class T>
  static void grow(std::vector<T>& table, std::size_t size) {
    if (size > table.capacity()) table.reserve(std::max(size, table.capacity() + table.capacity() / 4));
  }

  /// The tables have room.
  void add_block() {
    const bool huge = blocks_.size() >= most_small_blocks();
    const std::size_t bytes = huge ? detail::huge_page_bytes : rows_bytes();
    const std::size_t chunks = huge ? chunks_in_huge_page() : 1;
    const std::size_t alignment = huge ? detail::huge_page_bytes : detail::cache_line_bytes;
    Block block(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{alignment})), Release{alignment});
    if (huge) detail::ask_for_huge_pages(block.get(), bytes);
    std::memset(block.get(), 0, bytes);
    for (std::size_t i = 0; i < chunks; ++i) chunks_.push_back(block.get() + i * rows_bytes());
    blocks_.push_back(std::move(block));
  }

  [[nodiscard]] SHOAL_ALWAYS_INLINE std::byte* at(std::size_t row) const noexcept {
    assert(row < capacity());
    return chunks_[row >> shift_] + (row & ((std::size_t{1} << shift_) - 1)) * stride_;
  }

  std::size_t stride_;
  unsigned shift_;
  std::vector<std::byte*> chunks_;
  std::vector<Block> blocks_;
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
