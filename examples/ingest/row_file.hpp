#pragma once
// The rows of a .npy or .fvecs file, one after the other, however large the file is. What can be told from the head is
// found before the first row: another kind of file, other types, a .npy file that is cut off.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include <datasets/file_reader.hpp>
#include <datasets/npy_layout.hpp>
#include <datasets/result.hpp>

namespace shoal::tools {

class RowFile {
 public:
  enum class Format { npy, fvecs };

  /// *Errors*: as of read_npy and read_fvecs (bench/datasets), but for what only the later rows of .fvecs show.
  [[nodiscard]] static datasets::Result<RowFile> open(const std::filesystem::path& path, Format format);

  /// The next row; false at the end. A row of .fvecs may have another length than the first: whoever takes it judges.
  /// *Errors*: the file is cut off, or damaged; there are no more rows.
  [[nodiscard]] datasets::Result<bool> next(std::vector<float>& row);

  /// The number of the row that comes next, from 0.
  [[nodiscard]] std::uint64_t next_row() const noexcept { return next_; }
  /// How many rows there are; of .fvecs when all are as long as the first.
  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
  /// Components of a row; of .fvecs those of the first.
  [[nodiscard]] std::size_t width() const noexcept { return width_; }

 private:
  RowFile(datasets::FileReader file, Format format) : file_(std::move(file)), format_(format) {}

  [[nodiscard]] datasets::Result<bool> next_of_npy(std::vector<float>& row);
  [[nodiscard]] datasets::Result<bool> next_of_fvecs(std::vector<float>& row);
  [[nodiscard]] datasets::Result<std::size_t> read_length();

  datasets::FileReader file_;
  Format format_;
  datasets::NpyLayout layout_{};    // of .npy
  std::size_t first_length_ = 0;    // of .fvecs; 0: it was used
  std::vector<std::byte> bytes_{};  // of a row as it lies in the file
  std::uint64_t rows_ = 0;
  std::size_t width_ = 0;
  std::uint64_t next_ = 0;
};

}  // namespace shoal::tools
