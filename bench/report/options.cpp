#include "options.hpp"

#include <algorithm>
#include <cctype>
#include <limits>

#include <CLI/CLI.hpp>

namespace shoal::report {

namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

bool is_wanted(const std::string& name, const std::vector<std::string>& words) {
  const std::string text = lower(name);
  return words.empty() || std::any_of(words.begin(), words.end(), [&](const std::string& word) {
           return text.find(lower(word)) != std::string::npos;
         });
}

bool wants_section(const char* name, const Options& options, bool has_targets) {
  return options.only.empty() ? has_targets || !options.targets_only : is_wanted(name, options.only);
}

Expected<Options, int> parse_options(int argc, char** argv) {
  Options options;
  options.out = SHOAL_REPORT_DEFAULT_OUT;
  CLI::App app("Compares shoal with other libraries, on made-up and on real vectors, and writes a report.",
               "shoal_report");
  const CLI::Range at_least_one(std::size_t{1}, std::numeric_limits<std::size_t>::max());
  app.add_flag("--quick", options.quick, "Made-up vectors and the smallest real set, one build, 3 rounds");
  app.add_flag("--targets-only", options.targets_only, "What the table of targets needs: shoal and hnswlib alone");
  app.add_flag("--large", options.large,
               "Made-up sets of 100,000 x 768 and 1,000,000 x 128 too, and growth up to 1,000,000");
  app.add_option("--data", options.data,
                 "A folder of data sets, or one data set (default: $SHOAL_DATA, else ../shared/data beside the "
                 "repository)")
      ->check(CLI::ExistingPath);
  app.add_option("--rounds", options.rounds, "Rounds of timed searches (default: 5)")->check(at_least_one);
  app.add_option("--out", options.out, "Folder of the report (default: report/ in the build folder)");
  app.add_option("--only", options.only,
                 "Only data sets and sections (growth, churn, filters, latency, ingest, files) whose name contains one "
                 "of these words")
      ->delimiter(',');
  app.add_option("--libraries", options.libraries, "Only libraries whose name contains one of these words")
      ->delimiter(',');
  app.add_option("--rows", options.rows, "Rows of each data set, at most (default: 20000 of real ones)")
      ->check(CLI::Range(std::size_t{20}, std::numeric_limits<std::size_t>::max()));
  app.add_option("--queries", options.max_queries, "Queries of each data set, at most (default: 1000)")
      ->check(at_least_one);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return Unexpected<int>(app.exit(error) == 0 ? 0 : 2);
  }
  return options;
}

}  // namespace shoal::report
