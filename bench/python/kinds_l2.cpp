// Indexes under L2Squared.
#include "index_of.hpp"

namespace shoal::python {

std::span<const Kind> l2_kinds() {
  static constexpr auto kinds = kinds_of<L2Squared>("l2");
  return kinds;
}

}  // namespace shoal::python
