// What can be said of growth: pure functions.

#include <cmath>

#include <fmt/core.h>

#include "growth.hpp"
#include "markdown_table.hpp"

namespace shoal::report {

namespace {

/// "826 (3.29x)": the distances, and how much they grew from those of the first row.
std::string distances_cell(const std::optional<double>& distances, const std::optional<double>& first) {
  if (!distances) return "-";
  return with_commas(*distances) + (first ? fmt::format(" ({:.2f}x)", *distances / *first) : "");
}

double logarithm(const GrowthPoint& point) { return std::log(static_cast<double>(point.rows)); }

}  // namespace

std::vector<std::size_t> growth_sizes(std::size_t largest, std::size_t steps) {
  std::vector<std::size_t> sizes;
  for (std::size_t i = steps; i-- > 0;) {
    sizes.push_back(static_cast<std::size_t>(
        std::lround(static_cast<double>(largest) / std::pow(10.0, static_cast<double>(i) / 2))));
  }
  return sizes;
}

std::string growth_table(std::span<const GrowthPoint> points) {
  std::vector<std::string> cells{"vectors", fmt::format("distances a query at {:.2f}", growth_recall), "hnswlib's",
                                 "growth of log n"};
  for (const LibraryGrowth& library : points.front().libraries) {
    cells.push_back(library.name + ", build");
    cells.push_back("bytes owned");
    cells.push_back(fmt::format("a query at {:.2f}", growth_recall));
  }
  std::string text = table_heading(cells);
  const GrowthPoint& first = points.front();
  for (const GrowthPoint& point : points) {
    cells = {with_commas(point.rows), distances_cell(point.distances, first.distances),
             distances_cell(point.baseline_distances, first.baseline_distances),
             fmt::format("{:.2f}x", logarithm(point) / logarithm(first))};
    for (const LibraryGrowth& library : point.libraries) {
      cells.push_back(three_digits(library.build_seconds) + " s");
      cells.push_back(three_digits(static_cast<double>(library.bytes) / 1e6) + " MB");
      cells.push_back(library.query_seconds ? three_digits(*library.query_seconds * 1e6) + " us" : "-");
    }
    text += table_row(cells);
  }
  return text + fmt::format("\nMade-up clusters of {} dimensions; one build each, one thread.\n", first.dimensions);
}

std::vector<Target> growth_targets(std::span<const GrowthPoint> points) {
  if (points.empty()) return {};
  const GrowthPoint& first = points.front();
  const GrowthPoint& last = points.back();
  Target target{
      .name = "growth of distances over that of log n",
      .data = fmt::format("made-up, {}-d, {} to {}", first.dimensions, with_commas(first.rows), with_commas(last.rows)),
      .is_lower_better = true};
  if (first.distances && last.distances) {
    const double growth = *last.distances / *first.distances;
    const double logarithms = logarithm(last) / logarithm(first);
    target.reached = figure_of({growth / logarithms});
    target.remark = fmt::format("{:.0f} to {:.0f} distances, {:.2f}x; log n {:.2f}x", *first.distances, *last.distances,
                                growth, logarithms);
    if (first.baseline_distances && last.baseline_distances) {
      target.remark += fmt::format("; hnswlib's {:.2f}x", *last.baseline_distances / *first.baseline_distances);
    }
  }
  return {target};
}

}  // namespace shoal::report
