// Compares shoal with the libraries that are installed, on every data set that is there, and writes a report: what
// `./dev bench` runs. stdout holds the tables, stderr the progress.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <iterator>
#include <thread>

#include <fmt/core.h>

#include "batch_memory.hpp"
#include "batch_over_loop.hpp"
#include "chart.hpp"
#include "environment.hpp"
#include "files.hpp"
#include "flags.hpp"
#include "ingest.hpp"
#include "markdown.hpp"
#include "measure.hpp"
#include "options.hpp"
#include "plots.hpp"
#include "set_targets.hpp"
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

SetResult measure_set(const SetSource& source, const datasets::Dataset& set, const Report& report,
                      const Options& options) {
  if (!source.is_large) return measure(set, report.libraries, report.setup, options);
  std::vector<rivals::Library> compared;
  for (const rivals::Library& library : report.libraries) {
    if (rivals::is_shoal_or_baseline(library.name)) compared.push_back(library);
  }
  rivals::Setup setup = report.setup;
  setup.threads = std::max(1U, std::thread::hardware_concurrency());
  SetResult result = measure(set, compared, setup, options);
  result.notes.push_back(fmt::format("built on {} threads, time on the clock", setup.threads));
  return result;
}

/// What is measured of shoal alone. One that fails is a note, and the others go on. Gives whether none did.
bool add_measurements(Report& report, std::vector<ThreadCurve>& threads, const Options& options) {
  bool is_sound = true;
  const auto part = [&](const char* name, auto measure_part) {
    try {
      std::vector<Target> targets = measure_part();
      std::move(targets.begin(), targets.end(), std::back_inserter(report.targets));
    } catch (const std::exception& error) {
      report.notes.push_back(fmt::format("refused: {}: {}", name, error.what()));
      fmt::print(stderr, "{}\n", report.notes.back());
      is_sound = false;
    }
  };
  part("threads", [&] {
    ThreadScaling scaling = measure_threads(report.setup, options);
    threads = std::move(scaling.curves);
    return std::move(scaling.targets);
  });
  part("batch over loop", [&] { return measure_batch_over_loop(report.setup, options); });
  part("flags", [&] { return measure_flags(options); });
  part("memory of a batch", [&] { return measure_batch_memory(report.setup, options); });
  return is_sound;
}

/// A section beside the tables of the sets. One that fails is a note, and the others go on. Gives whether none did.
template <class Results, class Measure>
bool add_section(const char* name, Results& results, Report& report, const Options& options, Measure measure_section,
                 bool has_targets = false) {
  if (!wants_section(name, options, has_targets)) return true;
  try {
    results = measure_section(report.setup, options);
    return std::none_of(results.begin(), results.end(), [](const auto& result) { return is_refused(result); });
  } catch (const std::exception& error) {
    report.notes.push_back(fmt::format("refused: {}: {}", name, error.what()));
    fmt::print(stderr, "{}\n", report.notes.back());
    return false;
  }
}

/// By itself or with what is made up. Gives whether it did not fail.
bool add_growth(Report& report, const Options& options) {
  try {
    report.growth = measure_growth(report.libraries, report.setup, options);
    std::ranges::move(growth_targets(report.growth), std::back_inserter(report.targets));
    return true;
  } catch (const std::exception& error) {
    report.notes.push_back(fmt::format("refused: {}: {}", growth_name, error.what()));
    fmt::print(stderr, "{}\n", report.notes.back());
    return false;
  }
}

bool wants_growth(const Options& options) {
  return wants_made_up(options) || wants_section(growth_name, options, true);
}

bool wants_any_section(const Options& options) {
  return wants_growth(options) || wants_section(churn_name, options) || wants_section(filters_name, options) ||
         wants_section(latency_name, options) || wants_section(ingest_name, options, true) ||
         wants_section(files_name, options);
}

int run(const Options& options) {
  Report report;
  report.environment = describe_environment();
  report.notes = rivals::missing_libraries();
  report.rounds = options.search_rounds();
  for (const auto& library : rivals::libraries()) {
    if (options.targets_only && !rivals::is_shoal_or_baseline(library.name)) continue;
    if (is_wanted(library.name, options.libraries)) report.libraries.push_back(library);
  }
  if (report.libraries.empty()) return complain("--libraries: no library of that name", bad_usage);
  const SetList list = find_sets(options);
  if (list.sets.empty() && !wants_any_section(options)) {
    for (const std::string& note : list.notes) fmt::print(stderr, "{}\n", note);
    return complain("--only: no data set or section of that name", bad_usage);
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
    report.sets.push_back(measure_set(source, *set, report, options));
    is_sound = is_sound && !is_refused(report.sets.back());
  }
  report.targets = set_targets(report.sets);
  std::vector<ThreadCurve> threads;
  if (wants_made_up(options)) is_sound = add_measurements(report, threads, options) && is_sound;
  if (wants_growth(options)) is_sound = add_growth(report, options) && is_sound;
  is_sound = add_section(churn_name, report.churn, report, options, measure_churn) && is_sound;
  const auto filters = [&](const rivals::Setup& setup, const Options& asked) {
    return measure_filters(report.libraries, setup, asked);
  };
  is_sound = add_section(filters_name, report.filters, report, options, filters) && is_sound;
  is_sound = add_section(latency_name, report.latency, report, options, measure_latency) && is_sound;
  is_sound = add_section(ingest_name, report.ingest, report, options, measure_ingest, true) && is_sound;
  const auto files = [&](const rivals::Setup& setup, const Options& asked) {
    return measure_files(report.libraries, setup, asked);
  };
  is_sound = add_section(files_name, report.files, report, options, files) && is_sound;
  std::ranges::move(ingest_targets(report.ingest), std::back_inserter(report.targets));

  const Plots plots = write_plots(report.sets, report.growth, threads, report.churn, report.files, options.out);
  report.notes.insert(report.notes.end(), plots.notes.begin(), plots.notes.end());
  const auto path = options.out / "bench-report.md";
  write_file(path, page(report, plots));
  fmt::print("{}", tables(report));
  fmt::print(stderr, "written: {}\n", path.string());
  return is_sound ? 0 : complain("some results were refused; the report says which", failure);
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
