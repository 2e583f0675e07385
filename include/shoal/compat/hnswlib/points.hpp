#pragma once
// Points of a hnswlib space as rows of an index. A point is so many bytes, and only the space's function knows what
// they are: it compares two of them, by their addresses. Where the function is one of ours over floats, rows are those
// of `Float32`, with its kernels and sketches; else they are bytes, compared one by one. Which it is is known when an
// index is made, so the choice is one branch for the rows of a hop.
//
// To the index a vector is the address where a point begins: its metric is opaque, and nothing on the way reads it.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <exception>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include "shoal/compat/hnswlib/interfaces.hpp"
#include "shoal/compat/hnswlib/spaces.hpp"
#include "shoal/core/chunked_rows.hpp"
#include "shoal/core/slot.hpp"
#include "shoal/metric/metric.hpp"
#include "shoal/storage/float32.hpp"
#include "shoal/storage/storage.hpp"

namespace shoal::inline v0::detail {

/// What rows need to know of a space.
struct PointSpace {
  enum class Kind { l2, inner_product, other };

  /// The distance as a float, whatever the space's type: no NaN, and not beyond the largest float.
  [[nodiscard]] float distance(const void* a, const void* b) const noexcept { return call(*this, a, b); }
  /// Components that an index is told of: floats, or as many as cover the bytes.
  [[nodiscard]] std::size_t dimensions() const noexcept {
    return std::max<std::size_t>((point_bytes + sizeof(float) - 1) / sizeof(float), 1);
  }

  std::size_t point_bytes = 0;
  Kind kind = Kind::other;
  void (*function)() = nullptr;  // a DISTFUNC
  const void* parameter = nullptr;
  float (*call)(const PointSpace&, const void*, const void*) noexcept = nullptr;
};

/// An exception of the space's function ends the program: it is called where nothing can be taken back.
template <class dist_t>
[[nodiscard]] PointSpace space_of(hnswlib::SpaceInterface<dist_t>& space) {
  using Function = hnswlib::DISTFUNC<dist_t>;
  PointSpace points;
  points.point_bytes = space.get_data_size();
  points.function = reinterpret_cast<void (*)()>(space.get_dist_func());
  points.parameter = space.get_dist_func_param();
  points.call = [](const PointSpace& self, const void* a, const void* b) noexcept {
    constexpr float most = std::numeric_limits<float>::max();
    const auto distance = static_cast<double>(reinterpret_cast<Function>(self.function)(a, b, self.parameter));
    return std::isnan(distance) ? most : static_cast<float>(std::clamp<double>(distance, -most, most));
  };
  if constexpr (std::same_as<dist_t, float>) {
    const Function function = space.get_dist_func();
    const bool is_ours = function == hnswlib::L2Sqr || function == hnswlib::InnerProductDistance;
    if (is_ours && points.parameter != nullptr && points.point_bytes != 0 &&
        *static_cast<const std::size_t*>(points.parameter) * sizeof(float) == points.point_bytes) {
      points.kind = function == hnswlib::L2Sqr ? PointSpace::Kind::l2 : PointSpace::Kind::inner_product;
    }
  }
  return points;
}

/// Points as bytes.
class ByteRows {
 public:
  struct Query {
    const std::byte* point;
  };
  struct QueryBuffer {
    explicit QueryBuffer(const ByteRows&) noexcept {}
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return 0; }
  };

  explicit ByteRows(const PointSpace& space) noexcept : space_(space), rows_(stride(space.point_bytes)) {}

  void reserve(std::size_t slots) { rows_.reserve(slots); }
  void write(Slot slot, std::span<const float> point) noexcept {
    std::memcpy(rows_[to_index(slot)], point.data(), space_.point_bytes);
  }
  void move(Slot from, Slot to) noexcept { rows_.move(to_index(from), to_index(to)); }
  void shrink(std::size_t slots) noexcept { rows_.shrink(slots); }
  void settle(std::size_t) noexcept {}
  void read(Slot slot, std::span<float> out) const noexcept {
    std::memcpy(out.data(), point(slot), space_.point_bytes);
  }

