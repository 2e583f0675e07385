#pragma once
// The .npy files of NumPy: one array, its header a Python dictionary. Versions 1, 2 and 3.
//
//   | "\x93NUMPY" | version: 2 bytes | header length: 2 bytes (version 1) or 4 | header | values |
//   header: {'descr': '<f4', 'fortran_order': False, 'shape': (10000, 768), }
//
// Two dimensions, C order, little-endian. *Source*: numpy.lib.format. *Errors*: all that `FileReader` refuses; a header
// that is not such a dictionary; big-endian, Fortran-ordered, structured or pickled arrays; another number of
// dimensions; a shape that does not come to the bytes that follow. Nothing is allocated before the shape was held
// against the file's size.

#include <cstdint>

#include <datasets/matrix.hpp>

namespace shoal::datasets {

/// Vectors: float32, float64 (rounded to float), uint8 or int8.
[[nodiscard]] Result<Rows<float>> read_npy(const std::filesystem::path& path, std::size_t max_rows = all_rows);

/// Ids, as a ground truth holds them: int32, int64, uint32 or uint64.
[[nodiscard]] Result<Rows<std::int64_t>> read_npy_ids(const std::filesystem::path& path,
                                                      std::size_t max_rows = all_rows);

}  // namespace shoal::datasets
