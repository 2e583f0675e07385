// An item of a batch is an id and a vector; a bare number is neither.
// expect: BatchSource|BatchItem
#include <array>
#include <cstdint>
#include <shoal/shoal.hpp>
#include <utility>
#include <vector>

bool insert(shoal::HnswIndex<>& index) {
#ifdef SHOAL_MUST_FAIL
  const std::vector<int> items;
#else
  const std::vector<std::pair<std::uint64_t, std::array<float, 4>>> items;
#endif
  return index.batch_insert(items).has_value();
}
