// The table of latencies, on numbers whose answer is known.
#include "latency.hpp"

#include <doctest/doctest.h>

namespace shoal::report {
namespace {

TEST_CASE("of a hundred searches, 99 are not slower than p99") {
  std::vector<double> seconds;
  for (int i = 100; i > 0; --i) seconds.push_back(i * 1e-6);
  const Latency latency = latency_of(seconds);
  CHECK(latency.p50 == doctest::Approx(50e-6));
  CHECK(latency.p99 == doctest::Approx(99e-6));
  CHECK(latency.searches == 100);
}

TEST_CASE("a cell has the medians of the rounds, and what was not measured is a dash") {
  LatencyCurve curve{"SQ8", {{10e-6, 30e-6, 9}, {20e-6, 40e-6, 9}, {15e-6, 90e-6, 9}}, {}, {}, {}, {35e-6}};
  const std::string text = latency_section({{"made-up", 20'000, 768, {curve}, {}}});
  CHECK(text.find("| SQ8 | 15.0, 40.0 us | - | - | - | 35.0 us |") != std::string::npos);
}

}  // namespace
}  // namespace shoal::report
