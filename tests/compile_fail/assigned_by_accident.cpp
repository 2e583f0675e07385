// Assigning copies as well: the other index is moved, or copied by the word clone(), which the compiler shows.
// expect: deleted.*clone\(\)
#include <utility>

#include <shoal/shoal.hpp>

void replace(shoal::BruteForceIndex<>& index, shoal::BruteForceIndex<>& other) {
#ifdef SHOAL_MUST_FAIL
  index = other;
#else
  index = std::move(other);
#endif
}
