#pragma once
// SQ8: one signed byte a component and no floats. A vector is rotated (rotation.hpp), scaled by its own largest
// component, and rounded to [-127, 127]; nothing is clipped. A scale per vector needs no training call, gives the same
// codes however a stream is cut into batches, and cannot be outrun by later data. docs/sq8.md compares the codes that
// were tried.
//
//   codes    c[0] c[1] ... c[d-1]             d bytes a row, aligned to 64 when that costs at most an eighth
//   factors  { scale, squared norm }          8 bytes, apart from the codes; the norm is that of the rounded vector
//
// The vector as kept is undo_rotation(scale * c). Its error is at most scale / 2 in each rotated component, hence in
// all |v - get(v)| <= sqrt(d) / 254 * (largest rotated component), about 0.8 % of |v| on text embeddings. (Components
// below FLT_MIN / 2 become 0: the scale is at least FLT_MIN.)

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "shoal/core/chunked_rows.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/simd/int8_kernels.hpp"
#include "shoal/storage/rotation.hpp"
#include "shoal/storage/storage.hpp"

namespace shoal::inline v0 {

namespace detail {

struct CodeFactors {
  float scale;
  float squared_norm;
};

/// a * b, rounded here: not fused into a later addition, so that equal codes have distance exactly 0. g++ is told so;
/// clang's default contracts within one expression only, and this is one of its own (-ffp-contract=fast undoes that).
SHOAL_ALWAYS_INLINE float rounded_product(float a, float b) noexcept {
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
  return __builtin_assoc_barrier(a * b);
#else
  return a * b;
#endif
}

/// Rounds `values` (rotated already) to `codes`. *Shape*: as many codes as values.
inline CodeFactors encode_components(std::span<const float> values, std::int8_t* codes) noexcept {
  const auto largest = shoal::detail::bit_cast<float>(simd::largest_magnitude_bits(values.data(), values.size()));
  // A scale of at least FLT_MIN is never 0 and has a finite inverse; components below it are as good as 0. The product
  // is the quotient rounded, and stays what it is under options that turn quotients into products.
  const float scale = std::max(static_cast<float>(double{largest} * (1.0 / 127)), FLT_MIN);
  simd::round_to_codes(values.data(), values.size(), 1 / scale, codes);
  const std::int32_t sum_of_squares = simd::dot(codes, codes, values.size());
  return {scale, rounded_product(scale * scale, static_cast<float>(sum_of_squares))};
}

template <InnerProductMetric M>
class Sq8Rows {
 public:
  struct Query {
    simd::ByteQuery codes;
    CodeFactors factors;
    std::byte* room = nullptr;  // for codes that lie elsewhere
  };
  struct QueryBuffer {
    explicit QueryBuffer(const Sq8Rows& rows)
        : rotated(rows.dimensions_), codes(rows.dimensions_), room(rows.codes_.room_for(slots_a_call)) {}
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
      return rotated.capacity() * sizeof(float) + codes.capacity() + room.capacity();
    }
    std::vector<float> rotated;
    std::vector<std::int8_t> codes;
    std::vector<std::byte> room;
  };

  explicit Sq8Rows(std::size_t dimensions)
      : dimensions_(dimensions), rotation_(dimensions), rotated_(dimensions), codes_(stride(dimensions)) {}

  void reserve(std::size_t slots) {
    codes_.reserve(slots);
    factors_.reserve(slots);
  }

  void write(Slot slot, std::span<const float> vector) noexcept {
    std::copy(vector.begin(), vector.end(), rotated_.begin());
    rotation_.apply(rotated_);
    factors_[to_index(slot)] = encode_components(rotated_, reinterpret_cast<std::int8_t*>(codes_[to_index(slot)]));
  }

  void move(Slot from, Slot to) noexcept {
    codes_.move(to_index(from), to_index(to));
    factors_[to_index(to)] = factors_[to_index(from)];
  }
  void shrink(std::size_t slots) noexcept {
    codes_.shrink(slots);
    factors_.shrink(slots);
  }

