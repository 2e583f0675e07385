#pragma once
// numpy arrays as the library takes them, and what it gives as numpy arrays. Numbers are read where they lie as long as
// that is possible: a matrix of float32 is never copied, of another type a row at a time is converted. What has no
// numbers in it is a TypeError, what has another shape is Refused; both say which argument it is and what came.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "any_index.hpp"

namespace shoal::python {

namespace py = pybind11;

/// A matrix whose rows are read as floats. Made and destroyed with the interpreter lock, read without.
class FloatRows {
 public:
  /// `name`: of the argument, for errors. *Errors*: TypeError where there are no numbers; dimension_mismatch where
  /// there are not two dimensions.
  FloatRows(const py::object& matrix, const char* name);

  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t columns() const noexcept { return columns_; }
  /// Where the numbers are not floats side by side, the row lies in a buffer, until the next call.
  [[nodiscard]] std::span<const float> row(std::size_t i);

 private:
  using Convert = void (*)(const std::byte* from, std::ptrdiff_t stride, std::span<float> to);

  py::array array_;
  const std::byte* data_ = nullptr;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::ptrdiff_t row_stride_ = 0;     // in bytes, as the next
  std::ptrdiff_t column_stride_ = 0;  //
  Convert convert_ = nullptr;         // none: the rows are floats side by side
  std::vector<float> buffer_;
};

/// A matrix of floats that threads may read at once: where it is, or converted as a whole.
class FloatMatrix {
 public:
  /// *Errors*: as FloatRows.
  FloatMatrix(const py::object& matrix, const char* name);
  [[nodiscard]] const MatrixView<float>& view() const noexcept { return view_; }

 private:
  py::array array_;
  MatrixView<float> view_;
};

/// One vector: floats where they are, or converted.
class FloatVector {
 public:
  /// *Errors*: TypeError; dimension_mismatch where there is not one dimension.
  FloatVector(const py::object& vector, const char* name);
  [[nodiscard]] std::span<const float> values() const noexcept { return values_; }

 private:
  py::array array_;
  std::span<const float> values_;
};

/// Ids: an array of integers of any type, or a sequence of Python's integers. numpy would make floating-point numbers
/// of a sequence on both sides of 2^63, so it is not asked.
class IdArray {
 public:
  /// *Errors*: TypeError, which names what is no integer.
  IdArray(const py::object& ids, const char* name);
  [[nodiscard]] std::size_t size() const noexcept { return ids_.size(); }
  /// *Errors*: id_out_of_range, for one that is not 0 to 2^64 - 1.
  [[nodiscard]] Expected<Id, Error> at(std::size_t i) const;
  /// Those that fit, to look for: no index has another. Valid until the next call.
  [[nodiscard]] std::span<const Id> fitting();

 private:
  void read_array(const py::array& array, const char* name);
  void read_sequence(const py::object& sequence, const char* name);
  [[nodiscard]] bool fits(std::size_t i) const;

  py::array array_;
  std::vector<Id> read_;                                  // of a sequence
  std::span<const Id> ids_;                               // in either
  bool is_signed_ = false;                                // then they are the bits of signed integers
  std::unordered_map<std::size_t, std::string> misfits_;  // of a sequence: which do not fit, and what they are
  std::vector<Id> fitting_;
};

/// An integer of Python's as an id. *Errors*: TypeError; nothing, where it does not fit.
[[nodiscard]] std::optional<Id> to_id(const py::object& id);
/// The same; what does not fit is id_out_of_range.
[[nodiscard]] Expected<Id, Error> to_id_or_error(const py::object& id);

/// An array that owns what was in `values`.
template <class T>
[[nodiscard]] py::array_t<T> to_array(std::vector<T>&& values) {
  auto owned = std::make_unique<std::vector<T>>(std::move(values));
  const T* data = owned->data();
  const auto size = static_cast<py::ssize_t>(owned->size());
  const py::capsule owner(owned.get(), [](void* vector) { delete static_cast<std::vector<T>*>(vector); });
  static_cast<void>(owned.release());
  return py::array_t<T>(size, data, owner);
}

/// (ids, distances) of one search.
[[nodiscard]] py::tuple to_arrays(const Neighbors& neighbors);

}  // namespace shoal::python
