// A progress callback takes two numbers.
// expect: ProgressCallback
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <shoal/shoal.hpp>

bool insert(shoal::HnswIndex<>& index) {
  const std::vector<std::pair<std::uint64_t, std::array<float, 4>>> items;
#ifdef SHOAL_MUST_FAIL
  const auto progress = [](std::size_t) {};
#else
  const auto progress = [](std::size_t, std::size_t) {};
#endif
  return index.batch_insert(items, progress).has_value();
}
