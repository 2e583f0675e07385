#pragma once
// The owner of a table of numbers: `rows` rows of `cols` values, one after the other in memory (row-major).
//
// values.size() == rows * cols always holds when it was made by `make_matrix`.

#include <cstddef>
#include <limits>
#include <new>
#include <span>
#include <stdexcept>
#include <vector>

#include <datasets/result.hpp>

namespace shoal::datasets {

template <class T>
struct Matrix {
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::vector<T> values;

  [[nodiscard]] std::span<T> row(std::size_t i) { return {values.data() + i * cols, cols}; }
  [[nodiscard]] std::span<const T> row(std::size_t i) const { return {values.data() + i * cols, cols}; }
  [[nodiscard]] bool empty() const { return rows == 0; }
};

/// The rows read from a file, and how many it holds (more, when a limit was given).
template <class T>
struct Rows {
  Matrix<T> matrix;
  std::size_t rows_in_file = 0;
};

/// No limit on the rows to read.
inline constexpr std::size_t all_rows = std::numeric_limits<std::size_t>::max();

/// More components than any embedding has; a larger number is a file of another kind, or damage.
inline constexpr std::size_t max_dimensions = std::size_t{1} << 20;

/// A matrix of zeros. *Errors*: memory that runs out, as a message rather than an exception.
template <class T>
[[nodiscard]] Result<Matrix<T>> make_matrix(std::size_t rows, std::size_t cols, const std::filesystem::path& file) {
  Matrix<T> matrix{rows, cols, {}};
  try {
    if (cols != 0 && rows > std::numeric_limits<std::size_t>::max() / sizeof(T) / cols) {
      throw std::bad_alloc();
    }
    matrix.values.resize(rows * cols);
  } catch (const std::exception&) {  // bad_alloc or length_error
    return fail(file, "not enough memory for ", rows, " x ", cols, " values of ", sizeof(T), " bytes");
  }
  return matrix;
}

/// The first `rows` rows; the rest are dropped.
template <class T>
void keep_rows(Matrix<T>& matrix, std::size_t rows) {
  if (rows < matrix.rows) {
    matrix.rows = rows;
    matrix.values.resize(rows * matrix.cols);
  }
}

}  // namespace shoal::datasets
