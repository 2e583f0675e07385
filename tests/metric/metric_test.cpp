// The three metrics against double loops, what holds between `distance` and `from_dot`, and what models the concepts.
//
// Tolerance: a sum of n terms is within gamma(n) of exact, relative to the sum of the terms' magnitudes (Higham,
// lemma 3.1, u = 2^-24); L2 rounds the difference before it squares it, two roundings more. "1 - dot" rounds once more.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "metrics.hpp"
#include "random.hpp"
#include <shoal/index/brute_force_index.hpp>
#include <shoal/metric/metric.hpp>

namespace shoal {
namespace {

using support::Manhattan;
using support::Random;

double gamma(std::size_t roundings) {
  const double nu = static_cast<double>(roundings) * 0x1p-24;
  return nu / (1 - nu);
}

std::vector<std::size_t> dimensions() {
  std::vector<std::size_t> all;
  for (std::size_t n = 1; n <= 130; ++n) all.push_back(n);
  all.insert(all.end(), {384, 768, 1536, 4096});
  return all;
}

/// Sums of two vectors in double: exact as far as floats can tell.
struct Sums {
  Sums(const std::vector<float>& a, const std::vector<float>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double difference = double{a[i]} - double{b[i]};
      dot += double{a[i]} * double{b[i]};
      dot_magnitude += std::abs(double{a[i]} * double{b[i]});
      l2 += difference * difference;
      a_squared += double{a[i]} * double{a[i]};
      b_squared += double{b[i]} * double{b[i]};
    }
  }
  double dot = 0, dot_magnitude = 0, l2 = 0, a_squared = 0, b_squared = 0;
};

std::vector<float> scaled_to_norm(std::vector<float> vector, double norm) {
  double squared = 0;
  for (const float value : vector) squared += double{value} * double{value};
  for (float& value : vector) value = static_cast<float>(value * norm / std::sqrt(squared));
  return vector;
}

template <class M>
float distance(const std::vector<float>& a, const std::vector<float>& b) {
  return M::distance(a.data(), b.data(), a.size());
}

// Archetypes: each has what a concept asks for and nothing else.

struct OfDot : Manhattan {
  static float from_dot(float dot, float, float) noexcept { return -dot; }
};

// Near misses: each lacks one thing.

struct NoUnitVectors {
  static float distance(const float*, const float*, std::size_t) noexcept { return 0; }
};
struct NoDistance {
  static constexpr bool unit_vectors = false;
};
struct DistanceInDouble : NoDistance {
  static double distance(const float*, const float*, std::size_t) noexcept { return 0; }
};
struct DistanceThatMayThrow : NoDistance {
  static float distance(const float*, const float*, std::size_t) { return 0; }
};
struct DistanceWithoutDimensions : NoDistance {
  static float distance(const float*, const float*) noexcept { return 0; }
};
struct DistanceThatWrites : NoDistance {
  static float distance(float*, float*, std::size_t) noexcept { return 0; }
};
struct DistanceOfAnObject : NoDistance {
  float distance(const float*, const float*, std::size_t) const noexcept { return 0; }
};
struct UnitVectorsOfAnotherKind {
  struct Kind {};
  static constexpr Kind unit_vectors{};
  static float distance(const float*, const float*, std::size_t) noexcept { return 0; }
};
struct FromDotInDouble : Manhattan {
  static double from_dot(float, float, float) noexcept { return 0; }
};
struct FromDotThatMayThrow : Manhattan {
  static float from_dot(float, float, float) { return 0; }
};
struct FromDotWithoutNorms : Manhattan {
  static float from_dot(float) noexcept { return 0; }
};
struct DistancesThatMayThrow : Manhattan {
  static void distances(const float*, const float* const*, std::size_t, std::size_t, float*) {}
};
struct DistancesOfOneRow : Manhattan {
  static void distances(const float*, const float*, std::size_t, std::size_t, float*) noexcept {}
};
struct BlockWithoutStride : Manhattan {
  static void distance_block(const float* const*, std::size_t, const float* const*, std::size_t, std::size_t,
                             float*) noexcept {}
};
struct FromDotAlone {
  static float from_dot(float, float, float) noexcept { return 0; }
};

static_assert(Metric<L2Squared> && Metric<InnerProduct> && Metric<Cosine>);
static_assert(Cosine::unit_vectors && !L2Squared::unit_vectors && !InnerProduct::unit_vectors);

static_assert(Metric<Manhattan> && !InnerProductMetric<Manhattan>);
static_assert(InnerProductMetric<OfDot>);

static_assert(!Metric<NoUnitVectors>);
static_assert(!Metric<NoDistance>);
static_assert(!Metric<DistanceInDouble>);
static_assert(!Metric<DistanceThatMayThrow>);
static_assert(!Metric<DistanceWithoutDimensions>);
static_assert(!Metric<DistanceThatWrites>);
static_assert(!Metric<DistanceOfAnObject>);
static_assert(!Metric<UnitVectorsOfAnotherKind>);
static_assert(!Metric<int> && !Metric<void>);
static_assert(Metric<FromDotInDouble> && !InnerProductMetric<FromDotInDouble>);
static_assert(Metric<FromDotThatMayThrow> && !InnerProductMetric<FromDotThatMayThrow>);
static_assert(Metric<FromDotWithoutNorms> && !InnerProductMetric<FromDotWithoutNorms>);
static_assert(!InnerProductMetric<FromDotAlone>);
static_assert(RowsMetric<L2Squared> && RowsMetric<InnerProduct> && RowsMetric<Cosine>);
static_assert(Metric<DistancesThatMayThrow> && !RowsMetric<DistancesThatMayThrow>);
static_assert(Metric<DistancesOfOneRow> && !RowsMetric<DistancesOfOneRow>);
static_assert(Metric<BlockWithoutStride> && !BlockMetric<BlockWithoutStride>);

}  // namespace

