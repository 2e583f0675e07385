// The float kernels against double loops: every dimension from 1 to 130 and two long ones, every misalignment of both
// operands in steps of an element, and rows with a guard page on either side.
//
// Tolerance: float_kernels.hpp states n * 2^-24 times the sum of the terms' magnitudes. A term of a sum of n terms
// meets at most n roundings (its product, and n - 1 additions), which is that bound; those of l2_squared meet two more,
// because the difference is rounded before it is squared. gamma(n) adds the second-order terms.

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "random.hpp"
#include "support.hpp"
#include <shoal/core/platform.hpp>
#include <shoal/simd/float_kernels.hpp>

namespace shoal {
namespace {

using support::gamma;
using support::GuardedMemory;
using support::kernel_dimensions;
using support::most_dimensions;
using support::Random;

constexpr std::size_t offsets = 64 / sizeof(float);

struct Exact {
  double sum = 0;
  double magnitude = 0;  // the sum of the terms' magnitudes
};

Exact exact_dot(const float* a, const float* b, std::size_t n) {
  Exact exact;
  for (std::size_t i = 0; i < n; ++i) {
    const double term = double{a[i]} * double{b[i]};
    exact.sum += term;
    exact.magnitude += std::abs(term);
  }
  return exact;
}

Exact exact_l2_squared(const float* a, const float* b, std::size_t n) {
  Exact exact;
  for (std::size_t i = 0; i < n; ++i) {
    const double difference = double{a[i]} - double{b[i]};
    exact.sum += difference * difference;
  }
  exact.magnitude = exact.sum;
  return exact;
}

bool agrees(float got, const Exact& exact, std::size_t roundings) {
  return std::abs(double{got} - exact.sum) <= gamma(roundings) * exact.magnitude;
}

/// Two operands whose first elements lie on a cache line, with room for every offset.
struct Operands {
  explicit Operands(std::uint64_t seed) {
    Random random(seed);
    for (float& value : a) value = random.normal();
    for (float& value : b) value = random.normal();
  }
  alignas(64) std::array<float, most_dimensions + offsets> a{};
  alignas(64) std::array<float, most_dimensions + offsets> b{};
};

/// Both kernels on one pair of rows.
void check_both(const float* a, const float* b, std::size_t n) {
  const Exact dot = exact_dot(a, b, n);
  const float dot_got = simd::dot(a, b, n);
  if (!agrees(dot_got, dot, n)) FAIL_CHECK("dot of " << n << ": " << dot_got << ", expected " << dot.sum);
  const Exact l2 = exact_l2_squared(a, b, n);
  const float l2_got = simd::l2_squared(a, b, n);
  if (!agrees(l2_got, l2, n + 2)) FAIL_CHECK("l2_squared of " << n << ": " << l2_got << ", expected " << l2.sum);
}

}  // namespace

TEST_CASE("dot and l2_squared agree with a double loop at every dimension and misalignment of both rows") {
  static const Operands operands(101);
  CAPTURE(101);
  for (const std::size_t n : kernel_dimensions()) {
    CAPTURE(n);
    for (std::size_t i = 0; i < offsets; ++i) {
      for (std::size_t j = 0; j < offsets; ++j) check_both(operands.a.data() + i, operands.b.data() + j, n);
    }
  }
}

TEST_CASE("dot and l2_squared read nothing before or after rows beside guard pages") {
  static const Operands operands(102);
  CAPTURE(102);
  GuardedMemory a_memory(most_dimensions * sizeof(float));
  GuardedMemory b_memory(most_dimensions * sizeof(float));
  REQUIRE(a_memory.ready());
  REQUIRE(b_memory.ready());
  for (const std::size_t n : kernel_dimensions()) {
    CAPTURE(n);
    check_both(a_memory.put_last(operands.a.data(), n), b_memory.put_last(operands.b.data(), n), n);
    check_both(a_memory.put_last(operands.a.data(), n), b_memory.put_first(operands.b.data(), n), n);
    check_both(a_memory.put_first(operands.a.data(), n), b_memory.put_last(operands.b.data(), n), n);
    check_both(a_memory.put_first(operands.a.data(), n), b_memory.put_first(operands.b.data(), n), n);
  }
}

TEST_CASE("dot and l2_squared of small integers are exact, so no element is missed or counted twice") {
  // Every partial sum is an integer below 2^24: 4096 * 16^2 = 2^20.
  Random random(103);
  CAPTURE(random.seed());
  for (const std::size_t n : kernel_dimensions()) {
    std::vector<float> a(n), b(n);
    for (std::size_t i = 0; i < n; ++i) {
      a[i] = static_cast<float>(random.below(17)) - 8;
      b[i] = static_cast<float>(random.below(17)) - 8;
    }
    CAPTURE(n);
    CHECK(simd::dot(a.data(), b.data(), n) == exact_dot(a.data(), b.data(), n).sum);
    CHECK(simd::l2_squared(a.data(), b.data(), n) == exact_l2_squared(a.data(), b.data(), n).sum);
  }
}

TEST_CASE("each single element counts once, wherever it is") {
  for (std::size_t n = 1; n <= 130; ++n) {
    std::vector<float> zero(n, 0.0F);
    std::vector<float> ones(n, 1.0F);
    for (std::size_t hot = 0; hot < n; ++hot) {
      std::vector<float> row(n, 0.0F);
      row[hot] = 3;
      if (simd::dot(row.data(), ones.data(), n) != 3.0F) FAIL_CHECK("dot: element " << hot << " of " << n);
      if (simd::l2_squared(row.data(), zero.data(), n) != 9.0F)
        FAIL_CHECK("l2_squared: element " << hot << " of " << n);
    }
  }
}

TEST_CASE("dot and l2_squared do not depend on the order of their operands, and equal rows are at distance exactly 0") {
  static const Operands operands(104);
  CAPTURE(104);
  for (const std::size_t n : kernel_dimensions()) {
    CAPTURE(n);
    const float* a = operands.a.data() + 1;
    const float* b = operands.b.data() + 2;
    CHECK(simd::dot(a, b, n) == simd::dot(b, a, n));
    CHECK(simd::l2_squared(a, b, n) == simd::l2_squared(b, a, n));
    CHECK(simd::l2_squared(a, a, n) == 0.0F);
  }
}

TEST_CASE("the kernels of no elements touch nothing and give 0") {
  CHECK(simd::dot(static_cast<const float*>(nullptr), nullptr, 0) == 0.0F);
  CHECK(simd::l2_squared(nullptr, nullptr, 0) == 0.0F);
  CHECK(simd::largest_magnitude_bits(nullptr, 0) == 0);
  simd::multiply(nullptr, nullptr, 0);
}

TEST_CASE("multiply rounds each product once, at every dimension and misalignment, and writes nothing beside them") {
  static const Operands operands(105);
  CAPTURE(105);
  constexpr float untouched = 12345.0F;
  alignas(64) static std::array<float, most_dimensions + 3 * offsets> target{};
  for (const std::size_t n : kernel_dimensions()) {
    CAPTURE(n);
    for (std::size_t i = 0; i < offsets; ++i) {
      for (std::size_t j = 0; j < offsets; ++j) {
        const std::size_t first = offsets + i;
        const float* const factors = operands.b.data() + j;
        for (std::size_t k = 0; k < first + n + offsets; ++k) {
          target[k] = k >= first && k < first + n ? operands.a[k - first] : untouched;
        }
        simd::multiply(target.data() + first, factors, n);
        std::size_t wrong = 0;
        for (std::size_t k = 0; k < first + n + offsets; ++k) {
          // The product of two floats is exact in double, so converting it is the one rounding.
          const bool inside = k >= first && k < first + n;
          const double product = inside ? double{operands.a[k - first]} * double{factors[k - first]} : untouched;
          if (target[k] != static_cast<float>(product)) ++wrong;
        }
        if (wrong != 0) FAIL_CHECK(wrong << " wrong values at offsets " << i << " and " << j);
      }
    }
  }
}

TEST_CASE("multiply and largest_magnitude_bits stay inside rows beside guard pages") {
  static const Operands operands(106);
  GuardedMemory values(most_dimensions * sizeof(float));
  GuardedMemory factors(most_dimensions * sizeof(float));
  REQUIRE(values.ready());
  REQUIRE(factors.ready());
  for (const std::size_t n : kernel_dimensions()) {
    CAPTURE(n);
    const float expected_last = operands.a[n - 1] * operands.b[n - 1];
    float* row = values.put_last(operands.a.data(), n);
    simd::multiply(row, factors.put_last(operands.b.data(), n), n);
    CHECK(row[n - 1] == expected_last);
    row = values.put_first(operands.a.data(), n);
    simd::multiply(row, factors.put_first(operands.b.data(), n), n);
    CHECK(row[n - 1] == expected_last);

    float largest = 0;
    for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, std::abs(operands.a[i]));
    CHECK(simd::largest_magnitude_bits(values.put_last(operands.a.data(), n), n) ==
          shoal::detail::bit_cast<std::uint32_t>(largest));
    CHECK(simd::largest_magnitude_bits(values.put_first(operands.a.data(), n), n) ==
          shoal::detail::bit_cast<std::uint32_t>(largest));
  }
}