  [[nodiscard]] Query prepare(std::span<const float> point, QueryBuffer&) const noexcept {
    return {reinterpret_cast<const std::byte*>(point.data())};
  }
  [[nodiscard]] Query query_for(Slot slot) const noexcept { return {point(slot)}; }
  [[nodiscard]] Query prepare_kept(Slot slot, QueryBuffer&) const noexcept { return query_for(slot); }
  void distances(const Query& query, std::span<const Slot> slots, float* out) const noexcept {
    for (const Slot slot : slots) *out++ = space_.distance(query.point, point(slot));
  }
  void distances_within(const Query& query, std::span<const Slot> slots, float, float* out) const noexcept {
    distances(query, slots, out);
  }
  void block_distances(std::span<const Slot> a, std::span<const Slot> b, float* out) const noexcept {
    for (std::size_t i = 0; i < a.size(); ++i) distances(query_for(a[i]), b, out + i * b.size());
  }
  void prefetch(Slot slot) const noexcept {
    const std::byte* const row = point(slot);
    for (std::size_t line = 0; line < rows_.stride(); line += cache_line_bytes) detail::prefetch(row + line);
  }
  void prefetch_sketch(Slot slot) const noexcept { prefetch(slot); }

  [[nodiscard]] const std::byte* point(Slot slot) const noexcept { return rows_[to_index(slot)]; }
  [[nodiscard]] ByteRows clone() const { return ByteRows(space_, rows_.clone()); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return rows_.memory_bytes(); }

 private:
  ByteRows(const PointSpace& space, ChunkedRows rows) noexcept : space_(space), rows_(std::move(rows)) {}

  /// A point begins where a double may lie.
  [[nodiscard]] static std::size_t stride(std::size_t bytes) noexcept {
    return row_stride(std::max<std::size_t>((bytes + 7) / 8 * 8, 8), 8);
  }

  PointSpace space_;
  ChunkedRows rows_;
};

/// Rows of one of the three kinds.
class PointRows {
  using L2Rows = Float32Rows<L2Squared>;
  using InnerProductRows = Float32Rows<InnerProduct>;
  using AnyRows = std::variant<L2Rows, InnerProductRows, ByteRows>;

  /// What a variant holds, which is this.
  template <std::size_t kind, class Variant>
  SHOAL_ALWAYS_INLINE static auto& as(Variant& variant) noexcept {
    auto* const held = std::get_if<kind>(&variant);
    if (held == nullptr) std::terminate();
    return *held;
  }
  template <class Rows, class F>
  SHOAL_ALWAYS_INLINE static decltype(auto) select(Rows& rows, const F& f) {
    if (rows.index() == 0) return f(as<0>(rows));
    if (rows.index() == 1) return f(as<1>(rows));
    return f(as<2>(rows));
  }
  template <class Rows, class Own, class F>
  SHOAL_ALWAYS_INLINE static decltype(auto) select_both(Rows& rows, Own& own, const F& f) {
    if (rows.index() == 0) return f(as<0>(rows), as<0>(own));
    if (rows.index() == 1) return f(as<1>(rows), as<1>(own));
    return f(as<2>(rows), as<2>(own));
  }
  // Of the kind that the rows have. What goes with them was made by them, and has the same.
  template <class F>
  SHOAL_ALWAYS_INLINE decltype(auto) with_rows(const F& f) const {
    return select(rows_, f);
  }
  template <class F>
  SHOAL_ALWAYS_INLINE decltype(auto) with_rows(const F& f) {
    return select(rows_, f);
  }
  /// `own`: a query or a buffer.
  template <class Own, class F>
  SHOAL_ALWAYS_INLINE decltype(auto) with_own(Own& own, const F& f) const {
    return select_both(rows_, own, f);
  }

 public:
  using Query = std::variant<L2Rows::Query, InnerProductRows::Query, ByteRows::Query>;

  class QueryBuffer {
   public:
    explicit QueryBuffer(const PointRows& rows)
        : buffer_(rows.with_rows([](const auto& some) {
            return Buffer(typename std::remove_cvref_t<decltype(some)>::QueryBuffer(some));
          })) {}
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
      return std::visit([](const auto& buffer) { return buffer.memory_bytes(); }, buffer_);
    }

