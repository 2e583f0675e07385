// The rotation keeps lengths and inner products, is undone by its inverse, and spreads the energy of one component.
//
// Tolerance: see rotation_roundings in support.hpp, relative to the lengths of the vectors.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"
#include <shoal/storage/rotation.hpp>

namespace shoal {
namespace {

using detail::Rotation;
using support::gamma;
using support::norm;
using support::Random;
using support::rotation_roundings;
using support::storage_dimensions;

std::vector<float> rotated(const Rotation& rotation, std::vector<float> vector) {
  rotation.apply(vector);
  return vector;
}

}  // namespace

TEST_CASE("a rotation keeps lengths and inner products") {
  Random random(601);
  CAPTURE(random.seed());
  for (const std::size_t n : storage_dimensions()) {
    CAPTURE(n);
    const Rotation rotation(n);
    for (int round = 0; round < 4; ++round) {
      const std::vector<float> a = random.normal_vector(n);
      const std::vector<float> b = random.normal_vector(n);
      const std::vector<float> a_rotated = rotated(rotation, a);
      const std::vector<float> b_rotated = rotated(rotation, b);
      const double bound = gamma(rotation_roundings(n));
      CHECK(std::abs(norm(a_rotated) - norm(a)) <= bound * norm(a));
      CHECK(std::abs(support::dot(a_rotated, b_rotated) - support::dot(a, b)) <= 2.1 * bound * norm(a) * norm(b));
    }
  }
}

TEST_CASE("the images of the unit vectors are an orthonormal basis") {
  for (std::size_t n = 1; n <= 70; ++n) {
    CAPTURE(n);
    const Rotation rotation(n);
    std::vector<std::vector<float>> basis;
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<float> unit(n, 0.0F);
      unit[i] = 1;
      basis.push_back(rotated(rotation, unit));
    }
    double worst = 0;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        worst = std::max(worst, std::abs(support::dot(basis[i], basis[j]) - (i == j ? 1 : 0)));
      }
    }
    CHECK(worst <= 2.1 * gamma(rotation_roundings(n)));
  }
}

TEST_CASE("undo is the inverse of apply, and apply of undo") {
  Random random(602);
  CAPTURE(random.seed());
  for (const std::size_t n : storage_dimensions()) {
    CAPTURE(n);
    const Rotation rotation(n);
    const std::vector<float> vector = random.normal_vector(n);
    const double bound = 2.1 * gamma(rotation_roundings(n)) * norm(vector);
    std::vector<float> there_and_back = vector;
    rotation.apply(there_and_back);
    rotation.undo(there_and_back);
    CHECK(support::distance(there_and_back, vector) <= bound);
    std::vector<float> back_and_there = vector;
    rotation.undo(back_and_there);
    rotation.apply(back_and_there);
    CHECK(support::distance(back_and_there, vector) <= bound);
  }
}

TEST_CASE("a rotation of the same dimensions is always the same one") {
  Random random(603);
  CAPTURE(random.seed());
  for (const std::size_t n : {1U, 5U, 64U, 100U, 768U}) {
    const std::vector<float> vector = random.normal_vector(static_cast<std::size_t>(n));
    CHECK(rotated(Rotation(vector.size()), vector) == rotated(Rotation(vector.size()), vector));
  }
}

TEST_CASE("the energy of any one component, and of equal components, is spread out") {
  // One pass over p components leaves 1 / sqrt(p) of a unit vector in each. The second pass adds up the 2p - n of them
  // that are in both, with random signs: six deviations are 6 sqrt(2p - n) / p.
  for (const std::size_t n : {16U, 48U, 96U, 100U, 384U, 768U, 1000U}) {
    CAPTURE(n);
    const Rotation rotation(n);
    const auto block = static_cast<double>(std::bit_floor(n));
    const double in_both = 2 * block - static_cast<double>(n);
    const double once = 1 / std::sqrt(block);
    const double most = n == std::bit_floor(n) ? once : std::max(once, 6 * std::sqrt(in_both) / block);
    double largest = 0;
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<float> unit(n, 0.0F);
      unit[i] = 1;
      for (const float value : rotated(rotation, unit)) largest = std::max(largest, std::abs(double{value}));
    }
    CHECK(largest <= most * (1 + gamma(rotation_roundings(n))));
    // Random signs keep equal components from adding up in one place, which a bare transform would do: then the largest
    // would be all of the norm. 0.5 is far above what 16 or more random signs give here, and far below 1.
    const std::vector<float> constant = support::of_norm(std::vector<float>(n, 1.0F), 1);
    largest = 0;
    for (const float value : rotated(rotation, constant)) largest = std::max(largest, std::abs(double{value}));
    CHECK(largest <= (n < 48 ? 0.8 : 0.5));
  }
}

TEST_CASE("a rotation takes the memory it says") {
  for (const std::size_t n : storage_dimensions()) {
    CHECK(Rotation(n).memory_bytes() == Rotation::estimate_bytes(n));
    CHECK(Rotation::estimate_bytes(n) <= 2 * n * sizeof(float));
  }
}

}  // namespace shoal
