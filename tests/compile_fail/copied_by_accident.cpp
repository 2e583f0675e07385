// An index may be large: it is moved, or copied by the word clone().
// expect: deleted
#include <shoal/shoal.hpp>
#include <utility>

shoal::HnswIndex<> take(shoal::HnswIndex<>& index) {
#ifdef SHOAL_MUST_FAIL
  return index;
#else
  return std::move(index);
#endif
}
