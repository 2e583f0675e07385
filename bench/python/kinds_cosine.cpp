// Indexes under Cosine.
#include "index_of.hpp"

namespace shoal::python {

std::span<const Kind> cosine_kinds() {
  static constexpr auto kinds = kinds_of<Cosine>("cosine");
  return kinds;
}

}  // namespace shoal::python