   private:
    friend PointRows;
    using Buffer = std::variant<L2Rows::QueryBuffer, InnerProductRows::QueryBuffer, ByteRows::QueryBuffer>;
    Buffer buffer_;
  };

  /// Of no space; to be assigned to.
  explicit PointRows(std::size_t) noexcept : rows_(ByteRows(PointSpace{})) {}
  explicit PointRows(const PointSpace& space) : rows_(rows_of(space)) {}

  void reserve(std::size_t slots) {
    with_rows([&](auto& rows) { rows.reserve(slots); });
  }
  void write(Slot slot, std::span<const float> point) noexcept {
    with_rows([&](auto& rows) { rows.write(slot, point); });
  }
  void move(Slot from, Slot to) noexcept {
    with_rows([&](auto& rows) { rows.move(from, to); });
  }
  void shrink(std::size_t slots) noexcept {
    with_rows([&](auto& rows) { rows.shrink(slots); });
  }
  void settle(std::size_t slots) noexcept {
    with_rows([&](auto& rows) { rows.settle(slots); });
  }
  void read(Slot slot, std::span<float> out) const noexcept {
    with_rows([&](const auto& rows) { rows.read(slot, out); });
  }

  [[nodiscard]] Query prepare(std::span<const float> point, QueryBuffer& buffer) const noexcept {
    return with_own(buffer.buffer_, [&](const auto& rows, auto& own) { return Query(rows.prepare(point, own)); });
  }
  [[nodiscard]] Query prepare_kept(Slot slot, QueryBuffer& buffer) const noexcept {
    return with_own(buffer.buffer_, [&](const auto& rows, auto& own) { return Query(rows.prepare_kept(slot, own)); });
  }
  [[nodiscard]] Query query_for(Slot slot) const noexcept {
    return with_rows([&](const auto& rows) { return Query(rows.query_for(slot)); });
  }
  void distances(const Query& query, std::span<const Slot> slots, float* out) const noexcept {
    with_own(query, [&](const auto& rows, const auto& own) { rows.distances(own, slots, out); });
  }
  void distances_within(const Query& query, std::span<const Slot> slots, float bound, float* out) const noexcept {
    with_own(query, [&](const auto& rows, const auto& own) { rows.distances_within(own, slots, bound, out); });
  }
  void block_distances(std::span<const Slot> a, std::span<const Slot> b, float* out) const noexcept {
    with_rows([&](const auto& rows) { rows.block_distances(a, b, out); });
  }
  void prefetch(Slot slot) const noexcept {
    with_rows([&](const auto& rows) { rows.prefetch(slot); });
  }
  void prefetch_sketch(Slot slot) const noexcept {
    with_rows([&](const auto& rows) { rows.prefetch_sketch(slot); });
  }

  /// Where the point of a slot lies.
  [[nodiscard]] const std::byte* point(Slot slot) const noexcept {
    return with_rows([&](const auto& rows) {
      if constexpr (requires { rows.point(slot); }) {
        return rows.point(slot);
      } else {
        return reinterpret_cast<const std::byte*>(rows.query_for(slot).vector);
      }
    });
  }

  [[nodiscard]] PointRows clone() const {
    return with_rows([](const auto& rows) { return PointRows(AnyRows(rows.clone())); });
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return with_rows([](const auto& rows) { return rows.memory_bytes(); });
  }
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t dimensions, std::size_t slots) noexcept {
    return L2Rows::estimate_bytes(dimensions, slots);
  }

 private:
  explicit PointRows(AnyRows rows) noexcept : rows_(std::move(rows)) {}

  [[nodiscard]] static AnyRows rows_of(const PointSpace& space) {
    switch (space.kind) {
      case PointSpace::Kind::l2: return L2Rows(space.dimensions());
      case PointSpace::Kind::inner_product: return InnerProductRows(space.dimensions());
      case PointSpace::Kind::other: break;
    }
    return ByteRows(space);
  }

  AnyRows rows_;
};

/// Points are compared by their rows.
struct PointMetric {
  static constexpr bool unit_vectors = false;
  static constexpr bool is_opaque = true;
  static float distance(const float*, const float*, std::size_t) noexcept { return 0; }
};

struct PointStorage {
  template <Metric M>
  using Rows = PointRows;
};
static_assert(StorageFor<PointStorage, PointMetric> && BlockRows<PointRows> && SketchedRows<PointRows>);

}  // namespace shoal::inline v0::detail