TEST_CASE("each metric agrees with a double loop") {
  Random random(501);
  CAPTURE(random.seed());
  for (const std::size_t n : dimensions()) {
    CAPTURE(n);
    const std::vector<float> a = random.normal_vector(n);
    const std::vector<float> b = random.normal_vector(n);
    const Sums sums(a, b);
    CHECK(std::abs(distance<L2Squared>(a, b) - sums.l2) <= gamma(n + 2) * sums.l2);
    const double bound = gamma(n) * sums.dot_magnitude + 0x1p-24 * (1 + sums.dot_magnitude);
    CHECK(std::abs(distance<InnerProduct>(a, b) - (1 - sums.dot)) <= bound * (1 + 0x1p-20));

    const std::vector<float> unit_a = scaled_to_norm(a, 1);
    const std::vector<float> unit_b = scaled_to_norm(b, 1);
    const Sums unit(unit_a, unit_b);
    const double cosine = unit.dot / std::sqrt(unit.a_squared * unit.b_squared);
    // Components were rounded once each, which moves the norms, and so the dot, by at most 2^-24 each.
    const double unit_bound = gamma(n) * unit.dot_magnitude + 4 * 0x1p-24;
    CHECK(std::abs(distance<Cosine>(unit_a, unit_b) - (1 - cosine)) <= unit_bound * (1 + 0x1p-20));
  }
}

TEST_CASE_TEMPLATE("a distance is the same from either side, to the last bit", M, L2Squared, InnerProduct, Cosine) {
  Random random(502);
  CAPTURE(random.seed());
  for (const std::size_t n : dimensions()) {
    CAPTURE(n);
    const std::vector<float> a = random.normal_vector(n);
    const std::vector<float> b = random.normal_vector(n);
    CHECK(distance<M>(a, b) == distance<M>(b, a));
    const float dot = random.normal();
    const float a_norm = random.uniform(0, 3);
    const float b_norm = random.uniform(0, 3);
    CHECK(M::from_dot(dot, a_norm, b_norm) == M::from_dot(dot, b_norm, a_norm));
  }
}

TEST_CASE("from_dot of the inner product and the squared norms is the distance") {
  Random random(503);
  CAPTURE(random.seed());
  for (const std::size_t n : dimensions()) {
    CAPTURE(n);
    const std::vector<float> a = random.normal_vector(n);
    const std::vector<float> b = random.normal_vector(n);
    const Sums sums(a, b);
    const auto dot = static_cast<float>(sums.dot);
    const auto a_squared = static_cast<float>(sums.a_squared);
    const auto b_squared = static_cast<float>(sums.b_squared);
    // Three inputs rounded to float and two roundings inside, each relative to at most |a|^2 + |b|^2 + 2 |a.b|.
    const double size = sums.a_squared + sums.b_squared + 2 * std::abs(sums.dot);
    CHECK(std::abs(L2Squared::from_dot(dot, a_squared, b_squared) - sums.l2) <= gamma(3) * size);
    CHECK(InnerProduct::from_dot(dot, a_squared, b_squared) == doctest::Approx(1 - sums.dot).epsilon(1e-6));
    CHECK(std::abs(InnerProduct::from_dot(dot, a_squared, b_squared) - distance<InnerProduct>(a, b)) <=
          gamma(n + 3) * (1 + sums.dot_magnitude));

    const std::vector<float> unit_a = scaled_to_norm(a, 1);
    const std::vector<float> unit_b = scaled_to_norm(b, 1);
    const Sums unit(unit_a, unit_b);
    const auto unit_dot = static_cast<float>(unit.dot);
    CHECK(std::abs(Cosine::from_dot(unit_dot, 1, 1) - (1 - unit.dot)) <= gamma(4) * 2);
    // With norms that are not quite 1, from_dot is half the squared distance.
    CHECK(std::abs(Cosine::from_dot(dot, a_squared, b_squared) - sums.l2 / 2) <= gamma(3) * size);
  }
}

