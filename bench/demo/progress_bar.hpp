#pragma once
// How far a batch is, on stderr, so that stdout holds the results alone.
//
// On a terminal one line is drawn anew, at most 20 times a second; elsewhere a plain line stands at every tenth. Given
// to batch_insert as its progress callback, it is called for each vector: most calls only look at the clock.

#include <chrono>
#include <cstddef>
#include <string>

#include "terminal.hpp"

namespace shoal::demo {

class ProgressBar {
 public:
  ProgressBar(const Terminal& terminal, std::string title);

  void update(std::size_t done, std::size_t total);

  /// The last line, which stays: all that was done, and in what time.
  void finish();

  [[nodiscard]] double elapsed_seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr auto redraw_interval = std::chrono::milliseconds(50);

  void draw();
  void print_tenth();
  void measure_rate(Clock::time_point now);
  [[nodiscard]] double seconds_left() const;
  [[nodiscard]] std::string bar(std::size_t width) const;

  const Terminal& terminal_;
  std::string title_;
  std::size_t done_ = 0;
  std::size_t total_ = 0;
  Clock::time_point start_ = Clock::now();

  Clock::time_point next_draw_ = start_ + redraw_interval;
  std::size_t next_tenth_ = 1;

  // The rate of late, since the first vectors are far quicker than the last: smoothed over about a second.
  Clock::time_point rate_time_ = start_;
  std::size_t rate_done_ = 0;
  double rate_ = 0;  // vectors a second
};

}  // namespace shoal::demo
