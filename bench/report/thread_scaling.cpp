#include "thread_scaling.hpp"

#include <thread>

#include <fmt/core.h>

#include "shoal_index.hpp"
#include "stopwatch.hpp"

namespace shoal::report {

namespace {

constexpr std::size_t ef = 100;
constexpr double least_seconds = 0.2;  // of a timed search

/// By number of threads, by round.
struct Times {
  std::vector<std::vector<double>> build_seconds;
  std::vector<std::vector<double>> qps;
};

template <class Storage>
double timed_qps(const Index<Storage>& index, const datasets::Dataset& set, unsigned threads) {
  const SearchOptions options{.k = k, .ef = ef, .threads = threads};
  (void)index.batch_search(view_of(set.queries), options);
  std::size_t passes = 0;
  const WallClock clock;
  do {
    if (index.batch_search(view_of(set.queries), options).size() != set.queries.rows) {
      throw std::runtime_error("not every query has a result");
    }
    ++passes;
  } while (clock.seconds() < least_seconds);
  return static_cast<double>(passes * set.queries.rows) / clock.seconds();
}

template <class Storage>
Times measure_storage(const datasets::Dataset& set, const rivals::Setup& setup, const std::vector<unsigned>& counts,
                      std::size_t rounds) {
  const std::vector<std::uint64_t> ids = ids_of(set);
  Times times{std::vector<std::vector<double>>(counts.size()), std::vector<std::vector<double>>(counts.size())};
  for (std::size_t round = 0; round < rounds; ++round) {
    fmt::print(stderr, "threads: {}, round {} of {}\n", storage_name<Storage>, round + 1, rounds);
    for (std::size_t turn = 0; turn < counts.size(); ++turn) {
      const std::size_t i = (turn + round) % counts.size();  // none is always the first
      const WallClock clock;
      Index<Storage> index(config_of(set, setup));
      insert_all(index, set, ids, {.threads = counts[i]});
      times.build_seconds[i].push_back(clock.seconds());
      if (round == 0) require_sound(index, set);
      times.qps[i].push_back(timed_qps(index, set, counts[i]));
    }
  }
  return times;
}

template <class Storage>
void add_storage(ThreadScaling& scaling, const datasets::Dataset& set, const rivals::Setup& setup,
                 const std::vector<unsigned>& counts, std::size_t rounds) {
  const Times times = measure_storage<Storage>(set, setup, counts, rounds);
  ThreadCurve curve{storage_name<Storage>, {}};
  for (std::size_t i = 0; i < counts.size(); ++i) {
    curve.points.push_back({counts[i], median(times.build_seconds[i]), median(times.qps[i])});
  }
  scaling.curves.push_back(std::move(curve));

  Target build{.name = fmt::format("build, 2 threads over 1, {}", storage_name<Storage>), .data = set.name};
  build.floor = 1.85;
  build.aim = 1.95;
  if (counts.size() < 2) {
    build.remark = "one core";
    scaling.targets.push_back(std::move(build));
    return;
  }
  build.reached = figure_of(ratios(times.build_seconds[0], times.build_seconds[1]));
  build.remark = "time on the clock";
  scaling.targets.push_back(std::move(build));
  for (std::size_t i = 1; i < counts.size(); ++i) {
    Target search{.name = fmt::format("batch_search, {} threads over 1, {}", counts[i], storage_name<Storage>),
                  .data = set.name};
    search.reached = figure_of(ratios(times.qps[i], times.qps[0]));
    search.remark = fmt::format("ef {}, time on the clock", ef);
    scaling.targets.push_back(std::move(search));
  }
}

}  // namespace

ThreadScaling measure_threads(const rivals::Setup& setup, const Options& options) {
  const datasets::Dataset set = made_up_set(options);
  const std::vector<unsigned> counts = thread_counts(std::thread::hardware_concurrency());
  constexpr std::size_t rounds = 3;
  ThreadScaling scaling;
  add_storage<Float32>(scaling, set, setup, counts, rounds);
  add_storage<SQ8>(scaling, set, setup, counts, rounds);
  return scaling;
}

}  // namespace shoal::report
