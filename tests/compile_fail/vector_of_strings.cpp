// The components of a vector are numbers.
// expect: shoal: the second part of a batch item must be
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <shoal/shoal.hpp>

bool insert(shoal::HnswIndex<>& index) {
#ifdef SHOAL_MUST_FAIL
  using Vector = std::vector<std::string>;
#else
  using Vector = std::vector<double>;
#endif
  const std::vector<std::pair<std::uint64_t, Vector>> items;
  return index.batch_insert(items).has_value();
}
