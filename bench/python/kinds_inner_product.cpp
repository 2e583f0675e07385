// Indexes under InnerProduct.
#include "index_of.hpp"

namespace shoal::python {

std::span<const Kind> inner_product_kinds() {
  static constexpr auto kinds = kinds_of<InnerProduct>("ip");
  return kinds;
}

}  // namespace shoal::python
