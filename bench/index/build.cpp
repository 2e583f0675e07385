// One batch_insert against as many calls of insert. Checked: all are in, the graph is sound, and searches find.

#include "fixture.hpp"

namespace shoal::bench {
namespace {

/// Bytes lose a little more.
constexpr double least_recall = 0.95;

template <class Storage>
bool is_right(const Index<Storage>& index) {
  return index.size() == rows && index.check().ok() &&
         recall(index.batch_search(query_view(), SearchOptions{.k = k, .ef = 200})) >= least_recall;
}

template <class Storage, class Insert>
void build(benchmark::State& state, Insert insert) {
  (void)vectors();
  std::optional<Index<Storage>> index;
  for (auto _ : state) {
    state.PauseTiming();
    index.emplace(HnswConfig{.dimensions = dimensions});
    state.ResumeTiming();
    insert(*index);
  }
  if (!is_right(*index)) return state.SkipWithError("wrong result");
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows));
}

template <class Storage>
void batch_insert(benchmark::State& state) {
  build<Storage>(state, [](Index<Storage>& index) { fill<Storage>(index); });
}

template <class Storage>
void loop_of_insert(benchmark::State& state) {
  build<Storage>(state, [](Index<Storage>& index) {
    for (std::size_t i = 0; i < rows; ++i) {
      if (!index.insert(i, vectors().base.row(i))) throw std::runtime_error("insert failed");
    }
  });
}

BENCHMARK(batch_insert<Float32>)->Name("batch_insert/float32")->Unit(benchmark::kMillisecond);
BENCHMARK(loop_of_insert<Float32>)->Name("loop_of_insert/float32")->Unit(benchmark::kMillisecond);
BENCHMARK(batch_insert<SQ8>)->Name("batch_insert/sq8")->Unit(benchmark::kMillisecond);
BENCHMARK(loop_of_insert<SQ8>)->Name("loop_of_insert/sq8")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace shoal::bench
