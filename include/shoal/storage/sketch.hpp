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
//
// In a file: the section sketch_state, [ state: u32, 0 none, 1 ready, 2 of no use ][ c: floats, 0 unless ready ], and
// the rows, none unless ready. Neither where there are too few dimensions.

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

#include "shoal/core/archive.hpp"
#include "shoal/core/chunked_rows.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/core/shared.hpp"
#include "shoal/core/slot.hpp"
#include "shoal/metric/metric.hpp"
#include "shoal/simd/bit_kernels.hpp"
#include "shoal/simd/int8_kernels.hpp"
#include "shoal/storage/rotation.hpp"

namespace shoal::inline v0::detail {

template <InnerProductMetric M>
class Sketches {
 public:
  /// Rows from which the mean is taken: until there are so many, nothing is sketched, and nothing costs memory.
  static constexpr std::size_t first_rows = 1'024;
  /// With fewer, an estimate says too little; nothing is sketched.
  static constexpr std::size_t least_dimensions = 64;
  /// Standard deviations by which a row must be too far to be ruled out. On the four real sets of
  /// docs/benchmarks.md, 1.5 rules out 55 to 76 of 100 rows, and one of 200 to 1,000 that should have been compared.
  static constexpr float margin = 1.5F;

  /// A query as the sketches see it; without levels it rules nothing out.
  struct Query {
    simd::BitQuery bits{};
    float step = 0;          // of a level; the middle one stands for 0
    float sum = 0;           // of all components, as rounded
    float norm = 0;          // |r|
    float rounding = 0;      // standard deviation of <s, r> from rounding r
    float squared_norm = 0;  // |r|^2
    float offset = 0;        // what the mean adds to an inner product
  };
  struct Buffer {
    explicit Buffer(std::size_t dimensions)
        : rotated(dimensions < least_dimensions ? 0 : dimensions),
          codes(dimensions < least_dimensions ? 0 : words_for(dimensions) * 64),
          levels(dimensions < least_dimensions ? 0 : words_for(dimensions) * 64),
          planes(dimensions < least_dimensions ? 0 : words_for(dimensions) * simd::bit_query_planes) {}
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
      return rotated.capacity() * sizeof(float) + codes.capacity() + levels.capacity() +
             planes.capacity() * sizeof(std::uint64_t);
    }
    std::vector<float> rotated;
    std::vector<std::int8_t> codes;  // levels, counted from the middle one
    std::vector<std::uint8_t> levels;
    std::vector<std::uint64_t> planes;
  };

  explicit Sketches(std::size_t dimensions)
      : dimensions_(dimensions), rows_(row_stride(words_for(dimensions) * 8 + sizeof(Factors), 8)) {}

  /// Errors: std::bad_alloc; the room there was remains.
  void reserve(std::size_t slots) {
    if (dimensions_ < least_dimensions || is_useless_ || (slots < first_rows && !is_ready_.load())) return;
    if (!rotation_) rotation_.emplace(dimensions_);
    if (mean_.empty()) mean_.resize(dimensions_);
    if (rotated_.empty()) rotated_.resize(dimensions_);
    if (!buffer_) buffer_.emplace(dimensions_);
    rows_.reserve(slots);
  }

  /// Sketches a vector that was written as row `slot`.
  void write(Slot slot, const float* vector) noexcept {
    if (is_ready_.load()) encode(slot, vector);
  }

  /// A row that moves takes its sketch along.
  void move(Slot from, Slot to) noexcept {
    if (is_ready_.load()) rows_.move(to_index(from), to_index(to));
  }
  void shrink(std::size_t slots) noexcept { rows_.shrink(slots); }

  /// Rows below `slots` have come to stay; `row(slot)` gives them. Sketches begin with the first `first_rows`, if they
  /// are of use on those.
  template <class Row>
  void settle(std::size_t slots, const Row& row) noexcept {
    if (is_ready_.load() || is_useless_ || rows_.capacity() == 0 || slots < first_rows) return;
    if constexpr (takes_mean) take_mean(row);
    for (std::size_t i = 0; i < slots; ++i) encode(to_slot(i), row(to_slot(i)));
    is_useless_ = !holds_its_promise(row);
    is_ready_.store(!is_useless_);  // only now do others look at them
  }

