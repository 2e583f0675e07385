// The table of filters and what picks the rows, on numbers whose answer is known.
#include "filters.hpp"

#include <cmath>

#include <doctest/doctest.h>
#include <rivals/filtering_rival.hpp>

namespace shoal::report {
namespace {

FilterResult one_result() {
  FilterCurve ours{"shoal SQ8", false, {}, {}};
  FilterCurve baseline{"hnswlib, dropping", true, {}, {}};
  ours.points[0] = FilterPoint{0.97, {20'000, 40'000, 30'000}};
  baseline.points[0] = FilterPoint{0.95, {10'000, 20'000, 15'000}};
  ours.points[3] = FilterPoint{1, {5'000}};
  return {"made-up", 20'000, 768, 1'000, {20'000, 10'003, 2'010, 201, 0}, {ours, baseline}, {}};
}

TEST_CASE("recall stands beside the speed, and its ratio to the baseline's in the same rounds") {
  const std::string text = filters_section({one_result()});
  CHECK(text.find("| library | 100 % (20,000) | 50 % (10,003) | 10 % (2,010) | 1 % (201) | 0.1 % (0) |") !=
        std::string::npos);
  CHECK(text.find("| shoal SQ8 | 0.9700, 30,000 (2.00x) | - | - | 1.0000, 5,000 | - |") != std::string::npos);
  CHECK(text.find("| hnswlib, dropping | 0.9500, 15,000 (1.00x) | - |") != std::string::npos);
}

TEST_CASE("a refused baseline is nothing to compare with") {
  FilterResult result = one_result();
  CHECK(!is_refused(result));
  result.curves[1].refused = "one row is returned twice";
  CHECK(is_refused(result));
  const std::string text = filters_section({result});
  CHECK(text.find("| shoal SQ8 | 0.9700, 30,000 | - |") != std::string::npos);
  CHECK(text.find("| hnswlib, dropping | refused: one row is returned twice |  |") != std::string::npos);
}

TEST_CASE("a share of the rows passes, the same in the list and by the predicate") {
  constexpr std::size_t rows = 20'000;
  CHECK(rivals::PassingRows(1, rows).rows().size() == rows);
  for (const double share : {0.5, 0.1, 0.01, 0.001}) {
    const rivals::PassingRows passing(share, rows);
    // Binomial: four standard deviations.
    const double expected = share * rows;
    CHECK(static_cast<double>(passing.rows().size()) == doctest::Approx(expected).epsilon(4 / std::sqrt(expected)));
    std::size_t next = 0;
    for (std::uint64_t row = 0; row < rows; ++row) {
      const bool is_listed = next < passing.rows().size() && passing.rows()[next] == row;
      REQUIRE(passing.contains(row) == is_listed);
      next += is_listed ? 1 : 0;
    }
  }
}

}  // namespace
}  // namespace shoal::report
