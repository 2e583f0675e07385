#include "errors.hpp"

#include <array>
#include <string>

#include "arrays.hpp"

namespace shoal::python {

namespace {

struct NamedCode {
  const char* name;
  ErrorCode code;
};
constexpr std::array codes = {
    NamedCode{"invalid_config", ErrorCode::invalid_config},
    NamedCode{"dimension_mismatch", ErrorCode::dimension_mismatch},
    NamedCode{"not_finite", ErrorCode::not_finite},
    NamedCode{"norm_too_large", ErrorCode::norm_too_large},
    NamedCode{"zero_vector", ErrorCode::zero_vector},
    NamedCode{"id_not_found", ErrorCode::id_not_found},
    NamedCode{"duplicate_id", ErrorCode::duplicate_id},
    NamedCode{"id_out_of_range", ErrorCode::id_out_of_range},
    NamedCode{"capacity_exceeded", ErrorCode::capacity_exceeded},
    NamedCode{"length_mismatch", ErrorCode::length_mismatch},
    NamedCode{"out_of_memory", ErrorCode::out_of_memory},
    NamedCode{"cancelled", ErrorCode::cancelled},
    NamedCode{"source_failed", ErrorCode::source_failed},
    NamedCode{"callback_failed", ErrorCode::callback_failed},
    NamedCode{"reentrant_mutation", ErrorCode::reentrant_mutation},
    NamedCode{"busy", ErrorCode::busy},
    NamedCode{"storage_full", ErrorCode::storage_full},
    NamedCode{"io_error", ErrorCode::io_error},
    NamedCode{"cannot_open", ErrorCode::cannot_open},
    NamedCode{"corrupt", ErrorCode::corrupt},
    NamedCode{"incompatible", ErrorCode::incompatible},
};

py::object make(const char* type, const py::tuple& arguments) {
  return py::module_::import("shoal._errors").attr(type)(*arguments);
}

py::object to_python(const Error& error) {
  return make("Error", py::make_tuple(std::string(error.message()), error.code()));
}

void set_error(const py::object& exception) { PyErr_SetObject(py::type::handle_of(exception).ptr(), exception.ptr()); }

void translate(std::exception_ptr exception) {
  try {
    std::rethrow_exception(std::move(exception));
  } catch (const Refused& refused) {
    set_error(to_python(refused.error()));
  }
}

/// The library lays to the source what a Refused says better.
Error cause_of(const BatchError<Id>& error) {
  if (!error.exception) return error.cause;
  try {
    std::rethrow_exception(error.exception);
  } catch (const Refused& refused) {
    return refused.error();
  } catch (...) {
  }
  return error.cause;
}

}  // namespace

void raise(BatchError<Id>&& error, const Raised& raised) {
  error.cause = cause_of(error);
  if (raised.is_of_signal()) {
    // The library takes it for a failure of what it called or read just then, which no item is to blame for.
    error.cause = Error(ErrorCode::cancelled,
                        "cancelled: " + std::string(py::str(py::type::handle_of(raised.exception()).attr("__name__"))));
    error.failed_index.reset();
    error.failed_id.reset();
  }
  const bool is_interrupt = PyErr_GivenExceptionMatches(raised.exception().ptr(), PyExc_KeyboardInterrupt) != 0;
  const std::string text = error.what();
  const bool item_is_bad = error.item_is_bad();
  const py::object exception =
      make(is_interrupt ? "BatchInterrupted" : "BatchError",
           py::make_tuple(text, error.cause.code(), to_python(error.cause), to_array(std::move(error.successful_ids)),
                          error.completed_count, error.failed_index, error.failed_id, item_is_bad));
  if (!raised.exception().is_none()) PyException_SetCause(exception.ptr(), raised.exception().inc_ref().ptr());
  set_error(exception);
  throw py::error_already_set();
}

void bind_errors(py::module_& module) {
  py::enum_<ErrorCode> type(module, "ErrorCode", "Why something failed; docs/errors.md has a line on each.");
  for (const auto& [name, code] : codes) type.value(name, code, std::string(describe(code)).c_str());
  py::register_exception_translator(translate);
}

}  // namespace shoal::python
