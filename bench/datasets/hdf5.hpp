#pragma once
// The HDF5 files of ann-benchmarks: data sets `train`, `test`, `neighbors` (and `distances`, which is not needed:
// distances are computed anew), attribute `distance` = "euclidean" or "angular".
//
// *Source*: https://github.com/erikbern/ann-benchmarks. *Errors*: all that `FileReader` refuses; a file the HDF5
// library cannot open; `train` missing or not a table of numbers; another distance (jaccard, hamming, ...); a shape far
// larger than the file can hold, compressed or not. Built without HDF5, every call says how to get it.

#include <datasets/dataset.hpp>

namespace shoal::datasets {

struct Hdf5Contents {
  Metric metric = Metric::euclidean;
  Rows<float> train;
  Rows<float> test;              // no rows when the file has none
  Rows<std::int64_t> neighbors;  // no rows when the file has none
};

/// Was this library built with HDF5?
[[nodiscard]] bool has_hdf5();

[[nodiscard]] Result<Hdf5Contents> read_hdf5(const std::filesystem::path& path, std::size_t max_train_rows = all_rows);

}  // namespace shoal::datasets
