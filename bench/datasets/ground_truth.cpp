#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include <datasets/ground_truth.hpp>
#include <datasets/true_distance.hpp>
#include <shoal/eigen/exact_search.hpp>

namespace shoal::datasets {

namespace {

/// Nearest first, ties by row.
struct Ranked {
  double distance = 0;
  std::uint32_t row = 0;
};
bool is_nearer(const Ranked& a, const Ranked& b) {
  return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
}

MatrixView<float> view(const Matrix<float>& matrix) {
  return {matrix.values.data(), matrix.rows, matrix.cols, matrix.cols};
}

}  // namespace

GroundTruth exact_ground_truth(const Matrix<float>& base, const Matrix<float>& queries, Metric metric, std::size_t k,
                               unsigned threads) {
  const auto found = metric == Metric::angular ? exact_search<Cosine>(view(base), view(queries), k, threads)
                                               : exact_search<L2Squared>(view(base), view(queries), k, threads);
  if (!found) {
    throw std::invalid_argument(std::string(found.error().message()));
  }
  k = std::min(k, base.rows);
  GroundTruth truth;
  truth.ids = {queries.rows, k, std::vector<std::uint32_t>(queries.rows * k)};
  truth.distances = {queries.rows, k, std::vector<double>(queries.rows * k)};
  for (std::size_t i = 0; i < queries.rows; ++i) {
    for (std::size_t j = 0; j < k; ++j) {
      truth.ids.row(i)[j] = static_cast<std::uint32_t>((*found)[i][j].row);
      truth.distances.row(i)[j] = (*found)[i][j].distance;
    }
  }
  return truth;
}

Result<GroundTruth> adopt_ground_truth(const Matrix<std::int64_t>& ids, const Matrix<float>& base,
                                       const Matrix<float>& queries, Metric metric, std::size_t k) {
  k = std::min(k, base.rows);
  if (ids.rows != queries.rows) {
    return Failure(text("is for ", ids.rows, " queries, not ", queries.rows));
  }
  if (ids.cols < k) {
    return Failure(text("holds ", ids.cols, " neighbours of each query, not ", k));
  }
  // Others compute in float, often as |a|^2 - 2ab + |b|^2: what they call sorted or the k nearest may be off by that
  // much.
  const auto may_be_below = [&](double distance, double limit, std::size_t query) {
    const double scale = metric == Metric::angular ? 1.0 : std::pow(norm(queries.row(query)), 2);
    return distance <= limit * 1.001 + 1e-5 * scale;
  };
  GroundTruth truth;
  truth.ids = {queries.rows, k, std::vector<std::uint32_t>(queries.rows * k)};
  truth.distances = {queries.rows, k, std::vector<double>(queries.rows * k)};
  std::vector<Ranked> ranked;
  for (std::size_t i = 0; i < queries.rows; ++i) {
    ranked.clear();
    for (const std::int64_t id : ids.row(i)) {
      if (id < 0 || static_cast<std::uint64_t>(id) >= base.rows) {
        return Failure(text("names the base row ", id, " (query ", i, ", place ", ranked.size(), "), of ", base.rows));
      }
      const auto row = static_cast<std::uint32_t>(id);
      const double distance = true_distance(metric, queries.row(i), base.row(row));
      if (!ranked.empty() && !may_be_below(ranked.back().distance, distance, i)) {
        return Failure(
            text("is not sorted by ", name_of(metric), " distance (query ", i, ", place ", ranked.size(), ")"));
      }
      ranked.push_back({distance, row});
    }
    std::sort(ranked.begin(), ranked.end(), is_nearer);
    for (std::size_t j = 0; j < k; ++j) {
      if (j != 0 && ranked[j].row == ranked[j - 1].row) {
        return Failure(text("names the base row ", ranked[j].row, " twice (query ", i, ")"));
      }
      truth.ids.row(i)[j] = ranked[j].row;
      truth.distances.row(i)[j] = ranked[j].distance;
    }
  }

  constexpr std::size_t checked_queries = 4;
  const std::size_t step = std::max<std::size_t>(1, queries.rows / checked_queries);
  for (std::size_t i = 0; i < queries.rows && k != 0; i += step) {
    const auto query = queries.row(i);
    const Matrix<float> one{1, queries.cols, {query.begin(), query.end()}};
    const double true_kth = exact_ground_truth(base, one, metric, k, 1).distances.values[k - 1];
    const double kth = truth.distances.row(i)[k - 1];
    if (!may_be_below(kth, true_kth, i) || !may_be_below(true_kth, kth, i)) {
      return Failure(text("is of other vectors (query ", i, ": its neighbour ", k, " lies at ", kth,
                          ", the true one at ", true_kth, ")"));
    }
  }
  return truth;
}

}  // namespace shoal::datasets
