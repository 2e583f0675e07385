#pragma once
// Tables in Markdown, and numbers as they stand in them. Pure functions.

#include <string>
#include <vector>

namespace shoal::report {

/// The first row and the rule below it: the first column to the left, the others to the right.
[[nodiscard]] std::string table_heading(const std::vector<std::string>& cells);

[[nodiscard]] std::string table_row(const std::vector<std::string>& cells);

/// "12,345"
[[nodiscard]] std::string with_commas(double number);

/// Three significant digits at least: 0.412, 4.12, 41.2, 412.
[[nodiscard]] std::string three_digits(double number);

}  // namespace shoal::report
