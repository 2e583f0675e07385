// What a progress callback costs a batch: it must be under 1 %. Two builds differ by more than that for reasons of
// their own, so the two kinds take turns, processor time is counted and not the clock's, and the fastest of each are
// compared: what disturbs a build only ever makes it slower. Checked: the callback is called once for each item, in
// order.

#include <algorithm>
#include <ctime>
#include <functional>
#include <limits>

#include "fixture.hpp"

namespace shoal::bench {
namespace {

constexpr int turns = 15;

double build_seconds(const std::function<bool(std::size_t, std::size_t)>* progress) {
  Index<SQ8> index({.dimensions = dimensions, .ef_construction = 40});  // fast inserts: the hardest case
  const std::clock_t start = std::clock();
  if (progress == nullptr) {
    fill<SQ8>(index);
  } else {
    fill<SQ8>(index, *progress);
  }
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

void progress_callback(benchmark::State& state) {
  (void)vectors();
  std::size_t calls = 0;
  bool in_order = true;
  const std::function<bool(std::size_t, std::size_t)> progress = [&](std::size_t done, std::size_t total) {
    in_order = in_order && done == calls % rows + 1 && total == rows;
    ++calls;
    return true;
  };
  double without = std::numeric_limits<double>::infinity();
  double with = without;
  for (auto _ : state) {
    for (int turn = 0; turn < turns; ++turn) {
      without = std::min(without, build_seconds(nullptr));
      with = std::min(with, build_seconds(&progress));
    }
    state.SetIterationTime(with);
  }
  if (!in_order || calls != static_cast<std::size_t>(state.iterations() * turns) * rows) {
    return state.SkipWithError("wrong result");
  }
  state.counters["without_ms"] = without * 1e3;
  state.counters["with_ms"] = with * 1e3;
  state.counters["cost_percent"] = 100 * (with / without - 1);
}

BENCHMARK(progress_callback)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace shoal::bench
