#pragma once
// A table with a heading and aligned columns: text to the left, numbers to the right.

#include <string>
#include <vector>

#include "terminal.hpp"

namespace shoal::demo {

class Table {
 public:
  /// The first column is text, all others are numbers.
  explicit Table(std::vector<std::string> heading);

  void add_row(std::vector<std::string> cells);

  /// To stdout.
  void print(const Terminal& terminal) const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the heading first
};

}  // namespace shoal::demo
