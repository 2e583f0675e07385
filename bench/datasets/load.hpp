#pragma once
// Reads a data set from a path: the base vectors, and the queries and ground truth that lie beside them.
//
// What is missing is made: without queries, base rows are held out; without a ground truth that fits, it is computed.
// Each such decision is a line in `Dataset::notes`.

#include <optional>

#include <datasets/dataset.hpp>

namespace shoal::datasets {

struct LoadOptions {
  std::size_t max_rows = all_rows;     // of the base: the first ones
  std::size_t max_queries = all_rows;  // the first ones
  std::size_t k = 10;                  // neighbours of each query the truth must hold
  std::optional<Metric> metric;        // instead of the file's (euclidean where a file says nothing)
  unsigned threads = 0;                // for the ground truth; 0 means all cores
};

/// Without queries, at most this many rows, one for every ten that stay, become queries: spread evenly over the base,
/// and no longer in it. With `max_rows`, so many more rows are read, if the file has them, that `max_rows` stay.
inline constexpr std::size_t max_held_out = 1000;

/// `path`: a .fvecs, .bvecs, .npy or ann-benchmarks .hdf5 file, or a folder that holds one base (see companions.hpp).
/// *Errors*: all those of the readers; queries of another length than the base; a component that is not finite, or
/// under angular a vector of zeros, with its row; a single row and no queries.
[[nodiscard]] Result<Dataset> load(const std::filesystem::path& path, const LoadOptions& options = {});

}  // namespace shoal::datasets
