// The kernels of hops and blocks, of floats and of bytes. A row of a hop gives what the pair gives, to the last bit; a
// row of a block what it gives in a block of one by one, and that is held to a double loop with the bound of
// float_kernels_test.cpp. Bytes are exact.

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include "random.hpp"
#include "support.hpp"
#include <shoal/simd/float_kernels.hpp>
#include <shoal/simd/int8_kernels.hpp>

namespace shoal {
namespace {

using support::gamma;
using support::GuardedMemory;
using support::kernel_dimensions;
using support::most_dimensions;
using support::Random;

struct Dot {
  using Element = float;
  using Result = float;
  static constexpr auto pair = [](auto... all) { return simd::dot(all...); };
  static constexpr auto rows = [](auto... all) { simd::dot_rows(all...); };
  static constexpr auto block = [](auto... all) { simd::dot_block(all...); };
  static double term(double a, double b) { return a * b; }
};
struct L2 : Dot {
  static constexpr auto pair = [](auto... all) { return simd::l2_squared(all...); };
  static constexpr auto rows = [](auto... all) { simd::l2_squared_rows(all...); };
  static constexpr auto block = [](auto... all) { simd::l2_squared_block(all...); };
  static double term(double a, double b) { return (a - b) * (a - b); }
};
struct ByteDot : Dot {
  using Element = std::int8_t;
  using Result = std::int32_t;
};
#define SHOAL_TEST_EVERY_KERNEL Dot, L2, ByteDot

template <class Kernel>
bool agrees(double got, const typename Kernel::Element* a, const typename Kernel::Element* b, std::size_t n) {
  double sum = 0, magnitude = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double term = Kernel::term(static_cast<double>(a[i]), static_cast<double>(b[i]));
    sum += term;
    magnitude += std::abs(term);
  }
  if constexpr (std::is_same_v<Kernel, ByteDot>) return got == sum;
  return std::abs(got - sum) <= gamma(n + 2) * magnitude;
}

/// Rows at every misalignment, and pointers to them.
template <class Element>
struct Rows {
  Rows(Random& random, std::size_t count, std::size_t n) : values(count * (n + 1) + 1) {
    for (Element& value : values) {
      if constexpr (std::is_same_v<Element, float>)
        value = random.normal();
      else
        value = static_cast<Element>(static_cast<int>(random.below(255)) - 127);
    }
    for (std::size_t i = 0; i < count; ++i) pointers.push_back(values.data() + i * (n + 1));
  }
  std::vector<Element> values;
  std::vector<const Element*> pointers;
};

/// Lengths that cross a vector, a step of several, and both, on every level; for blocks, where all would take long.
std::vector<std::size_t> some_dimensions() {
  return {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 130, 771};
}

}  // namespace

TEST_CASE_TEMPLATE("a row of a hop gives what the pair gives, and nothing else is written", Kernel,
                   SHOAL_TEST_EVERY_KERNEL) {
  using Result = typename Kernel::Result;
  constexpr Result untouched = 12345;
  Random random(611);
  CAPTURE(random.seed());
  std::vector<std::size_t> dimensions = kernel_dimensions();
  dimensions.push_back(0);
  for (const std::size_t n : dimensions) {
    CAPTURE(n);
    const Rows<typename Kernel::Element> all(random, 11, n);
    const auto* const query = all.pointers[10];
    for (std::size_t count = 0; count <= 9; ++count) {
      for (const std::size_t first : {0U, 1U}) {
        std::vector<Result> out(count + 1, untouched);
        Kernel::rows(query, all.pointers.data() + first, count, n, out.data());
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < count; ++i) {
          const auto* const row = all.pointers[first + i];
          if (out[i] != Kernel::pair(query, row, n) || !agrees<Kernel>(static_cast<double>(out[i]), query, row, n))
            ++wrong;
        }
        if (wrong != 0 || out[count] != untouched) FAIL_CHECK(wrong << " of " << count << " rows from " << first);
      }
    }
  }
}

