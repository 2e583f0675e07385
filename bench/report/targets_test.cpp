// Verdicts and the table of targets, on figures whose answer is known.
#include "targets.hpp"

#include <array>

#include <doctest/doctest.h>

namespace shoal::report {
namespace {

Target target(double reached, bool is_lower_better = false) {
  Target result{.name = "search", .data = "made-up", .is_lower_better = is_lower_better};
  result.floor = is_lower_better ? 4 : 2;
  result.aim = is_lower_better ? 2 : 4;
  result.reached = figure_of({reached});
  return result;
}

TEST_CASE("a figure at its limit has reached it") {
  CHECK(verdict_of(target(1.99)) == Verdict::below);
  CHECK(verdict_of(target(2)) == Verdict::floor);
  CHECK(verdict_of(target(3.99)) == Verdict::floor);
  CHECK(verdict_of(target(4)) == Verdict::aim);
}

TEST_CASE("where lower is better the limits are the other way round") {
  CHECK(verdict_of(target(4.01, true)) == Verdict::below);
  CHECK(verdict_of(target(4, true)) == Verdict::floor);
  CHECK(verdict_of(target(2, true)) == Verdict::aim);
}

TEST_CASE("without a floor or a figure there is no verdict, unless the target cannot be reached") {
  Target informative = target(100);
  informative.floor.reset();
  CHECK(verdict_of(informative) == Verdict::none);
  Target unmeasured = target(100);
  unmeasured.reached.reset();
  CHECK(verdict_of(unmeasured) == Verdict::none);
  unmeasured.is_out_of_reach = true;
  CHECK(verdict_of(unmeasured) == Verdict::below);
}

TEST_CASE("it is the median round that is judged, and the table shows the others") {
  Target rounds = target(0);
  rounds.reached = figure_of({1.5, 5.0, 2.5});
  CHECK(verdict_of(rounds) == Verdict::floor);
  const std::string table = target_table(std::array{rounds});
  CHECK(table.find("| search | made-up | 2.50x | 1.50x to 5.00x (3) | 2.00x | 4.00x | floor |") != std::string::npos);
}

TEST_CASE("the table counts the verdicts, and each unit has its own digits") {
  Target recall = target(0.98765);
  recall.unit = Unit::recall;
  recall.floor.reset();
  Target bytes = target(8.517, true);
  bytes.unit = Unit::megabytes;
  const std::string table = target_table(std::array{target(5), target(1), recall, bytes});
  CHECK(table.starts_with("1 at the aim, 0 at the floor, 2 below, 1 without a verdict.\n"));
  CHECK(table.find("| 0.9877 | - | - |") != std::string::npos);
  CHECK(table.find("| 8.52 MB | - | 4.00 MB | 2.00 MB | below |") != std::string::npos);
  CHECK(target_table({}).empty());
}

}  // namespace
}  // namespace shoal::report
