// A storage policy of one's own: the upper half of each float (bfloat16), two bytes a component.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include <shoal/shoal.hpp>

namespace {

std::uint16_t truncate(float value) { return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16); }
float widen(std::uint16_t half) { return std::bit_cast<float>(std::uint32_t{half} << 16); }

/// All rows of one index, in chunks that never move: growing copies nothing, and others may read meanwhile.
template <shoal::InnerProductMetric Metric>
class BFloat16Rows {
 public:
  struct Query {
    const std::uint16_t* halves;
    float squared_norm;
  };
  struct QueryBuffer {
    explicit QueryBuffer(const BFloat16Rows& rows) : halves(rows.dimensions_) {}
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return halves.capacity() * sizeof(std::uint16_t); }
    std::vector<std::uint16_t> halves;
  };

  explicit BFloat16Rows(std::size_t dimensions) : dimensions_(dimensions), halves_(stride(dimensions)) {}

  void reserve(std::size_t slots) {
    halves_.reserve(slots);
    squared_norms_.reserve(slots);
  }

  void write(shoal::Slot slot, std::span<const float> vector) noexcept {
    std::transform(vector.begin(), vector.end(), row(slot), truncate);
    squared_norms_[shoal::to_index(slot)] = dot(row(slot), row(slot));
  }
  void move(shoal::Slot from, shoal::Slot to) noexcept {
    halves_.move(shoal::to_index(from), shoal::to_index(to));
    squared_norms_[shoal::to_index(to)] = squared_norm(from);
  }
  void shrink(std::size_t slots) noexcept {
    halves_.shrink(slots);
    squared_norms_.shrink(slots);
  }
  void read(shoal::Slot slot, std::span<float> out) const noexcept {
    std::transform(row(slot), row(slot) + dimensions_, out.begin(), widen);
  }

  [[nodiscard]] Query prepare(std::span<const float> vector, QueryBuffer& buffer) const noexcept {
    std::transform(vector.begin(), vector.end(), buffer.halves.begin(), truncate);
    return {buffer.halves.data(), dot(buffer.halves.data(), buffer.halves.data())};
  }
  [[nodiscard]] Query query_for(shoal::Slot slot) const noexcept { return {row(slot), squared_norm(slot)}; }

  void distances(const Query& query, std::span<const shoal::Slot> slots, float* out) const noexcept {
    for (const shoal::Slot slot : slots) {
      *out++ = Metric::from_dot(dot(query.halves, row(slot)), query.squared_norm, squared_norm(slot));
    }
  }
  void prefetch(shoal::Slot) const noexcept {}  // a hint that may be left out

  [[nodiscard]] BFloat16Rows clone() const {
    BFloat16Rows copy(dimensions_);
    copy.halves_ = halves_.clone();
    copy.squared_norms_ = squared_norms_.clone();
    return copy;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return halves_.memory_bytes() + squared_norms_.memory_bytes();
  }
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t dimensions, std::size_t slots) noexcept {
    return shoal::ChunkedRows::estimate_bytes(stride(dimensions), slots) +
           shoal::ChunkedArray<float>::estimate_bytes(slots);
  }

 private:
  [[nodiscard]] static std::size_t stride(std::size_t dimensions) noexcept {
    return shoal::row_stride(dimensions * sizeof(std::uint16_t), alignof(std::uint16_t));
  }
  [[nodiscard]] std::uint16_t* row(shoal::Slot slot) noexcept {
    return reinterpret_cast<std::uint16_t*>(halves_[shoal::to_index(slot)]);
  }
  [[nodiscard]] const std::uint16_t* row(shoal::Slot slot) const noexcept {
    return reinterpret_cast<const std::uint16_t*>(halves_[shoal::to_index(slot)]);
  }
  [[nodiscard]] float squared_norm(shoal::Slot slot) const noexcept { return squared_norms_[shoal::to_index(slot)]; }
  [[nodiscard]] float dot(const std::uint16_t* a, const std::uint16_t* b) const noexcept {
    float sum = 0;
    for (std::size_t i = 0; i < dimensions_; ++i) sum += widen(a[i]) * widen(b[i]);
    return sum;
  }

  std::size_t dimensions_;
  shoal::ChunkedRows halves_;
  shoal::ChunkedArray<float> squared_norms_;
};

/// The policy: what the index is given. The rows depend on the metric.
struct BFloat16 {
  template <shoal::InnerProductMetric Metric>
  using Rows = BFloat16Rows<Metric>;
};
static_assert(shoal::StorageFor<BFloat16, shoal::L2Squared> && shoal::StorageFor<BFloat16, shoal::Cosine>);

}  // namespace

int main() {
  std::mt19937 random(5);
  std::normal_distribution<float> component;
  std::vector<std::pair<std::uint64_t, std::vector<float>>> items(1'000);
  for (std::uint64_t i = 0; i < items.size(); ++i) {
    items[i] = {i, std::vector<float>(100)};
    for (float& value : items[i].second) value = component(random);
  }
  shoal::HnswIndex<shoal::L2Squared, BFloat16> halves({.dimensions = 100});
  shoal::HnswIndex<shoal::L2Squared, shoal::Float32> floats({.dimensions = 100});
  if (!halves.batch_insert(items) || !floats.batch_insert(items)) return 1;
  std::printf("rows: %zu bytes, as floats %zu\n", halves.memory_usage().vectors, floats.memory_usage().vectors);

  std::size_t found = 0;
  float largest_error = 0;
  for (const auto& [id, vector] : items) {
    found += halves.search(vector, 1).front().id == id ? 1 : 0;
    const std::vector<float> kept = *halves.get(id);
    for (std::size_t i = 0; i < vector.size(); ++i) {
      largest_error = std::max(largest_error, std::fabs(kept[i] - vector[i]) / std::fabs(vector[i]));
    }
  }
  std::printf("%zu of %zu find themselves; largest relative error %.4f\n", found, items.size(),
              static_cast<double>(largest_error));
  // Seven bits of fraction are kept, the rest cut off: an error below 2^-7.
  return found == items.size() && largest_error < 1.0F / 128 &&
                 halves.memory_usage().vectors < floats.memory_usage().vectors * 6 / 10
             ? 0
             : 1;
}
