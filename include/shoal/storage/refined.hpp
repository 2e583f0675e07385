#pragma once
// Refined<Codes>: every vector twice, as codes to walk by and as floats to rank by. A walk reads hundreds of rows, most
// of them only to pass them over: codes are enough for that, and a quarter of the bytes or less. The few that the walk
// ends with are compared once more, as floats. So the graph is built and searched at the speed of the codes, and what
// comes out is ranked by exact distances.
//
//   codes    Codes::Rows    read by distances, block_distances: linking and walking
//   floats   Float32Rows    read by rank and read

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "shoal/storage/float32.hpp"
#include "shoal/storage/sq8.hpp"
#include "shoal/storage/storage.hpp"

namespace shoal::inline v0 {

namespace detail {

template <Metric M, VectorRows Codes>
class RefinedRows {
 public:
  using Floats = Float32Rows<M, NoSketches>;  // codes are short enough to be read
  struct Query {
    typename Codes::Query codes;
    typename Floats::Query floats;
  };
  struct QueryBuffer {
    explicit QueryBuffer(const RefinedRows& rows) : codes(rows.codes_), floats(rows.floats_) {}
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return codes.memory_bytes() + floats.memory_bytes(); }
    typename Codes::QueryBuffer codes;
    typename Floats::QueryBuffer floats;
  };

  explicit RefinedRows(std::size_t dimensions) : codes_(dimensions), floats_(dimensions) {}

  void reserve(std::size_t slots) {
    codes_.reserve(slots);
    floats_.reserve(slots);
  }
  void write(Slot slot, std::span<const float> vector) noexcept {
    codes_.write(slot, vector);
    floats_.write(slot, vector);
  }
  void move(Slot from, Slot to) noexcept {
    codes_.move(from, to);
    floats_.move(from, to);
  }
  void shrink(std::size_t slots) noexcept {
    codes_.shrink(slots);
    floats_.shrink(slots);
  }
  void read(Slot slot, std::span<float> out) const noexcept { floats_.read(slot, out); }

  [[nodiscard]] Query prepare(std::span<const float> vector, QueryBuffer& buffer) const noexcept {
    return {codes_.prepare(vector, buffer.codes), floats_.prepare(vector, buffer.floats)};
  }
  [[nodiscard]] Query query_for(Slot slot) const noexcept { return {codes_.query_for(slot), floats_.query_for(slot)}; }

  void distances(const Query& query, std::span<const Slot> slots, float* out) const noexcept {
    codes_.distances(query.codes, slots, out);
  }
  void block_distances(std::span<const Slot> a, std::span<const Slot> b,
                       float* out) const noexcept requires BlockRows<Codes> {
    codes_.block_distances(a, b, out);
  }
  void rank(const Query& query, std::span<const Slot> slots, float* out) const noexcept {
    floats_.distances(query.floats, slots, out);
  }
  void prefetch(Slot slot) const noexcept { codes_.prefetch(slot); }

  template <OutArchive Out>
  void save(Out& out, std::size_t slots) const {
    codes_.save(out, slots);
    floats_.save(out, slots);
  }
  /// Errors: std::bad_alloc.
  template <InArchive In>
  [[nodiscard]] bool load(In& in, std::size_t slots) {
    return codes_.load(in, slots) && floats_.load(in, slots);
  }
  [[nodiscard]] bool is_sound(Slot slot) const noexcept { return codes_.is_sound(slot) && floats_.is_sound(slot); }

  [[nodiscard]] RefinedRows clone() const { return RefinedRows(codes_.clone(), floats_.clone()); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return codes_.memory_bytes() + floats_.memory_bytes(); }
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t dimensions, std::size_t slots) noexcept {
    return Codes::estimate_bytes(dimensions, slots) + Floats::estimate_bytes(dimensions, slots);
  }

 private:
  RefinedRows(Codes codes, Floats floats) noexcept : codes_(std::move(codes)), floats_(std::move(floats)) {}

  Codes codes_;
  Floats floats_;
};

}  // namespace detail

/// Storage policy: codes to walk the graph and floats to rank what was found. `get` gives the vector as it came, and
/// distances are those of floats. *Cost*: the memory of both; a search reads max(2 k, 20) rows of floats.
template <class Codes>
struct Refined {
  template <Metric M>
    requires StorageFor<Codes, M>
  using Rows = detail::RefinedRows<M, typename Codes::template Rows<M>>;
};

namespace detail {
/// "refined " and the name of the codes.
template <class Codes>
struct NameOf<Refined<Codes>> {
  static constexpr auto letters = [] {
    constexpr std::string_view before = "refined ";
    constexpr std::string_view codes = NameOf<Codes>::value;
    std::array<char, codes.empty() ? 0 : before.size() + codes.size()> all{};
    if constexpr (!codes.empty())
      std::copy(codes.begin(), codes.end(), std::copy(before.begin(), before.end(), all.begin()));
    return all;
  }();
  static constexpr std::string_view value{letters.data(), letters.size()};
};
}  // namespace detail

static_assert(StorageFor<Refined<SQ8>, L2Squared> && StorageFor<Refined<SQ8>, Cosine>);
static_assert(RankedRows<Refined<SQ8>::Rows<L2Squared>> && !RankedRows<SQ8::Rows<L2Squared>>);

}  // namespace shoal::inline v0
