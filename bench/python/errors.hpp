#pragma once
// Errors of the library as exceptions of Python: shoal.Error and shoal.BatchError (shoal/_errors.py).

#include <exception>
#include <utility>

#include <pybind11/pybind11.h>

#include "any_index.hpp"
#include "raised.hpp"

namespace shoal::python {

/// An Error on its way to Python, where it is a shoal.Error. A source may throw it for an item that cannot even be
/// handed to the library, as an id below 0: the batch ends there, and this is the cause.
class Refused : public std::exception {
 public:
  explicit Refused(Error error) noexcept : error_(std::move(error)) {}
  [[nodiscard]] const char* what() const noexcept override { return "refused"; }
  [[nodiscard]] const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};

template <class T>
T value_or_raise(Expected<T, Error> result) {
  if (!result) throw Refused(std::move(result.error()));
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

/// Raises a BatchError, with what Python code raised as its `__cause__`: a shoal.BatchInterrupted if that is a
/// KeyboardInterrupt. What a signal ended is `cancelled`, and blames no item. With the interpreter lock.
[[noreturn]] void raise(BatchError<Id>&& error, const Raised& raised);

/// shoal.ErrorCode, and Refused as shoal.Error.
void bind_errors(py::module_& module);

}  // namespace shoal::python
