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
// most of a large one is spared the page tables (huge_pages.hpp). While one thread makes room, others may read the rows
// there are.
//
// In a file rows lie one after the other as they do in a chunk. Rows that are mapped are one chunk, of somebody else's
// memory, and are only read. Rows with a source (row_source.hpp) are no chunk at all: they are copied when they are
// read.

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "shoal/core/archive.hpp"
#include "shoal/core/growing_array.hpp"
#include "shoal/core/huge_pages.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/core/row_source.hpp"
#include "shoal/core/slot.hpp"

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

  ChunkedRows(ChunkedRows&& other) noexcept
      : stride_(other.stride_),
        shift_(other.shift_),
        is_borrowed_(std::exchange(other.is_borrowed_, false)),
        source_(std::exchange(other.source_, nullptr)),
        chunks_(std::move(other.chunks_)) {}
  ChunkedRows& operator=(ChunkedRows&& other) noexcept {
    std::swap(stride_, other.stride_);
    std::swap(shift_, other.shift_);
    std::swap(is_borrowed_, other.is_borrowed_);
    std::swap(source_, other.source_);
    chunks_.swap(other.chunks_);
    return *this;
  }
  ~ChunkedRows() { give_back(0); }

  /// Makes room for `rows` rows in all. Errors: std::bad_alloc; the room there was remains.
  void reserve(std::size_t rows) {
    if (rows <= capacity()) return;
    const Layout wanted = layout_of(rows);
    chunks_.reserve(wanted.chunks);
    GiveBack unfinished{*this, chunks_.size()};
    while (chunks_.size() < wanted.chunks) add_block();
    unfinished.chunks = chunks_.size();
  }

  /// Row `to` becomes a copy of row `from`.
  void move(std::size_t from, std::size_t to) noexcept { std::memcpy(at(to), at(from), stride_); }
  /// Gives back what lies beyond `rows` rows; nobody reads any.
  void shrink(std::size_t rows) noexcept {
    if (rows > capacity()) return;
    give_back(rows == 0 ? 0 : layout_of(rows).chunks);
    if (rows == 0) chunks_ = {};
    chunks_.drop_former();
  }

  [[nodiscard]] std::size_t capacity() const noexcept { return chunks_.size() << shift_; }
  [[nodiscard]] std::size_t stride() const noexcept { return stride_; }

  [[nodiscard]] SHOAL_ALWAYS_INLINE std::byte* operator[](std::size_t row) noexcept { return at(row); }
  [[nodiscard]] SHOAL_ALWAYS_INLINE const std::byte* operator[](std::size_t row) const noexcept { return at(row); }

  /// The rows there are now, for reading several: what finds them is held in registers.
  class View {
   public:
    explicit View(const ChunkedRows& rows) noexcept
        : chunks_(rows.chunks_.data()), stride_(rows.stride_), shift_(rows.shift_) {}
    [[nodiscard]] SHOAL_ALWAYS_INLINE const std::byte* operator[](std::size_t row) const noexcept {
      return chunks_[row >> shift_] + (row & ((std::size_t{1} << shift_) - 1)) * stride_;
    }

   private:
    std::byte* const* chunks_;
    std::size_t stride_;
    unsigned shift_;
  };
  [[nodiscard]] View view() const noexcept { return View(*this); }

  // ---- rows that may lie elsewhere ---------------------------------------------------------------------------------

  /// Where the rows come from that are not in memory; null when they are.
  [[nodiscard]] SHOAL_ALWAYS_INLINE const detail::RowSource* source() const noexcept { return source_; }
  /// How many rows are copied at once, of `most` that are wanted: so many that the copies are no large memory.
  [[nodiscard]] std::size_t rows_at_once(std::size_t most) const noexcept {
    constexpr std::size_t room = 64 * 1024;
    return source_ == nullptr ? most : std::clamp<std::size_t>(room / stride_, 1, most);
  }
  /// Bytes for the copies of so many rows; none when rows are in memory.
  [[nodiscard]] std::size_t room_for(std::size_t rows) const noexcept {
    return source_ == nullptr ? 0 : rows_at_once(rows) * stride_;
  }
  /// Copies the rows to `room`, of room_for(rows.size()) bytes, and says where each is. There is a source.
  template <class T>
  SHOAL_NEVER_INLINE void copy_rows(std::span<const Slot> rows, std::byte* room, const T** at) const noexcept {
    source_->copy(rows, room);
    for (std::size_t i = 0; i < rows.size(); ++i) at[i] = reinterpret_cast<const T*>(room + i * stride_);
  }

  /// The first bytes of a row, wherever it lies. *Shape*: at most a row.
  void read(Slot row, std::span<std::byte> out) const noexcept {
    if (source_ == nullptr) {
      std::memcpy(out.data(), at(to_index(row)), out.size());
    } else {
      source_->copy(row, out);
    }
  }

  /// Bytes allocated.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    const bool owns = !chunks_.empty() && !is_borrowed_;
    return (owns ? bytes_of(layout_of(capacity())) : 0) + chunks_.memory_bytes();
  }

  /// Bytes that `rows` rows of `stride` bytes will take.
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t stride, std::size_t rows) noexcept {
    if (rows == 0) return 0;
    const ChunkedRows model(stride);
    const Layout layout = model.layout_of(rows);
    return model.bytes_of(layout) + detail::GrowingArray<std::byte*>::estimate_bytes(layout.chunks);
  }

  /// Writes the first `rows` as a section.
  template <OutArchive Out>
  void save(Out& out, SectionKind kind, std::size_t rows) const {
    out.begin(kind, stride_, rows);
    const std::size_t in_chunk = std::size_t{1} << shift_;
    for (std::size_t row = 0; row < rows; row += in_chunk) out.write(at(row), std::min(in_chunk, rows - row) * stride_);
  }
  /// Reads a section of `rows` rows, or points at it. There were none. Errors: std::bad_alloc.
  template <InArchive In>
  [[nodiscard]] bool load(In& in, SectionKind kind, std::size_t rows) {
    if (!in.begin(kind, stride_, rows)) return false;
    if constexpr (requires { in.source(); }) {
      source_ = in.source();
      if (source_ != nullptr) return in.end();
    }
    if constexpr (In::is_mapped) {
      borrow(in.take(rows * stride_), rows);
    } else {
      reserve(rows);
      const std::size_t in_chunk = std::size_t{1} << shift_;
      for (std::size_t row = 0; row < rows; row += in_chunk) {
        if (!in.read(at(row), std::min(in_chunk, rows - row) * stride_)) return false;
      }
    }
    return in.end();
  }

  [[nodiscard]] ChunkedRows clone() const {
    assert(!is_borrowed_);
    ChunkedRows copy(stride_);
    copy.reserve(capacity());
    for (std::size_t i = 0; i < chunks_.size(); ++i) std::memcpy(copy.chunks_[i], chunks_[i], rows_bytes());
    return copy;
  }

 private:
  /// Leaves what there was when more cannot be had.
  struct GiveBack {
    ChunkedRows& rows;
    std::size_t chunks;
    ~GiveBack() { rows.give_back(chunks); }
  };

  [[nodiscard]] std::size_t rows_bytes() const noexcept { return stride_ << shift_; }
  [[nodiscard]] std::size_t chunks_in_huge_page() const noexcept { return detail::huge_page_bytes / rows_bytes(); }
  /// Chunks that are allocated one by one; those after them come by huge pages.
  [[nodiscard]] std::size_t most_single_chunks() const noexcept {
    return chunks_in_huge_page() == 0 ? ~std::size_t{0} : small_bytes / rows_bytes();
  }

  /// What so many rows lie in.
  struct Layout {
    std::size_t single;      // chunks that are allocated one by one
    std::size_t huge_pages;  // after them
    std::size_t chunks;
  };
  [[nodiscard]] Layout layout_of(std::size_t rows) const noexcept {
    const std::size_t chunks = ((rows - 1) >> shift_) + 1;
    const std::size_t single = std::min(chunks, most_single_chunks());
    const std::size_t in_page = std::max<std::size_t>(chunks_in_huge_page(), 1);
    const std::size_t pages = (chunks - single + in_page - 1) / in_page;
    return {single, pages, single + pages * in_page};
  }
  [[nodiscard]] std::size_t bytes_of(const Layout& layout) const noexcept {
    return layout.single * rows_bytes() + layout.huge_pages * detail::huge_page_bytes;
  }

  /// Adds a chunk, or as many as a huge page holds. The table has room.
  void add_block() {
    const bool huge = chunks_.size() >= most_single_chunks();
    const std::size_t bytes = huge ? detail::huge_page_bytes : rows_bytes();
    auto* const block = static_cast<std::byte*>(::operator new(bytes, alignment_of(chunks_.size())));
    if (huge) detail::ask_for_huge_pages(block, bytes);
    std::memset(block, 0, bytes);
    for (std::size_t i = 0; i < (huge ? chunks_in_huge_page() : 1); ++i) chunks_.push_back(block + i * rows_bytes());
  }
  /// The rows become those at `first`, which are one chunk, and not to be written. Errors: std::bad_alloc.
  void borrow(const std::byte* first, std::size_t rows) {
    if (rows == 0) return;
    chunks_.reserve(1);
    chunks_.push_back(const_cast<std::byte*>(first));
    shift_ = static_cast<unsigned>(std::bit_width(rows - 1));
    is_borrowed_ = true;
  }
  /// Gives back all chunks from `size` on, which begins a block.
  void give_back(std::size_t size) noexcept {
    if (is_borrowed_) return;
    for (; chunks_.size() > size; chunks_.pop_back()) {
      const std::size_t chunk = chunks_.size() - 1;
      const std::size_t single = most_single_chunks();
      const bool begins_block = chunk < single || (chunk - single) % chunks_in_huge_page() == 0;
      if (begins_block) ::operator delete(chunks_.back(), alignment_of(chunk));
    }
  }
  [[nodiscard]] std::align_val_t alignment_of(std::size_t chunk) const noexcept {
    return std::align_val_t{chunk < most_single_chunks() ? detail::cache_line_bytes : detail::huge_page_bytes};
  }

  [[nodiscard]] SHOAL_ALWAYS_INLINE std::byte* at(std::size_t row) const noexcept {
    assert(row < capacity());
    return chunks_.data()[row >> shift_] + (row & ((std::size_t{1} << shift_) - 1)) * stride_;
  }

  std::size_t stride_;
  unsigned shift_;
  bool is_borrowed_ = false;
  const detail::RowSource* source_ = nullptr;
  detail::GrowingArray<std::byte*> chunks_;  // owns them; of a huge page, the first chunk does
};

