#pragma once
// Sketches: one bit a component, to tell most rows that are too far without reading them. A walk only asks whether a
// row is nearer than the farthest candidate it keeps; four of five are not, and for most of these a sketch of a few
// bytes is enough to say so. What a sketch cannot rule out is compared as before, so results keep exact distances.
//
// The sketch of o holds the signs of v = R(o - c), R a rotation, c the mean of the first rows. For r = R(q - c) and the
// signs s, <v, r> is estimated without bias by a * <s, r>, a = |v|^2 / sum |v_i|, with a standard deviation of about
// e * |r|, e = |v| sqrt(1 - t^2) / (t sqrt(d - 1)), t = sum |v_i| / (|v| sqrt(d)). A row is ruled out when even
// `margin` deviations more would leave it too far. Source: Gao and Long, "RaBitQ", arXiv 2405.12497, section 3.2. The
// query is rounded to 4 bits, so that <s, r> is a sum of integers, the same on every instruction set.
//
//   row   [ bits: 1 a component, up to a multiple of 64 ][ a ][ e ][ |v|^2 ][ set bits ]

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "shoal/core/chunked_rows.hpp"
#include "shoal/core/slot.hpp"
#include "shoal/metric/metric.hpp"
#include "shoal/simd/bit_kernels.hpp"
#include "shoal/storage/rotation.hpp"

namespace shoal::inline v0::detail {

template <InnerProductMetric M>
class Sketches {
 public:
  /// Rows from which the mean is taken: until there are so many, nothing is sketched, and nothing costs memory.
  static constexpr std::size_t first_rows = 1'024;
  /// Narrower rows are cheaper to read than to rule out.
  static constexpr std::size_t least_dimensions = 64;
  /// Standard deviations by which a row must be too far to be ruled out. On the four sets of docs/performance.md, 1.5
  /// rules out 55 to 76 of 100 rows, and one of 200 to 1,000 that should have been compared.
  static constexpr float margin = 1.5F;

  /// A query as the sketches see it; without levels it rules nothing out.
  struct Query {
    simd::BitQuery bits{};
    float step = 0;          // of a level
    float lowest = 0;        // the value of level 0
    float sum = 0;           // of all levels, times step
    float norm = 0;          // |r|
    float squared_norm = 0;  // |r|^2
    float offset = 0;        // what the mean adds to an inner product
  };
  struct Buffer {
    explicit Buffer(std::size_t dimensions)
        : rotated(dimensions < least_dimensions ? 0 : dimensions),
          levels(dimensions < least_dimensions ? 0 : words_for(dimensions) * 64),
          planes(dimensions < least_dimensions ? 0 : words_for(dimensions) * simd::bit_query_planes) {}
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
      return rotated.capacity() * sizeof(float) + levels.capacity() + planes.capacity() * sizeof(std::uint64_t);
    }
    std::vector<float> rotated;
    std::vector<std::uint8_t> levels;
    std::vector<std::uint64_t> planes;
  };

  explicit Sketches(std::size_t dimensions)
      : dimensions_(dimensions), rows_(row_stride(words_for(dimensions) * 8 + sizeof(Factors), 8)) {}

  /// Errors: std::bad_alloc; the room there was remains.
  void reserve(std::size_t slots) {
    if (dimensions_ < least_dimensions || slots < first_rows) return;
    if (!rotation_) rotation_.emplace(dimensions_);
    if (mean_.empty()) mean_.resize(dimensions_);
    if (rotated_.empty()) rotated_.resize(dimensions_);
    rows_.reserve(slots);
  }

  /// Sketches a vector that was written as row `slot`. `row(slot)` gives those that were written before.
  template <class Row>
  void write(Slot slot, const float* vector, const Row& row) noexcept {
    if (rows_.capacity() == 0) return;
    if (is_ready_) return encode(slot, vector);
    if (to_index(slot) + 1 < first_rows) return;
    if constexpr (takes_mean) take_mean(row);
    is_ready_ = true;
    for (std::size_t i = 0; i <= to_index(slot); ++i) encode(to_slot(i), row(to_slot(i)));
  }

