#pragma once
// shoal's own index, for what is measured of shoal alone: threads, batches against single inserts, memory of a batch.
// Nothing measured on an index is reported before the index was checked.

#include <numeric>
#include <stdexcept>
#include <vector>

#include <rivals/rival.hpp>

#include "sets.hpp"
#include <datasets/dataset.hpp>
#include <datasets/recall.hpp>
#include <shoal/shoal.hpp>

namespace shoal::report {

template <class Storage, class Metric = L2Squared>
using Index = HnswIndex<Metric, Storage>;

template <class Storage>
inline constexpr const char* storage_name = nullptr;
template <>
inline constexpr const char* storage_name<Float32> = "Float32";
template <>
inline constexpr const char* storage_name<SQ8> = "SQ8";
template <>
inline constexpr const char* storage_name<Refined<SQ8>> = "Refined<SQ8>";

[[nodiscard]] inline HnswConfig config_of(const datasets::Dataset& set, const rivals::Setup& setup) {
  return {.dimensions = set.base.cols, .M = setup.M, .ef_construction = setup.ef_construction};
}

[[nodiscard]] inline std::vector<std::uint64_t> ids_of(const datasets::Dataset& set) {
  std::vector<std::uint64_t> ids(set.base.rows);
  std::iota(ids.begin(), ids.end(), std::uint64_t{0});
  return ids;
}

[[nodiscard]] inline MatrixView<float> view_of(const datasets::Matrix<float>& matrix) {
  return {.data = matrix.values.data(), .rows = matrix.rows, .columns = matrix.cols};
}

/// One batch of all rows, each under its number. *Errors*: std::runtime_error.
template <class AnyIndex>
void insert_all(AnyIndex& index, const datasets::Dataset& set, const std::vector<std::uint64_t>& ids,
                const BatchOptions& options = {}) {
  const auto inserted = index.batch_insert(ids, view_of(set.base), NoProgress{}, options);
  if (!inserted) throw std::runtime_error(inserted.error().what());
}

/// *Errors*: std::runtime_error, when the index does not hold the set, or does not find what is in it.
template <class AnyIndex>
void require_sound(const AnyIndex& index, const datasets::Dataset& set) {
  constexpr double least_recall = 0.8;
  if (const auto report = index.check(); !report.faults.empty()) throw std::runtime_error(report.faults.front());
  if (index.size() != set.base.rows) throw std::runtime_error("not all rows are in");
  std::vector<std::vector<std::uint64_t>> found(set.queries.rows);
  const auto results = index.batch_search(view_of(set.queries), {.k = k, .ef = 100, .threads = 0});
  for (std::size_t i = 0; i < results.size(); ++i) {
    for (const auto& neighbor : results[i]) found[i].push_back(neighbor.id);
  }
  if (datasets::recall_at_k(set, found, k) < least_recall) throw std::runtime_error("recall is below 0.8 at ef 100");
}

}  // namespace shoal::report
