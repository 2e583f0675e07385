#include "markdown_table.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

namespace shoal::report {

std::string table_heading(const std::vector<std::string>& cells) {
  std::string rule = "|---|";
  for (std::size_t i = 1; i < cells.size(); ++i) rule += "---:|";
  return table_row(cells) + rule + "\n";
}

std::string table_row(const std::vector<std::string>& cells) {
  return fmt::format("| {} |\n", fmt::join(cells, " | "));
}

std::string notes_text(const std::vector<std::string>& notes) {
  std::string text;
  for (const std::string& note : notes) text += fmt::format("({})\n", note);
  return text;
}

std::string with_commas(double number) {
  std::string digits = fmt::format("{:.0f}", number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string with_commas(std::size_t number) { return with_commas(static_cast<double>(number)); }

std::string size_text(std::size_t rows, std::size_t dimensions) {
  return fmt::format("{} x {}", with_commas(rows), dimensions);
}

std::string share_text(double share) { return fmt::format("{:g} %", 100 * share); }

std::string three_digits(double number) {
  return fmt::format("{:.{}f}", number, number < 1 ? 3 : number < 10 ? 2 : number < 100 ? 1 : 0);
}

}  // namespace shoal::report
