// shoal with its vectors as floats, linked by those or by codes.
#include <rivals/makers.hpp>
#include <rivals/shoal_rival.hpp>

namespace shoal::rivals {

std::unique_ptr<Rival> make_shoal_float32(const Setup& setup) { return std::make_unique<ShoalRival<Float32>>(setup); }
std::unique_ptr<Rival> make_shoal_float32_by_codes(const Setup& setup) {
  return std::make_unique<ShoalRival<Float32>>(setup, true);
}

}  // namespace shoal::rivals
