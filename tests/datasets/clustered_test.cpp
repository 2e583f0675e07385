// The made-up vectors: the same everywhere, of unit norm, and with neighbours worth finding.

#include <algorithm>
#include <bit>
#include <cmath>

#include "support.hpp"
#include <datasets/clustered.hpp>
#include <datasets/ground_truth.hpp>
#include <datasets/random.hpp>
#include <datasets/true_distance.hpp>

namespace shoal::datasets {
namespace {

/// FNV-1a over the bits.
std::uint64_t checksum(const Matrix<float>& matrix) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const float x : matrix.values) {
    hash = (hash ^ std::bit_cast<std::uint32_t>(x)) * 0x100000001b3U;
  }
  return hash;
}

}  // namespace

TEST_CASE("the made-up vectors have the same bits with every compiler") {
  const Dataset dataset = clustered(100, 96, 42, 10);
  CHECK(checksum(dataset.base) == 0xa907f11d91980d63U);
  CHECK(checksum(dataset.queries) == 0x1058bab5e3314d14U);
}

TEST_CASE("another seed gives other vectors") {
  CHECK(checksum(clustered(10, 8, 1, 1).base) != checksum(clustered(10, 8, 2, 1).base));
}

TEST_CASE("a small made-up set is the beginning of a large one") {
  const Dataset small = clustered(20, 16, 7, 3);
  const Dataset large = clustered(50, 16, 7, 9);
  CHECK(std::equal(small.base.values.begin(), small.base.values.end(), large.base.values.begin()));
  CHECK(std::equal(small.queries.values.begin(), small.queries.values.end(), large.queries.values.begin()));
}

TEST_CASE("made-up vectors have unit norm at every dimension") {
  for (const std::size_t dims : {1U, 2U, 3U, 17U, 768U}) {
    const Dataset dataset = clustered(50, dims, 3, 5);
    for (std::size_t i = 0; i < dataset.base.rows; ++i) {
      CHECK(norm(dataset.base.row(i)) == doctest::Approx(1).epsilon(1e-6));
    }
  }
}

TEST_CASE("a made-up query is much nearer to its nearest vectors than to the middle one") {
  const Dataset dataset = clustered(2000, 256, 5, 50);
  const GroundTruth truth = exact_ground_truth(dataset.base, dataset.queries, dataset.metric, 1000, 1);
  double nearest = 0, middle = 0;
  for (std::size_t i = 0; i < dataset.queries.rows; ++i) {
    nearest += truth.distances.row(i)[0];
    middle += truth.distances.row(i)[999];
  }
  CHECK(nearest < 0.6 * middle);  // 0.8 for vectors without any structure
}

TEST_CASE("the normal numbers have mean 0 and standard deviation 1") {
  Random random(11);
  double sum = 0, squares = 0;
  constexpr int count = 100'000;
  for (int i = 0; i < count; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
  }
  CHECK(std::abs(sum / count) < 4 / std::sqrt(count));  // four standard errors
  CHECK(squares / count == doctest::Approx(1).epsilon(0.02));
}

}  // namespace shoal::datasets
