// The choice of a level: by the environment when a program begins, by use_level later; and what is the same on all of
// them: products, rotations, magnitudes, codes and inner products of codes. CMakeLists.txt runs all tests of kernels
// under SHOAL_SIMD for each level.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "levels.hpp"
#include "random.hpp"
#include "support.hpp"
#include <shoal/core/platform.hpp>
#include <shoal/simd/float_kernels.hpp>
#include <shoal/simd/hadamard.hpp>
#include <shoal/simd/int8_kernels.hpp>

namespace shoal {
namespace {

using simd::Level;
using support::GuardedMemory;
using support::kernel_dimensions;
using support::LevelRestored;
using support::most_dimensions;
using support::Random;

constexpr Level every_level[] = {Level::portable, Level::avx2, Level::avx512, Level::avx512_vnni};

/// Magnitudes from denormal to huge, so that what is rounded differently shows.
std::vector<float> wild_vector(Random& random, std::size_t n) {
  std::vector<float> values = random.normal_vector(n);
  for (float& value : values) value = std::ldexp(value, static_cast<int>(random.below(60)) - 30);
  return values;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

}  // namespace

TEST_CASE("the level is what SHOAL_SIMD names, and the best when it names none that can be had") {
  Level expected = simd::best_level();
  if (const char* wanted = std::getenv("SHOAL_SIMD")) {
    for (const Level level : every_level) {
      if (simd::name_of(level) == std::string_view(wanted) && level < expected) expected = level;
    }
  }
  CHECK(simd::level() == expected);
}

TEST_CASE("use_level takes the levels up to the best, and refuses the others without a change") {
  const LevelRestored restored;
  CHECK(simd::use_level(Level::portable));
  CHECK(simd::use_level(simd::best_level()));
  for (const Level level : every_level) {
    CAPTURE(simd::name_of(level));
    const Level before = simd::level();
    const bool can_be_had = level <= simd::best_level();
    CHECK(simd::use_level(level) == can_be_had);
    CHECK(simd::level() == (can_be_had ? level : before));
  }
  const Level before = simd::level();
  CHECK_FALSE(simd::use_level(static_cast<Level>(4)));
  CHECK_FALSE(simd::use_level(static_cast<Level>(-1)));
  CHECK(simd::level() == before);
}

TEST_CASE("products, transforms, magnitudes and codes are the same on every level, to the last bit") {
  const LevelRestored restored;
  Random random(601);
  CAPTURE(random.seed());
  std::vector<std::size_t> dimensions = kernel_dimensions();
  dimensions.push_back(0);
  for (const std::size_t n : dimensions) {
    CAPTURE(n);
    const std::vector<float> values = wild_vector(random, n);
    const std::vector<float> factors = wild_vector(random, n);
    const std::vector<float> levels = [&] {
      std::vector<float> all(n);
      for (float& level : all) level = random.uniform(-127, 127);
      return all;
    }();
    const bool is_power = std::has_single_bit(n);
    const auto all_of = [&](Level level) {
      REQUIRE(simd::use_level(level));
      std::vector<float> products = values, transformed = values;
      std::vector<std::int8_t> codes(n);
      simd::multiply(products.data(), factors.data(), n);
      if (is_power) simd::hadamard(transformed.data(), n);
      simd::round_to_codes(levels.data(), n, 0.99F, codes.data());
      products.insert(products.end(), transformed.begin(), transformed.end());
      products.push_back(shoal::detail::bit_cast<float>(simd::largest_magnitude_bits(values.data(), n)));
      products.push_back(static_cast<float>(simd::dot(codes.data(), codes.data(), n)));
      products.insert(products.end(), codes.begin(), codes.end());
      return products;
    };
    const std::vector<float> portable = all_of(Level::portable);
    for (const Level level : every_level) {
      if (level > simd::best_level()) continue;
      if (!same_bits(all_of(level), portable)) FAIL_CHECK(simd::name_of(level));
    }
  }
}

TEST_CASE("codes are rounded to the nearest integer, a half to the even one, and clamped") {
  for (const std::size_t before : {0U, 5U, 16U, 33U}) {  // in whole vectors and in what is left
    CAPTURE(before);
    std::vector<float> values(before, 3.0F);
    values.insert(values.end(), {0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -2.5F, 0.49999997F, 126.5F, -126.5F, 127.4F, -127.4F,
                                 127.6F, -128.0F, 1e9F, -1e9F, 1e30F, -1e30F});
    const std::vector<int> expected{0, 2, 2, 0, -2, -2, 0, 126, -126, 127, -127, 127, -127};
    std::vector<std::int8_t> codes(values.size());
    simd::round_to_codes(values.data(), values.size(), 1, codes.data());
    for (std::size_t i = 0; i < before; ++i) CHECK(codes[i] == 3);
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(int{codes[before + i]} == expected[i]);
    // What lies beyond 32 bits can come of no vector; it must stay in range, whatever it is.
    for (std::size_t i = before + expected.size(); i < codes.size(); ++i) CHECK(codes[i] >= -127);
  }
}

TEST_CASE("round_to_codes stays inside values and codes beside guard pages") {
  Random random(602);
  CAPTURE(random.seed());
  GuardedMemory value_memory(most_dimensions * sizeof(float));
  GuardedMemory code_memory(most_dimensions);
  REQUIRE(value_memory.ready());
  REQUIRE(code_memory.ready());
  const std::vector<float> values = random.normal_vector(most_dimensions);
  const std::vector<std::int8_t> untouched(most_dimensions, 99);
  for (const std::size_t n : kernel_dimensions()) {
    CAPTURE(n);
    for (const bool last : {false, true}) {
      const float* from = last ? value_memory.put_last(values.data(), n) : value_memory.put_first(values.data(), n);
      std::int8_t* to = last ? code_memory.put_last(untouched.data(), n) : code_memory.put_first(untouched.data(), n);
      simd::round_to_codes(from, n, 20, to);
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < n; ++i)
        wrong += std::abs(static_cast<double>(to[i]) - double{from[i]} * 20) > 0.5001 ? 1U : 0U;
      CHECK(wrong == 0);
    }
  }
}

}  // namespace shoal
