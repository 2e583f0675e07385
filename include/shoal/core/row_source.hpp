#pragma once
// Rows that are not in memory. ChunkedRows over a source are copied when they are read: what holds them in the
// meantime, and how much of it, is the source's affair (io/page_cache.hpp).

#include <cstddef>
#include <span>

#include "shoal/core/slot.hpp"

namespace shoal::inline v0::detail {

/// *Threads*: any number at once.
class RowSource {
 public:
  /// Copies rows to `out`, one after the other. One that cannot be read comes as zeros; whoever made the source is
  /// told.
  virtual void copy(std::span<const Slot> rows, std::byte* out) const noexcept = 0;
  /// The first bytes of one.
  virtual void copy(Slot row, std::span<std::byte> out) const noexcept = 0;
  /// The row will be asked for soon.
  virtual void prefetch(Slot row) const noexcept = 0;

 protected:
  RowSource() = default;
  RowSource(const RowSource&) = default;
  RowSource& operator=(const RowSource&) = default;
  ~RowSource() = default;
};

}  // namespace shoal::inline v0::detail
