// A metric of one's own: the Manhattan distance. Two members make a metric.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <utility>
#include <vector>

#include <shoal/shoal.hpp>

/// Sum of |a[i] - b[i]|.
struct Manhattan {
  static constexpr bool unit_vectors = false;  // vectors are kept as they come, and may be zero

  static float distance(const float* a, const float* b, std::size_t dimensions) noexcept {
    float sum = 0;
    for (std::size_t i = 0; i < dimensions; ++i) sum += std::fabs(a[i] - b[i]);
    return sum;
  }
};

static_assert(shoal::Metric<Manhattan>);
static_assert(shoal::StorageFor<shoal::Float32, Manhattan>);

// SQ8 keeps rotated bytes. A rotation keeps inner products and Euclidean lengths, not sums of magnitudes, so SQ8 asks
// for a metric that can be had from the former: one with `from_dot`. An index with both does not compile.
static_assert(!shoal::InnerProductMetric<Manhattan>);
static_assert(!shoal::StorageFor<shoal::SQ8, Manhattan>);

int main() {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> component(-1, 1);
  const auto make_vector = [&] {
    std::vector<float> vector(12);
    for (float& value : vector) value = component(random);
    return vector;
  };
  std::vector<std::pair<std::uint64_t, std::vector<float>>> items;
  for (std::uint64_t id = 0; id < 2'000; ++id) items.emplace_back(id, make_vector());

  shoal::HnswIndex<Manhattan> index({.dimensions = 12});
  shoal::BruteForceIndex<Manhattan> exact({.dimensions = 12});
  if (!index.batch_insert(items) || !exact.batch_insert(items)) return 1;

  std::size_t hits = 0;
  constexpr std::size_t queries = 50;
  for (std::size_t i = 0; i < queries; ++i) {
    const std::vector<float> query = make_vector();
    const auto found = index.search(query, 10);
    for (const auto& expected : exact.search(query, 10)) {
      for (const auto& neighbor : found) hits += neighbor == expected ? 1 : 0;
    }
  }
  const double recall = static_cast<double>(hits) / static_cast<double>(10 * queries);
  std::printf("recall@10 under the Manhattan distance: %.3f\n", recall);
  return recall > 0.95 ? 0 : 1;
}
