// Exact neighbours, against a search in double over every row, and truths from files that must not be believed.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "support.hpp"
#include <datasets/clustered.hpp>
#include <datasets/ground_truth.hpp>
#include <datasets/random.hpp>
#include <datasets/true_distance.hpp>

namespace shoal::datasets {
namespace {
using support::check_message;
using support::message_of;

Matrix<float> random_rows(std::size_t rows, std::size_t cols, std::uint64_t seed, float scale = 1, float shift = 0) {
  Random random(seed);
  Matrix<float> matrix{rows, cols, std::vector<float>(rows * cols)};
  for (float& x : matrix.values) {
    x = scale * random.normal() + shift;
  }
  return matrix;
}

/// The oracle: a stable sort of all rows by their distance in double.
void check_against_full_sort(const Matrix<float>& base, const Matrix<float>& queries, Metric metric, std::size_t k) {
  const GroundTruth truth = exact_ground_truth(base, queries, metric, k, 2);
  REQUIRE(truth.ids.rows == queries.rows);
  REQUIRE(truth.k() == std::min(k, base.rows));
  for (std::size_t i = 0; i < queries.rows; ++i) {
    std::vector<double> distances(base.rows);
    std::vector<std::uint32_t> order(base.rows);
    std::iota(order.begin(), order.end(), 0U);
    for (std::size_t row = 0; row < base.rows; ++row) {
      distances[row] = true_distance(metric, queries.row(i), base.row(row));
    }
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return distances[a] < distances[b]; });
    for (std::size_t j = 0; j < truth.k(); ++j) {
      CHECK(truth.ids.row(i)[j] == order[j]);
      CHECK(truth.distances.row(i)[j] == distances[order[j]]);
    }
  }
}

/// ids[i] = the true neighbours of query i, as a file would hold them.
Matrix<std::int64_t> as_file(const GroundTruth& truth) {
  return {truth.ids.rows, truth.ids.cols, {truth.ids.values.begin(), truth.ids.values.end()}};
}

}  // namespace

TEST_CASE("the true distance is squared L2, and 1 - cosine under angular") {
  const std::vector<float> a{3, 0, 0, 0, 0, 4}, b{0, 0, 0, 0, 0, 2};
  CHECK(true_distance(Metric::euclidean, a, b) == doctest::Approx(13));
  CHECK(true_distance(Metric::angular, a, b) == doctest::Approx(1 - 4.0 / 5));
  CHECK(norm(a) == doctest::Approx(5));
}

TEST_CASE("the exact neighbours are those of a full sort in double") {
  for (const Metric metric : {Metric::euclidean, Metric::angular}) {
    check_against_full_sort(random_rows(3000, 20, 1), random_rows(70, 20, 2), metric, 10);
    check_against_full_sort(random_rows(30, 3, 3), random_rows(5, 3, 4), metric, 30);
    check_against_full_sort(random_rows(4, 1, 3), random_rows(1, 1, 4), metric, 10);
  }
}

TEST_CASE("vectors far from the origin, where a float product has lost the distances, still get exact neighbours") {
  check_against_full_sort(random_rows(2000, 32, 1, 1, 1000), random_rows(9, 32, 2, 1, 1000), Metric::euclidean, 10);
}

TEST_CASE("vectors whose float product overflows or vanishes still get exact neighbours") {
  check_against_full_sort(random_rows(300, 8, 1, 1e20F), random_rows(5, 8, 2, 1e20F), Metric::euclidean, 10);
  check_against_full_sort(random_rows(300, 8, 1, 1e-22F), random_rows(5, 8, 2, 1e-22F), Metric::euclidean, 10);
  check_against_full_sort(random_rows(300, 8, 1, 1e-22F), random_rows(5, 8, 2, 1e-22F), Metric::angular, 10);
}

TEST_CASE("identical vectors come in the order of their rows") {
  Matrix<float> base = random_rows(2000, 16, 1);
  for (std::size_t i = 0; i < base.rows; i += 2) {  // half of them are one vector
    std::copy(base.row(0).begin(), base.row(0).end(), base.row(i).begin());
  }
  check_against_full_sort(base, random_rows(5, 16, 2), Metric::euclidean, 1500);
  const Matrix<float> one{1, 16, {base.row(0).begin(), base.row(0).end()}};
  check_against_full_sort(base, one, Metric::euclidean, 10);
}

TEST_CASE("the number of threads changes nothing") {
  const Dataset dataset = clustered(1000, 32, 1, 200);
  const GroundTruth one = exact_ground_truth(dataset.base, dataset.queries, Metric::euclidean, 10, 1);
  const GroundTruth three = exact_ground_truth(dataset.base, dataset.queries, Metric::euclidean, 10, 3);
  CHECK(one.ids.values == three.ids.values);
  CHECK(one.distances.values == three.distances.values);
}

TEST_CASE("a true ground truth is adopted and its distances are computed") {
  const Dataset dataset = clustered(500, 16, 1, 20);
  const GroundTruth truth = exact_ground_truth(dataset.base, dataset.queries, Metric::euclidean, 100);
  const auto adopted = adopt_ground_truth(as_file(truth), dataset.base, dataset.queries, Metric::euclidean, 10);
  INFO(message_of(adopted));
  REQUIRE(adopted);
  CHECK(adopted->k() == 10);
  for (std::size_t i = 0; i < dataset.queries.rows; ++i) {
    CHECK(adopted->ids.row(i)[9] == truth.ids.row(i)[9]);
    CHECK(adopted->distances.row(i)[9] == truth.distances.row(i)[9]);
  }
}

TEST_CASE("a ground truth that does not fit is refused with the reason") {
  const Dataset dataset = clustered(500, 16, 1, 20);
  const auto truth = as_file(exact_ground_truth(dataset.base, dataset.queries, Metric::euclidean, 10));
  const auto reason = [&](const Matrix<std::int64_t>& ids, std::size_t k = 10, Metric metric = Metric::euclidean) {
    return message_of(adopt_ground_truth(ids, dataset.base, dataset.queries, metric, k));
  };
  CHECK(reason(truth).empty());

  auto fewer = truth;
  keep_rows(fewer, 19);
  check_message(reason(fewer), {"is for 19 queries, not 20"});
  check_message(reason(truth, 11), {"holds 10 neighbours of each query, not 11"});

  for (const std::int64_t id : {std::int64_t{-1}, std::int64_t{500}, std::numeric_limits<std::int64_t>::min()}) {
    auto outside = truth;
    outside.row(3)[4] = id;
    check_message(reason(outside), {"base row " + std::to_string(id), "query 3, place 4", "of 500"});
  }

  auto unsorted = truth;
  std::swap(unsorted.row(5)[0], unsorted.row(5)[9]);
  check_message(reason(unsorted), {"is not sorted by euclidean distance (query 5, place 1)"});

  auto twice = truth;
  twice.row(2)[1] = twice.row(2)[0];
  check_message(reason(twice), {"twice (query 2)"});
}

TEST_CASE("a ground truth of other vectors is refused though its ids are rows and sorted") {
  const Dataset dataset = clustered(500, 16, 1, 20);
  Matrix<float> half = dataset.base;
  keep_rows(half, 250);
  const auto truth_of_half = as_file(exact_ground_truth(half, dataset.queries, Metric::euclidean, 10));
  check_message(message_of(adopt_ground_truth(truth_of_half, dataset.base, dataset.queries, Metric::euclidean, 10)),
                {"is of other vectors (query", "its neighbour 10 lies at"});
}

}  // namespace shoal::datasets
