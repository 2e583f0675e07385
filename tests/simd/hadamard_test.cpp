// The fast Walsh-Hadamard transform against its matrix, whose entry (i, j) is -1 to the number of ones in i & j.
//
// Tolerance for real values: an output is a sum of n terms of magnitude |x_i|, and each term meets log2(n) additions,
// hence gamma(log2 n) times the sum of |x_i|. Integers are transformed exactly as long as the sums stay below 2^24.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include "random.hpp"
#include "support.hpp"
#include <shoal/simd/hadamard.hpp>

namespace shoal {
namespace {

using support::gamma;
using support::GuardedMemory;
using support::Random;

constexpr std::size_t most = 4096;
constexpr std::size_t offsets = 64 / sizeof(float);

std::vector<double> times_matrix(const std::vector<float>& values) {
  std::vector<double> product(values.size(), 0.0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = 0; j < values.size(); ++j) {
      product[i] += std::popcount(i & j) % 2 == 0 ? double{values[j]} : -double{values[j]};
    }
  }
  return product;
}

std::vector<float> small_integers(Random& random, std::size_t n) {
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(random.below(17)) - 8;
  return values;
}

}  // namespace

TEST_CASE("hadamard multiplies by the Hadamard matrix at every power of two") {
  Random random(301);
  CAPTURE(random.seed());
  for (std::size_t n = 1; n <= most; n *= 2) {
    CAPTURE(n);
    const std::vector<float> values = random.normal_vector(n);
    double magnitude = 0;
    for (const float value : values) magnitude += std::abs(double{value});
    const double bound = gamma(static_cast<std::size_t>(std::countr_zero(n))) * magnitude;
    const std::vector<double> expected = times_matrix(values);
    std::vector<float> got = values;
    simd::hadamard(got.data(), n);
    double worst = 0;
    for (std::size_t i = 0; i < n; ++i) worst = std::max(worst, std::abs(double{got[i]} - expected[i]));
    CHECK(worst <= bound);
  }
}

TEST_CASE("hadamard of integers is exact and twice gives n times the values, at every misalignment") {
  // Sums stay below 4096 * 8 = 2^15, and in the second transform below n * 8: every step undoes one of the first.
  Random random(302);
  CAPTURE(random.seed());
  alignas(64) static std::array<float, most + 3 * offsets> buffer{};
  constexpr float untouched = 12345.0F;
  for (std::size_t n = 1; n <= most; n *= 2) {
    const std::vector<float> values = small_integers(random, n);
    const std::vector<double> expected = times_matrix(values);
    for (std::size_t offset = 0; offset < offsets; ++offset) {
      CAPTURE(n);
      CAPTURE(offset);
      buffer.fill(untouched);
      float* const got = buffer.data() + offsets + offset;
      std::copy(values.begin(), values.end(), got);
      simd::hadamard(got, n);
      CHECK(std::equal(expected.begin(), expected.end(), got, [](double a, float b) { return a == double{b}; }));
      simd::hadamard(got, n);
      CHECK(std::equal(values.begin(), values.end(), got,
                       [n](float a, float b) { return static_cast<float>(n) * a == b; }));
      const auto is_untouched = [](float value) { return value == untouched; };
      CHECK(std::all_of(buffer.data(), got, is_untouched));
      CHECK(std::all_of(got + n, buffer.data() + buffer.size(), is_untouched));
    }
  }
}

TEST_CASE("hadamard stays inside values beside guard pages") {
  Random random(303);
  CAPTURE(random.seed());
  GuardedMemory memory(most * sizeof(float));
  REQUIRE(memory.ready());
  for (std::size_t n = 1; n <= most; n *= 2) {
    CAPTURE(n);
    const std::vector<float> values = small_integers(random, n);
    const std::vector<double> expected = times_matrix(values);
    for (float* const got : {memory.put_last(values.data(), n), memory.put_first(values.data(), n)}) {
      std::copy(values.begin(), values.end(), got);  // for the largest n the two places are one
      simd::hadamard(got, n);
      CHECK(std::equal(expected.begin(), expected.end(), got, [](double a, float b) { return a == double{b}; }));
    }
  }
}

}  // namespace shoal
