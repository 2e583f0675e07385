// Growth, on counts whose answer is known.
#include "growth.hpp"

#include <doctest/doctest.h>

#include "thread_scaling.hpp"

namespace shoal::report {
namespace {

TEST_CASE("sizes grow in steps of the root of ten and end at the largest") {
  CHECK(growth_sizes(100'000, 3) == std::vector<std::size_t>{10'000, 31'623, 100'000});
  CHECK(growth_sizes(1'000'000, 5).front() == 10'000);
}

TEST_CASE("distances that grow like log n grow once as much as log n") {
  // log 10,000 : log 1,000,000 = 2 : 3
  const std::vector<GrowthPoint> points{{10'000, 32, 400.0, 500.0, {}}, {1'000'000, 32, 600.0, 800.0, {}}};
  const auto targets = growth_targets(points);
  REQUIRE(targets.size() == 1);
  CHECK(targets[0].reached->median == doctest::Approx(1));
  CHECK(growth_table(points).find("| 1,000,000 | 600 (1.50x) | 800 (1.60x) | 1.50x |") != std::string::npos);
}

TEST_CASE("of each library the table has time of a build, bytes and time of a query, where there is one") {
  const std::vector<GrowthPoint> points{
      {10'000, 32, 400.0, {}, {{"one", 12.5, 3'000'000, 41e-6}, {"two", 1.0, 9'000'000, {}}}}};
  const std::string table = growth_table(points);
  CHECK(table.find("| one, build | bytes owned | a query at 0.95 | two, build |") != std::string::npos);
  CHECK(table.find("| 12.5 s | 3.00 MB | 41.0 us | 1.00 s | 9.00 MB | - |") != std::string::npos);
}

TEST_CASE("without a count at either end there is no figure") {
  const std::vector<GrowthPoint> points{{10'000, 32, 400.0, {}, {}}, {1'000'000, 32, {}, {}, {}}};
  CHECK(!growth_targets(points)[0].reached.has_value());
  CHECK(growth_table(points).find("| 1,000,000 | - | - | 1.50x |") != std::string::npos);
  CHECK(growth_targets({}).empty());
}

TEST_CASE("threads are counted in powers of two, and all cores") {
  CHECK(thread_counts(1) == std::vector<unsigned>{1});
  CHECK(thread_counts(2) == std::vector<unsigned>{1, 2});
  CHECK(thread_counts(6) == std::vector<unsigned>{1, 2, 4, 6});
  CHECK(thread_counts(0) == std::vector<unsigned>{1});
}

}  // namespace
}  // namespace shoal::report
