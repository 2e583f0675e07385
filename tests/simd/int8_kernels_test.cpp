// The inner product of signed bytes is exact, so the oracle is a 64-bit loop and there is no tolerance.

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include "random.hpp"
#include "support.hpp"
#include <shoal/simd/int8_kernels.hpp>

namespace shoal {
namespace {

using support::GuardedMemory;
using support::kernel_dimensions;
using support::most_dimensions;
using support::Random;

constexpr std::size_t offsets = 64;

std::int64_t exact_dot(const std::int8_t* a, const std::int8_t* b, std::size_t n) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += std::int64_t{a[i]} * std::int64_t{b[i]};
  return sum;
}

void check(const std::int8_t* a, const std::int8_t* b, std::size_t n) {
  const std::int64_t expected = exact_dot(a, b, n);
  const std::int32_t got = simd::dot(a, b, n);
  if (got != expected) FAIL_CHECK("dot of " << n << " bytes: " << got << ", expected " << expected);
}

void fill(Random& random, std::int8_t* codes, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) codes[i] = static_cast<std::int8_t>(static_cast<int>(random.below(255)) - 127);
}

struct Operands {
  explicit Operands(std::uint64_t seed) {
    Random random(seed);
    fill(random, a.data(), a.size());
    fill(random, b.data(), b.size());
  }
  alignas(64) std::array<std::int8_t, most_dimensions + offsets> a{};
  alignas(64) std::array<std::int8_t, most_dimensions + offsets> b{};
};

}  // namespace

TEST_CASE("the inner product of bytes is exact at every dimension and misalignment of both rows") {
  static const Operands operands(201);
  CAPTURE(201);
  for (const std::size_t n : kernel_dimensions()) {
    for (std::size_t i = 0; i < offsets; ++i) {
      for (std::size_t j = 0; j < offsets; ++j) check(operands.a.data() + i, operands.b.data() + j, n);
    }
  }
}

TEST_CASE("the inner product of bytes reads nothing before or after rows beside guard pages") {
  static const Operands operands(202);
  CAPTURE(202);
  GuardedMemory a_memory(most_dimensions);
  GuardedMemory b_memory(most_dimensions);
  REQUIRE(a_memory.ready());
  REQUIRE(b_memory.ready());
  for (const std::size_t n : kernel_dimensions()) {
    check(a_memory.put_last(operands.a.data(), n), b_memory.put_last(operands.b.data(), n), n);
    check(a_memory.put_last(operands.a.data(), n), b_memory.put_first(operands.b.data(), n), n);
    check(a_memory.put_first(operands.a.data(), n), b_memory.put_last(operands.b.data(), n), n);
    check(a_memory.put_first(operands.a.data(), n), b_memory.put_first(operands.b.data(), n), n);
  }
}

TEST_CASE("bytes of nothing but the extremes -127 and 127 do not saturate or overflow") {
  // 133,000 is the number of bytes that int8_kernels.hpp allows: 133,000 * 127^2 is just below 2^31.
  Random random(203);
  CAPTURE(random.seed());
  std::vector<std::size_t> dimensions = kernel_dimensions();
  dimensions.insert(dimensions.end(), {65'535, 65'536, 133'000});
  for (const std::size_t n : dimensions) {
    CAPTURE(n);
    const std::vector<std::int8_t> high(n, 127);
    const std::vector<std::int8_t> low(n, -127);
    std::vector<std::int8_t> alternating(n), mixed(n);
    for (std::size_t i = 0; i < n; ++i) {
      alternating[i] = i % 2 == 0 ? 127 : -127;
      mixed[i] = random.chance(0.5) ? 127 : -127;
    }
    const std::int64_t all = static_cast<std::int64_t>(n) * 127 * 127;
    CHECK(simd::dot(high.data(), high.data(), n) == all);
    CHECK(simd::dot(low.data(), low.data(), n) == all);
    CHECK(simd::dot(high.data(), low.data(), n) == -all);
    CHECK(simd::dot(low.data(), high.data(), n) == -all);
    CHECK(simd::dot(alternating.data(), alternating.data(), n) == all);
    CHECK(simd::dot(mixed.data(), mixed.data(), n) == all);
    check(alternating.data(), high.data(), n);
    check(mixed.data(), low.data(), n);
    check(low.data(), mixed.data(), n);
  }
}

TEST_CASE("every pair of byte values is multiplied exactly in every lane") {
  // 150 bytes reach the wide loop, the narrow one and the tail on every instruction set.
  constexpr std::size_t n = 150;
  for (int a = -127; a <= 127; ++a) {
    const std::vector<std::int8_t> row(n, static_cast<std::int8_t>(a));
    for (int b = -127; b <= 127; ++b) {
      const std::vector<std::int8_t> other(n, static_cast<std::int8_t>(b));
      const std::int32_t got = simd::dot(row.data(), other.data(), n);
      if (got != static_cast<std::int32_t>(n) * a * b) FAIL_CHECK(a << " times " << b << ": " << got);
    }
  }
  for (std::size_t lane = 0; lane < n; ++lane) {
    std::vector<std::int8_t> hot(n, 0);
    hot[lane] = -127;
    std::vector<std::int8_t> other(n, 5);
    other[lane] = 127;
    if (simd::dot(hot.data(), other.data(), n) != -127 * 127) FAIL_CHECK("lane " << lane);
    if (simd::dot(other.data(), hot.data(), n) != -127 * 127) FAIL_CHECK("lane " << lane << ", operands exchanged");
  }
}

TEST_CASE("the inner product of no bytes touches nothing and is 0") {
  CHECK(simd::dot(static_cast<const std::int8_t*>(nullptr), nullptr, 0) == 0);
}

}  // namespace shoal
