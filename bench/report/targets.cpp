#include "targets.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "markdown_table.hpp"

namespace shoal::report {

namespace {

std::string amount(Unit unit, double value) {
  switch (unit) {
    case Unit::times: return fmt::format("{:.2f}x", value);
    case Unit::recall: return fmt::format("{:.4f}", value);
    case Unit::megabytes: return fmt::format("{:.2f} MB", value);
  }
  return {};
}

std::string limit(Unit unit, const std::optional<double>& value) { return value ? amount(unit, *value) : "-"; }

/// "1.90x to 2.01x (5)": the lowest and highest round.
std::string rounds_cell(const Target& target) {
  if (!target.reached || target.reached->count < 2) return "-";
  return fmt::format("{} to {} ({})", amount(target.unit, target.reached->least),
                     amount(target.unit, target.reached->most), target.reached->count);
}

std::string reached_cell(const Target& target) {
  if (target.reached) return amount(target.unit, target.reached->median);
  return target.is_out_of_reach ? "never" : "n/a";
}

std::string counts(std::span<const Target> targets) {
  const auto count = [&](Verdict verdict) {
    return std::count_if(targets.begin(), targets.end(),
                         [&](const Target& target) { return verdict_of(target) == verdict; });
  };
  return fmt::format("{} at the aim, {} at the floor, {} below, {} without a verdict.\n", count(Verdict::aim),
                     count(Verdict::floor), count(Verdict::below), count(Verdict::none));
}

}  // namespace

Verdict verdict_of(const Target& target) {
  if (!target.floor) return Verdict::none;
  if (!target.reached) return target.is_out_of_reach ? Verdict::below : Verdict::none;
  const double reached = target.reached->median;
  const auto is_met = [&](double limit) { return target.is_lower_better ? reached <= limit : reached >= limit; };
  if (!is_met(*target.floor)) return Verdict::below;
  return target.aim && is_met(*target.aim) ? Verdict::aim : Verdict::floor;
}

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::aim: return "aim";
    case Verdict::floor: return "floor";
    case Verdict::below: return "below";
    case Verdict::none: return "n/a";
  }
  return "";
}

std::string target_table(std::span<const Target> targets) {
  if (targets.empty()) return {};
  std::string text =
      counts(targets) + "\n" +
      table_heading({"target", "data", "reached", "lowest to highest round", "floor", "aim", "verdict", "remark"});
  for (const Target& target : targets) {
    text += table_row({target.name, target.data, reached_cell(target), rounds_cell(target),
                       limit(target.unit, target.floor), limit(target.unit, target.aim), name_of(verdict_of(target)),
                       target.remark});
  }
  return text;
}

}  // namespace shoal::report