  void read(Slot slot, std::span<float> out) const noexcept {
    const float scale = factors_[to_index(slot)].scale;
    // Codes are read into the last quarter of what the floats will fill: each is read before a float comes there.
    const std::span<std::byte> code = std::as_writable_bytes(out.first(dimensions_)).last(dimensions_);
    codes_.read(slot, code);
    for (std::size_t i = 0; i < dimensions_; ++i)
      out[i] = scale * static_cast<float>(static_cast<std::int8_t>(code[i]));
    rotation_.undo(out.first(dimensions_));
  }

  [[nodiscard]] Query prepare(std::span<const float> vector, QueryBuffer& buffer) const noexcept {
    std::copy(vector.begin(), vector.end(), buffer.rotated.begin());
    rotation_.apply(buffer.rotated);
    const CodeFactors factors = encode_components(buffer.rotated, buffer.codes.data());
    return {simd::byte_query(buffer.codes.data(), dimensions_), factors, buffer.room.data()};
  }
  [[nodiscard]] Query query_for(Slot slot) const noexcept {
    return {simd::byte_query(codes(slot), dimensions_), factors_[to_index(slot)]};
  }

  void distances(const Query& query, std::span<const Slot> slots, float* out) const noexcept {
    for_each_piece(slots, codes_.rows_at_once(slots_a_call), [&](std::span<const Slot> some, std::size_t at) {
      const RowPointers rows(*this, some, query.room);
      std::int32_t dots[slots_a_call];
      simd::dot_rows(query.codes, rows.codes, some.size(), dimensions_, dots);
      for (std::size_t i = 0; i < some.size(); ++i) out[at + i] = distance(query.factors, *rows.factors[i], dots[i]);
    });
  }

  void block_distances(std::span<const Slot> a, std::span<const Slot> b, float* out) const noexcept {
    constexpr std::size_t a_piece = 16;  // 4 KiB of inner products
    // Factors side by side, and loops of fixed length over them, which plain -O2 turns into vectors.
    constexpr std::size_t lane_count = 16;
    static_assert(slots_a_call % lane_count == 0);
    float scales[slots_a_call], squared_norms[slots_a_call] = {}, line[slots_a_call] = {};
    std::int32_t dots[a_piece * slots_a_call];
    for_each_piece(b, slots_a_call, [&](std::span<const Slot> some_b, std::size_t b_at) {
      const RowPointers b_rows(*this, some_b);
      for (std::size_t j = 0; j < some_b.size(); ++j) {
        const CodeFactors factors = factors_[to_index(some_b[j])];
        scales[j] = factors.scale;
        squared_norms[j] = factors.squared_norm;
      }
      for_each_piece(a, a_piece, [&](std::span<const Slot> some_a, std::size_t a_at) {
        const RowPointers a_rows(*this, some_a);
        simd::dot_block(a_rows.codes, some_a.size(), b_rows.codes, some_b.size(), dimensions_, dots, slots_a_call);
        for (std::size_t i = 0; i < some_a.size(); ++i) {
          const CodeFactors factors = factors_[to_index(some_a[i])];
          simd::scale_products(dots + i * slots_a_call, scales, factors.scale, some_b.size(), line);
          for (std::size_t first = 0; first < some_b.size(); first += lane_count) {
            for (std::size_t j = first; j < first + lane_count; ++j) {
              line[j] = M::from_dot(line[j], factors.squared_norm, squared_norms[j]);
            }
          }
          std::copy_n(line, some_b.size(), out + (a_at + i) * b.size() + b_at);
        }
      });
    });
  }

  void prefetch(Slot slot) const noexcept {
    detail::prefetch(&factors_[to_index(slot)]);
    if (codes_.source() != nullptr) return;
    const std::byte* bytes = codes_[to_index(slot)];
    for (std::size_t line = 0; line < codes_.stride(); line += cache_line_bytes) detail::prefetch(bytes + line);
  }

