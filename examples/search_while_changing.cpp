// One thread changes the index, another searches it: no lock in sight. docs/concurrency.md says what a search sees.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include <shoal/shoal.hpp>

#if SHOAL_HAS_THREADS
int main() {
  constexpr std::size_t dimensions = 64;
  std::mt19937 random(11);
  std::normal_distribution<float> component;
  std::vector<std::pair<std::uint64_t, std::vector<float>>> items(4'000);
  for (std::uint64_t i = 0; i < items.size(); ++i) {
    items[i] = {i, std::vector<float>(dimensions)};
    for (float& value : items[i].second) value = component(random);
  }

  shoal::HnswIndex<shoal::L2Squared, shoal::SQ8> index({.dimensions = dimensions});
  if (!index.insert(items[0].first, items[0].second)) return 1;

  std::atomic<bool> done{false};
  std::size_t searches = 0, most = 0;
  std::thread reader([&] {
    for (; !done || searches < 100; ++searches) {
      const auto found = index.search(items[0].second, 10);
      most = std::max(most, found.size());
    }
  });

  const auto inserted = index.batch_insert(std::vector(items.begin() + 1, items.end()));
  std::vector<std::uint64_t> old;
  for (std::uint64_t id = 1; id < 3'000; ++id) old.push_back(id);
  const auto erased = index.batch_erase(old);
  const auto compacted = index.compact();  // searches wait while memory moves
  done = true;
  reader.join();

  std::printf("%zu searches meanwhile; %zu entries left, %zu bytes\n", searches, index.size(),
              index.memory_usage().total());
  return inserted && erased && compacted && most == 10 && index.size() == 1'001 && index.check().ok() ? 0 : 1;
}
#else
int main() {}
#endif
