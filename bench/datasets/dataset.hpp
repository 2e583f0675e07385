#pragma once
// A data set to search in: base vectors, queries from the same distribution, and the exact nearest neighbours of each.
//
// What `load` and `clustered` give is sound: base and queries have the same number of components, every component is
// finite, no vector is zero under `angular`, and the truth is held against the vectors.

#include <cstdint>
#include <string>
#include <vector>

#include <datasets/matrix.hpp>

namespace shoal::datasets {

/// How near two vectors are. *Units*: euclidean: squared L2; angular: 1 - cosine.
enum class Metric { euclidean, angular };

[[nodiscard]] constexpr const char* name_of(Metric metric) {
  return metric == Metric::euclidean ? "euclidean" : "angular";
}

/// The k nearest base vectors of each query, nearest first: *Shape*: both queries x k, k = min(wanted, base rows).
struct GroundTruth {
  Matrix<std::uint32_t> ids;
  Matrix<double> distances;  // computed in double from the vectors, not taken from a file

  [[nodiscard]] std::size_t k() const { return ids.cols; }
};

struct Dataset {
  std::string name;
  Metric metric = Metric::euclidean;
  Matrix<float> base;
  Matrix<float> queries;
  GroundTruth truth;               // empty until it was read or computed
  std::vector<std::string> notes;  // what had to be decided on the way, one line each
};

}  // namespace shoal::datasets
