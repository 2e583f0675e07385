#include "ingest_options.hpp"

#include <unistd.h>

#include "command_line.hpp"

namespace shoal::tools {

namespace {

constexpr const char* about =
    "Writes vectors into a store, durably, batch by batch.\n"
    "\n"
    "STORE is a file of SQLite, made where there is none. Without FILES, JSON lines are read from standard input:\n"
    R"(  {"id": 7, "vector": [0.1, 0.2], "metadata": {"title": "..."}, "content_hash": "..."})"
    "\n"
    "id is a whole number below 2^64, or a text of digits; metadata any JSON; both it and content_hash may be left "
    "out.\n"
    "Rows of .npy (float32, float64, int8, uint8) and .fvecs files get their numbers as ids, counted on from file to "
    "file.\n";

constexpr const char* details =
    R"(A record whose content hash the store already has under its id is skipped. Where a line brings no content_hash,
one is computed from vector and metadata. So a run that was broken off is resumed by running it again: what is
persisted is skipped, and the rest is written. --force-all writes all of it.

What a run has persisted survives it, whatever ends it: a batch is there as a whole or not at all. The first SIGINT or
SIGTERM ends the input: what is buffered is written, then the program ends. A second one ends it at once.

Exit codes:
    0   all is persisted, or was unchanged; with --on-error skip, but for the bad records that were reported
    1   a bad record, or an input that is damaged, ended it; what came before is persisted
    2   wrong options, or an input that cannot be used; nothing was written
    3   the store failed; stderr says what is persisted and what is not
    4   standard output was closed; what was buffered is persisted
  130   SIGINT ended it, 143 SIGTERM; what was buffered is persisted

Examples:
  shoal-ingest vectors.db base.fvecs
  shoal-ingest vectors.db embeddings.npy --first-id 1000 --metric cosine
  zcat articles.jsonl.gz | shoal-ingest vectors.db --on-error skip --total 100000
  producer | shoal-ingest vectors.db - --acknowledge --store-batch-size 100
)";

}  // namespace

Expected<IngestOptions, int> parse_ingest_options(const std::vector<std::string>& arguments, const Console& console) {
  IngestOptions options;
  std::string retry_delays = "1,2,4";
  std::string busy_timeout = "1";
  constexpr std::size_t most = std::size_t{1} << 40U;

  CLI::App app(about, "shoal-ingest");
  app.footer(details);
  app.add_option("STORE", options.store, "the store to write to")->required()->option_text(" ");
  app.add_option("FILES", options.files, "what to read; - is standard input")->option_text(" ");
  add_name(app, "--format", options.format, input_formats(), "by the file's name", "jsonl, npy or fvecs");
  app.add_option("--first-id", options.first_id, "of the first row of .npy and .fvecs files")
      ->check(whole_number<std::uint64_t>(0, ~std::uint64_t{0}))
      ->option_text("N [0]");
  app.add_option("--dimensions", options.dimensions, "of all vectors")
      ->check(whole_number<std::size_t>(1, 200'000'000))
      ->option_text("N [the store's, or the first record's]");
  add_name(app, "--metric", options.metric, metric_names(), "l2",
           "l2, ip or cosine: refuses what an index of it could not take");
  add_number<std::size_t>(app, "--store-batch-size", options.store_batch_size, 1, 10'000'000,
                          "records held and written in one transaction, at most");
  add_number<std::size_t>(app, "--store-batch-bytes", options.store_batch_bytes, 1, most, "bytes of them, at most");
  app.add_option("--retry-delays", retry_delays,
                 "seconds before each further try of a write that failed; none: no further tries")
      ->option_text("LIST [1,2,4]");
  app.add_option("--busy-timeout", busy_timeout, "seconds that a try waits for another program's lock")
      ->option_text("SECONDS [1]");
  add_name<bool>(app, "--on-error", options.skips_errors, {{"stop", false}, {"skip", true}}, "stop",
                 "a bad record is reported, and ends the run (stop) or not (skip)");
  app.add_flag("--force-all", options.force_all, "write what is unchanged too");
  app.add_flag("--build", options.builds,
               "build an index of what the store holds, in memory, and link each batch in: all can be searched for");
  add_number<unsigned>(app, "--threads", options.threads, 0, 1024, "that --build links with; 0: all cores");
  app.add_option("--progress-interval", options.progress_interval, "records from one progress event to the next")
      ->check(whole_number<std::size_t>(1, most))
      ->option_text("N [100; 5000 where stderr is no terminal]");
  app.add_option("--total", options.total, "records that will come, for percent and ETA")
      ->check(whole_number<std::uint64_t>(1, most))
      ->option_text("N [of files, their rows]");
  app.add_flag("--acknowledge", options.acknowledges,
               R"(print "persisted N" as soon as N records of this run are durable)");
  app.add_flag("--quiet", options.is_quiet, "no progress and no summary");
  if (const auto code = parse_arguments(app, arguments, console)) return Unexpected<int>(*code);

  const auto refuse = [&](const std::string& message) {
    return Unexpected<int>(complain(console, app.get_name(), message + " (--help lists the options)", bad_usage));
  };
  if (options.store.empty()) return refuse("STORE: expected the name of a file, got ''");
  if (app.count("--threads") != 0 && !options.builds) {
    return refuse("--threads: expected --build with it, without which there is nothing to link");
  }
  if (auto delays = parse_delays(retry_delays)) {
    options.retry_delays = *std::move(delays);
  } else {
    return refuse(fmt::format("--retry-delays: expected seconds with commas between them, got '{}'", retry_delays));
  }
  if (const auto timeout = parse_seconds(busy_timeout)) {
    options.busy_timeout = *timeout;
  } else {
    return refuse(fmt::format("--busy-timeout: expected seconds, got '{}'", busy_timeout));
  }
  if (options.files.empty()) {
    if (::isatty(console.in) == 1) return refuse("expected FILES, or JSON lines on standard input; - reads a terminal");
    options.files.emplace_back("-");
  }
  return options;
}

}  // namespace shoal::tools
