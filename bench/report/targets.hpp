#pragma once
// What shoal is to reach, beside what it reached: a row for each target, with a verdict. A target has a floor, to be
// reached first, and an aim. Pure functions; where the figures come from is said in set_targets.hpp and in the file of
// each measurement.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "statistics.hpp"

namespace shoal::report {

enum class Unit { times, recall, megabytes };

struct Target {
  std::string name{};  // "search at 0.95, Float32"
  std::string data{};  // "debian-lsa768"
  Unit unit = Unit::times;
  std::optional<double> floor{};  // no floor: for information
  std::optional<double> aim{};
  bool is_lower_better = false;
  std::optional<Figure> reached{};
  bool is_out_of_reach = false;  // there is no figure because the target cannot be reached at all
  std::string remark{};
};

enum class Verdict { aim, floor, below, none };

/// `none`: there is no floor, or nothing was measured.
[[nodiscard]] Verdict verdict_of(const Target& target);

[[nodiscard]] const char* name_of(Verdict verdict);

/// How many of each verdict, and a row for each target. Empty when there is none.
[[nodiscard]] std::string target_table(std::span<const Target> targets);

}  // namespace shoal::report
