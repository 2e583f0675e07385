// What a search does most: a hop, in which the new neighbours of a node, scattered over all rows, are scored by one
// call of rows.distances. 16 of them, about what is new in the 32 links of a node; by every level of instructions.
// Checked against squared L2 in double between the query as kept (one row is written from it) and the rows as kept.

#include <cmath>
#include <span>

#include "levels.hpp"
#include "rows.hpp"
#include <shoal/storage/float32.hpp>
#include <shoal/storage/sq8.hpp>

namespace shoal::bench {
namespace {

constexpr std::size_t neighbors = 16;

template <class Storage>
double exact(const Storage& storage, Slot a, Slot b, std::size_t n) {
  std::vector<float> x(n), y(n);
  storage.read(a, x);
  storage.read(b, y);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += (double{x[i]} - double{y[i]}) * (double{x[i]} - double{y[i]});
  return sum;
}

template <class Policy>
void hop(benchmark::State& state) {
  using Storage = typename Policy::template Rows<L2Squared>;
  const std::size_t n = dimensions_of(state);
  const ForcedLevel forced(state.range(2));
  // As many rows as fill the place with codes, whatever a code takes.
  const std::size_t bytes_each = (Storage::estimate_bytes(n, 2048) - Storage::estimate_bytes(n, 1024)) / 1024;
  const std::size_t place = place_of(state) == Place::in_cache ? in_cache_bytes : out_of_cache_bytes;
  const std::size_t count = place / bytes_each / neighbors * neighbors;
  const Rows<float> vectors(n, Place::in_cache);
  Storage storage(n);
  storage.reserve(count + 1);
  for (std::size_t i = 0; i < count; ++i) {
    storage.write(to_slot(i), std::span<const float>(vectors.row(i % vectors.order.size()), n));
  }
  const std::vector<float> query = random_values<float>(n, 2);
  const Slot kept_query = to_slot(count);
  storage.write(kept_query, query);
  typename Storage::QueryBuffer buffer(storage);
  const auto prepared = storage.prepare(query, buffer);

  std::vector<Slot> slots;
  for (const std::uint32_t row : shuffled(count)) slots.push_back(to_slot(row));
  std::vector<float> out(neighbors);
  storage.distances(prepared, std::span<const Slot>(slots).first(neighbors), out.data());
  for (std::size_t i = 0; i < neighbors; ++i) {
    const double expected = exact(storage, kept_query, slots[i], n);
    if (std::abs(double{out[i]} - expected) > 1e-4 * expected) return state.SkipWithError("wrong result");
  }

  std::size_t scored = 0;
  for (auto _ : state) {
    for (std::size_t first = 0; first < count; first += neighbors) {
      storage.prefetch(slots[first]);  // as gather_fresh does
      storage.distances(prepared, std::span<const Slot>(slots).subspan(first, neighbors), out.data());
      benchmark::DoNotOptimize(out.data());
      benchmark::ClobberMemory();
    }
    scored += count;
  }
  count_rows(state, scored, bytes_each);
}

void all_hops(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"dimensions", "out_of_cache", "level"})
      ->ArgsProduct({{128, 384, 768, 1536}, {0, 1}, all_levels()});
}

BENCHMARK(hop<Float32>)->Name("hop_float32")->Apply(all_hops);
BENCHMARK(hop<SQ8>)->Name("hop_sq8")->Apply(all_hops);

}  // namespace
}  // namespace shoal::bench
