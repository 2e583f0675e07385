// The codes of SQ8: nothing is clipped, the scale is the vector's own, and the error is the one sq8.hpp states.

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "levels.hpp"
#include "support.hpp"
#include <shoal/storage/sq8.hpp>

namespace shoal {
namespace {

using L2Rows = SQ8::Rows<L2Squared>;
using detail::CodeFactors;
using support::gamma;
using support::NamedVector;
using support::norm;
using support::Random;
using support::storage_dimensions;
using support::vectors_of_every_shape;

double largest_component(const std::vector<float>& vector) {
  double largest = 0;
  for (const float value : vector) largest = std::max(largest, std::abs(double{value}));
  return largest;
}

}  // namespace

TEST_CASE("the error of a kept vector is at most sqrt(d) / 254 of its largest rotated component") {
  // On top of what sq8.hpp states: the level meets 3 roundings (scale, its inverse, the product) of numbers up to 127,
  // so half a step grows by gamma(8) * 254 at most; the rotation is rounded there and back; and components
  // below the smallest normal number become 0.
  Random random(801);
  CAPTURE(random.seed());
  double worst = 0;
  for (const std::size_t n : storage_dimensions()) {
    CAPTURE(n);
    L2Rows rows(n);
    rows.reserve(1);
    const detail::Rotation rotation(n);
    std::vector<NamedVector> vectors = vectors_of_every_shape(random, n);
    for (int i = 0; i < 20; ++i) vectors.push_back({"normal", random.normal_vector(n)});
    for (const NamedVector& vector : vectors) {
      std::vector<float> rotated = vector.values;
      rotation.apply(rotated);
      const double root = std::sqrt(static_cast<double>(n));
      const double stated = root / 254 * largest_component(rotated);
      const double bound = stated * (1 + 254 * gamma(8)) +
                           gamma(2 * support::rotation_roundings(n) + 2) * norm(vector.values) + root * FLT_MIN;
      std::vector<float> kept(n);
      rows.write(Slot{0}, vector.values);
      rows.read(Slot{0}, kept);
      const double error = support::distance(kept, vector.values);
      if (!(error <= bound)) FAIL_CHECK(vector.name << ": error " << error << ", bound " << bound);
      if (stated > root * FLT_MIN * 1e6) worst = std::max(worst, error / stated);
    }
  }
  CHECK(worst > 0.5);  // the bound is not an empty one: some vector comes near it
}

TEST_CASE("the relative error of normal vectors of 384 to 4096 dimensions is below 1.2 %") {
  // The largest of d normal components is about sqrt(2 ln d) deviations, 3.4 to 4.1 here, and uniform rounding has a
  // third of the worst squared error: 4.1 / 254 / sqrt(3) = 0.93 %. The rest is for largest components beyond the mean.
  Random random(802);
  CAPTURE(random.seed());
  for (const std::size_t n : {384U, 768U, 1000U, 4096U}) {
    CAPTURE(n);
    L2Rows rows(n);
    rows.reserve(1);
    for (int i = 0; i < 20; ++i) {
      std::vector<float> vector = random.normal_vector(n);
      if (i % 2 == 1) vector[random.below(n)] = 30;  // as in real embeddings; the rotation spreads it
      std::vector<float> kept(n);
      rows.write(Slot{0}, vector);
      rows.read(Slot{0}, kept);
      CHECK(support::distance(kept, vector) <= 0.012 * norm(vector));
    }
  }
}

TEST_CASE("codes use the whole range, up to 127 in magnitude and no more") {
  Random random(803);
  CAPTURE(random.seed());
  for (const std::size_t n : storage_dimensions()) {
    CAPTURE(n);
    for (const NamedVector& vector : vectors_of_every_shape(random, n)) {
      std::vector<std::int8_t> codes(n, 99);
      const CodeFactors factors = detail::encode_components(vector.values, codes.data());
      const double largest = largest_component(vector.values);
      int largest_code = 0;
      bool wrong = false;
      std::int64_t sum_of_squares = 0;
      for (std::size_t i = 0; i < n; ++i) {
        largest_code = std::max(largest_code, std::abs(int{codes[i]}));
        sum_of_squares += std::int64_t{codes[i]} * std::int64_t{codes[i]};
        const double level = double{vector.values[i]} / double{factors.scale};
        if (!(std::abs(level - codes[i]) <= 0.5 + 127 * gamma(4))) wrong = true;
      }
      if (wrong) FAIL_CHECK(vector.name << ": a code is not the nearest one");
      if (largest >= 127 * double{FLT_MIN} * 1.001 && largest_code != 127) {
        FAIL_CHECK(vector.name << ": largest code " << largest_code);
      }
      if (largest_code > 127) FAIL_CHECK(vector.name << ": a code of " << largest_code);
      if (!(factors.scale >= FLT_MIN)) FAIL_CHECK(vector.name << ": scale " << factors.scale);
      const double expected = double{factors.scale} * double{factors.scale} * static_cast<double>(sum_of_squares);
      const double vanished = static_cast<double>(sum_of_squares) * FLT_TRUE_MIN;
      if (!(std::abs(factors.squared_norm - expected) <= gamma(3) * expected + vanished)) {
        FAIL_CHECK(vector.name << ": squared norm " << factors.squared_norm << ", expected " << expected);
      }
    }
  }
}

TEST_CASE("a half is rounded to the even code, so a vector and its opposite have opposite codes") {
  std::vector<float> values{127, 0.5F, -0.5F, 1.5F, -1.5F, 0.49F, -0.49F, 126.5F, -126.5F, 0.0F, -0.0F};
  std::vector<std::int8_t> codes(values.size());
  const CodeFactors factors = detail::encode_components(values, codes.data());
  CHECK(factors.scale == 1.0F);
  CHECK(codes == std::vector<std::int8_t>{127, 0, 0, 2, -2, 0, 0, 126, -126, 0, 0});

  Random random(804);
  CAPTURE(random.seed());
  for (int round = 0; round < 200; ++round) {
    values = random.normal_vector(33);
    std::vector<std::int8_t> there(33), opposite(33);
    detail::encode_components(values, there.data());
    for (float& value : values) value = -value;
    detail::encode_components(values, opposite.data());
    for (std::int8_t& code : opposite) code = static_cast<std::int8_t>(-code);
    if (there != opposite) FAIL_CHECK("round " << round);
  }
}

TEST_CASE("zero and denormal vectors are kept as zero, with a scale that is not") {
  for (const std::size_t n : {1U, 7U, 64U, 100U}) {
    CAPTURE(n);
    L2Rows rows(n);
    rows.reserve(1);
    for (const float value : {0.0F, -0.0F, 1e-45F, 1e-40F, -1e-40F}) {
      rows.write(Slot{0}, std::vector<float>(n, value));
      CHECK(rows.query_for(Slot{0}).factors.scale >= FLT_MIN);
      CHECK(rows.query_for(Slot{0}).factors.squared_norm == 0.0F);
      std::vector<float> kept(n, 5.0F);
      rows.read(Slot{0}, kept);
      CHECK(std::all_of(kept.begin(), kept.end(), [](float v) { return v == 0.0F; }));
    }
  }
}

TEST_CASE("a power of two times a vector has the same codes, and a scale times that power") {
  Random random(805);
  CAPTURE(random.seed());
  for (const std::size_t n : {1U, 6U, 64U, 100U, 768U}) {
    CAPTURE(n);
    L2Rows rows(n);
    rows.reserve(2);
    const std::vector<float> vector = random.normal_vector(n);
    rows.write(Slot{0}, vector);
    for (const int exponent : {-60, -3, 1, 20, 50}) {
      std::vector<float> scaled = vector;
      for (float& value : scaled) value = std::ldexp(value, exponent);
      rows.write(Slot{1}, scaled);
      const auto first = rows.query_for(Slot{0});
      const auto second = rows.query_for(Slot{1});
      CHECK(std::equal(first.codes.codes, first.codes.codes + n, second.codes.codes));
      CHECK(second.factors.scale == std::ldexp(first.factors.scale, exponent));
    }
  }
}

TEST_CASE("codes, factors, rotations and distances are the same on every level, to the last bit") {
  const support::LevelRestored restored;
  Random random(806);
  CAPTURE(random.seed());
  for (const std::size_t n : storage_dimensions()) {
    CAPTURE(n);
    const std::vector<NamedVector> vectors = vectors_of_every_shape(random, n);
    const auto all_of = [&](simd::Level level) {
      REQUIRE(simd::use_level(level));
      L2Rows rows(n);
      rows.reserve(vectors.size());
      std::vector<Slot> slots;
      std::vector<float> all, some(std::max(n, vectors.size()));
      for (std::size_t i = 0; i < vectors.size(); ++i) {
        slots.push_back(to_slot(i));
        rows.write(slots[i], vectors[i].values);
        const L2Rows::Query row = rows.query_for(slots[i]);
        all.insert(all.end(), row.codes.codes, row.codes.codes + n);
        all.insert(all.end(), {row.factors.scale, row.factors.squared_norm});
        rows.read(slots[i], some);
        all.insert(all.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(n));
      }
      for (std::size_t i = 0; i < vectors.size(); ++i) {
        rows.distances(rows.query_for(slots[i]), slots, some.data());
        all.insert(all.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(vectors.size()));
      }
      return all;
    };
    const std::vector<float> portable = all_of(simd::Level::portable);
    for (const simd::Level level : support::levels_here()) {
      const std::vector<float> got = all_of(level);
      if (std::memcmp(got.data(), portable.data(), got.size() * sizeof(float)) != 0) FAIL_CHECK(simd::name_of(level));
    }
  }
}

TEST_CASE("a query buffer takes the memory it says") {
  const L2Rows rows(100);
  CHECK(L2Rows::QueryBuffer(rows).memory_bytes() == 100 * sizeof(float) + 100);
}

}  // namespace shoal
