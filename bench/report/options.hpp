#pragma once
// The command line of shoal_report.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <shoal/core/expected.hpp>

namespace shoal::report {

struct Options {
  bool quick = false;
  bool targets_only = false;           // what the table of targets needs
  bool large = false;                  // large made-up sets as well
  std::size_t rounds = 0;              // of timed searches; 0: 5, or 3 when quick
  std::filesystem::path data;          // a folder of data sets, or one data set; empty: the usual places
  std::filesystem::path out;           // where the report goes
  std::vector<std::string> only;       // data sets and sections whose name contains one of these; empty: all
  std::vector<std::string> libraries;  // likewise
  std::size_t rows = 0;                // of every data set, at most; 0: its usual number
  std::size_t max_queries = 1'000;

  [[nodiscard]] std::size_t search_rounds() const { return rounds != 0 ? rounds : quick ? 3 : 5; }
  [[nodiscard]] std::size_t builds() const { return quick ? 1 : 3; }
  [[nodiscard]] std::size_t at_most(std::size_t usual_rows) const {
    return rows == 0 ? usual_rows : std::min(rows, usual_rows);
  }
};

/// What was asked for; or the exit code, after help or a mistake was printed.
[[nodiscard]] Expected<Options, int> parse_options(int argc, char** argv);

/// Whether a section beside the tables of the data sets was asked for: by its name, or by naming nothing; where the
/// targets alone are wanted, one that has some.
[[nodiscard]] bool wants_section(const char* name, const Options& options, bool has_targets = false);

/// Whether `name` contains one of the words, in any case of letters; no words: everything does.
[[nodiscard]] bool is_wanted(const std::string& name, const std::vector<std::string>& words);

}  // namespace shoal::report
