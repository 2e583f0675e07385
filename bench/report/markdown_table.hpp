#pragma once
// Tables in Markdown, and numbers as they stand in them. Pure functions.

#include <cstddef>
#include <string>
#include <vector>

namespace shoal::report {

/// The first row and the rule below it: the first column to the left, the others to the right.
[[nodiscard]] std::string table_heading(const std::vector<std::string>& cells);

[[nodiscard]] std::string table_row(const std::vector<std::string>& cells);

/// A line in parentheses for each.
[[nodiscard]] std::string notes_text(const std::vector<std::string>& notes);

/// "12,345"
[[nodiscard]] std::string with_commas(double number);
[[nodiscard]] std::string with_commas(std::size_t number);

/// "20,000 x 768"
[[nodiscard]] std::string size_text(std::size_t rows, std::size_t dimensions);

/// "0.5 %"
[[nodiscard]] std::string share_text(double share);

/// Three significant digits at least: 0.412, 4.12, 41.2, 412.
[[nodiscard]] std::string three_digits(double number);

}  // namespace shoal::report
