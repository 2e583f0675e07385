#pragma once
// Python code that the library calls (a source, a progress callback, a filter) while the interpreter lock is given up:
// it is taken for the call, and what the code raises is kept here until the library has returned. In its place a C++
// exception goes through the library that holds no Python object, and so may be copied and dropped without the lock.

#include <chrono>
#include <stdexcept>
#include <string>

#include <pybind11/pybind11.h>

namespace shoal::python {

namespace py = pybind11;

/// Stands for an exception of Python's; says what that says.
class PassedOn : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The first exception of one call of the library. Made and destroyed with the lock; `call` takes it.
class Raised {
 public:
  template <class Code>
  auto call(Code&& code) -> decltype(code()) {
    const py::gil_scoped_acquire lock;
    std::string text;
    try {
      return code();
    } catch (py::error_already_set& error) {
      text = keep(error);
    } catch (const py::builtin_exception& exception) {  // pybind11's own, as of a cast that failed
      exception.set_error();
      py::error_already_set error;
      text = keep(error);
    }
    throw PassedOn(text);
  }

  /// Runs the handlers of signals that came, and raises what they raise. With the lock, inside of a `call`.
  void check_signals() {
    if (PyErr_CheckSignals() == 0) return;
    if (exception_.is_none()) is_of_signal_ = true;
    throw py::error_already_set();
  }
  /// Was it a signal that ended the call, and not the code that was called? Ctrl-C may come inside of that too, and
  /// code that raises KeyboardInterrupt itself means the same.
  [[nodiscard]] bool is_of_signal() const {
    return is_of_signal_ || PyErr_GivenExceptionMatches(exception_.ptr(), PyExc_KeyboardInterrupt) != 0;
  }

  /// The exception, or None. With the lock.
  [[nodiscard]] const py::object& exception() const noexcept { return exception_; }

  /// Raises it again, if there is one. With the lock.
  void raise_again() const {
    if (exception_.is_none()) return;
    PyErr_SetObject(py::type::handle_of(exception_).ptr(), exception_.ptr());
    throw py::error_already_set();
  }

 private:
  /// What it says of itself: "ValueError: not a vector".
  std::string keep(py::error_already_set& error) {
    const py::object& value = error.value();
    if (error.trace()) PyException_SetTraceback(value.ptr(), error.trace().ptr());
    if (exception_.is_none()) exception_ = value;
    std::string text = py::str(py::type::handle_of(value).attr("__name__"));
    try {
      const std::string message = py::str(value);
      if (!message.empty()) text += ": " + message;
    } catch (py::error_already_set&) {  // its __str__ raises: then the type has to do
    }
    return text;
  }

  py::object exception_ = py::none();
  bool is_of_signal_ = false;
};

/// Looks now and then whether a signal came, Ctrl-C above all, for whose handlers Python would wait until the library
/// returns. Time for that is found ten times a second: with the lock taken for each item, other Python threads would
/// have to give it up as often.
class Interrupts {
 public:
  explicit Interrupts(Raised& raised) noexcept : raised_(raised) {}

  /// Throws PassedOn when a handler raised something. Without the lock.
  void poll() {
    const Clock::time_point now = Clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::milliseconds(100);
    raised_.call([&] { raised_.check_signals(); });
  }

  /// The same as the library asks it.
  [[nodiscard]] bool stop_requested() {
    try {
      poll();
      return false;
    } catch (const PassedOn&) {
      return true;
    }
  }

 private:
  using Clock = std::chrono::steady_clock;
  Raised& raised_;
  Clock::time_point next_ = Clock::now();
};

}  // namespace shoal::python
