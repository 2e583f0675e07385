// shoal with its vectors as bytes, to walk on, and as floats, to rank what was found.
#include <rivals/makers.hpp>
#include <rivals/shoal_rival.hpp>

namespace shoal::rivals {

std::unique_ptr<Rival> make_shoal_refined_sq8(const Setup& setup) {
  return std::make_unique<ShoalRival<Refined<SQ8>>>(setup);
}

}  // namespace shoal::rivals
