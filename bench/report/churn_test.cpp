// The tables of churn, on numbers whose answer is known.
#include "churn.hpp"

#include <algorithm>

#include <doctest/doctest.h>

namespace shoal::report {
namespace {

ChurnResult one_result() {
  ChurnLook look;
  look.round = 10;
  look.churned = {{0.97, 0.99}, {10'000, 5'000, 8'000}, 3'000'000, 4};
  look.fresh = {{0.98, 0.995}, {20'000, 10'000, 16'000}, 1'500'000, 0};
  look.erase_seconds = 35e-6;
  look.insert_seconds = 1.9e-3;
  return {"made-up", 20'000, 768, 1'000, 0.5, {{"hnswlib, in place", {look}, {}}}, {"a note"}};
}

TEST_CASE("a churned index stands beside the fresh one, times as ratios within a round") {
  const std::string text = churn_section({one_result()});
  CHECK(text.find("### Churn: 50 % of the entries") != std::string::npos);
  CHECK(text.find("| hnswlib, in place | 10 | 0.9700 (0.9800) | 0.9900 (0.9950) | 125 us (2.00x) | 35.0 us | 1900 us | "
                  "3.00 MB (2.00x) | 4 (0) |") != std::string::npos);
  CHECK(text.find("(a note)") != std::string::npos);
}

TEST_CASE("what is not known is a dash") {
  ChurnResult result = one_result();
  result.curves[0].looks[0].churned.bytes.reset();
  result.curves[0].looks[0].fresh.unreachable.reset();
  result.curves[0].looks[0].churned.qps.clear();
  CHECK(churn_section({result}).find("| - | 35.0 us | 1900 us | - | - |") != std::string::npos);
}

TEST_CASE("a refused library says why, after what it did before") {
  ChurnResult result = one_result();
  CHECK(!is_refused(result));
  result.curves[0].refused = "found id 7, which is not in";
  CHECK(is_refused(result));
  const std::string text = churn_section({result});
  CHECK(text.find("0.9700") != std::string::npos);
  CHECK(text.find("| hnswlib, in place |  | refused: found id 7, which is not in |  |") != std::string::npos);
}

TEST_CASE("a plan looks at rounds in ascending order, and a quick one ends sooner") {
  for (const bool quick : {false, true}) {
    for (const ChurnPlan& plan : churn_plans(quick)) {
      CHECK(std::is_sorted(plan.looks.begin(), plan.looks.end()));
      CHECK(plan.looks.front() >= 1);
    }
  }
  CHECK(churn_plans(true)[0].looks.back() < churn_plans(false)[0].looks.back());
}

}  // namespace
}  // namespace shoal::report
