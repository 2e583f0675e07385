#include "plots.hpp"

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include <fmt/core.h>

#include "statistics.hpp"

namespace shoal::report {

namespace {

namespace fs = std::filesystem;

/// "recall-made-up-clusters": letters, digits and hyphens, so that no shell or script needs quotes.
std::string file_stem(const std::string& set) {
  std::string stem = "recall-";
  for (const char c : set) stem += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
  return stem;
}

/// For gnuplot's "index": a block for each library, two blank lines between.
std::string data_text(const SetResult& set) {
  std::string text = "# recall, queries/s (median of the rounds), ef\n";
  for (const LibraryResult& library : set.libraries) {
    if (library.refused) continue;
    text += fmt::format("# {}\n", library.name);
    for (std::size_t point = 0; point < library.ef.size(); ++point) {
      std::vector<double> speeds;
      for (const auto& round : library.qps) speeds.push_back(round[point]);
      text += fmt::format("{:.5f} {:.1f} {}\n", library.recall[point], median(speeds), library.ef[point]);
    }
    text += "\n\n";
  }
  return text;
}

std::string script_text(const SetResult& set, const std::string& stem) {
  std::string text = fmt::format(
      "set terminal svg size 800,520 font 'sans,13' background rgb 'white'\n"
      "set output '{}.svg'\n"
      "set title '{}: {} x {}, k = 10, one thread'\n"
      "set xlabel 'recall@10'\nset ylabel 'queries a second'\n"
      "set logscale y\nset grid\nset key left bottom\nset xrange [*:1.0]\nplot ",
      stem, file_stem(set.name).substr(7), set.rows, set.dimensions);
  std::size_t block = 0;
  for (const LibraryResult& library : set.libraries) {
    if (library.refused) continue;
    text += fmt::format("{}'{}.dat' index {} using 1:2 with linespoints lw 2 pt {} title '{}'", block == 0 ? "" : ", ",
                        stem, block, block + 4, library.name);
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

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text << std::flush;
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

Plots write_plots(const std::vector<SetResult>& sets, const fs::path& folder) {
  Plots plots;
  const bool has_gnuplot = run_gnuplot(folder, "--version");
  for (const SetResult& set : sets) {
    plots.names.emplace_back();
    if (set.baseline() == nullptr) continue;  // nothing that could be drawn
    const std::string stem = file_stem(set.name);
    write_file(folder / (stem + ".dat"), data_text(set));
    write_file(folder / (stem + ".gp"), script_text(set, stem));
    if (!has_gnuplot) continue;
    if (run_gnuplot(folder, stem + ".gp")) {
      plots.names.back() = stem + ".svg";
    } else {
      plots.notes.push_back("gnuplot failed on " + stem + ".gp; gnuplot.log says why");
    }
  }
  if (!has_gnuplot) {
    plots.notes.emplace_back(
        "no plots: gnuplot is not installed (Debian: gnuplot-nox); `gnuplot NAME.gp` draws them later");
  }
  return plots;
}

}  // namespace shoal::report
