// Filtered searches, by how many of the entries pass. Checked against exact search with the same filter: only what
// passes is returned, as many as there must be, and nearly all of the nearest.

#include <set>

#include "fixture.hpp"

namespace shoal::bench {
namespace {

/// So many of 1,000 ids pass, picked by a hash: they lie all over the data.
bool passes(std::uint64_t id, std::uint64_t per_mille) { return shoal::detail::mix64(id) % 1000 < per_mille; }

/// The share of the exact results that was found; -1 for a result that is wrong.
double filtered_recall(const Index<Float32>& index, const SearchOptions& options) {
  static const BruteForceIndex<L2Squared, Float32> exact = [] {
    BruteForceIndex<L2Squared, Float32> made({.dimensions = dimensions});
    if (!made.batch_insert(row_numbers(), base_view())) throw std::runtime_error("batch_insert failed");
    return made;
  }();
  std::size_t wanted = 0, found = 0;
  for (std::size_t i = 0; i < query_count; ++i) {
    const auto expected = exact.search(vectors().queries.row(i), options);
    const auto results = index.search(vectors().queries.row(i), options);
    if (results.size() != expected.size()) return -1;
    std::set<std::uint64_t> ids;
    for (const auto& neighbor : expected) ids.insert(neighbor.id);
    for (const auto& neighbor : results) {
      if (!options.filter(neighbor.id)) return -1;
      found += ids.count(neighbor.id);
    }
    wanted += expected.size();
  }
  return static_cast<double>(found) / static_cast<double>(wanted);
}

void filtered_search(benchmark::State& state) {
  const Index<Float32>& index = filled_index<Float32>();
  const auto per_mille = static_cast<std::uint64_t>(state.range(0)) * 10;
  const SearchOptions options{
      .k = k, .ef = 100, .filter = [per_mille](std::uint64_t id) { return passes(id, per_mille); }};
  const double found = filtered_recall(index, options);
  if (found < 0.9) return state.SkipWithError("wrong result");
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(index.search(vectors().queries.row(i), options));
    i = i + 1 == query_count ? 0 : i + 1;
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["recall"] = found;
}

BENCHMARK(filtered_search)
    ->ArgName("percent_passing")
    ->Arg(100)
    ->Arg(50)
    ->Arg(10)
    ->Arg(1)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace shoal::bench
