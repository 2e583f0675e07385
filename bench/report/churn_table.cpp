// What is planned of churn, and what can be said of it: pure functions.

#include <algorithm>

#include <fmt/core.h>

#include "churn.hpp"
#include "markdown_table.hpp"
#include "statistics.hpp"

namespace shoal::report {

namespace {

std::string recall_cell(const ChurnLook& look, std::size_t i) {
  return fmt::format("{:.4f} ({:.4f})", look.churned.recall[i], look.fresh.recall[i]);
}

/// The time of a query, and how many times as long it is as that of the fresh build in the same round.
std::string query_cell(const ChurnLook& look) {
  if (look.churned.qps.empty()) return "-";
  return fmt::format("{} us ({:.2f}x)", three_digits(1e6 / median(look.churned.qps)),
                     median(ratios(look.fresh.qps, look.churned.qps)));
}

std::string bytes_cell(const ChurnLook& look) {
  if (!look.churned.bytes || !look.fresh.bytes || *look.fresh.bytes == 0) return "-";
  const auto bytes = static_cast<double>(*look.churned.bytes);
  return fmt::format("{} MB ({:.2f}x)", three_digits(bytes / 1e6), bytes / static_cast<double>(*look.fresh.bytes));
}

std::string unreachable_cell(const ChurnLook& look) {
  if (!look.churned.unreachable || !look.fresh.unreachable) return "-";
  return fmt::format("{} ({})", *look.churned.unreachable, *look.fresh.unreachable);
}

std::string microseconds(double seconds) { return three_digits(1e6 * seconds) + " us"; }

std::string churn_table(const ChurnResult& result) {
  std::vector<std::string> cells{"library", "round"};
  for (const std::size_t ef : churn_ef) cells.push_back(fmt::format("recall@10 at ef {}", ef));
  for (const char* cell : {"a query", "an erase", "an insert", "bytes owned", "unreachable"}) cells.emplace_back(cell);
  const std::size_t columns = cells.size();
  std::string text = table_heading(cells);
  for (const ChurnCurve& curve : result.curves) {
    for (const ChurnLook& look : curve.looks) {
      cells = {curve.name, std::to_string(look.round)};
      for (std::size_t i = 0; i < churn_ef.size(); ++i) cells.push_back(recall_cell(look, i));
      cells.push_back(query_cell(look));
      cells.push_back(microseconds(look.erase_seconds));
      cells.push_back(microseconds(look.insert_seconds));
      cells.push_back(bytes_cell(look));
      cells.push_back(unreachable_cell(look));
      text += table_row(cells);
    }
    if (!curve.refused) continue;
    cells = {curve.name, "", "refused: " + *curve.refused};
    cells.resize(columns);
    text += table_row(cells);
  }
  return text;
}

}  // namespace

std::vector<ChurnPlan> churn_plans(bool quick) {
  if (quick) return {{0.5, {1, 2}}, {0.01, {5, 10}}};
  return {{0.5, {1, 2, 5, 10}}, {0.01, {10, 20, 50, 100}}};
}

bool is_refused(const ChurnResult& result) {
  return std::any_of(result.curves.begin(), result.curves.end(),
                     [](const ChurnCurve& curve) { return curve.refused.has_value(); });
}

std::string churn_section(const std::vector<ChurnResult>& results) {
  std::string text;
  for (const ChurnResult& result : results) {
    text += fmt::format("### Churn: {} of the entries erased and inserted again, round after round\n\n{}\n",
                        share_text(result.share), churn_table(result));
    text += fmt::format(
        "{}: {}, {} queries. In parentheses a fresh build of the same vectors; 1.10x is 1.10 times as long, or as "
        "large.\n",
        result.set, size_text(result.rows, result.dimensions), with_commas(result.queries));
    text += notes_text(result.notes) + "\n";
  }
  return text;
}

}  // namespace shoal::report