TEST_CASE("L2 and cosine from_dot are exactly 0 for equal codes, whatever their norm") {
  Random random(504);
  CAPTURE(random.seed());
  std::vector<float> norms{0.0F, 1e-45F, 1e-40F, std::numeric_limits<float>::min(), 1.0F, max_squared_norm};
  for (int i = 0; i < 10'000; ++i)
    norms.push_back(std::ldexp(random.uniform(1, 2), static_cast<int>(random.below(250)) - 125));
  for (const float norm : norms) {
    if (L2Squared::from_dot(norm, norm, norm) != 0.0F) FAIL_CHECK("L2 of norm " << norm);
    if (Cosine::from_dot(norm, norm, norm) != 0.0F) FAIL_CHECK("cosine of norm " << norm);
  }
}

TEST_CASE("L2 from_dot is never negative, even when rounding made the inner product too large") {
  Random random(505);
  CAPTURE(random.seed());
  CHECK(L2Squared::from_dot(std::nextafter(1.0F, 2.0F), 1, 1) == 0.0F);
  CHECK(L2Squared::from_dot(5, 1, 1) == 0.0F);
  CHECK(L2Squared::from_dot(-5, 1, 1) == 12.0F);
  CHECK_FALSE(std::signbit(L2Squared::from_dot(5, 1, 1)));
  for (int i = 0; i < 10'000; ++i) {
    const float norm = random.uniform(0.5, 2);
    const float dot = norm * random.uniform(0.999, 1.001);
    if (!(L2Squared::from_dot(dot, norm, norm) >= 0)) FAIL_CHECK("dot " << dot << ", norm " << norm);
  }
}

TEST_CASE("L2 of equal vectors is exactly 0, and cosine of them nearly") {
  Random random(506);
  CAPTURE(random.seed());
  for (const std::size_t n : dimensions()) {
    const std::vector<float> a = random.normal_vector(n);
    CHECK(distance<L2Squared>(a, a) == 0.0F);
    const std::vector<float> unit = scaled_to_norm(a, 1);
    CHECK(std::abs(distance<Cosine>(unit, unit)) <= gamma(n + 3));
  }
}

TEST_CASE_TEMPLATE("no distance between vectors of the largest norm overflows", M, L2Squared, InnerProduct, Cosine) {
  Random random(507);
  CAPTURE(random.seed());
  for (const std::size_t n : dimensions()) {
    CAPTURE(n);
    const std::vector<float> a =
        scaled_to_norm(random.normal_vector(n), std::sqrt(double{max_squared_norm}) * 0.999999);
    std::vector<float> opposite = a;
    for (float& value : opposite) value = -value;
    CHECK(std::isfinite(distance<M>(a, a)));
    CHECK(std::isfinite(distance<M>(a, opposite)));
    CHECK(std::isfinite(M::from_dot(-max_squared_norm, max_squared_norm, max_squared_norm)));
    CHECK(std::isfinite(M::from_dot(max_squared_norm, max_squared_norm, max_squared_norm)));
  }
}

TEST_CASE("an index searches by a metric that is no more than the concept asks for") {
  BruteForceIndex<Manhattan> index({.dimensions = 2});
  const std::vector<std::uint64_t> ids{1, 2, 3};
  const std::vector<float> rows{0, 0, 3, 0, 2, 2};
  REQUIRE(index.batch_insert(ids, rows));
  const auto found = index.search(std::vector<float>{0, 1}, 3);
  REQUIRE(found.size() == 3);
  CHECK(found[0] == Neighbor<std::uint64_t>{1, 1.0F});
  CHECK(found[1] == Neighbor<std::uint64_t>{3, 3.0F});
  CHECK(found[2] == Neighbor<std::uint64_t>{2, 4.0F});
}

}  // namespace shoal
