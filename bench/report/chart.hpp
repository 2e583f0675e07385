#pragma once
// One plot: a file of numbers, the gnuplot script that draws them, and an SVG where gnuplot is installed. The numbers
// and the script are written in any case, so that a plot can be drawn later or elsewhere.

#include <filesystem>
#include <string>
#include <vector>

namespace shoal::report {

struct Point {
  double x = 0;
  double y = 0;
};

struct Curve {
  std::string name;
  std::vector<Point> points;
};

struct Chart {
  std::string stem;  // of its files: letters, digits and hyphens
  std::string title, x_label, y_label;
  std::string settings;  // more of gnuplot's, a line each
  std::vector<Curve> curves;
};

/// Letters, digits and hyphens alone, so that no shell or script needs quotes.
[[nodiscard]] std::string stem_of(const std::string& name);

[[nodiscard]] bool has_gnuplot(const std::filesystem::path& folder);

/// NAME.dat and NAME.gp in `folder`. *Errors*: std::runtime_error for a file that cannot be written.
void write_chart(const Chart& chart, const std::filesystem::path& folder);

/// NAME.svg from these two. When that fails, gnuplot.log in the folder says why.
[[nodiscard]] bool draw_chart(const Chart& chart, const std::filesystem::path& folder);

/// Writes a whole file. *Errors*: std::runtime_error.
void write_file(const std::filesystem::path& path, const std::string& text);

}  // namespace shoal::report
