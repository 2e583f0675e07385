// Which storage fits a budget of memory, what it really takes, and what the bytes cost in recall.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <random>
#include <vector>

#include <shoal/shoal.hpp>

using Floats = shoal::HnswIndex<shoal::L2Squared, shoal::Float32>;
using Bytes = shoal::HnswIndex<shoal::L2Squared, shoal::SQ8>;
using Exact = shoal::BruteForceIndex<shoal::L2Squared, shoal::Float32>;

namespace {

constexpr std::size_t dimensions = 768;
constexpr double megabyte = 1e6;

/// Rows around 50 centres: *Shape*: rows x dimensions, row-major.
std::vector<float> make_vectors(std::size_t rows, unsigned seed) {
  std::mt19937 random(7);
  std::normal_distribution<float> component;
  std::vector<float> centres(50 * dimensions);
  for (float& value : centres) value = component(random);
  random.seed(seed);
  std::vector<float> vectors(rows * dimensions);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::size_t centre = random() % 50 * dimensions;
    for (std::size_t j = 0; j < dimensions; ++j) vectors[i * dimensions + j] = centres[centre + j] + component(random);
  }
  return vectors;
}

/// The share of the exact 10 nearest that `index` finds.
template <class Index>
double recall(const Index& index, const Exact& exact, const std::vector<float>& queries) {
  const auto found = index.batch_search(queries, {.k = 10, .ef = 200});
  const auto truth = exact.batch_search(queries, {.k = 10});
  std::size_t hits = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    for (const auto& expected : truth[i]) {
      for (const auto& neighbor : found[i]) hits += neighbor.id == expected.id ? 1 : 0;
    }
  }
  return static_cast<double>(hits) / static_cast<double>(10 * truth.size());
}

/// How far what is owned is from what was estimated, as a share of the estimate.
double surprise(const shoal::MemoryUsage& estimate, const shoal::MemoryUsage& usage) {
  // Searches leave working memory behind, which the estimate does not count.
  const double owned = static_cast<double>(usage.total() - usage.scratch);
  const double expected = static_cast<double>(estimate.total() - estimate.scratch);
  return std::abs(owned - expected) / expected;
}

}  // namespace

int main() {
  // Before anything is built: 10,000 vectors in 16 MB?
  constexpr double budget = 16 * megabyte;
  const shoal::HnswConfig config{.dimensions = dimensions};
  const double floats_would_take = static_cast<double>(Floats::estimate_memory(config, 10'000).total());
  const double bytes_would_take = static_cast<double>(Bytes::estimate_memory(config, 10'000).total());
  std::printf("10,000 x 768: Float32 %.1f MB, SQ8 %.1f MB, budget %.1f MB\n", floats_would_take / megabyte,
              bytes_would_take / megabyte, budget / megabyte);
  if (floats_would_take <= budget || bytes_would_take > budget) return 1;

  // A smaller set, for real.
  constexpr std::size_t rows = 1'500;
  const std::vector<float> vectors = make_vectors(rows, 1);
  const std::vector<float> queries = make_vectors(50, 2);
  std::vector<std::uint64_t> ids(rows);
  std::iota(ids.begin(), ids.end(), 0U);
  Floats floats(config);
  Bytes bytes(config);
  Exact exact({.dimensions = dimensions});
  if (!floats.batch_insert(ids, vectors) || !bytes.batch_insert(ids, vectors) || !exact.batch_insert(ids, vectors)) {
    return 1;
  }

  const shoal::MemoryUsage usage = bytes.memory_usage();
  std::printf("SQ8, %zu vectors: %.2f MB = vectors %.2f + links %.2f + upper links %.3f + ids %.3f + scratch %.3f\n",
              bytes.size(), static_cast<double>(usage.total()) / megabyte,
              static_cast<double>(usage.vectors) / megabyte, static_cast<double>(usage.links) / megabyte,
              static_cast<double>(usage.upper_links) / megabyte, static_cast<double>(usage.ids) / megabyte,
              static_cast<double>(usage.scratch) / megabyte);
  const double error = surprise(Bytes::estimate_memory(config, rows), usage);
  std::printf("off the estimate by %.1f %%\n", 100 * error);

  const double recall_of_floats = recall(floats, exact, queries);
  const double recall_of_bytes = recall(bytes, exact, queries);
  std::printf("recall@10: Float32 %.3f, SQ8 %.3f\n", recall_of_floats, recall_of_bytes);
  return error < 0.05 && recall_of_floats > 0.98 && recall_of_bytes > recall_of_floats - 0.05 ? 0 : 1;
}
