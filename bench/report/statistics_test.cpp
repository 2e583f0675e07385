// The arithmetic of the report, on numbers whose answer is known.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "statistics.hpp"

#include <array>

#include <doctest/doctest.h>

namespace shoal::report {
namespace {

TEST_CASE("a median does not depend on the order, and an even count has the mean of the middle two") {
  CHECK(median({3, 1, 2}) == 2);
  CHECK(median({4, 1, 100, 2}) == 3);
  CHECK(median({5}) == 5);
}

TEST_CASE("a quantile is a value that was measured, and the ends are the least and the most") {
  CHECK(quantile({4, 1, 3, 2}, 0.5) == 2);
  CHECK(quantile({4, 1, 3, 2}, 0.51) == 3);
  CHECK(quantile({4, 1, 3, 2}, 0) == 1);
  CHECK(quantile({4, 1, 3, 2}, 1) == 4);
}

TEST_CASE("a spread is relative to the median") { CHECK(spread({90, 100, 120}) == doctest::Approx(0.3)); }

TEST_CASE("a figure has the median and the ends of its rounds, and none where there was no round") {
  const auto figure = figure_of({3, 1, 2});
  REQUIRE(figure.has_value());
  CHECK(figure->median == 2);
  CHECK(figure->least == 1);
  CHECK(figure->most == 3);
  CHECK(figure->count == 3);
  CHECK(!figure_of({}).has_value());
}

TEST_CASE("ratios are taken round by round") {
  const std::array a{6.0, 1.0};
  const std::array b{2.0, 4.0};
  CHECK(ratios(a, b) == std::vector{3.0, 0.25});
}

TEST_CASE("half way between two recalls lies the geometric mean of the speeds") {
  const std::array recall{0.80, 0.90, 1.00};
  const std::array qps{4000.0, 1000.0, 10.0};
  CHECK(*value_at_recall(recall, qps, 0.85) == doctest::Approx(2000));
  CHECK(*value_at_recall(recall, qps, 0.95) == doctest::Approx(100));
  CHECK(*value_at_recall(recall, qps, 0.90) == doctest::Approx(1000));
}

TEST_CASE("a recall below the first point has the first point's speed, and one above all has none") {
  const std::array recall{0.95, 0.99};
  const std::array qps{1000.0, 500.0};
  CHECK(*value_at_recall(recall, qps, 0.90) == 1000);
  CHECK(!value_at_recall(recall, qps, 0.995).has_value());
}

TEST_CASE("a curve that falls back is read where it first gets there") {
  const std::array recall{0.90, 0.94, 0.93, 0.96};
  const std::array qps{800.0, 400.0, 200.0, 100.0};
  CHECK(*value_at_recall(recall, qps, 0.94) == doctest::Approx(400));
  CHECK(*value_at_recall(recall, qps, 0.96) == doctest::Approx(100));
}

}  // namespace
}  // namespace shoal::report