  [[nodiscard]] Query prepare(const float* vector, Buffer& buffer) const noexcept {
    Query query;
    if (!is_ready_) return query;
    float offset = 0;
    for (std::size_t i = 0; i < dimensions_; ++i) buffer.rotated[i] = vector[i];
    if constexpr (is_shift_invariant) {
      for (std::size_t i = 0; i < dimensions_; ++i) buffer.rotated[i] -= mean_[i];
    } else if constexpr (takes_mean) {
      offset = simd::dot(vector, mean_.data(), dimensions_);
    }
    rotation_->apply(buffer.rotated);
    const auto [least, most] = std::minmax_element(buffer.rotated.begin(), buffer.rotated.end());
    constexpr auto top = static_cast<float>((1 << simd::bit_query_planes) - 1);
    query.lowest = *least;
    query.step = std::max((*most - *least) / top, std::numeric_limits<float>::min());
    const float inverse = 1 / query.step;
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < dimensions_; ++i) {
      const auto level = static_cast<std::int32_t>((buffer.rotated[i] - query.lowest) * inverse + 0.5F);
      buffer.levels[i] = static_cast<std::uint8_t>(std::clamp(level, 0, static_cast<std::int32_t>(top)));
      sum += buffer.levels[i];
    }
    simd::split_into_planes(buffer.levels.data(), words(), buffer.planes.data());
    query.bits = {buffer.levels.data(), buffer.planes.data()};
    query.sum = query.lowest * static_cast<float>(dimensions_) + query.step * static_cast<float>(sum);
    query.squared_norm = simd::dot(buffer.rotated.data(), buffer.rotated.data(), dimensions_);
    query.norm = std::sqrt(query.squared_norm);
    query.offset = offset;
    return query;
  }

  /// Most slots at a time.
  static constexpr std::size_t most_slots = 64;

  /// Writes the positions in `slots` of those that may be no farther than `bound`, and gives how many.
  std::size_t not_ruled_out(const Query& query, std::span<const Slot> slots, float bound,
                            std::uint32_t* positions) const noexcept {
    std::array<const std::uint64_t*, most_slots> rows;
    std::array<std::int32_t, most_slots> sums;
    for (std::size_t i = 0; i < slots.size(); ++i) rows[i] = bits(slots[i]);
    simd::bit_sums(query.bits, rows.data(), slots.size(), words(), sums.data());
    std::size_t count = 0;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const Factors factors = factors_of(rows[i]);
      const float product =
          2 * (query.lowest * factors.set_bits + query.step * static_cast<float>(sums[i])) - query.sum;
      const float most = factors.a * product + margin * factors.e * query.norm;
      positions[count] = static_cast<std::uint32_t>(i);
      count += M::from_dot(most + query.offset, query.squared_norm, factors.squared_norm) <= bound ? 1 : 0;
    }
    return count;
  }

  void prefetch(Slot slot) const noexcept {
    const std::byte* row = rows_[to_index(slot)];
    for (std::size_t line = 0; line < rows_.stride(); line += cache_line_bytes) detail::prefetch(row + line);
  }
  /// Can rows be ruled out?
  [[nodiscard]] bool is_ready() const noexcept { return is_ready_; }

  [[nodiscard]] Sketches clone() const {
    Sketches copy(dimensions_);
    copy.rows_ = rows_.clone();
    copy.rotation_ = rotation_;
    copy.mean_ = mean_;
    copy.rotated_ = rotated_;
    copy.is_ready_ = is_ready_;
    return copy;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return rows_.memory_bytes() + (mean_.capacity() + rotated_.capacity()) * sizeof(float) +
           (rotation_ ? rotation_->memory_bytes() : 0);
  }
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t dimensions, std::size_t slots) noexcept {
    if (dimensions < least_dimensions || slots < first_rows) return 0;
    return ChunkedRows::estimate_bytes(row_stride(words_for(dimensions) * 8 + sizeof(Factors), 8), slots) +
           2 * dimensions * sizeof(float) + Rotation::estimate_bytes(dimensions);
  }

 private:
  struct Factors {
    float a;
    float e;
    float squared_norm;
    float set_bits;
  };
  /// Does moving both vectors by the same amount leave their distance as it is? Under the inner product only rows are
  /// moved, which changes it by a constant of the query. Of other metrics nothing is known.
  static constexpr bool is_shift_invariant = std::same_as<M, L2Squared> || std::same_as<M, Cosine>;
  static constexpr bool takes_mean = is_shift_invariant || std::same_as<M, InnerProduct>;

  [[nodiscard]] static constexpr std::size_t words_for(std::size_t dimensions) noexcept {
    return (dimensions + 63) / 64;
  }
  [[nodiscard]] std::size_t words() const noexcept { return words_for(dimensions_); }
  [[nodiscard]] const std::uint64_t* bits(Slot slot) const noexcept {
    return reinterpret_cast<const std::uint64_t*>(rows_[to_index(slot)]);
  }
  [[nodiscard]] Factors factors_of(const std::uint64_t* row) const noexcept {
    Factors factors;
    std::memcpy(&factors, row + words(), sizeof(factors));
    return factors;
  }

  template <class Row>
  void take_mean(const Row& row) noexcept {
    for (std::size_t i = 0; i < first_rows; ++i) {
      const float* vector = row(to_slot(i));
      for (std::size_t j = 0; j < dimensions_; ++j) mean_[j] += vector[j] / static_cast<float>(first_rows);
    }
  }

  void encode(Slot slot, const float* vector) noexcept {
    for (std::size_t i = 0; i < dimensions_; ++i) rotated_[i] = vector[i] - mean_[i];
    rotation_->apply(rotated_);
    auto* const row = reinterpret_cast<std::uint64_t*>(rows_[to_index(slot)]);
    float magnitudes = 0;
    std::size_t set_bits = 0;
    for (std::size_t word = 0; word < words(); ++word) {
      std::uint64_t bits = 0;
      for (std::size_t i = word * 64; i < std::min(dimensions_, word * 64 + 64); ++i) {
        magnitudes += std::abs(rotated_[i]);
        bits |= std::uint64_t{rotated_[i] > 0 ? 1U : 0U} << (i % 64);
      }
      row[word] = bits;
      set_bits += static_cast<std::size_t>(std::popcount(bits));
    }
    const float squared_norm = simd::dot(rotated_.data(), rotated_.data(), dimensions_);
    const auto d = static_cast<float>(dimensions_);
    Factors factors{0, 0, squared_norm, static_cast<float>(set_bits)};
    if (magnitudes > 0) {
      const float t = magnitudes / std::sqrt(squared_norm * d);
      factors.a = squared_norm / magnitudes;
      factors.e = std::sqrt(squared_norm * std::max(0.0F, 1 - t * t) / (d - 1)) / t;
    }
    std::memcpy(row + words(), &factors, sizeof(factors));
  }

  std::size_t dimensions_;
  std::optional<Rotation> rotation_;
  std::vector<float> mean_;
  std::vector<float> rotated_;  // scratch of write
  ChunkedRows rows_;
  bool is_ready_ = false;
};

