#pragma once
// The .fvecs, .bvecs and .ivecs files of the TEXMEX sets (SIFT1M, GIST1M, ...).
//
//   row:  | length: int32, little-endian | length x (float32 | uint8 | int32), little-endian |
//
// There is no header: every row repeats the length, and all must agree. *Source*: http://corpus-texmex.irisa.fr.
// *Errors*: all that `FileReader` refuses; a length that is negative, zero or absurd, or differs from that of row 0;
// bytes that are not a whole row. Nothing is allocated before the first length was held against the size of the file.

#include <cstdint>

#include <datasets/matrix.hpp>

namespace shoal::datasets {

[[nodiscard]] Result<Rows<float>> read_fvecs(const std::filesystem::path& path, std::size_t max_rows = all_rows);
[[nodiscard]] Result<Rows<std::uint8_t>> read_bvecs(const std::filesystem::path& path, std::size_t max_rows = all_rows);
[[nodiscard]] Result<Rows<std::int32_t>> read_ivecs(const std::filesystem::path& path, std::size_t max_rows = all_rows);

}  // namespace shoal::datasets
