#pragma once
// The report as Markdown, from what was measured.

#include <string>
#include <vector>

#include "measure.hpp"

namespace shoal::report {

struct Report {
  std::vector<std::string> environment;
  std::vector<rivals::Library> libraries;
  std::vector<std::string> notes;  // what is missing, and why
  rivals::Setup setup;
  std::size_t rounds = 0;
  std::vector<SetResult> sets;
};

/// The summary and the table of each set.
[[nodiscard]] std::string tables(const Report& report);

/// The whole page. *Shape*: plots[i] is the name of the plot of set i, or empty.
[[nodiscard]] std::string page(const Report& report, const std::vector<std::string>& plots);

}  // namespace shoal::report
