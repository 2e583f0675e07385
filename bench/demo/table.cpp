#include "table.hpp"

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <utility>

#include <fmt/core.h>

namespace shoal::demo {

Table::Table(std::vector<std::string> heading) { rows_.push_back(std::move(heading)); }

void Table::add_row(std::vector<std::string> cells) {
  assert(cells.size() == rows_.front().size());
  rows_.push_back(std::move(cells));
}

void Table::print(const Terminal& terminal) const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  }
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    std::string rule;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::string padding(widths[i] - width_of(rows_[r][i]), ' ');
      line += i == 0 ? "  " + rows_[r][i] + padding : "   " + padding + rows_[r][i];
      rule += i == 0 ? "  " : "   ";
      for (std::size_t place = 0; place < widths[i]; ++place) {
        rule += terminal.marks.line;
      }
    }
    if (r == 0) {
      fmt::print("{}{}{}\n{}{}{}\n", terminal.bold(), line, terminal.plain(), terminal.dim(), rule, terminal.plain());
    } else {
      fmt::print("{}\n", line);
    }
  }
}

}  // namespace shoal::demo
