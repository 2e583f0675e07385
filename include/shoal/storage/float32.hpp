#pragma once
// Float32: vectors as they came, four bytes a component. Works with every metric; where the metric is one of inner
// products, sketches (sketch.hpp) spare a walk from reading most rows that are too far.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "shoal/core/chunked_rows.hpp"
#include "shoal/storage/sketch.hpp"
#include "shoal/storage/sq8.hpp"
#include "shoal/storage/storage.hpp"

namespace shoal::inline v0 {

namespace detail {

/// `SomeSketches`: Sketches or NoSketches.
template <Metric M, class SomeSketches = SketchesFor<M>>
class Float32Rows {
 public:
  struct Query {
    const float* vector;
    typename SomeSketches::Query sketch{};
    std::byte* room = nullptr;  // for rows that lie elsewhere
  };
  struct QueryBuffer {
    explicit QueryBuffer(const Float32Rows& rows)
        : sketch(sketched(rows.dimensions_)),
          room(std::max(rows.rows_.room_for(slots_a_call), rows.sketches_.room_for(slots_a_call))) {}
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return sketch.memory_bytes() + room.capacity(); }
    typename SomeSketches::Buffer sketch;
    std::vector<std::byte> room;
  };

  explicit Float32Rows(std::size_t dimensions)
      : dimensions_(dimensions), rows_(stride(dimensions)), sketches_(sketched(dimensions)) {}

  void reserve(std::size_t slots) {
    rows_.reserve(slots);
    sketches_.reserve(slots);
  }

  void write(Slot slot, std::span<const float> vector) noexcept {
    std::memcpy(rows_[to_index(slot)], vector.data(), dimensions_ * sizeof(float));
    sketches_.write(slot, vector.data());
  }
  void move(Slot from, Slot to) noexcept {
    rows_.move(to_index(from), to_index(to));
    sketches_.move(from, to);
  }
  void shrink(std::size_t slots) noexcept {
    rows_.shrink(slots);
    sketches_.shrink(slots);
  }
  void settle(std::size_t slots) noexcept {
    sketches_.settle(slots, [this](Slot slot) { return row(slot); });
  }
  void read(Slot slot, std::span<float> out) const noexcept {
    rows_.read(slot, std::as_writable_bytes(out.first(dimensions_)));
  }

  [[nodiscard]] Query prepare(std::span<const float> vector, QueryBuffer& buffer) const noexcept {
    return {vector.data(), sketches_.prepare(vector.data(), buffer.sketch), buffer.room.data()};
  }
  [[nodiscard]] Query prepare_kept(Slot slot, QueryBuffer& buffer) const noexcept {
    return {row(slot), sketches_.prepare(row(slot), buffer.sketch)};
  }
  [[nodiscard]] Query query_for(Slot slot) const noexcept { return {row(slot)}; }

  void distances(const Query& query, std::span<const Slot> slots, float* out) const noexcept {
    for_each_piece(slots, rows_.rows_at_once(slots_a_call), [&](std::span<const Slot> some, std::size_t at) {
      const RowPointers rows(*this, some, query.room);
      detail::distances<M>(query.vector, rows.rows, some.size(), dimensions_, out + at);
    });
  }

  void distances_within(const Query& query, std::span<const Slot> slots, float bound, float* out) const noexcept {
    compare_within(sketches_, query.sketch, slots, bound, out, query.room,
                   [&](std::span<const Slot> some, float* to) { distances(query, some, to); });
  }
  void block_distances(std::span<const Slot> a, std::span<const Slot> b, float* out) const noexcept {
    for_each_piece(b, slots_a_call, [&](std::span<const Slot> some_b, std::size_t b_at) {
      const RowPointers b_rows(*this, some_b);
      for_each_piece(a, slots_a_call, [&](std::span<const Slot> some_a, std::size_t a_at) {
        const RowPointers a_rows(*this, some_a);
        detail::distance_block<M>(a_rows.rows, some_a.size(), b_rows.rows, some_b.size(), dimensions_,
                                  out + a_at * b.size() + b_at, b.size());
      });
    });
  }

