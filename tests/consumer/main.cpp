// What every consumer compiles: a batch goes in, a search finds it.
#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

#include <shoal/shoal.hpp>

namespace {

struct Item {
  std::uint64_t id;
  std::array<float, 4> vector;
};

}  // namespace

int main() {
  std::vector<Item> items;
  for (std::uint64_t i = 0; i < 50; ++i) {
    const auto x = static_cast<float>(i);
    items.push_back({100 + i, {x, 1.0F, -x, 0.5F * x}});
  }
  shoal::HnswIndex<shoal::L2Squared, shoal::Float32> index({.dimensions = 4, .M = 8, .ef_construction = 40});
  const auto inserted = index.batch_insert(items);
  if (!inserted || inserted->size() != items.size() || index.size() != items.size()) {
    std::puts("the batch is not in the index");
    return 1;
  }
  const auto nearest = index.search(items[7].vector, 3);
  if (nearest.size() != 3 || nearest.front().id != 107) {
    std::puts("the search did not find the vector it was given");
    return 1;
  }
  return 0;
}
