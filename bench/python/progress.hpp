#pragma once
// The `progress` argument of a batch: None, a callable (completed, total) that ends the batch by returning False, or
// True for a bar on stderr (shoal/_progress.py), which is told ten times a second and cannot cancel.

#include <chrono>
#include <cstddef>

#include <pybind11/pybind11.h>

#include "any_index.hpp"
#include "raised.hpp"

namespace shoal::python {

/// Made and destroyed with the interpreter lock.
class ProgressArgument {
 public:
  /// *Errors*: TypeError for what is neither.
  ProgressArgument(const py::object& progress, Raised& raised);

  [[nodiscard]] Progress& progress() noexcept { return progress_; }
  /// Draws the bar for the last time, if there is one. With the lock, when the batch has ended, well or not.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr auto redraw_interval = std::chrono::milliseconds(100);

  [[nodiscard]] bool ask(std::size_t completed, std::size_t total);
  void draw(std::size_t completed, std::size_t total);

  Raised& raised_;
  py::object callable_;    // or the bar
  py::object numpy_bool_;  // the type of what comparing numbers of numpy's gives
  bool is_bar_ = false;
  std::size_t completed_ = 0;
  std::size_t total_ = 0;
  Clock::time_point next_draw_ = Clock::now();
  Progress progress_;
};

}  // namespace shoal::python
