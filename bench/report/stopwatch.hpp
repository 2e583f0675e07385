#pragma once
// Two ways to take the time. Processor time, of all threads of this process: on an idle machine as long as the clock's,
// on a busy one without the time in which other programs ran; a library that starts threads behind our back gains
// nothing by it. And the time on the clock, where threads are what is measured.

#include <chrono>
#include <ctime>

namespace shoal::report {

/// Processor time.
class Stopwatch {
 public:
  /// Since it was made.
  [[nodiscard]] double seconds() const { return static_cast<double>(std::clock() - start_) / CLOCKS_PER_SEC; }

 private:
  std::clock_t start_ = std::clock();
};

/// Time on the clock.
class WallClock {
 public:
  /// Since it was made.
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace shoal::report
