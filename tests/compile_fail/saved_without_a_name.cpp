// A file names its metric: an index over one without a name works, but is not saved.
// expect: saved and loaded only if its metric has a name
#include <cmath>
#include <cstddef>

#include <shoal/shoal.hpp>

struct Manhattan {
  static constexpr bool unit_vectors = false;
  static float distance(const float* a, const float* b, std::size_t dimensions) noexcept {
    float sum = 0;
    for (std::size_t i = 0; i < dimensions; ++i) sum += std::fabs(a[i] - b[i]);
    return sum;
  }
};

bool use(shoal::HnswIndex<Manhattan>& index) {
#ifdef SHOAL_MUST_FAIL
  return index.save("index.shoal").has_value();
#else
  return index.check().ok();
#endif
}
