#include "arrays.hpp"

#include <algorithm>
#include <cstring>

#include "errors.hpp"

namespace shoal::python {

namespace {

constexpr int is_aligned = py::detail::npy_api::NPY_ARRAY_ALIGNED_;

[[nodiscard]] std::string shape_of(const py::array& array) {
  std::string text = "(";
  for (py::ssize_t i = 0; i < array.ndim(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(array.shape(i));
  }
  return text + (array.ndim() == 1 ? ",)" : ")");
}

/// What can be converted to an array of real numbers, as that. Kinds: boolean, signed, unsigned, floating.
[[nodiscard]] py::array to_numbers(const py::object& values, const char* name, py::ssize_t dimensions) {
  py::array array;
  if (py::isinstance<py::array>(values)) {
    array = py::reinterpret_borrow<py::array>(values);
  } else {
    array = py::module_::import("numpy").attr("asarray")(values);
  }
  const char kind = array.dtype().kind();
  if (std::strchr("biuf", kind) == nullptr) {
    throw py::type_error(std::string(name) + ": expected real numbers, got an array of dtype " +
                         std::string(py::str(array.dtype())));
  }
  // An empty list does not say how wide its rows would be.
  if (dimensions == 2 && array.ndim() == 1 && array.size() == 0) array = array.attr("reshape")(0, 0);
  if (array.ndim() != dimensions) {
    throw Refused(Error(ErrorCode::dimension_mismatch,
                        std::string(name) + ": expected an array of " +
                            (dimensions == 1 ? "one dimension" : "two dimensions, a vector a row") +
                            ", got one of shape " + shape_of(array)));
  }
  return array;
}

template <class T>
void convert_as(const std::byte* from, std::ptrdiff_t stride, std::span<float> to) {
  for (float& value : to) {
    T number;
    std::memcpy(&number, from, sizeof number);
    value = static_cast<float>(number);
    from += stride;
  }
}

template <class T>
[[nodiscard]] bool is_array_of(const py::array& array) {
  return py::isinstance<py::array_t<T>>(array);  // in this machine's byte order, too
}

/// Are there floats, those along the last dimension side by side?
[[nodiscard]] bool has_floats_side_by_side(const py::array& array) {
  const py::ssize_t last = array.ndim() - 1;
  return is_array_of<float>(array) && (array.flags() & is_aligned) != 0 &&
         (array.shape(last) <= 1 || array.strides(last) == sizeof(float));
}

[[nodiscard]] py::array as_floats(const py::array& array) { return array.attr("astype")("float32", "C"); }

/// Something of Python's that has numbers of a type of its own, or a row of bytes: numpy reads it as what it is.
[[nodiscard]] bool is_like_an_array(const py::object& object) {
  return py::isinstance<py::array>(object) || PyObject_CheckBuffer(object.ptr()) != 0 ||
         py::hasattr(object, "__array__");
}

[[nodiscard]] Error out_of_range(const std::string& id) {
  return Error(ErrorCode::id_out_of_range,
               "expected an id that fits the index's id type of 64 unsigned bits, got " + id);
}

}  // namespace

FloatRows::FloatRows(const py::object& matrix, const char* name) : array_(to_numbers(matrix, name, 2)) {
  if (is_array_of<float>(array_)) {
    convert_ = has_floats_side_by_side(array_) ? nullptr : convert_as<float>;
  } else if (is_array_of<double>(array_)) {
    convert_ = convert_as<double>;
  } else if (is_array_of<std::uint8_t>(array_)) {
    convert_ = convert_as<std::uint8_t>;
  } else if (is_array_of<std::int8_t>(array_)) {
    convert_ = convert_as<std::int8_t>;
  } else {
    array_ = as_floats(array_);
  }
  data_ = static_cast<const std::byte*>(array_.data());
  rows_ = static_cast<std::size_t>(array_.shape(0));
  columns_ = static_cast<std::size_t>(array_.shape(1));
  row_stride_ = array_.strides(0);
  column_stride_ = array_.strides(1);
  if (convert_ != nullptr) buffer_.resize(columns_);
}

std::span<const float> FloatRows::row(std::size_t i) {
  const std::byte* const begin = data_ + static_cast<std::ptrdiff_t>(i) * row_stride_;
  if (convert_ == nullptr) return {reinterpret_cast<const float*>(begin), columns_};
  convert_(begin, column_stride_, buffer_);
  return buffer_;
}

FloatMatrix::FloatMatrix(const py::object& matrix, const char* name) : array_(to_numbers(matrix, name, 2)) {
  constexpr auto float_bytes = static_cast<py::ssize_t>(sizeof(float));
  if (!has_floats_side_by_side(array_) || array_.strides(0) < 0 || array_.strides(0) % float_bytes != 0) {
    array_ = as_floats(array_);
  }
  view_ = {.data = static_cast<const float*>(array_.data()),
           .rows = static_cast<std::size_t>(array_.shape(0)),
           .columns = static_cast<std::size_t>(array_.shape(1)),
           .row_stride = static_cast<std::size_t>(array_.strides(0) / float_bytes)};
}

FloatVector::FloatVector(const py::object& vector, const char* name) : array_(to_numbers(vector, name, 1)) {
  if (!has_floats_side_by_side(array_)) array_ = as_floats(array_);
  values_ = {static_cast<const float*>(array_.data()), static_cast<std::size_t>(array_.size())};
}

IdArray::IdArray(const py::object& ids, const char* name) {
  if (is_like_an_array(ids)) {
    read_array(py::module_::import("numpy").attr("asarray")(ids), name);
  } else if (PySequence_Check(ids.ptr()) != 0) {
    read_sequence(ids, name);
  } else {
    throw py::type_error(std::string(name) + ": expected a row of integers, got " +
                         std::string(py::str(py::type::handle_of(ids).attr("__name__"))));
  }
}

void IdArray::read_array(const py::array& array, const char* name) {
  if (array.size() == 0) return;
  const char kind = array.dtype().kind();
  if (kind == 'O' && array.ndim() == 1) return read_sequence(array, name);
  if ((kind != 'i' && kind != 'u') || array.ndim() != 1) {
    throw py::type_error(std::string(name) + ": expected a row of integers, got an array of dtype " +
                         std::string(py::str(array.dtype())) + " and shape " + shape_of(array));
  }
  is_signed_ = kind == 'i';
  using Signed = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;
  using Unsigned = py::array_t<std::uint64_t, py::array::c_style | py::array::forcecast>;
  if (is_signed_) {
    array_ = Signed(array);
  } else {
    array_ = Unsigned(array);
  }
  if ((array_.flags() & is_aligned) == 0) array_ = array_.attr("copy")();
  ids_ = {static_cast<const Id*>(array_.data()), static_cast<std::size_t>(array_.size())};
}

void IdArray::read_sequence(const py::object& sequence, const char* name) {
  // A tuple of its own: what an item's __index__ does to the sequence changes nothing here.
  const auto items = py::reinterpret_steal<py::tuple>(PySequence_Tuple(sequence.ptr()));
  if (!items) throw py::error_already_set();
  read_.reserve(items.size());
  for (const py::handle item : items) {
    const std::size_t i = read_.size();
    // A bool is an integer to Python, but a list of them is a mask, and no list of the ids 0 and 1.
    const auto id =
        py::reinterpret_steal<py::object>(PyBool_Check(item.ptr()) != 0 ? nullptr : PyNumber_Index(item.ptr()));
    if (!id) {
      if (PyErr_Occurred() != nullptr && PyErr_ExceptionMatches(PyExc_TypeError) == 0) throw py::error_already_set();
      PyErr_Clear();
      throw py::type_error(std::string(name) + ": item " + std::to_string(i) + ": expected an integer, got " +
                           std::string(py::str(py::module_::import("reprlib").attr("repr")(item))));
    }
    const std::optional<Id> value = to_id(id);
    if (!value) misfits_.emplace(i, std::string(py::str(id)));
    read_.push_back(value.value_or(0));
  }
  ids_ = read_;
}

bool IdArray::fits(std::size_t i) const {
  return is_signed_ ? static_cast<std::int64_t>(ids_[i]) >= 0 : misfits_.empty() || !misfits_.contains(i);
}

Expected<Id, Error> IdArray::at(std::size_t i) const {
  if (fits(i)) return ids_[i];
  if (is_signed_) return detail::to_id<Id>(static_cast<std::int64_t>(ids_[i]));
  return Unexpected<Error>(out_of_range(misfits_.at(i)));
}

std::span<const Id> IdArray::fitting() {
  if (!is_signed_ && misfits_.empty()) return ids_;
  fitting_.clear();
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    if (fits(i)) fitting_.push_back(ids_[i]);
  }
  return fitting_;
}

std::optional<Id> to_id(const py::object& id) {
  const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(id.ptr()));
  if (!index) throw py::error_already_set();
  const auto value = PyLong_AsUnsignedLongLong(index.ptr());
  if (PyErr_Occurred() == nullptr) return value;
  if (PyErr_ExceptionMatches(PyExc_OverflowError) == 0) throw py::error_already_set();
  PyErr_Clear();
  return std::nullopt;
}

Expected<Id, Error> to_id_or_error(const py::object& id) {
  if (const auto value = to_id(id)) return *value;
  return Unexpected<Error>(out_of_range(py::str(id)));
}

py::tuple to_arrays(const Neighbors& neighbors) {
  const auto count = static_cast<py::ssize_t>(neighbors.size());
  py::array_t<Id> ids(count);
  py::array_t<float> distances(count);
  Id* const id = ids.mutable_data();
  float* const distance = distances.mutable_data();
  for (std::size_t i = 0; i < neighbors.size(); ++i) {
    id[i] = neighbors[i].id;
    distance[i] = neighbors[i].distance;
  }
  return py::make_tuple(std::move(ids), std::move(distances));
}

}  // namespace shoal::python
