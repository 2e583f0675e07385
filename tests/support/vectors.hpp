#pragma once
// Vectors for tests: the same on every platform and standard library, from a seed that the test prints.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "shoal/core/hash.hpp"

namespace support {

/// splitmix64 as a stream.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() { return shoal::detail::mix64(state_++); }
  /// Below `bound`.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
  /// In [-1, 1).
  float uniform() { return static_cast<float>(static_cast<double>(next() >> 11) * 0x1p-52 - 1.0); }
  /// About standard normal: a sum of twelve uniform numbers.
  float normal() {
    float sum = 0;
    for (int i = 0; i < 12; ++i) sum += uniform() / 2;
    return sum;
  }

 private:
  std::uint64_t state_;
};

inline std::vector<float> random_vector(Random& random, std::size_t dimensions) {
  std::vector<float> vector(dimensions);
  for (float& value : vector) value = random.normal();
  return vector;
}

using Item = std::pair<std::uint64_t, std::vector<float>>;

/// Items with ids first_id, first_id + 1, ...
inline std::vector<Item> random_items(std::uint64_t seed, std::size_t count, std::size_t dimensions,
                                      std::uint64_t first_id = 0) {
  Random random(seed);
  std::vector<Item> items;
  for (std::size_t i = 0; i < count; ++i) items.emplace_back(first_id + i, random_vector(random, dimensions));
  return items;
}

/// Points around `clusters` centres, like embeddings: an easy set with structure.
inline std::vector<std::vector<float>> clustered_vectors(std::uint64_t seed, std::size_t count, std::size_t dimensions,
                                                         std::size_t clusters) {
  Random random(seed);
  std::vector<std::vector<float>> centres;
  for (std::size_t i = 0; i < clusters; ++i) centres.push_back(random_vector(random, dimensions));
  std::vector<std::vector<float>> vectors;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<float> vector = centres[random.below(clusters)];
    for (float& value : vector) value += 0.5F * random.normal();
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

/// A scalar double loop: the oracle of distances.
inline double squared_l2(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
  return sum;
}

}  // namespace support
