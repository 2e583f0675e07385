// Searches one by one at several ef, and batches of them on one and two threads. Checked: the recall, which is also
// reported, and that a batch finds what single searches find.

#include "fixture.hpp"

namespace shoal::bench {
namespace {

/// What any sound graph finds here; the recall is reported beside the time.
double least_recall(std::size_t ef) { return ef < 50 ? 0.6 : ef < 200 ? 0.85 : 0.95; }

template <class Storage>
void search(benchmark::State& state) {
  const Index<Storage>& index = filled_index<Storage>();
  const SearchOptions options{.k = k, .ef = static_cast<std::size_t>(state.range(0))};
  const double found = recall(index.batch_search(query_view(), options));
  if (found < least_recall(options.ef)) return state.SkipWithError("wrong result");
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(index.search(vectors().queries.row(i), options));
    i = i + 1 == query_count ? 0 : i + 1;
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["recall"] = found;
}

void batch_search(benchmark::State& state) {
  const Index<Float32>& index = filled_index<Float32>();
  SearchOptions options{.k = k, .ef = 100};
  Results one_by_one;
  for (std::size_t i = 0; i < query_count; ++i) one_by_one.push_back(index.search(vectors().queries.row(i), options));
  options.threads = static_cast<unsigned>(state.range(0));
  if (index.batch_search(query_view(), options) != one_by_one) return state.SkipWithError("wrong result");
  for (auto _ : state) benchmark::DoNotOptimize(index.batch_search(query_view(), options));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(query_count));
}

void all_ef(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("ef")->Arg(10)->Arg(40)->Arg(100)->Arg(400)->Unit(benchmark::kMicrosecond);
}

BENCHMARK(search<Float32>)->Name("search/float32")->Apply(all_ef);
BENCHMARK(search<SQ8>)->Name("search/sq8")->Apply(all_ef);
BENCHMARK(batch_search)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace shoal::bench