/// ChunkedRows of one trivial value each.
template <class T>
  requires std::is_trivially_copyable_v<T>
class ChunkedArray {
 public:
  ChunkedArray() noexcept : rows_(sizeof(T)) {}

  void reserve(std::size_t count) { rows_.reserve(count); }
  /// Gives back what lies beyond `count` values; nobody reads any.
  void shrink(std::size_t count) noexcept { rows_.shrink(count); }
  [[nodiscard]] std::size_t capacity() const noexcept { return rows_.capacity(); }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return *reinterpret_cast<T*>(rows_[i]); }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return *reinterpret_cast<const T*>(rows_[i]); }
  /// As that of ChunkedRows.
  class View {
   public:
    explicit View(const ChunkedArray& array) noexcept : rows_(array.rows_) {}
    [[nodiscard]] SHOAL_ALWAYS_INLINE const T& operator[](std::size_t i) const noexcept {
      return *reinterpret_cast<const T*>(rows_[i]);
    }

   private:
    ChunkedRows::View rows_;
  };
  [[nodiscard]] View view() const noexcept { return View(*this); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return rows_.memory_bytes(); }
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t count) noexcept {
    return ChunkedRows::estimate_bytes(sizeof(T), count);
  }

  template <OutArchive Out>
  void save(Out& out, SectionKind kind, std::size_t count) const {
    rows_.save(out, kind, count);
  }
  /// As that of ChunkedRows. Errors: std::bad_alloc.
  template <InArchive In>
  [[nodiscard]] bool load(In& in, SectionKind kind, std::size_t count) {
    return rows_.load(in, kind, count);
  }

  [[nodiscard]] ChunkedArray clone() const { return ChunkedArray(rows_.clone()); }

 private:
  explicit ChunkedArray(ChunkedRows rows) noexcept : rows_(std::move(rows)) {}

  ChunkedRows rows_;
};

}  // namespace shoal::inline v0
