#include "progress.hpp"

#include <string>

namespace shoal::python {

ProgressArgument::ProgressArgument(const py::object& progress, Raised& raised) : raised_(raised) {
  if (progress.is_none() || progress.is(py::bool_(false))) return;
  if (progress.is(py::bool_(true))) {
    callable_ = py::module_::import("shoal._progress").attr("Bar")();
    is_bar_ = true;
    progress_.is_told = [this](std::size_t completed, std::size_t total) { draw(completed, total); };
  } else if (PyCallable_Check(progress.ptr()) != 0) {
    callable_ = progress;
    numpy_bool_ = py::module_::import("numpy").attr("bool_");
    progress_.may_cancel = [this](std::size_t completed, std::size_t total) { return ask(completed, total); };
  } else {
    throw py::type_error("progress: expected None, True or a callable (completed, total), got " +
                         std::string(py::str(py::type::handle_of(progress).attr("__name__"))));
  }
}

bool ProgressArgument::ask(std::size_t completed, std::size_t total) {
  return raised_.call([&] {
    const py::object answer = callable_(completed, total);
    if (py::isinstance(answer, numpy_bool_)) return answer.cast<bool>();
    return !answer.is(py::bool_(false));
  });
}

void ProgressArgument::draw(std::size_t completed, std::size_t total) {
  completed_ = completed;
  total_ = total;
  const Clock::time_point now = Clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + redraw_interval;
  raised_.call([&] { callable_.attr("update")(completed, total); });
}

void ProgressArgument::finish() {
  if (!is_bar_) return;
  try {
    callable_.attr("finish")(completed_, total_);
  } catch (py::error_already_set& error) {  // how the batch ended matters more
    error.discard_as_unraisable("shoal: the last drawing of a progress bar");
  }
}

}  // namespace shoal::python
