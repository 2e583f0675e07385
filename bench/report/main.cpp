// Compares shoal with the libraries that are installed, on every data set that is there, and writes a report: what
// `./dev bench` runs. stdout holds the tables, stderr the progress.

#include <cstdio>
#include <exception>

#include <fmt/core.h>

#include "environment.hpp"
#include "markdown.hpp"
#include "measure.hpp"
#include "options.hpp"
#include "plots.hpp"
#include "sets.hpp"

namespace shoal::report {

namespace {

constexpr int bad_usage = 2;
constexpr int failure = 1;

int complain(const std::string& message, int code) {
  fmt::print(stderr, "shoal_report: {}\n", message);
  return code;
}

bool is_refused(const SetResult& set) {
  for (const LibraryResult& library : set.libraries) {
    if (library.refused) return true;
  }
  return false;
}

int run(const Options& options) {
  Report report;
  report.environment = describe_environment();
  report.notes = rivals::missing_libraries();
  report.rounds = options.search_rounds();
  for (const auto& library : rivals::libraries()) {
    if (is_wanted(library.name, options.libraries)) report.libraries.push_back(library);
  }
  if (report.libraries.empty()) return complain("--libraries: no library of that name", bad_usage);
  const SetList list = find_sets(options);
  if (list.sets.empty()) {
    for (const std::string& note : list.notes) fmt::print(stderr, "{}\n", note);
    return complain("--only: no data set of that name", bad_usage);
  }
  report.notes.insert(report.notes.end(), list.notes.begin(), list.notes.end());
  std::filesystem::create_directories(options.out);

  bool is_sound = true;
  for (const SetSource& source : list.sets) {
    const auto set = load_set(source, options);
    if (!set) {
      report.notes.push_back("left out: " + set.error());
      fmt::print(stderr, "{}\n", report.notes.back());
      continue;
    }
    report.sets.push_back(measure(*set, report.libraries, report.setup, options));
    is_sound = is_sound && !is_refused(report.sets.back());
  }

  const Plots plots = write_plots(report.sets, options.out);
  report.notes.insert(report.notes.end(), plots.notes.begin(), plots.notes.end());
  const auto path = options.out / "bench-report.md";
  write_file(path, page(report, plots.names));
  fmt::print("{}", tables(report));
  fmt::print(stderr, "written: {}\n", path.string());
  return is_sound ? 0 : complain("some results were refused; the table says which", failure);
}

}  // namespace

}  // namespace shoal::report

int main(int argc, char** argv) {
  try {
    const auto options = shoal::report::parse_options(argc, argv);
    return options ? shoal::report::run(*options) : options.error();
  } catch (const std::exception& error) {
    return shoal::report::complain(error.what(), shoal::report::failure);
  }
}
