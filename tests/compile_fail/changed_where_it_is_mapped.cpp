// An opened index is read-only, by its type.
// expect: no member named .+insert
#include <vector>

#include <shoal/shoal.hpp>

bool use(shoal::HnswIndex<>::Mapped& index, const std::vector<float>& vector) {
#ifdef SHOAL_MUST_FAIL
  return index.insert(1, vector).has_value();
#else
  return index.try_search(vector, 1).has_value();
#endif
}