  [[nodiscard]] Query prepare(const float* vector, Buffer& buffer) const noexcept {
    return is_ready_.load() ? prepare_ready(vector, buffer) : Query{};
  }

  /// Most slots at a time.
  static constexpr std::size_t most_slots = 64;

  /// For sketches that lie elsewhere: bytes of room for their copies, and how many are copied at once.
  [[nodiscard]] std::size_t room_for(std::size_t slots) const noexcept { return rows_.room_for(slots); }
  [[nodiscard]] std::size_t rows_at_once(std::size_t most) const noexcept { return rows_.rows_at_once(most); }

  /// Writes the positions in `slots` of those that may be no farther than `bound`, and gives how many. *Shape*: at most
  /// rows_at_once(most_slots); `room` of room_for(most_slots).
  std::size_t not_ruled_out(const Query& query, std::span<const Slot> slots, float bound, std::uint32_t* positions,
                            std::byte* room = nullptr) const noexcept {
    std::array<const std::uint64_t*, most_slots> rows;
    std::array<std::int32_t, most_slots> sums;
    if (slots.empty()) return 0;
    if (rows_.source() != nullptr) [[unlikely]] {
      rows_.copy_rows(slots, room, rows.data());
    } else {
      const ChunkedRows::View sketches = rows_.view();
      std::size_t found = 0;
      do {
        rows[found] = reinterpret_cast<const std::uint64_t*>(sketches[to_index(slots[found])]);
      } while (++found < slots.size());
    }
    simd::bit_sums(query.bits, rows.data(), slots.size(), words(), sums.data());
    // The factors side by side, and loops of fixed length over them, which plain -O2 turns into vectors.
    constexpr std::size_t length = 8;
    std::array<float, most_slots> a, e, squared_norms, set_bits, least;
    const std::size_t padded = (slots.size() + length - 1) / length * length;
    for (std::size_t i = 0; i < padded; ++i) {
      const Factors factors = i < slots.size() ? factors_of(rows[i]) : Factors{};
      a[i] = factors.a;
      e[i] = factors.e;
      squared_norms[i] = factors.squared_norm;
      set_bits[i] = factors.set_bits;
    }
    for (std::size_t i = slots.size(); i < padded; ++i) sums[i] = 0;
    for (std::size_t first = 0; first < padded; first += length) {
      for (std::size_t i = first; i < first + length; ++i) {
        least[i] = least_distance(query, {a[i], e[i], squared_norms[i], set_bits[i]}, sums[i]);
      }
    }
    std::size_t count = 0;
    for (std::uint64_t left = simd::mask_within(least.data(), slots.size(), bound); left != 0; left &= left - 1) {
      positions[count++] = static_cast<std::uint32_t>(std::countr_zero(left));
    }
    return count;
  }

  void prefetch(Slot slot) const noexcept {
    if (rows_.source() != nullptr) return;
    const std::byte* row = rows_[to_index(slot)];
    for (std::size_t line = 0; line < rows_.stride(); line += cache_line_bytes) detail::prefetch(row + line);
  }
  /// Can rows be ruled out?
  [[nodiscard]] bool is_ready() const noexcept { return is_ready_.load(); }