TEST_CASE_TEMPLATE("a row of a block gives the same in every block, and nothing beside the block is written", Kernel,
                   SHOAL_TEST_EVERY_KERNEL) {
  using Result = typename Kernel::Result;
  constexpr Result untouched = 12345;
  Random random(612);
  CAPTURE(random.seed());
  constexpr std::size_t most_a = 11, most_b = 15;
  for (const std::size_t n : some_dimensions()) {
    CAPTURE(n);
    const Rows<typename Kernel::Element> a(random, most_a, n), b(random, most_b, n);
    std::vector<Result> alone(most_a * most_b);
    for (std::size_t i = 0; i < most_a; ++i) {
      for (std::size_t j = 0; j < most_b; ++j) {
        Result* const out = alone.data() + i * most_b + j;
        Kernel::block(&a.pointers[i], 1U, &b.pointers[j], 1U, n, out, 1U);
        if (!agrees<Kernel>(static_cast<double>(*out), a.pointers[i], b.pointers[j], n)) FAIL_CHECK(i << " with " << j);
      }
    }
    for (std::size_t a_count = 0; a_count <= most_a - 1; ++a_count) {
      for (std::size_t b_count = 0; b_count <= most_b - 1; ++b_count) {
        const std::size_t a_first = (a_count + b_count) % 2, b_first = b_count % 2;
        const std::size_t stride = b_count + 3;
        std::vector<Result> out((a_count + 1) * stride, untouched);
        Kernel::block(a.pointers.data() + a_first, a_count, b.pointers.data() + b_first, b_count, n, out.data(),
                      stride);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i <= a_count; ++i) {
          for (std::size_t j = 0; j < stride; ++j) {
            const bool inside = i < a_count && j < b_count;
            const Result expected = inside ? alone[(a_first + i) * most_b + b_first + j] : untouched;
            if (out[i * stride + j] != expected) ++wrong;
          }
        }
        if (wrong != 0) FAIL_CHECK(wrong << " wrong values in " << a_count << " by " << b_count);
      }
    }
  }
}

TEST_CASE_TEMPLATE("hops and blocks read nothing before or after rows beside guard pages", Kernel,
                   SHOAL_TEST_EVERY_KERNEL) {
  using Element = typename Kernel::Element;
  Random random(613);
  CAPTURE(random.seed());
  const Rows<Element> source(random, 2, most_dimensions);
  GuardedMemory a_memory(most_dimensions * sizeof(Element)), b_memory(most_dimensions * sizeof(Element));
  REQUIRE(a_memory.ready());
  REQUIRE(b_memory.ready());
  for (const std::size_t n : kernel_dimensions()) {
    CAPTURE(n);
    for (const bool last : {false, true}) {
      const Element* a = last ? a_memory.put_last(source.pointers[0], n) : a_memory.put_first(source.pointers[0], n);
      const Element* b = last ? b_memory.put_last(source.pointers[1], n) : b_memory.put_first(source.pointers[1], n);
      const std::vector<const Element*> a_rows(5, a), b_rows(7, b);
      std::vector<typename Kernel::Result> out(35);
      Kernel::rows(a, b_rows.data(), b_rows.size(), n, out.data());
      CHECK(agrees<Kernel>(static_cast<double>(out[6]), a, b, n));
      Kernel::block(a_rows.data(), a_rows.size(), b_rows.data(), b_rows.size(), n, out.data(), b_rows.size());
      CHECK(agrees<Kernel>(static_cast<double>(out[34]), a, b, n));
    }
  }
}

TEST_CASE("squared L2 of equal rows is exactly 0 in hops and blocks") {
  Random random(614);
  CAPTURE(random.seed());
  for (const std::size_t n : kernel_dimensions()) {
    const Rows<float> rows(random, 6, n);
    std::vector<float> out(36);
    simd::l2_squared_block(rows.pointers.data(), 6, rows.pointers.data(), 6, n, out.data(), 6);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < 6; ++i) wrong += out[i * 7] != 0.0F ? 1U : 0U;
    for (std::size_t i = 0; i < 6; ++i) {
      simd::l2_squared_rows(rows.pointers[i], rows.pointers.data(), 6, n, out.data());
      wrong += out[i] != 0.0F ? 1U : 0U;
    }
    if (wrong != 0) FAIL_CHECK(wrong << " of " << n << " dimensions");
  }
}

TEST_CASE("hops and blocks of nothing but the extremes -127 and 127 do not saturate or overflow") {
  for (const std::size_t n : {1U, 31U, 64U, 130U, 4'096U, 133'000U}) {
    CAPTURE(n);
    const std::vector<std::int8_t> high(n, 127), low(n, -127);
    const std::vector<const std::int8_t*> rows{high.data(), low.data(), high.data(), low.data(), high.data()};
    const std::int32_t all = static_cast<std::int32_t>(n) * 127 * 127;
    std::vector<std::int32_t> out(25);
    for (std::size_t i = 0; i < 2; ++i) {
      simd::dot_rows(rows[i], rows.data(), 5, n, out.data());
      for (std::size_t j = 0; j < 5; ++j) CHECK(out[j] == ((i + j) % 2 == 0 ? all : -all));
    }
    simd::dot_block(rows.data(), 5, rows.data(), 5, n, out.data(), 5);
    for (std::size_t i = 0; i < 25; ++i) CHECK(out[i] == (i % 2 == 0 ? all : -all));
  }
}

}  // namespace shoal
