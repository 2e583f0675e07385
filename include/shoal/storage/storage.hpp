#pragma once
// How vectors are kept: the concept that a storage policy models. A policy is a tag with a member template
// `Rows<Metric>`: the container of all encoded vectors of an index, addressed by slot. The index validates vectors and
// scales them to norm 1 where the metric asks for it; rows only ever see vectors that are fit to be kept.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "shoal/core/slot.hpp"
#include "shoal/metric/metric.hpp"

namespace shoal::inline v0 {

/// The rows of one index.
///
/// - `R(dimensions)`: no rows yet.
/// - `reserve(n)`: room for slots below n. The only function that allocates; throws std::bad_alloc and then changes
///   nothing. What `write` put down stays where it is, while others read it, until `move` or `shrink`.
/// - `write(slot, vector)`: encodes a vector into a reserved row. The same vector always gives the same row. A row that
///   no entry came of (its batch failed) is written again.
/// - `move(from, to)`: the row of `to` becomes that of `from`, to the last bit. Nobody reads meanwhile.
/// - `shrink(n)`: rows from n on are of no use any more; their memory may go. Nobody reads meanwhile.
/// - `read(slot, out)`: the vector as kept, in its own coordinates.
/// - `prepare(vector, buffer)`: a query, ready to be compared. It may point into `vector` and `buffer`, which outlive
///   it; `buffer` was made by `R::QueryBuffer(rows)`, is movable, and tells its `memory_bytes()`.
/// - `query_for(slot)`: a kept row in the role of the query, without a buffer.
/// - `distances(query, slots, out)`: out[i] is the distance to slots[i]. The hot loop of every search.
/// - `prefetch(slot)`: asks for the row's memory.
/// - `memory_bytes()`, `estimate_bytes(dimensions, n)`: bytes allocated now, and for n rows.
///
/// Optional (`BlockRows`), for rows that can compare many with many faster than one with many:
/// - `block_distances(a, b, out)`: out[i * b.size() + j] is the distance between the rows a[i] and b[j], as
///   `distances(query_for(a[i]), {b[j]}, out)` gives it but for rounding, and the same wherever in a block they stand.
///   Allocates nothing.
///
/// *Threads*: the const functions may run at once.
// clang-format off
template <class R>
concept VectorRows = std::movable<R> && std::constructible_from<R, std::size_t> &&
                     std::move_constructible<typename R::QueryBuffer> &&
                     std::constructible_from<typename R::QueryBuffer, const R&> &&
                     requires(R rows, const R& view, typename R::QueryBuffer& buffer, const typename R::Query& query,
                              std::span<const float> vector, std::span<float> out, std::span<const Slot> slots,
                              Slot slot, std::size_t n) {
                       rows.reserve(n);
                       { rows.write(slot, vector) } noexcept;
                       { rows.move(slot, slot) } noexcept;
                       { rows.shrink(n) } noexcept;
                       { view.read(slot, out) } noexcept;
                       { view.prepare(vector, buffer) } noexcept -> std::same_as<typename R::Query>;
                       { view.query_for(slot) } noexcept -> std::same_as<typename R::Query>;
                       { view.distances(query, slots, out.data()) } noexcept;
                       { view.prefetch(slot) } noexcept;
                       { view.clone() } -> std::same_as<R>;
                       { view.memory_bytes() } noexcept -> std::same_as<std::size_t>;
                       { std::as_const(buffer).memory_bytes() } noexcept -> std::same_as<std::size_t>;
                       { R::estimate_bytes(n, n) } noexcept -> std::same_as<std::size_t>;
                     };
// clang-format on

/// Rows that compare blocks.
// clang-format off
template <class R>
concept BlockRows = VectorRows<R> && requires(const R& view, std::span<const Slot> slots, float* out) {
  { view.block_distances(slots, slots, out) } noexcept;
};
// clang-format on

/// Rows that can tell of most others that they are too far without reading them (sketch.hpp):
/// - `prepare_kept(slot, buffer)`: as `query_for`, with what that needs.
/// - `distances_within(query, slots, bound, out)`: as `distances`, but one above `bound` may come as the largest float.
/// - `prefetch_sketch(slot)`: asks for what it reads first.
/// - `settle(n)`: rows below n have come to stay. What is derived from several rows is derived from those alone.
// clang-format off
template <class R>
concept SketchedRows = VectorRows<R> && requires(R rows, const R& view, std::size_t n, typename R::QueryBuffer& buffer,
                                                 const typename R::Query& query, std::span<const Slot> slots,
                                                 Slot slot, float bound, float* out) {
  { view.prepare_kept(slot, buffer) } noexcept -> std::same_as<typename R::Query>;
  { view.distances_within(query, slots, bound, out) } noexcept;
  { view.prefetch_sketch(slot) } noexcept;
  { rows.settle(n) } noexcept;
};
// clang-format on

/// Rows that can be saved:
/// - `save(out, n)`: writes the rows below n, as sections of its own (core/archive.hpp), and what it needs besides.
/// - `load(in, n)`: reads them, or points at them where `in` is mapped; there were none. Throws std::bad_alloc. False
///   after an error of the archive.
/// - `is_sound(slot)`: a row that was loaded is one that `write` could have put down.
// clang-format off
template <class R, class Out, class In>
concept SavedRows = VectorRows<R> && requires(R rows, const R& view, Out& out, In& in, std::size_t n, Slot slot) {
  view.save(out, n);
  { rows.load(in, n) } -> std::same_as<bool>;
  { view.is_sound(slot) } noexcept -> std::same_as<bool>;
};
// clang-format on

/// Rows whose `distances` are only good enough to find candidates: the best of these are compared once more.
/// - `rank(query, slots, out)`: out[i] is the distance to slots[i] by which results are ranked, and which is returned.
// clang-format off
template <class R>
concept RankedRows = VectorRows<R> && requires(const R& view, const typename R::Query& query,
                                               std::span<const Slot> slots, float* out) {
  { view.rank(query, slots, out) } noexcept;
};
// clang-format on

namespace detail {
template <class R>
struct DraftRowsOfRows {
  using Type = void;
};
}  // namespace detail

/// Rows that may stand in for `R` while a batch is linked (index/draft.hpp): compared faster, written from the same
/// vectors. void when there are none.
template <class R>
using DraftRowsOf = typename detail::DraftRowsOfRows<R>::Type;

/// A storage policy for a metric.
// clang-format off
template <class S, class M>
concept StorageFor = Metric<M> && requires { typename S::template Rows<M>; } && VectorRows<typename S::template Rows<M>>;
// clang-format on

namespace detail {

/// What files call a metric or a storage policy: its member `name`, of 1 to 31 printable letters. "" when it has none,
/// and can then not be saved.
template <class T>
struct NameOf {
  static constexpr std::string_view value = [] {
    if constexpr (requires { std::string_view(T::name); }) {
      return std::string_view(T::name);
    } else {
      return std::string_view();
    }
  }();
};

/// Is it one that a file can hold?
[[nodiscard]] constexpr bool is_file_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 31 &&
         std::all_of(name.begin(), name.end(), [](char letter) { return letter >= 0x20 && letter <= 0x7E; });
}

/// Could a vector of the metric have the squared norm?
template <Metric M>
[[nodiscard]] inline bool is_possible_norm(float squared_norm) noexcept {
  if constexpr (M::unit_vectors) {
    return squared_norm > 0.999F && squared_norm < 1.001F;
  } else {
    return squared_norm <= max_squared_norm * 1.001F;  // as summed up in floats
  }
}

/// Slots whose rows are handed to the kernels by one call: the pointers are kept on the stack.
inline constexpr std::size_t slots_a_call = 64;

/// Calls `score(some, at)` for the slots in pieces of at most `most`; `some` begins at slots[at].
template <class Score>
void for_each_piece(std::span<const Slot> slots, std::size_t most, Score score) noexcept {
  for (std::size_t at = 0; at < slots.size(); at += most)
    score(slots.subspan(at, std::min(most, slots.size() - at)), at);
}

}  // namespace detail

}  // namespace shoal::inline v0
