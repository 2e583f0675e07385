// shoal with its vectors as bytes and no floats kept.
#include <rivals/makers.hpp>
#include <rivals/shoal_rival.hpp>

namespace shoal::rivals {

std::unique_ptr<Rival> make_shoal_sq8(const Setup& setup) { return std::make_unique<ShoalRival<SQ8>>(setup); }

}  // namespace shoal::rivals
