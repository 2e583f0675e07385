#pragma once
// A draft: codes of all rows, made for one batch and dropped after it, by which the batch is linked in place of its
// floats. Comparing codes is several times as fast, and a graph chosen by codes of a byte is as good to search by
// floats (docs/performance.md has the figures); it costs the memory of the codes while the batch runs.

#include <cstddef>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "shoal/core/slot.hpp"
#include "shoal/storage/storage.hpp"

namespace shoal::inline v0::detail {

/// Of rows that have no faster ones to stand in for them.
template <VectorRows Rows>
class Draft {
 public:
  void begin(const Rows&, std::size_t, std::size_t) noexcept {}
  void reserve(std::size_t) noexcept {}
  void write(Slot, std::span<const float>) noexcept {}
  void end() noexcept {}
  /// The rows to link by.
  [[nodiscard]] const Rows* rows() const noexcept { return nullptr; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return 0; }
};

template <VectorRows Rows>
  requires(!std::is_void_v<DraftRowsOf<Rows>>)
class Draft<Rows> {
 public:
  /// Encodes the first `slots` of `rows`. *Cost*: about 1 us each at 768 dimensions. Errors: std::bad_alloc.
  void begin(const Rows& rows, std::size_t dimensions, std::size_t slots) {
    std::vector<float> vector(dimensions);
    codes_.emplace(dimensions);
    codes_->reserve(slots);
    for (std::size_t i = 0; i < slots; ++i) {
      rows.read(to_slot(i), vector);
      codes_->write(to_slot(i), vector);
    }
  }
  void reserve(std::size_t slots) {
    if (codes_) codes_->reserve(slots);
  }
  void write(Slot slot, std::span<const float> vector) noexcept {
    if (codes_) codes_->write(slot, vector);
  }
  void end() noexcept { codes_.reset(); }
  /// The rows to link by; null when there is no draft.
  [[nodiscard]] const DraftRowsOf<Rows>* rows() const noexcept { return codes_ ? &*codes_ : nullptr; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return codes_ ? codes_->memory_bytes() : 0; }

 private:
  std::optional<DraftRowsOf<Rows>> codes_;
};

}  // namespace shoal::inline v0::detail
