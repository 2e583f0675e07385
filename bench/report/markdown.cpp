#include "markdown.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <rivals/allocated_bytes.hpp>

#include "markdown_table.hpp"
#include "statistics.hpp"

namespace shoal::report {

namespace {

constexpr double recalls[] = {0.90, 0.95, 0.99, 0.995};

std::string ratio_text(const std::vector<double>& ratios) {
  return ratios.empty() ? "-" : fmt::format("{:.2f}x", median(ratios));
}

std::string build_cell(const LibraryResult& library, const LibraryResult& baseline) {
  const auto builds = std::count_if(library.build_seconds.begin(), library.build_seconds.end(),
                                    [](const auto& seconds) { return seconds.has_value(); });
  return fmt::format("{} s ({}{})", three_digits(library.median_build_seconds()),
                     ratio_text(build_ratios(library, baseline)),
                     builds == static_cast<std::ptrdiff_t>(library.build_seconds.size())
                         ? ""
                         : fmt::format(", {} build{}", builds, builds == 1 ? "" : "s"));
}

std::string bytes_cell(const LibraryResult& library) {
  if (!library.bytes) return "-";
  std::string text = fmt::format("{} MB", three_digits(static_cast<double>(*library.bytes) / 1e6));
  if (library.reported_bytes) {
    text += fmt::format(" (says {})", three_digits(static_cast<double>(*library.reported_bytes) / 1e6));
  }
  return text;
}

std::string speed_cell(const LibraryResult& library, const LibraryResult& baseline, double target) {
  const auto qps = library.median_qps_at_recall(target);
  if (!qps) return "never";
  const auto ratios = speed_ratios(library, baseline, target);
  return with_commas(*qps) + (ratios.empty() ? "" : " (" + ratio_text(ratios) + ")");
}

std::string set_table(const SetResult& set) {
  std::vector<std::string> cells{"library", "build", "bytes owned", "unreachable", "highest recall (ef)"};
  for (const double target : recalls) cells.push_back(fmt::format("QPS at {:.{}f}", target, target == 0.995 ? 3 : 2));
  std::string text = table_heading(cells);
  const LibraryResult* baseline = set.baseline();
  for (const LibraryResult& library : set.libraries) {
    cells = {library.name};
    if (library.refused) {
      cells.push_back("refused: " + *library.refused);
      cells.resize(5 + std::size(recalls));
      text += table_row(cells);
      continue;
    }
    cells.push_back(build_cell(library, *baseline));
    cells.push_back(bytes_cell(library));
    cells.push_back(library.unreachable ? std::to_string(*library.unreachable) : "-");
    cells.push_back(fmt::format("{:.4f} ({})", library.highest_recall, library.highest_recall_ef));
    for (const double target : recalls) cells.push_back(speed_cell(library, *baseline, target));
    text += table_row(cells);
  }
  return text;
}

/// How far a figure moved from round to round: what a difference must exceed to mean anything.
std::string spread_line(const SetResult& set) {
  std::vector<double> spreads;
  for (const LibraryResult& library : set.libraries) {
    for (std::size_t point = 0; point < library.ef.size() && library.qps.size() > 1; ++point) {
      std::vector<double> speeds;
      for (const auto& round : library.qps) speeds.push_back(round[point]);
      spreads.push_back(spread(speeds));
    }
  }
  if (spreads.empty()) return "";
  return fmt::format("Speeds moved by {:.0f} % from round to round (median; at most {:.0f} %).\n",
                     100 * median(spreads), 100 * *std::max_element(spreads.begin(), spreads.end()));
}

std::string set_section(const SetResult& set) {
  std::string text = fmt::format("### {}: {}, {} queries\n\n{}\n", set.name, size_text(set.rows, set.dimensions),
                                 with_commas(set.queries), set_table(set));
  text += spread_line(set);
  text += notes_text(set.notes);
  return text + "\n";
}

/// shoal against the baseline on all sets, ratios alone.
std::string summary(const Report& report) {
  std::string text;
  for (const SetResult& set : report.sets) {
    const LibraryResult* baseline = set.baseline();
    if (baseline == nullptr) continue;
    for (const LibraryResult& library : set.libraries) {
      if (library.refused || !library.name.starts_with(rivals::shoal_prefix) || &library == baseline) continue;
      if (text.empty()) {
        text = fmt::format("### shoal against {}, at equal recall\n\n", baseline->name) +
               table_heading({"data", "storage", "build", "search at 0.90", "0.95", "0.99", "0.995"});
      }
      std::vector<std::string> cells{set.name, library.name.substr(std::strlen(rivals::shoal_prefix)),
                                     ratio_text(build_ratios(library, *baseline))};
      for (const double target : recalls) cells.push_back(ratio_text(speed_ratios(library, *baseline, target)));
      text += table_row(cells);
    }
  }
  return text.empty() ? text : text + "\n";
}

std::string target_section(const Report& report) {
  if (report.targets.empty()) return "";
  return fmt::format("### Targets\n\n{}\n", target_table(report.targets));
}

std::string growth_section(const Report& report) {
  if (report.growth.empty()) return "";
  return fmt::format("### Growth with the number of vectors\n\n{}\n", growth_table(report.growth));
}

std::string setup_lines(const Report& report) {
  std::string text;
  for (const std::string& line : report.environment) text += "- " + line + "\n";
  std::vector<std::string> versions;
  for (const auto& library : report.libraries) versions.push_back(library.name + " " + library.version);
  text += fmt::format("- libraries: {}\n", fmt::join(versions, ", "));
  text += fmt::format(
      "- setup: squared L2, M {}, ef_construction {}, k 10, one thread, processor time; recall counts ties; medians of "
      "{} round{}, the "
      "libraries interleaved; bytes: {}\n",
      report.setup.M, report.setup.ef_construction, report.rounds, report.rounds == 1 ? "" : "s",
      rivals::allocated_bytes_source());
  for (const std::string& note : report.notes) text += "- " + note + "\n";
  return text + "\n";
}

/// The name of a storage policy is no tag of HTML.
std::string without_tags(std::string text) {
  for (std::size_t i = text.find('<'); i != std::string::npos; i = text.find('<', i + 2)) text.insert(i, "\\");
  return text;
}

}  // namespace

std::string tables(const Report& report) {
  std::string text = setup_lines(report) + target_section(report) + growth_section(report) + summary(report);
  for (const SetResult& set : report.sets) text += set_section(set);
  return text + churn_section(report.churn) + filters_section(report.filters) + latency_section(report.latency) +
         ingest_section(report.ingest) + files_section(report.files);
}

std::string page(const Report& report, const Plots& plots) {
  std::string text =
      "# Benchmark report\n\nRatios in parentheses are against the same rounds of the baseline: above 1, faster. "
      "docs/benchmarks.md says how everything is measured.\n\n" +
      setup_lines(report) + target_section(report) + growth_section(report);
  for (const std::string& plot : plots.of_measurements) text += fmt::format("![]({})\n\n", plot);
  text += summary(report);
  for (std::size_t i = 0; i < report.sets.size(); ++i) {
    text += set_section(report.sets[i]);
    const std::string& plot = plots.of_sets[i];
    if (!plot.empty()) text += fmt::format("![recall and speed on {}]({})\n\n", report.sets[i].name, plot);
  }
  text += churn_section(report.churn);
  for (const std::string& plot : plots.of_churn) text += fmt::format("![]({})\n\n", plot);
  text += filters_section(report.filters) + latency_section(report.latency) + ingest_section(report.ingest) +
          files_section(report.files);
  for (const std::string& plot : plots.of_files) text += fmt::format("![]({})\n\n", plot);
  return without_tags(text);
}

}  // namespace shoal::report