  void prefetch(Slot slot) const noexcept {
    if (rows_.source() != nullptr) return;
    const std::byte* bytes = rows_[to_index(slot)];
    for (std::size_t line = 0; line < rows_.stride(); line += cache_line_bytes) detail::prefetch(bytes + line);
  }

  /// Asks for what a walk reads first.
  void prefetch_sketch(Slot slot) const noexcept requires(!std::same_as<SomeSketches, NoSketches>) {
    if (sketches_.is_ready()) sketches_.prefetch(slot);
  }

  template <OutArchive Out>
  void save(Out& out, std::size_t slots) const {
    rows_.save(out, SectionKind::floats, slots);
    sketches_.save(out, slots);
  }
  /// Errors: std::bad_alloc.
  template <InArchive In>
  [[nodiscard]] bool load(In& in, std::size_t slots) {
    return rows_.load(in, SectionKind::floats, slots) && sketches_.load(in, slots);
  }
  [[nodiscard]] bool is_sound(Slot slot) const noexcept {
    constexpr std::uint32_t infinity_bits = 0x7F80'0000U;
    return simd::largest_magnitude_bits(row(slot), dimensions_) < infinity_bits &&
           is_possible_norm<M>(simd::dot(row(slot), row(slot), dimensions_)) && sketches_.is_sound(slot);
  }

  [[nodiscard]] Float32Rows clone() const { return Float32Rows(dimensions_, rows_.clone(), sketches_.clone()); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return rows_.memory_bytes() + sketches_.memory_bytes(); }
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t dimensions, std::size_t slots) noexcept {
    return ChunkedRows::estimate_bytes(stride(dimensions), slots) +
           SomeSketches::estimate_bytes(sketched(dimensions), slots);
  }

 private:
  Float32Rows(std::size_t dimensions, ChunkedRows rows, SomeSketches sketches) noexcept
      : dimensions_(dimensions), rows_(std::move(rows)), sketches_(std::move(sketches)) {}

  /// Of 1 to `slots_a_call` slots.
  struct RowPointers {
    RowPointers(const Float32Rows& all, std::span<const Slot> slots, std::byte* room = nullptr) noexcept {
      if (all.rows_.source() != nullptr) [[unlikely]] {
        all.rows_.copy_rows(slots, room, rows);
        return;
      }
      const ChunkedRows::View floats = all.rows_.view();
      std::size_t i = 0;
      do {
        rows[i] = reinterpret_cast<const float*>(floats[to_index(slots[i])]);
      } while (++i < slots.size());
    }
    const float* rows[slots_a_call];
  };

  /// Narrow rows are cheaper to read than to rule out: at 128 dimensions sketches cost a fifth of the speed, at 384
  /// they cost nothing in the cache.
  [[nodiscard]] static std::size_t sketched(std::size_t dimensions) noexcept {
    return dimensions >= 256 ? dimensions : 0;
  }
  [[nodiscard]] static std::size_t stride(std::size_t dimensions) noexcept {
    return row_stride(dimensions * sizeof(float), alignof(float));
  }
  [[nodiscard]] const float* row(Slot slot) const noexcept {
    return reinterpret_cast<const float*>(rows_[to_index(slot)]);
  }

  std::size_t dimensions_;
  ChunkedRows rows_;
  SomeSketches sketches_;
};

template <InnerProductMetric M, class SomeSketches>
struct DraftRowsOfRows<Float32Rows<M, SomeSketches>> {
  using Type = Sq8Rows<M>;
};

}  // namespace detail

/// Storage policy: floats. 4 bytes a component.
struct Float32 {
  static constexpr std::string_view name = "float32";
  template <Metric M>
  using Rows = detail::Float32Rows<M>;
};

static_assert(StorageFor<Float32, L2Squared> && StorageFor<Float32, Cosine>);
static_assert(BlockRows<Float32::Rows<L2Squared>>);

}  // namespace shoal::inline v0
