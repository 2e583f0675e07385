// expect: shoal: an id type is an integer type
#include <cstdint>

#include <shoal/shoal.hpp>

#ifdef SHOAL_MUST_FAIL
template class shoal::HnswIndex<shoal::L2Squared, shoal::Float32, double>;
#else
template class shoal::HnswIndex<shoal::L2Squared, shoal::Float32, std::int32_t>;
#endif
