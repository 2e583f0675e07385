// The main job of shoal, for a person to see: vectors, made up or from files, become an index through batch_insert,
// once as floats and once as bytes, and one table says what each costs and finds.
//
// stdout holds the results, stderr the progress and what went wrong.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>

#include <fmt/core.h>

#include "measure.hpp"
#include "numbers.hpp"
#include "options.hpp"
#include "table.hpp"
#include "terminal.hpp"
#include <datasets/clustered.hpp>
#include <datasets/ground_truth.hpp>
#include <datasets/load.hpp>

namespace shoal::demo {

namespace {

// What 10,000 x 768 may take, as a vector's component: a larger set has a larger budget.
constexpr double budget_bytes = 100e6;
constexpr double budget_components = 10'000.0 * 768;

constexpr std::size_t made_up_rows = 10'000;
constexpr std::size_t made_up_dimensions = 768;
constexpr std::size_t default_queries = 1000;

double budget_of(const datasets::Dataset& dataset) {
  return budget_bytes * static_cast<double>(dataset.base.values.size()) / budget_components;
}

datasets::Result<datasets::Dataset> find_data(const Options& options) {
  const std::size_t queries = options.queries.value_or(default_queries);
  if (options.path) {
    datasets::LoadOptions load_options;
    load_options.max_rows = options.limit.value_or(datasets::all_rows);
    load_options.max_queries = queries;
    load_options.k = options.k;
    load_options.metric = options.metric;
    return datasets::load(*options.path, load_options);
  }
  auto dataset = datasets::clustered(options.limit.value_or(made_up_rows), made_up_dimensions, options.seed, queries);
  dataset.metric = options.metric.value_or(dataset.metric);
  dataset.truth = datasets::exact_ground_truth(dataset.base, dataset.queries, dataset.metric, options.k);
  return dataset;
}

void print_setup(const datasets::Dataset& dataset, const Options& options, const Terminal& terminal) {
  const auto& marks = terminal.marks;
  const std::string threads = options.threads == 0   ? "all cores"
                              : options.threads == 1 ? "1 thread"
                                                     : fmt::format("{} threads", options.threads);
  fmt::print("\n{}{}{}: {} {} {}, {} queries, {}\n", terminal.bold(), dataset.name, terminal.plain(),
             with_commas(dataset.base.rows), marks.times, dataset.base.cols, with_commas(dataset.queries.rows),
             datasets::name_of(dataset.metric));
  fmt::print("M {} {} ef_construction {} {} ef {} {} k {} {} {} {} seed {}\n", options.M, marks.dot,
             std::max(options.ef_construction, options.M), marks.dot, options.ef, marks.dot, options.k, marks.dot,
             threads, marks.dot, options.seed);
  for (const std::string& note : dataset.notes) {
    fmt::print("{}({}){}\n", terminal.dim(), note, terminal.plain());
  }
  fmt::print("\n");
  std::fflush(stdout);
}

void print_results(const std::vector<Measurement>& results, const datasets::Dataset& dataset, const Options& options,
                   const Terminal& terminal) {
  const double budget = budget_of(dataset);
  const std::string micro(terminal.marks.micro);
  Table table({"storage", "build", "vectors/s", "bytes owned", "of budget", fmt::format("recall@{}", options.k),
               "queries/s", "p50 " + micro, "p99 " + micro});
  for (const Measurement& result : results) {
    const auto bytes = static_cast<double>(result.bytes);
    table.add_row({result.storage, seconds_text(result.build_seconds),
                   with_commas(static_cast<std::size_t>(static_cast<double>(result.vectors) / result.build_seconds)),
                   megabytes_text(bytes), fmt::format("{:.1f} %", 100 * bytes / budget),
                   fmt::format("{:.4f}", result.recall),
                   with_commas(static_cast<std::size_t>(result.queries_per_second)),
                   fmt::format("{:.0f}", result.p50_microseconds), fmt::format("{:.0f}", result.p99_microseconds)});
  }
  table.print(terminal);
  const bool is_named_size = budget == budget_bytes;
  fmt::print("\n{}budget: {} for {} {} {}{}; recall counts ties; searched on one thread{}\n", terminal.dim(),
             is_named_size ? "100 MB" : megabytes_text(budget), with_commas(dataset.base.rows), terminal.marks.times,
             dataset.base.cols, is_named_size ? "" : " (100 MB for 10,000 x 768)", terminal.plain());
}

template <class Metric>
Expected<std::vector<Measurement>, Stopped> measure_all(const datasets::Dataset& dataset, const Options& options,
                                                        const Terminal& terminal) {
  std::vector<Measurement> results;
  if (options.float32) {
    auto result = measure<Metric, Float32>("float32", dataset, options, terminal);
    if (!result) {
      return Unexpected<Stopped>(result.error());
    }
    results.push_back(std::move(*result));
  }
  if (options.sq8) {
    auto result = measure<Metric, SQ8>("sq8", dataset, options, terminal);
    if (!result) {
      return Unexpected<Stopped>(result.error());
    }
    results.push_back(std::move(*result));
  }
  return results;
}

int complain(const std::string& message, int code) {
  fmt::print(stderr, "shoal_demo: {}\n", message);
  return code;
}

int run(const Options& options) {
  const Terminal terminal = Terminal::of_this_process();
  if (terminal.err_is_terminal) {
    fmt::print(stderr, "  {} ...", options.path ? "reading the vectors" : "making the vectors");
  }
  const auto dataset = find_data(options);
  if (terminal.err_is_terminal) {
    fmt::print(stderr, "\r\x1b[K");
  }
  if (!dataset) {
    return complain(dataset.error(), bad_data);
  }
  print_setup(*dataset, options, terminal);
  const auto results = dataset->metric == datasets::Metric::angular
                           ? measure_all<Cosine>(*dataset, options, terminal)
                           : measure_all<L2Squared>(*dataset, options, terminal);
  if (!results) {
    return complain(results.error().message, results.error().code);
  }
  fmt::print(stderr, "\n");
  print_results(*results, *dataset, options, terminal);
  return success;
}

}  // namespace

}  // namespace shoal::demo

int main(int argc, char** argv) {
  try {
    const auto options = shoal::demo::parse_options(argc, argv);
    return options ? shoal::demo::run(*options) : options.error();
  } catch (const std::bad_alloc&) {
    return shoal::demo::complain("not enough memory; --limit N uses the first N rows only", shoal::demo::bad_data);
  } catch (const std::exception& error) {
    return shoal::demo::complain(error.what(), shoal::demo::bad_data);
  }
}
