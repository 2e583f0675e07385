#include "search_options.hpp"

#include <unistd.h>

#include "command_line.hpp"

namespace shoal::tools {

namespace {

constexpr const char* about =
    "Finds the nearest vectors of a store, as shoal-ingest writes it.\n"
    "\n"
    "An index of all that STORE holds is built in memory, then queries are answered: rows of .npy and .fvecs FILES, "
    "or\n"
    "JSON lines from FILES or from standard input, \"k\" as the line wants it:\n"
    R"(  {"vector": [0.1, 0.2], "k": 5})"
    "\n"
    "Each answer is one line, nearest first, with the metric's distance (squared for l2) and the metadata as stored:\n"
    R"(  {"query": 1, "neighbors": [{"id": 7, "distance": 0.25, "metadata": {"title": "..."}}]})"
    "\n"
    "query is the number of the line (from 1), of the row (from 0), or the id asked for with --id.\n";

constexpr const char* details =
    R"(A query that is bad is reported on stderr with its file and line, and the next one is answered.

Exit codes:
    0   every query is answered
    1   a query was bad, or an input is damaged; the others are answered
    2   wrong options, or an input that cannot be used
    3   the store failed, or holds what an index of the metric cannot take
    4   standard output was closed

Examples:
  shoal-search vectors.db --id 7 --k 5
  shoal-search vectors.db queries.npy --metric cosine --storage sq8 --threads 0 > answers.jsonl
  echo '{"vector": [0.1, 0.2]}' | shoal-search vectors.db --exact
  shoal-search vectors.db queries.fvecs --within 0.5
)";

}  // namespace

Expected<SearchProgramOptions, int> parse_search_options(const std::vector<std::string>& arguments,
                                                         const Console& console) {
  SearchProgramOptions options;
  std::string radius;
  constexpr std::size_t most = 1'000'000'000;

  CLI::App app(about, "shoal-search");
  app.footer(details);
  app.add_option("STORE", options.store, "the store to search in; it is only read")->required()->option_text(" ");
  app.add_option("FILES", options.files, "queries; - is standard input")->option_text(" ");
  add_name(app, "--format", options.format, input_formats(), "by the file's name", "of FILES: jsonl, npy or fvecs");
  app.add_option("--id", options.ids, "the neighbours of a stored record, itself left out; may be given again")
      ->check(whole_number<std::uint64_t>(0, ~std::uint64_t{0}))
      ->allow_extra_args(false)  // one each time: what stands behind it may be STORE
      ->option_text("N");
  app.add_option("--k", options.k, "neighbours of each query, at most")
      ->check(whole_number<std::size_t>(1, most))
      ->option_text("N [10; with --within all]");
  app.add_option("--ef", options.ef, "candidates while searching: more is slower and finds more")
      ->check(whole_number<std::size_t>(1, most))
      ->option_text("N [max(100, 2 k)]");
  app.add_option("--within", radius, "all that is no farther than this, in the metric's unit")->option_text("DISTANCE");
  app.add_flag("--exact", options.index.is_exact, "compare with everything; no graph is built");
  add_name(app, "--metric", options.index.metric, metric_names(), "l2", "l2, ip or cosine");
  add_name<StorageName>(
      app, "--storage", options.index.storage,
      {{"float32", StorageName::float32}, {"sq8", StorageName::sq8}, {"refined", StorageName::refined}}, "float32",
      "of the index: float32, sq8 (a byte a component), refined (both: found by bytes, ranked by floats)");
  add_number<std::size_t>(app, "--M", options.index.M, 2, 512, "links of a vector");
  add_number<std::size_t>(app, "--ef-construction", options.index.ef_construction, 1, 100'000,
                          "candidates while building");
  add_number<unsigned>(app, "--threads", options.index.threads, 0, 1024, "that build; 0: all cores");
  app.add_flag("--quiet", options.is_quiet, "do not say what was built");
  if (const auto code = parse_arguments(app, arguments, console)) return Unexpected<int>(*code);

  const auto refuse = [&](const std::string& message) {
    return Unexpected<int>(complain(console, app.get_name(), message + " (--help lists the options)", bad_usage));
  };
  if (options.store.empty()) return refuse("STORE: expected the name of a file, got ''");
  if (!radius.empty()) {
    float value = 0;
    const char* const end = radius.data() + radius.size();
    const auto [stopped, error] = std::from_chars(radius.data(), end, value);
    if (error != std::errc() || stopped != end || !(value - value == 0)) {
      return refuse(fmt::format("--within: expected a distance, got '{}'", radius));
    }
    options.radius = value;
  }
  if (!options.ids.empty() && !options.files.empty()) return refuse("expected --id or FILES, got both");
  if (options.ids.empty() && options.files.empty()) {
    if (::isatty(console.in) == 1) {
      return refuse("expected FILES, --id, or JSON lines on standard input; - reads a terminal");
    }
    options.files.emplace_back("-");
  }
  return options;
}

}  // namespace shoal::tools
