#include "growth.hpp"

#include <algorithm>
#include <limits>

#include <fmt/core.h>
#include <rivals/allocated_bytes.hpp>

#include "shoal_index.hpp"
#include "statistics.hpp"
#include "stopwatch.hpp"

namespace shoal::report {

namespace {

constexpr std::size_t dimensions = 32;
constexpr std::size_t most_ef = 2'000;

/// A metric as a user would write one: nothing but `distance`, so that every comparison passes through it.
struct CountedL2 {
  static constexpr bool unit_vectors = false;
  inline static thread_local std::size_t calls = 0;
  static float distance(const float* a, const float* b, std::size_t n) noexcept {
    ++calls;
    return L2Squared::distance(a, b, n);
  }
};

/// Distances for a query, on average, at growth_recall. `search(query, ef, ids)` gives how many it took.
template <class Search>
std::optional<double> distances_at_recall(const datasets::Dataset& set, const Search& search) {
  std::vector<double> recall, counts;
  std::vector<std::vector<std::uint64_t>> found(set.queries.rows);
  for (std::size_t ef = k; ef <= most_ef; ef += (ef + 3) / 4) {
    std::size_t total = 0;
    for (std::size_t i = 0; i < set.queries.rows; ++i) total += search(set.queries.row(i), ef, found[i]);
    counts.push_back(static_cast<double>(total) / static_cast<double>(set.queries.rows));
    recall.push_back(datasets::recall_at_k(set, found, k));
    if (recall.back() >= growth_recall) break;
  }
  return value_at_recall(recall, counts, growth_recall);
}

std::optional<double> shoal_distances(const datasets::Dataset& set, const rivals::Setup& setup) {
  Index<Float32, CountedL2> index(config_of(set, setup));
  insert_all(index, set, ids_of(set), {.threads = 0});  // the same graph on any number of threads
  require_sound(index, set);
  return distances_at_recall(set, [&](std::span<const float> query, std::size_t ef, std::vector<std::uint64_t>& ids) {
    CountedL2::calls = 0;
    ids.clear();
    for (const auto& neighbor : index.search(query, {.k = k, .ef = ef})) ids.push_back(neighbor.id);
    return CountedL2::calls;
  });
}

/// How hard the vectors are grows with their number too: what another library needs tells it from what is shoal's.
std::optional<double> baseline_distances(const rivals::Library& library, const datasets::Dataset& set,
                                         rivals::Setup setup) {
  setup.counts_distances = true;
  const auto rival = library.make(setup);
  rival->build({set.base.values.data(), set.base.rows, set.base.cols});
  if (!rival->distances()) return std::nullopt;
  return distances_at_recall(set, [&](std::span<const float> query, std::size_t ef, std::vector<std::uint64_t>& ids) {
    const std::uint64_t before = *rival->distances();
    rival->set_ef(ef);
    rival->search(query.data(), k, ids);
    return static_cast<std::size_t>(*rival->distances() - before);
  });
}

/// Time of a query, on average, at growth_recall.
std::optional<double> seconds_at_recall(rivals::Rival& rival, const datasets::Dataset& set) {
  std::vector<double> recall, seconds;
  std::vector<std::vector<std::uint64_t>> found(set.queries.rows);
  for (std::size_t ef = k; ef <= most_ef; ef += (ef + 3) / 4) {
    rival.set_ef(ef);
    double fastest = std::numeric_limits<double>::infinity();
    for (int round = 0; round < 3; ++round) {
      const Stopwatch watch;
      for (std::size_t i = 0; i < set.queries.rows; ++i) rival.search(set.queries.row(i).data(), k, found[i]);
      fastest = std::min(fastest, watch.seconds());
    }
    seconds.push_back(fastest / static_cast<double>(set.queries.rows));
    recall.push_back(datasets::recall_at_k(set, found, k));
    if (recall.back() >= growth_recall) break;
  }
  return value_at_recall(recall, seconds, growth_recall);
}

LibraryGrowth measure_library(const rivals::Library& library, const datasets::Dataset& set,
                              const rivals::Setup& setup) {
  rivals::release_free_memory();
  const auto before = rivals::allocated_bytes();
  const auto rival = library.make(setup);
  const Stopwatch watch;
  rival->build({set.base.values.data(), set.base.rows, set.base.cols});
  const double seconds = watch.seconds();
  const auto after = rivals::allocated_bytes();
  if (const auto faults = rival->faults(); !faults.empty()) throw std::runtime_error(faults.front());
  return {library.name, seconds, before && after && *after > *before ? *after - *before : 0,
          seconds_at_recall(*rival, set)};
}

}  // namespace

std::vector<GrowthPoint> measure_growth(const std::vector<rivals::Library>& libraries, const rivals::Setup& setup,
                                        const Options& options) {
  const std::size_t largest = options.large ? 1'000'000 : options.quick ? 10'000 : 100'000;
  std::vector<GrowthPoint> points;
  for (const std::size_t rows : growth_sizes(options.at_most(largest), options.large ? 5 : 3)) {
    const datasets::Dataset set = make_set(rows, dimensions, options.max_queries);
    GrowthPoint point{rows, dimensions, {}, {}, {}};
    for (const rivals::Library& library : libraries) {
      if (rivals::is_shoal_or_baseline(library.name)) point.libraries.push_back(measure_library(library, set, setup));
      if (library.name == rivals::baseline_name) point.baseline_distances = baseline_distances(library, set, setup);
    }
    point.distances = shoal_distances(set, setup);
    fmt::print(stderr, "growth: {} vectors, {:.0f} distances\n", rows, point.distances.value_or(0));
    points.push_back(std::move(point));
  }
  return points;
}

}  // namespace shoal::report