  template <OutArchive Out>
  void save(Out& out, std::size_t slots) const {
    if (dimensions_ < least_dimensions) return;
    out.begin(SectionKind::sketch_state, state_bytes(), 1);
    const State state = is_ready_.load() ? State::ready : is_useless_ ? State::useless : State::none;
    const std::vector<float> no_mean(state == State::ready ? 0 : dimensions_);
    out.write(&state, sizeof(state));
    out.write(state == State::ready ? mean_.data() : no_mean.data(), dimensions_ * sizeof(float));
    rows_.save(out, SectionKind::sketches, state == State::ready ? slots : 0);
  }
  /// Errors: std::bad_alloc.
  template <InArchive In>
  [[nodiscard]] bool load(In& in, std::size_t slots) {
    if (dimensions_ < least_dimensions) return true;
    State state{};
    if (!in.begin(SectionKind::sketch_state, state_bytes(), 1) || !in.read(&state, sizeof(state))) return false;
    std::vector<float> mean(dimensions_);
    if (!in.read(mean.data(), dimensions_ * sizeof(float)) || !in.end()) return false;
    constexpr std::uint32_t infinity_bits = 0x7F80'0000U;
    if (state > State::useless || simd::largest_magnitude_bits(mean.data(), dimensions_) >= infinity_bits ||
        simd::dot(mean.data(), mean.data(), dimensions_) > max_squared_norm * 2) {
      return in.refuse("section sketch_state: its state or its mean cannot be");
    }
    is_useless_ = state == State::useless;
    if (state == State::ready) {
      rotation_.emplace(dimensions_);
      rotated_.resize(dimensions_);
      buffer_.emplace(dimensions_);
      mean_ = std::move(mean);
      is_ready_.store(true);
    }
    return rows_.load(in, SectionKind::sketches, state == State::ready ? slots : 0);
  }
  /// Could `write` have put the row down, as far as it tells by itself?
  [[nodiscard]] bool is_sound(Slot slot) const noexcept {
    if (!is_ready_.load()) return true;
    const auto* const row = reinterpret_cast<const std::uint64_t*>(rows_[to_index(slot)]);
    const Factors factors = factors_of(row);
    const float all[] = {factors.a, factors.e, factors.squared_norm, factors.set_bits};
    constexpr std::uint32_t infinity_bits = 0x7F80'0000U;
    if (simd::largest_magnitude_bits(all, 4) >= infinity_bits) return false;
    if (factors.a < 0 || factors.e < 0 || factors.squared_norm < 0) return false;
    std::size_t set_bits = 0;
    for (std::size_t word = 0; word < words(); ++word) set_bits += static_cast<std::size_t>(std::popcount(row[word]));
    const std::size_t beyond = dimensions_ % 64;
    return factors.set_bits == static_cast<float>(set_bits) && (beyond == 0 || row[words() - 1] >> beyond == 0);
  }

