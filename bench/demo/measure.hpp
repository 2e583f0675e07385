#pragma once
// The main job: a batch of vectors becomes an index, and the index is asked.
//
// The two halves are apart so that nothing of a search is in the time of the build. Recall is that of one pass over all
// queries, which also warms the caches for the timed loop.

#include <algorithm>
#include <chrono>
#include <numeric>
#include <string>
#include <vector>

#include "interrupt.hpp"
#include "numbers.hpp"
#include "options.hpp"
#include "progress_bar.hpp"
#include <datasets/dataset.hpp>
#include <datasets/recall.hpp>
#include <shoal/shoal.hpp>

namespace shoal::demo {

/// One row of the table.
struct Measurement {
  std::string storage;
  double build_seconds = 0;
  std::size_t vectors = 0;
  std::size_t bytes = 0;
  double recall = 0;
  double queries_per_second = 0;
  double p50_microseconds = 0;
  double p99_microseconds = 0;
};

/// Why there is no measurement: a line to print and the exit code.
struct Stopped {
  std::string message;
  int code = bad_data;
};

using Clock = std::chrono::steady_clock;

/// The value that a share `q` of the sorted values does not exceed.
[[nodiscard]] inline double quantile(const std::vector<float>& sorted, double q) {
  const auto rank = static_cast<std::size_t>(q * static_cast<double>(sorted.size()));
  return sorted[std::min(rank, sorted.size() - 1)];
}

/// Inserts the base as one batch, its rows named by their number.
template <class Index>
[[nodiscard]] Expected<double, Stopped> build(Index& index, const datasets::Dataset& dataset, const Options& options,
                                              ProgressBar& bar) {
  const Interrupt interrupt;
  const auto& base = dataset.base;
  std::vector<std::uint64_t> ids(base.rows);
  std::iota(ids.begin(), ids.end(), std::uint64_t{0});
  const MatrixView<float> rows{.data = base.values.data(), .rows = base.rows, .columns = base.cols};
  const auto progress = [&](std::size_t done, std::size_t total) {
    bar.update(done, total);
    return !interrupt.requested();
  };

  const auto start = Clock::now();
  BatchOptions batch;
  batch.threads = options.threads;
  const auto inserted = index.batch_insert(ids, rows, progress, batch);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  bar.finish();
  if (inserted) {
    return seconds;
  }
  const auto& error = inserted.error();
  if (error.cause.code() == ErrorCode::cancelled) {
    return Unexpected<Stopped>({"cancelled: " + with_commas(error.successful_count) + " of " + with_commas(base.rows) +
                                    " vectors are in the index and can be searched",
                                interrupted});
  }
  return Unexpected<Stopped>({error.what(), bad_data});
}

/// Recall in one pass over the queries, then speed on one thread for at least a second and one pass.
template <class Index>
[[nodiscard]] Expected<void, Stopped> search(const Index& index, const datasets::Dataset& dataset,
                                             const Options& options, Measurement& result) {
  constexpr double least_seconds = 1;
  const auto& queries = dataset.queries;
  const SearchOptions search_options{.k = options.k, .ef = options.ef};
  const Interrupt interrupt;

  std::vector<std::vector<std::uint64_t>> found(queries.rows);
  for (std::size_t i = 0; i < queries.rows; ++i) {
    for (const auto& neighbor : index.search(queries.row(i), search_options)) {
      found[i].push_back(neighbor.id);
    }
  }
  result.recall = datasets::recall_at_k(dataset, found, options.k);

  std::vector<float> microseconds;
  const auto start = Clock::now();
  auto last = start;
  double seconds = 0;
  for (std::size_t i = 0; seconds < least_seconds || microseconds.size() < queries.rows; ++i) {
    if (interrupt.requested()) {
      return Unexpected<Stopped>({"cancelled while searching; the index was complete", interrupted});
    }
    const auto neighbors = index.search(queries.row(i % queries.rows), search_options);
    const auto now = Clock::now();
    microseconds.push_back(std::chrono::duration<float, std::micro>(now - last).count());
    last = now;
    seconds = std::chrono::duration<double>(now - start).count();
  }
  result.queries_per_second = static_cast<double>(microseconds.size()) / seconds;
  std::sort(microseconds.begin(), microseconds.end());
  result.p50_microseconds = quantile(microseconds, 0.5);
  result.p99_microseconds = quantile(microseconds, 0.99);
  return {};
}

template <class Metric, class Storage>
[[nodiscard]] Expected<Measurement, Stopped> measure(const std::string& storage, const datasets::Dataset& dataset,
                                                     const Options& options, const Terminal& terminal) {
  auto created = HnswIndex<Metric, Storage>::create({.dimensions = dataset.base.cols,
                                                     .M = options.M,
                                                     .ef_construction = options.ef_construction,
                                                     .seed = options.seed});
  if (!created) {
    return Unexpected<Stopped>({std::string(created.error().message()), bad_usage});
  }
  ProgressBar bar(terminal, storage);
  const auto built = build(*created, dataset, options, bar);
  if (!built) {
    return Unexpected<Stopped>(built.error());
  }
  Measurement result;
  result.storage = storage;
  result.build_seconds = *built;
  result.vectors = created->size();
  result.bytes = created->memory_usage().total();
  if (auto searched = search(*created, dataset, options, result); !searched) {
    return Unexpected<Stopped>(searched.error());
  }
  return result;
}

}  // namespace shoal::demo
