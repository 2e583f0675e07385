#include "chart.hpp"

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include <fmt/core.h>

namespace shoal::report {

namespace {

namespace fs = std::filesystem;

/// For gnuplot's "index": a block for each curve, two blank lines between.
std::string data_text(const Chart& chart) {
  std::string text = fmt::format("# {}, {}\n", chart.x_label, chart.y_label);
  for (const Curve& curve : chart.curves) {
    text += fmt::format("# {}\n", curve.name);
    for (const Point& point : curve.points) text += fmt::format("{:.6g} {:.6g}\n", point.x, point.y);
    text += "\n\n";
  }
  return text;
}

std::string script_text(const Chart& chart) {
  std::string text = fmt::format(
      "set terminal svg noenhanced size 800,520 font 'sans,13' background rgb 'white'\n"
      "set output '{}.svg'\n"
      "set title '{}'\n"
      "set xlabel '{}'\nset ylabel '{}'\n"
      "set grid\n{}plot ",
      chart.stem, chart.title, chart.x_label, chart.y_label, chart.settings);
  std::size_t block = 0;
  for (const Curve& curve : chart.curves) {
    text += fmt::format("{}'{}.dat' index {} using 1:2 with linespoints lw 2 pt {} title '{}'", block == 0 ? "" : ", ",
                        chart.stem, block, block + 4, curve.name);
    ++block;
  }
  return text + "\n";
}

/// Runs gnuplot in `folder` and comes back. What it complains of stays in gnuplot.log.
bool run_gnuplot(const fs::path& folder, const std::string& arguments) {
  const fs::path before = fs::current_path();
  fs::current_path(folder);
  const int status = std::system(("gnuplot " + arguments + " >gnuplot.log 2>&1").c_str());
  fs::current_path(before);
  if (status == 0) fs::remove(folder / "gnuplot.log");
  return status == 0;
}

}  // namespace

std::string stem_of(const std::string& name) {
  std::string stem;
  for (const char c : name) stem += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
  return stem;
}

bool has_gnuplot(const fs::path& folder) { return run_gnuplot(folder, "--version"); }

void write_chart(const Chart& chart, const fs::path& folder) {
  write_file(folder / (chart.stem + ".dat"), data_text(chart));
  write_file(folder / (chart.stem + ".gp"), script_text(chart));
}

bool draw_chart(const Chart& chart, const fs::path& folder) { return run_gnuplot(folder, chart.stem + ".gp"); }

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text << std::flush;
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace shoal::report
