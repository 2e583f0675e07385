// recall@k: by true distance, with ties, and not to be fooled by what a search returns.

#include "support.hpp"
#include <datasets/ground_truth.hpp>
#include <datasets/recall.hpp>

namespace shoal::datasets {
namespace {

using Results = std::vector<std::vector<std::uint64_t>>;

/// One query at 0; base rows at 1, 2, 3, 3, 3, 4: the third place is a tie of three.
Dataset line(Metric metric = Metric::euclidean) {
  Dataset dataset;
  dataset.metric = metric;
  dataset.base = {6, 1, {1, 2, 3, 3, -3, 4}};
  dataset.queries = {1, 1, {0}};
  dataset.truth = exact_ground_truth(dataset.base, dataset.queries, metric, 6);
  return dataset;
}

double recall(const Results& results, std::size_t k) { return recall_at_k(line(), results, k); }

}  // namespace

TEST_CASE("recall is the share of the k nearest that was found") {
  CHECK(recall({{0, 1, 2}}, 3) == 1.0);
  CHECK(recall({{0, 1, 5}}, 3) == doctest::Approx(2.0 / 3));
  CHECK(recall({{5}}, 1) == 0.0);
}

TEST_CASE("any of the vectors tied with the k-th counts") {
  CHECK(recall({{0, 1, 3}}, 3) == 1.0);
  CHECK(recall({{0, 1, 4}}, 3) == 1.0);
  CHECK(recall({{2, 3, 4}}, 3) == 1.0);  // each is as near as the third; so many ties cannot be told from it
}

TEST_CASE("results in another order count the same") { CHECK(recall({{2, 0, 1}}, 3) == 1.0); }

TEST_CASE("only the first k results count") { CHECK(recall({{5, 5, 5, 0, 1, 2}}, 3) == 0.0); }

TEST_CASE("an id returned twice counts once, an id that is no row and a missing result not at all") {
  CHECK(recall({{0, 0, 0}}, 3) == doctest::Approx(1.0 / 3));
  CHECK(recall({{0, 6, ~std::uint64_t{0}}}, 3) == doctest::Approx(1.0 / 3));
  CHECK(recall({{}}, 3) == 0.0);
}

TEST_CASE("with fewer rows than k, all rows are full recall") {
  CHECK(recall({{0, 1, 2, 3, 4, 5}}, 10) == 1.0);
  CHECK(recall({{0, 1, 2}}, 10) == 0.5);
}

TEST_CASE("a query that is itself in the base is found at distance 0") {
  Dataset dataset;
  dataset.base = {2, 2, {0.3F, 0.7F, 1, 1}};
  dataset.queries = {1, 2, {0.3F, 0.7F}};
  dataset.truth = exact_ground_truth(dataset.base, dataset.queries, Metric::euclidean, 1);
  CHECK(recall_at_k(dataset, Results{{0}}, 1) == 1.0);
  CHECK(recall_at_k(dataset, Results{{1}}, 1) == 0.0);
}

TEST_CASE("distances that are equal but for the rounding of their sums are ties") {
  const std::vector<float> components{1.1F, 3e-3F, 7.7e-4F, 5.3e-5F, 2.9e-2F, 1.7F, 3.1e-6F, 9.1e-2F, 4.3e-7F};
  const std::size_t d = components.size();
  Dataset dataset;
  dataset.queries = {1, d, std::vector<float>(d, 0.0F)};
  dataset.base = {d, d, {}};
  for (std::size_t shift = 0; shift < d; ++shift) {  // the same components in another order
    for (std::size_t i = 0; i < d; ++i) {
      dataset.base.values.push_back(components[(i + shift) % d]);
    }
  }
  dataset.truth = exact_ground_truth(dataset.base, dataset.queries, Metric::euclidean, d);
  const auto distances = dataset.truth.distances.row(0);
  REQUIRE(distances.front() != distances.back());  // or the test would show nothing
  for (std::uint64_t id = 0; id < d; ++id) {
    CHECK(recall_at_k(dataset, Results{{id}}, 1) == 1.0);
  }
}

TEST_CASE("under angular, vectors of the same direction are ties whatever their length") {
  Dataset dataset;
  dataset.metric = Metric::angular;
  dataset.base = {4, 3, {1, 3, 7, 3, 9, 21, 5, 15, 35, -1, 0, 0}};
  dataset.queries = {1, 3, {7, 21, 49}};
  dataset.truth = exact_ground_truth(dataset.base, dataset.queries, Metric::angular, 4);
  for (const std::uint64_t id : {0U, 1U, 2U}) {
    CHECK(recall_at_k(dataset, Results{{id}}, 1) == 1.0);
  }
  CHECK(recall_at_k(dataset, Results{{3}}, 1) == 0.0);
}

}  // namespace shoal::datasets
