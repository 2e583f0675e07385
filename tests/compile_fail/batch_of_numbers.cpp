// An item of a batch is an id and a vector; a bare number is neither.
// expect: BatchSource|BatchItem
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include <shoal/shoal.hpp>

bool insert(shoal::HnswIndex<>& index) {
#ifdef SHOAL_MUST_FAIL
  const std::vector<int> items;
#else
  const std::vector<std::pair<std::uint64_t, std::array<float, 4> > > items;
#endif
  return index.batch_insert(items).has_value();
}
