// A batch goes in, a search finds the nearest.
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include <shoal/shoal.hpp>

struct Item {
  std::uint64_t id;
  std::vector<float> vector;
};

int main() {
  std::mt19937 random(1);
  std::normal_distribution<float> component;
  std::vector<Item> items;
  for (std::uint64_t id = 100; id < 1'100; ++id) {
    Item& item = items.emplace_back(Item{id, std::vector<float>(64)});
    for (float& value : item.vector) value = component(random);
  }

  shoal::HnswIndex<shoal::L2Squared, shoal::Float32> index({.dimensions = 64});
  const auto inserted = index.batch_insert(items);
  if (!inserted) {
    std::printf("%s\n", inserted.error().what().c_str());
    return 1;
  }
  std::printf("%zu vectors in, ids %llu to %llu\n", inserted->size(),
              static_cast<unsigned long long>(inserted->front()), static_cast<unsigned long long>(inserted->back()));

  // The vector of id 142, and the ones nearest to it.
  const auto query = index.get(142);
  if (!query) return 1;
  const auto nearest = index.search(*query, 3);
  for (const auto& [id, distance] : nearest) {
    std::printf("id %llu at squared distance %g\n", static_cast<unsigned long long>(id), static_cast<double>(distance));
  }

  // The same among even ids above 142 only, with a wider walk.
  const auto filtered =
      index.search(*query, {.k = 3, .ef = 200, .filter = [](std::uint64_t id) { return id > 142 && id % 2 == 0; }});

  const bool found_itself = nearest.size() == 3 && nearest[0].id == 142 && nearest[0].distance == 0;
  const bool filter_holds = filtered.size() == 3 && filtered[0].id > 142 && filtered[0].id % 2 == 0;
  return inserted->size() == 1'000 && found_itself && filter_holds && index.check().ok() ? 0 : 1;
}
