#pragma once
// What the benches of the index work on: 5,000 x 128 made-up vectors with 200 queries and their exact neighbours, and
// an index over them, each made once when it is first asked for.

#include <numeric>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include <datasets/clustered.hpp>
#include <datasets/ground_truth.hpp>
#include <datasets/recall.hpp>
#include <shoal/shoal.hpp>

namespace shoal::bench {

inline constexpr std::size_t rows = 5'000;
inline constexpr std::size_t dimensions = 128;
inline constexpr std::size_t query_count = 200;
inline constexpr std::size_t k = 10;

template <class Storage>
using Index = HnswIndex<L2Squared, Storage>;

[[nodiscard]] inline const datasets::Dataset& vectors() {
  static const datasets::Dataset set = [] {
    datasets::Dataset made = datasets::clustered(rows, dimensions, 1, query_count);
    made.truth = datasets::exact_ground_truth(made.base, made.queries, made.metric, k);
    return made;
  }();
  return set;
}

[[nodiscard]] inline std::vector<std::uint64_t> row_numbers() {
  std::vector<std::uint64_t> ids(rows);
  std::iota(ids.begin(), ids.end(), std::uint64_t{0});
  return ids;
}

[[nodiscard]] inline MatrixView<float> base_view() {
  return {.data = vectors().base.values.data(), .rows = rows, .columns = dimensions};
}
[[nodiscard]] inline MatrixView<float> query_view() {
  return {.data = vectors().queries.values.data(), .rows = query_count, .columns = dimensions};
}

/// Inserts all rows as one batch. *Errors*: std::runtime_error; none is expected.
template <class Storage, class Progress = NoProgress>
void fill(Index<Storage>& index, Progress&& progress = Progress{}) {
  if (auto inserted = index.batch_insert(row_numbers(), base_view(), progress); !inserted) {
    throw std::runtime_error(inserted.error().what());
  }
}

template <class Storage>
[[nodiscard]] const Index<Storage>& filled_index() {
  static const Index<Storage> index = [] {
    Index<Storage> made({.dimensions = dimensions});
    fill<Storage>(made);
    return made;
  }();
  return index;
}

using Results = std::vector<std::vector<Neighbor<std::uint64_t>>>;

[[nodiscard]] inline double recall(const Results& results) {
  std::vector<std::vector<std::uint64_t>> ids;
  for (const auto& result : results) {
    ids.emplace_back();
    for (const auto& neighbor : result) ids.back().push_back(neighbor.id);
  }
  return datasets::recall_at_k(vectors(), ids, k);
}

}  // namespace shoal::bench
