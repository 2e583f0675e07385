#pragma once
// Curves of recall and speed: a data file and a script for each set, and an SVG where gnuplot is installed.

#include <filesystem>
#include <string>
#include <vector>

#include "measure.hpp"

namespace shoal::report {

struct Plots {
  std::vector<std::string> names;  // of the SVG of each set; empty where there is none
  std::vector<std::string> notes;
};

/// Into `folder`, which exists. *Errors*: std::runtime_error for a file that cannot be written.
[[nodiscard]] Plots write_plots(const std::vector<SetResult>& sets, const std::filesystem::path& folder);

/// Writes a whole file. *Errors*: std::runtime_error.
void write_file(const std::filesystem::path& path, const std::string& text);

}  // namespace shoal::report
