// What can be said of files and sessions: pure functions.

#include <fmt/core.h>

#include "files.hpp"
#include "markdown_table.hpp"
#include "statistics.hpp"

namespace shoal::report {

namespace {

std::string megabytes(double bytes) { return three_digits(bytes / 1e6) + " MB"; }
std::string megabytes(std::size_t bytes) { return megabytes(static_cast<double>(bytes)); }
std::string megabytes(std::ptrdiff_t bytes) { return megabytes(static_cast<double>(bytes)); }

/// "12,345 (0.51x)": against the same rounds of `base`.
std::string speed_cell(const std::vector<double>& qps, const std::vector<double>& base) {
  if (qps.empty()) return "-";
  return fmt::format("{} ({:.2f}x)", with_commas(median(qps)), median(ratios(qps, base)));
}

/// "0.412 s, 1.51 GB/s"
std::string rate_cell(const std::vector<double>& seconds, std::size_t bytes) {
  if (seconds.empty()) return "-";
  const double time = median(seconds);
  return fmt::format("{} s, {} GB/s", three_digits(time), three_digits(static_cast<double>(bytes) / time / 1e9));
}

/// "0.412 ms": of microseconds, milliseconds or seconds the unit that leaves a number before the point.
std::string time_cell(const std::vector<double>& seconds) {
  if (seconds.empty()) return "-";
  const double time = median(seconds);
  if (time < 1e-3) return three_digits(time * 1e6) + " us";
  if (time < 1) return three_digits(time * 1e3) + " ms";
  return three_digits(time) + " s";
}

std::string opening_text(const OpeningResult& opening) {
  std::string text = fmt::format("#### Opening: {}, {}, a file of {}\n\n", opening.set,
                                 size_text(opening.rows, opening.dimensions), megabytes(opening.file_bytes));
  text += table_heading({"how", "ready after", "first search", "each of a hundred after it"});
  for (const OpeningPoint& point : opening.points) {
    text += table_row({point.how, time_cell(point.opened), time_cell(point.first), time_cell(point.further)});
  }
  return text + fmt::format("\nFloat32, ef {}, medians of the rounds. Built with ef_construction 16.\n\n", files_ef);
}

std::string saving_text(const SavingResult& saving) {
  std::string text = fmt::format("#### Saving and loading: {}, {}, on {}\n\n", saving.set,
                                 size_text(saving.rows, saving.dimensions), saving.file_system);
  text += table_heading({"library", "file", "save", "save, and sync", "load"});
  for (const SavingCurve& curve : saving.curves) {
    text += table_row({curve.name, megabytes(curve.file_bytes), rate_cell(curve.saved, curve.file_bytes),
                       rate_cell(curve.synced, curve.file_bytes), rate_cell(curve.loaded, curve.file_bytes)});
  }
  if (!saving.raw_write.empty()) {
    text += fmt::format(
        "\nThe disk itself, in the same rounds: bytes written and synced {} GB/s, read from the cache of the system {} "
        "GB/s. shoal's save syncs by itself. Built with ef_construction 16.\n",
        three_digits(median(saving.raw_write) / 1e9), three_digits(median(saving.raw_read) / 1e9));
  }
  return text + "\n";
}

}  // namespace

std::string files_section(const std::vector<FilesResult>& results) {
  std::string text;
  for (const FilesResult& result : results) {
    text += fmt::format("### Files and sessions: {} files of {}, {}, ef {}\n\n", result.files, result.set,
                        size_text(result.rows, result.dimensions), files_ef);
    std::vector<std::string> heading{"storage", "files", "recall@10", "in memory", "mapped"};
    if (!result.sessions.empty()) {
      for (const SessionPoint& point : result.sessions.front().points) {
        heading.push_back(share_text(point.share) + " cached");
      }
    }
    text += table_heading(heading);
    for (const SessionCurve& curve : result.sessions) {
      std::vector<std::string> cells{curve.storage, megabytes(curve.file_bytes), fmt::format("{:.4f}", curve.recall),
                                     speed_cell(curve.memory, curve.memory), speed_cell(curve.mapped, curve.memory)};
      for (const SessionPoint& point : curve.points) {
        cells.push_back(fmt::format("{}, {:.1f} % hits", speed_cell(point.qps, curve.memory), 100 * point.hit_share));
      }
      text += table_row(cells);
    }
    text +=
        "\nQueries a second on one thread, over the files in turn, and the share of pages that were found in the "
        "cache. "
        "What a session finds was compared with what the index finds, every time.\n\n";
    text += table_heading({"storage", "bound", "the session says", "process, after 1 % of the searches", "after all",
                           "searches", "process over session"});
    for (const SessionMemory& memory : result.memory) {
      text +=
          table_row({memory.storage, megabytes(memory.limit_bytes), megabytes(memory.said),
                     megabytes(memory.after_first), megabytes(memory.after_all), with_commas(memory.searches),
                     fmt::format("{:.3f}", static_cast<double>(memory.after_all) / static_cast<double>(memory.said))});
    }
    text += "\n" + table_heading({"storage", "after a bulk load the index says", "the process grew by", "ratio"});
    for (const LoadedMemory& loaded : result.loaded) {
      text += table_row({loaded.storage, megabytes(loaded.said), megabytes(loaded.grown),
                         fmt::format("{:.3f}", static_cast<double>(loaded.grown) / static_cast<double>(loaded.said))});
    }
    text += notes_text(result.notes) + "\n";
    if (result.saving) text += saving_text(*result.saving);
    if (result.opening) text += opening_text(*result.opening);
  }
  return text;
}

}  // namespace shoal::report
