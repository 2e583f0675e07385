#include <datasets/true_distance.hpp>
#include <shoal/eigen/exact_search.hpp>

namespace shoal::datasets {

double norm(std::span<const float> a) { return shoal::detail::norm_in_double(a); }

double true_distance(Metric metric, std::span<const float> a, std::span<const float> b) {
  return metric == Metric::angular ? exact_distance<Cosine>(a, b) : exact_distance<L2Squared>(a, b);
}

}  // namespace shoal::datasets
