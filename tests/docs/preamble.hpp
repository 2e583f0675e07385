#pragma once
// What a block of the documentation may use without saying where it comes from. Each block gets its own copy, so that
// it does not matter what the blocks before it did. Not part of the library, and only for what a reader would not ask.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

#include <shoal/shoal.hpp>

namespace docs {

struct Item {
  std::uint64_t id;
  std::vector<float> vector;
};

struct Preamble {
  static constexpr std::size_t dimensions = 768;

  std::mt19937 random{1};
  std::vector<float> query = random_vector();
  std::vector<std::vector<float>> queries = {random_vector(), random_vector(), random_vector()};
  /// Ids from 0: not in `index` yet.
  std::vector<Item> items = random_items(0, 200);
  /// Holds the ids 1,000 to 1,199.
  shoal::HnswIndex<> index = filled_index();

  std::vector<float> random_vector() {
    std::normal_distribution<float> component;
    std::vector<float> vector(dimensions);
    for (float& value : vector) value = component(random);
    return vector;
  }

  std::vector<Item> random_items(std::uint64_t first_id, std::uint64_t count) {
    std::vector<Item> result;
    for (std::uint64_t i = 0; i < count; ++i) result.push_back({first_id + i, random_vector()});
    return result;
  }

  shoal::HnswIndex<> filled_index() {
    shoal::HnswIndex<> result({.dimensions = dimensions});
    if (!result.batch_insert(random_items(1000, 200))) std::abort();
    return result;
  }
};

}  // namespace docs