/// In place of sketches, for a metric that is no function of the inner product.
struct NoSketches {
  struct Query {};
  struct Buffer {
    explicit Buffer(std::size_t) noexcept {}
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return 0; }
  };
  explicit NoSketches(std::size_t) noexcept {}
  void reserve(std::size_t) noexcept {}
  template <class Row>
  void write(Slot, const float*, const Row&) noexcept {}
  [[nodiscard]] Query prepare(const float*, Buffer&) const noexcept { return {}; }
  [[nodiscard]] bool is_ready() const noexcept { return false; }
  [[nodiscard]] NoSketches clone() const noexcept { return *this; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return 0; }
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t, std::size_t) noexcept { return 0; }
};

template <Metric M>
struct SketchesOf {
  using Type = NoSketches;
};
template <InnerProductMetric M>
struct SketchesOf<M> {
  using Type = Sketches<M>;
};
template <Metric M>
using SketchesFor = typename SketchesOf<M>::Type;

/// out[i] = compare's distance to slots[i], or the largest float where the sketch says that it is above `bound`.
/// `compare(slots, out)` gives distances.
template <class SomeSketches, class Compare>
void compare_within(const SomeSketches& sketches, const typename SomeSketches::Query& query,
                    std::span<const Slot> slots, float bound, float* out, const Compare& compare) noexcept {
  if constexpr (!std::same_as<SomeSketches, NoSketches>) {
    if (query.bits.levels != nullptr && bound < std::numeric_limits<float>::max()) {
      constexpr std::size_t most = SomeSketches::most_slots;
      std::array<std::uint32_t, most> positions;
      std::array<Slot, most> left;
      std::array<float, most> distances;
      while (!slots.empty()) {
        const std::span<const Slot> some = slots.first(std::min(most, slots.size()));
        const std::size_t count = sketches.not_ruled_out(query, some, bound, positions.data());
        for (std::size_t i = 0; i < count; ++i) left[i] = some[positions[i]];
        compare(std::span<const Slot>(left).first(count), distances.data());
        std::fill_n(out, some.size(), std::numeric_limits<float>::max());
        for (std::size_t i = 0; i < count; ++i) out[positions[i]] = distances[i];
        slots = slots.subspan(some.size());
        out += some.size();
      }
      return;
    }
  }
  compare(slots, out);
}

}  // namespace shoal::inline v0::detail
