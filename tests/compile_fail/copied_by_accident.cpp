// An index may be large: it is moved, or copied by the word clone(), which the compiler shows.
// expect: deleted.*clone\(\)
#include <utility>

#include <shoal/shoal.hpp>

shoal::HnswIndex<> take(shoal::HnswIndex<>& index) {
#ifdef SHOAL_MUST_FAIL
  return index;
#else
  return std::move(index);
#endif
}
