#pragma once
// What rows in chunks take by their design, to the byte: an oracle for memory_bytes() below 32 MiB. A table leads to
// the chunks. One that is full gets one of at least twice its size beside it, and stays, for a reader may be looking at
// it. A list holds the tables; it has 1 place, then 3, then 7, ..., and is not read by others, so it is copied and
// goes.

#include <algorithm>
#include <bit>
#include <cstddef>

#include <shoal/core/chunked_rows.hpp>

namespace support {

class TableModel {
 public:
  void reserve(std::size_t places) {
    if (places <= size_) return;
    size_ = std::max(places, 2 * size_);
    all_places_ += size_;
    ++tables_;
  }
  [[nodiscard]] std::size_t list_bytes() const { return (std::bit_ceil(tables_ + 1) - 1) * sizeof(void*); }
  [[nodiscard]] std::size_t bytes() const { return all_places_ * sizeof(void*) + list_bytes(); }
  /// Of tables and of lists, those that went included.
  [[nodiscard]] std::size_t allocations() const { return tables_ + static_cast<std::size_t>(std::bit_width(tables_)); }

 private:
  std::size_t size_ = 0;
  std::size_t all_places_ = 0;
  std::size_t tables_ = 0;
};

class RowsModel {
 public:
  explicit RowsModel(std::size_t stride)
      : stride_(stride),
        chunk_rows_(std::bit_floor(std::max<std::size_t>(shoal::ChunkedRows::chunk_bytes(stride) / stride, 1))) {}

  void reserve(std::size_t rows) {
    chunks_ = std::max(chunks_, (rows + chunk_rows_ - 1) / chunk_rows_);
    table_.reserve(chunks_);
  }
  [[nodiscard]] std::size_t capacity() const { return chunks_ * chunk_rows_; }
  [[nodiscard]] std::size_t bytes() const { return capacity() * stride_ + table_.bytes(); }
  /// Of chunks and of what leads to them.
  [[nodiscard]] std::size_t allocations() const { return chunks_ + table_.allocations(); }

 private:
  std::size_t stride_;
  std::size_t chunk_rows_;
  std::size_t chunks_ = 0;
  TableModel table_;
};

}  // namespace support
