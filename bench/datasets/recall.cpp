#include <algorithm>
#include <cassert>

#include <datasets/recall.hpp>
#include <datasets/true_distance.hpp>

namespace shoal::datasets {

namespace {

std::size_t hits(const Dataset& dataset, std::size_t query, std::span<const std::uint64_t> found, std::size_t k) {
  // Directions are rounded when they are normalised, so under angular even equal ones are ~1e-17 apart.
  const double floor = dataset.metric == Metric::angular ? 1e-15 : 0.0;
  const double limit = dataset.truth.distances.row(query)[k - 1] * (1 + tie_tolerance) + floor;
  std::size_t count = 0;
  for (std::size_t i = 0; i < std::min(k, found.size()); ++i) {
    const auto earlier = found.first(i);
    const bool is_repeated = std::find(earlier.begin(), earlier.end(), found[i]) != earlier.end();
    if (found[i] >= dataset.base.rows || is_repeated) {
      continue;
    }
    const auto row = dataset.base.row(static_cast<std::size_t>(found[i]));
    count += true_distance(dataset.metric, dataset.queries.row(query), row) <= limit ? 1 : 0;
  }
  return count;
}

}  // namespace

double recall_at_k(const Dataset& dataset, std::span<const std::vector<std::uint64_t>> results, std::size_t k) {
  k = std::min(k, dataset.base.rows);
  assert(results.size() == dataset.queries.rows);
  assert(k <= dataset.truth.k());
  if (k == 0 || results.empty()) {
    return 1.0;
  }
  std::size_t found = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    found += hits(dataset, i, results[i], k);
  }
  return static_cast<double>(found) / static_cast<double>(results.size() * k);
}

}  // namespace shoal::datasets