  [[nodiscard]] Sketches clone() const {
    Sketches copy(dimensions_);
    copy.rows_ = rows_.clone();
    copy.rotation_ = rotation_;
    copy.mean_ = mean_;
    copy.rotated_ = rotated_;
    copy.buffer_ = buffer_;
    copy.is_useless_ = is_useless_;
    copy.is_ready_ = is_ready_;
    return copy;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return rows_.memory_bytes() + (mean_.capacity() + rotated_.capacity()) * sizeof(float) +
           (rotation_ ? rotation_->memory_bytes() : 0) + (buffer_ ? buffer_->memory_bytes() : 0);
  }
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t dimensions, std::size_t slots) noexcept {
    if (dimensions < least_dimensions || slots < first_rows) return 0;
    return ChunkedRows::estimate_bytes(row_stride(words_for(dimensions) * 8 + sizeof(Factors), 8), slots) +
           2 * dimensions * sizeof(float) + Rotation::estimate_bytes(dimensions) + dimensions * sizeof(float) +
           words_for(dimensions) * (2 * 64 + simd::bit_query_planes * 8);
  }

 private:
  struct Factors {
    float a;
    float e;
    float squared_norm;
    float set_bits;
  };
  /// In a file.
  enum class State : std::uint32_t { none, ready, useless };
  [[nodiscard]] std::size_t state_bytes() const noexcept { return sizeof(State) + dimensions_ * sizeof(float); }

  /// The level that stands for 0.
  static constexpr std::int32_t middle = (1 << (simd::bit_query_planes - 1)) - 1;

  /// Does moving both vectors by the same amount leave their distance as it is? Under the inner product only rows are
  /// moved, which changes it by a constant of the query. Of other metrics nothing is known.
  static constexpr bool is_shift_invariant = std::same_as<M, L2Squared> || std::same_as<M, Cosine>;
  static constexpr bool takes_mean = is_shift_invariant || std::same_as<M, InnerProduct>;

  [[nodiscard]] static constexpr std::size_t words_for(std::size_t dimensions) noexcept {
    return (dimensions + 63) / 64;
  }
  [[nodiscard]] std::size_t words() const noexcept { return words_for(dimensions_); }
  [[nodiscard]] Factors factors_of(const std::uint64_t* row) const noexcept {
    Factors factors;
    std::memcpy(&factors, row + words(), sizeof(factors));
    return factors;
  }

  /// What the distance is at least, by `margin` deviations. `sum`: of the query's levels that the row's bits choose.
  [[nodiscard]] static float least_distance(const Query& query, const Factors& factors, std::int32_t sum) noexcept {
    const float chosen = query.step * (static_cast<float>(sum) - static_cast<float>(middle) * factors.set_bits);
    const float by_signs = factors.e * query.norm;  // two reasons for an error; mostly this one is several times larger
    const float by_rounding = factors.a * query.rounding;
    const float deviation = by_signs > by_rounding ? by_signs : by_rounding;
    const float most = factors.a * (2 * chosen - query.sum) + margin * deviation;
    return M::from_dot(most + query.offset, query.squared_norm, factors.squared_norm);
  }

  void subtract_mean(const float* vector, float* out) const noexcept {
    std::size_t i = 0;
    for (; i + 16 <= dimensions_; i += 16) {
      for (std::size_t j = i; j < i + 16; ++j) out[j] = vector[j] - mean_[j];
    }
    for (; i < dimensions_; ++i) out[i] = vector[i] - mean_[i];
  }

  /// A query that rules rows out.
  [[nodiscard]] Query prepare_ready(const float* vector, Buffer& buffer) const noexcept {
    Query query;
    if constexpr (is_shift_invariant) {
      subtract_mean(vector, buffer.rotated.data());
    } else {
      std::copy_n(vector, dimensions_, buffer.rotated.begin());
      if constexpr (takes_mean) query.offset = simd::dot(vector, mean_.data(), dimensions_);
    }
    rotation_->apply(buffer.rotated);
    const auto largest =
        shoal::detail::bit_cast<float>(simd::largest_magnitude_bits(buffer.rotated.data(), dimensions_));
    query.step = std::max(largest / middle, std::numeric_limits<float>::min());
    simd::round_to_codes(buffer.rotated.data(), dimensions_, 1 / query.step, buffer.codes.data());
    std::int32_t sum = 0;  // of codes; those beyond the dimensions are 0
    for (std::size_t first = 0; first < buffer.levels.size(); first += 64) {
      for (std::size_t i = first; i < first + 64; ++i) {
        buffer.levels[i] = static_cast<std::uint8_t>(buffer.codes[i] + middle);
        sum += buffer.codes[i];
      }
    }
    std::fill(buffer.levels.begin() + static_cast<std::ptrdiff_t>(dimensions_), buffer.levels.end(), std::uint8_t{0});
    if (simd::reads_planes()) simd::split_into_planes(buffer.levels.data(), words(), buffer.planes.data());
    query.sum = query.step * static_cast<float>(sum);
    query.bits = {buffer.levels.data(), buffer.planes.data()};
    query.squared_norm = simd::dot(buffer.rotated.data(), buffer.rotated.data(), dimensions_);
    query.norm = std::sqrt(query.squared_norm);
    query.rounding = query.step * std::sqrt(static_cast<float>(dimensions_) / 12);
    return query;
  }

  /// The mean of the first rows without those far from all others: one of a wholly different size would pull the mean
  /// away from the rest.
  template <class Row>
  void take_mean(const Row& row) noexcept {
    std::array<float, first_rows> from_mean, sorted;
    add_mean_of(row, [](std::size_t) { return true; });
    for (std::size_t i = 0; i < first_rows; ++i) {
      subtract_mean(row(to_slot(i)), rotated_.data());
      from_mean[i] = simd::dot(rotated_.data(), rotated_.data(), dimensions_);
    }
    sorted = from_mean;
    std::nth_element(sorted.begin(), sorted.begin() + first_rows / 2, sorted.end());
    const float most = 16 * sorted[first_rows / 2];  // four times as far as a usual row
    if (std::none_of(from_mean.begin(), from_mean.end(), [most](float distance) { return distance > most; })) return;
    std::fill(mean_.begin(), mean_.end(), 0.0F);
    add_mean_of(row, [&](std::size_t i) { return from_mean[i] <= most; });
  }
  template <class Row, class Counts>
  void add_mean_of(const Row& row, const Counts& counts) noexcept {
    std::size_t counted = 0;
    for (std::size_t i = 0; i < first_rows; ++i) counted += counts(i) ? 1 : 0;
    const float share = 1 / static_cast<float>(counted);
    for (std::size_t i = 0; i < first_rows; ++i) {
      if (!counts(i)) continue;
      const float* const vector = row(to_slot(i));
      for (std::size_t j = 0; j < dimensions_; ++j) mean_[j] += vector[j] * share;
    }
  }

  /// Of the rows within the distance of one in twenty, no more than a few of a hundred may be ruled out. A mean far
  /// from everything, for instance, makes all rows look alike, and their errors too.
  template <class Row>
  [[nodiscard]] bool holds_its_promise(const Row& row) noexcept {
    constexpr std::size_t queries = 16, others = 512, within = others / 20;
    std::array<float, others> distances, sorted;
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < queries; ++i) {
      const float* const vector = row(to_slot(others + i * (first_rows - others) / queries));
      for (std::size_t j = 0; j < others; ++j) distances[j] = M::distance(vector, row(to_slot(j)), dimensions_);
      sorted = distances;
      std::nth_element(sorted.begin(), sorted.begin() + within, sorted.end());
      const float bound = sorted[within];
      const Query query = prepare_ready(vector, *buffer_);
      for (std::size_t j = 0; j < others; ++j) {
        const Slot slot = to_slot(j);
        std::uint32_t position = 0;
        if (distances[j] <= bound && not_ruled_out(query, std::span<const Slot>(&slot, 1), bound, &position) == 0) {
          ++wrong;
        }
      }
    }
    return wrong * 20 <= queries * within;
  }

  void encode(Slot slot, const float* vector) noexcept {
    subtract_mean(vector, rotated_.data());
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
  std::vector<float> rotated_;    // scratch of write
  std::optional<Buffer> buffer_;  // scratch of settle
  ChunkedRows rows_;
  Shared<bool> is_ready_{false};
  bool is_useless_ = false;
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
  void write(Slot, const float*) noexcept {}
  void move(Slot, Slot) noexcept {}
  void shrink(std::size_t) noexcept {}
  [[nodiscard]] std::size_t room_for(std::size_t) const noexcept { return 0; }
  template <class Row>
  void settle(std::size_t, const Row&) noexcept {}
  [[nodiscard]] Query prepare(const float*, Buffer&) const noexcept { return {}; }
  [[nodiscard]] bool is_ready() const noexcept { return false; }
  template <class Out>
  void save(Out&, std::size_t) const noexcept {}
  template <class In>
  [[nodiscard]] bool load(In&, std::size_t) noexcept {
    return true;
  }
  [[nodiscard]] bool is_sound(Slot) const noexcept { return true; }
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
                    std::span<const Slot> slots, float bound, float* out, std::byte* room,
                    const Compare& compare) noexcept {
  if constexpr (!std::same_as<SomeSketches, NoSketches>) {
    if (query.bits.levels != nullptr && bound < std::numeric_limits<float>::max()) {
      constexpr std::size_t most = SomeSketches::most_slots;
      std::array<std::uint32_t, most> positions;
      std::array<Slot, most> left;
      std::array<float, most> distances;
      while (!slots.empty()) {
        const std::span<const Slot> some = slots.first(std::min(sketches.rows_at_once(most), slots.size()));
        const std::size_t count = sketches.not_ruled_out(query, some, bound, positions.data(), room);
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