  template <OutArchive Out>
  void save(Out& out, std::size_t slots) const {
    codes_.save(out, SectionKind::codes, slots);
    factors_.save(out, SectionKind::code_factors, slots);
  }
  /// Errors: std::bad_alloc.
  template <InArchive In>
  [[nodiscard]] bool load(In& in, std::size_t slots) {
    return codes_.load(in, SectionKind::codes, slots) && factors_.load(in, SectionKind::code_factors, slots);
  }
  [[nodiscard]] bool is_sound(Slot slot) const noexcept {
    const CodeFactors factors = factors_[to_index(slot)];
    const std::int8_t* const code = codes(slot);
    constexpr std::uint32_t infinity_bits = 0x7F80'0000U;
    const float both[] = {factors.scale, factors.squared_norm};
    if (simd::largest_magnitude_bits(both, 2) >= infinity_bits || factors.scale < FLT_MIN) return false;
    if (std::find(code, code + dimensions_, std::int8_t{-128}) != code + dimensions_) return false;
    // The norm is that of the codes; it may have been computed with another rounding.
    const float norm =
        rounded_product(factors.scale * factors.scale, static_cast<float>(simd::dot(code, code, dimensions_)));
    return std::abs(factors.squared_norm - norm) <= norm * 1e-5F + FLT_MIN && norm <= max_squared_norm * 2;
  }

  [[nodiscard]] Sq8Rows clone() const {
    Sq8Rows copy(dimensions_);
    copy.codes_ = codes_.clone();
    copy.factors_ = factors_.clone();
    return copy;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return codes_.memory_bytes() + factors_.memory_bytes() + rotation_.memory_bytes() +
           rotated_.capacity() * sizeof(float);
  }
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t dimensions, std::size_t slots) noexcept {
    return ChunkedRows::estimate_bytes(stride(dimensions), slots) + ChunkedArray<CodeFactors>::estimate_bytes(slots) +
           Rotation::estimate_bytes(dimensions) + dimensions * sizeof(float);
  }

 private:
  /// Of 1 to `slots_a_call` slots, whose factors are on their way.
  struct RowPointers {
    RowPointers(const Sq8Rows& all, std::span<const Slot> slots, std::byte* room = nullptr) noexcept {
      const ChunkedArray<CodeFactors>::View factors_of = all.factors_.view();
      if (all.codes_.source() != nullptr) [[unlikely]] {
        all.codes_.copy_rows(slots, room, codes);
        for (std::size_t i = 0; i < slots.size(); ++i) factors[i] = &factors_of[to_index(slots[i])];
        return;
      }
      const ChunkedRows::View code_rows = all.codes_.view();
      std::size_t i = 0;
      do {
        codes[i] = reinterpret_cast<const std::int8_t*>(code_rows[to_index(slots[i])]);
        factors[i] = &factors_of[to_index(slots[i])];
        detail::prefetch(factors[i]);
      } while (++i < slots.size());
    }
    const std::int8_t* codes[slots_a_call];
    const CodeFactors* factors[slots_a_call];
  };

  [[nodiscard]] static float distance(CodeFactors a, CodeFactors b, std::int32_t dot) noexcept {
    return M::from_dot(rounded_product(a.scale * b.scale, static_cast<float>(dot)), a.squared_norm, b.squared_norm);
  }
  [[nodiscard]] static std::size_t stride(std::size_t dimensions) noexcept { return row_stride(dimensions, 1); }
  [[nodiscard]] const std::int8_t* codes(Slot slot) const noexcept {
    return reinterpret_cast<const std::int8_t*>(codes_[to_index(slot)]);
  }

  std::size_t dimensions_;
  Rotation rotation_;
  std::vector<float> rotated_;  // scratch of write
  ChunkedRows codes_;
  ChunkedArray<CodeFactors> factors_;
};

}  // namespace detail

/// Storage policy: one byte a component and 8 bytes a vector. Needs an `InnerProductMetric`.
/// *Cost*: a query is rotated and rounded once, about 1 us at 768 dimensions; distances are integer dot products.
struct SQ8 {
  static constexpr std::string_view name = "sq8";
  template <InnerProductMetric M>
  using Rows = detail::Sq8Rows<M>;
};

static_assert(StorageFor<SQ8, L2Squared> && StorageFor<SQ8, InnerProduct> && StorageFor<SQ8, Cosine>);
static_assert(BlockRows<SQ8::Rows<L2Squared>>);

}  // namespace shoal::inline v0