TEST_CASE("largest_magnitude_bits finds the largest magnitude at every place, dimension and misalignment") {
  Random random(107);
  CAPTURE(random.seed());
  alignas(64) std::array<float, 130 + offsets> row{};
  for (std::size_t n = 1; n <= 130; ++n) {
    for (std::size_t place = 0; place < n; ++place) {
      const std::size_t offset = random.below(offsets);
      float* const values = row.data() + offset;
      row.fill(1000.0F);  // beside the values: must not be seen
      for (std::size_t i = 0; i < n; ++i) values[i] = random.uniform(-1, 1);
      values[place] = place % 2 == 0 ? -2.0F : 2.0F;
      if (simd::largest_magnitude_bits(values, n) != shoal::detail::bit_cast<std::uint32_t>(2.0F)) {
        FAIL_CHECK("place " << place << " of " << n << ", offset " << offset);
      }
    }
  }
}

TEST_CASE("largest_magnitude_bits tells NaN, infinity, the largest finite number, denormals and zero apart") {
  constexpr std::uint32_t infinity_bits = 0x7F80'0000U;
  const auto float_of = [](std::uint32_t bits) { return shoal::detail::bit_cast<float>(bits); };
  const auto among_ones = [](float special) {
    std::vector<float> values(37, 1.0F);
    values[20] = special;
    return simd::largest_magnitude_bits(values.data(), values.size());
  };
  for (const std::uint32_t sign : {0U, 0x8000'0000U}) {
    CAPTURE(sign);
    for (const std::uint32_t nan : {0x7FC0'0000U, 0x7F80'0001U, 0x7FFF'FFFFU}) {  // quiet, signalling, all ones
      CHECK(among_ones(float_of(sign | nan)) == nan);
      CHECK(among_ones(float_of(sign | nan)) > infinity_bits);
    }
    CHECK(among_ones(float_of(sign | infinity_bits)) == infinity_bits);
    CHECK(among_ones(float_of(sign | (infinity_bits - 1))) == infinity_bits - 1);  // the largest finite number
    CHECK(among_ones(float_of(sign | 1U)) == shoal::detail::bit_cast<std::uint32_t>(1.0F));
    CHECK(among_ones(float_of(sign)) == shoal::detail::bit_cast<std::uint32_t>(1.0F));
    const std::array<float, 3> denormals{float_of(sign | 1U), float_of(sign | 0x007F'FFFFU), float_of(sign | 77U)};
    CHECK(simd::largest_magnitude_bits(denormals.data(), 3) == 0x007F'FFFFU);
    const std::array<float, 2> zeros{float_of(sign), 0.0F};
    CHECK(simd::largest_magnitude_bits(zeros.data(), 2) == 0);
    const std::array<float, 2> nan_and_infinity{float_of(sign | infinity_bits), float_of(sign | 0x7F80'0001U)};
    CHECK(simd::largest_magnitude_bits(nan_and_infinity.data(), 2) == 0x7F80'0001U);
  }
}

}  // namespace shoal
