// What can be said of filtered searches: pure functions.

#include <algorithm>

#include <fmt/core.h>

#include "filters.hpp"
#include "markdown_table.hpp"
#include "statistics.hpp"

namespace shoal::report {

namespace {

/// "0.9870, 12,345 (2.10x)"
std::string cell(const FilterCurve& curve, const FilterCurve* baseline, std::size_t i) {
  if (!curve.points[i]) return "-";
  std::string text = fmt::format("{:.4f}, {}", curve.points[i]->recall, with_commas(median(curve.points[i]->qps)));
  if (baseline != nullptr && baseline->points[i]) {
    text += fmt::format(" ({:.2f}x)", median(ratios(curve.points[i]->qps, baseline->points[i]->qps)));
  }
  return text;
}

std::string filters_table(const FilterResult& result) {
  const FilterCurve* baseline = nullptr;
  for (const FilterCurve& curve : result.curves) {
    if (curve.is_baseline && !curve.refused) baseline = &curve;
  }
  std::vector<std::string> cells{"library"};
  for (std::size_t i = 0; i < filters_shares.size(); ++i) {
    cells.push_back(fmt::format("{} ({})", share_text(filters_shares[i]), with_commas(result.passing[i])));
  }
  std::string text = table_heading(cells);
  for (const FilterCurve& curve : result.curves) {
    cells = {curve.name};
    if (curve.refused) {
      cells.push_back("refused: " + *curve.refused);
      cells.resize(1 + filters_shares.size());
    } else {
      for (std::size_t i = 0; i < filters_shares.size(); ++i) cells.push_back(cell(curve, baseline, i));
    }
    text += table_row(cells);
  }
  return text;
}

}  // namespace

bool is_refused(const FilterResult& result) {
  return std::any_of(result.curves.begin(), result.curves.end(),
                     [](const FilterCurve& curve) { return curve.refused.has_value(); });
}

std::string filters_section(const std::vector<FilterResult>& results) {
  std::string text;
  for (const FilterResult& result : results) {
    text += fmt::format("### Filters: {}, {}, {} queries, ef {}\n\n{}\n", result.set,
                        size_text(result.rows, result.dimensions), with_commas(result.queries), filters_ef,
                        filters_table(result));
    text += "By the share of the entries that pass, and how many these are: recall@10 and queries a second.\n";
    text += notes_text(result.notes) + "\n";
  }
  return text;
}

}  // namespace shoal::report
