#include "options.hpp"

#include <charconv>
#include <cstdio>
#include <map>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

namespace shoal::demo {

namespace {

constexpr const char* about =
    "Builds a shoal index through batch_insert and prints what it costs and what it finds.\n"
    "Without PATH the vectors are made up: 10,000 x 768, clustered as text embeddings are.\n";

constexpr const char* about_path =
    "PATH is a .fvecs, .bvecs, .npy or ann-benchmarks .hdf5 file, or a folder with a file base.* or *_base.*.\n"
    "Queries (query.*, queries.*, *_query.*) and ground truth (gt.*, *_groundtruth.*) that lie beside it are used;\n"
    "without queries some rows are held out, without a ground truth that fits it is computed.";

/// Digits only and in the range: CLI11's own check lets -1 become the largest number there is.
template <class T>
CLI::Validator whole_number(T least, T most) {
  return {[least, most](const std::string& given) {
            T number{};
            const char* end = given.data() + given.size();
            const auto [stopped, error] = std::from_chars(given.data(), end, number);
            const bool is_good = error == std::errc() && stopped == end && number >= least && number <= most;
            return is_good ? "" : fmt::format("expected a whole number from {} to {}, came '{}'", least, most, given);
          },
          ""};
}

template <class T>
void add_number(CLI::App& app, const char* name, T& value, T least, T most, const char* help) {
  app.add_option(name, value, help)->check(whole_number(least, most))->option_text(fmt::format("N [{}]", value));
}

void add_count(CLI::App& app, const char* name, std::optional<std::size_t>& value, const char* help) {
  app.add_option(name, value, help)->check(whole_number<std::size_t>(1, 1'000'000'000))->option_text("N");
}

}  // namespace

Expected<Options, int> parse_options(int argc, const char* const* argv) {
  Options options;
  std::string storage = "both";
  std::string metric;

  CLI::App app(about, "shoal_demo");
  app.footer(about_path);
  app.add_option("PATH", options.path, "vectors to read: a file, or a folder (see below)")->option_text(" ");
  add_count(app, "--limit", options.limit, "use the first N rows only (made-up data: make N rows)");
  add_count(app, "--queries", options.queries, "use the first N queries only [1000]");
  add_number<std::size_t>(app, "--M", options.M, 2, 512, "links of a vector");
  add_number<std::size_t>(app, "--ef-construction", options.ef_construction, 1, 100'000, "candidates while building");
  add_number<std::size_t>(app, "--ef", options.ef, 1, 1'000'000, "candidates while searching");
  add_number<std::size_t>(app, "--k", options.k, 1, 10'000, "neighbours of each query");
  add_number<std::uint64_t>(app, "--seed", options.seed, 0, ~std::uint64_t{0}, "of the index and of made-up data");
  add_number<unsigned>(app, "--threads", options.threads, 0, 1024, "that build; 0: all cores");
  app.add_option("--storage", storage, "float32, sq8 or both")
      ->check(CLI::IsMember({"float32", "sq8", "both"}, CLI::ignore_case))
      ->option_text("NAME [both]");
  app.add_option("--metric", metric, "euclidean or angular [what the file says, else euclidean]")
      ->check(CLI::IsMember({"euclidean", "angular"}, CLI::ignore_case))
      ->option_text("NAME");
  app.get_formatter()->column_width(28);

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return Unexpected<int>(success);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "shoal_demo: {} (--help lists the options)\n", error.what());
    return Unexpected<int>(bad_usage);
  }

  storage = CLI::detail::to_lower(storage);
  metric = CLI::detail::to_lower(metric);
  options.float32 = storage != "sq8";
  options.sq8 = storage != "float32";
  if (!metric.empty()) {
    options.metric = metric == "angular" ? datasets::Metric::angular : datasets::Metric::euclidean;
  }
  return options;
}

}  // namespace shoal::demo
