#pragma once
// Processor time, of all threads of this process: on an idle machine as long as the clock's, on a busy one without the
// time in which other programs ran. A library that starts threads behind our back gains nothing by it.

#include <ctime>

namespace shoal::report {

class Stopwatch {
 public:
  /// Since it was made.
  [[nodiscard]] double seconds() const { return static_cast<double>(std::clock() - start_) / CLOCKS_PER_SEC; }

 private:
  std::clock_t start_ = std::clock();
};

}  // namespace shoal::report
