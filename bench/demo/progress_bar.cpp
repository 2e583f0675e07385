#include "progress_bar.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include <fmt/core.h>

#include "numbers.hpp"

namespace shoal::demo {

namespace {

constexpr double smoothing_seconds = 1;
constexpr std::size_t widest_bar = 40;

double seconds_of(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

ProgressBar::ProgressBar(const Terminal& terminal, std::string title) : terminal_(terminal), title_(std::move(title)) {}

double ProgressBar::elapsed_seconds() const { return seconds_of(Clock::now() - start_); }

void ProgressBar::update(std::size_t done, std::size_t total) {
  done_ = done;
  total_ = total;
  if (!terminal_.err_is_terminal) {
    print_tenth();
    return;
  }
  const auto now = Clock::now();
  if (now >= next_draw_) {
    next_draw_ = now + redraw_interval;
    measure_rate(now);
    draw();
  }
}

void ProgressBar::measure_rate(Clock::time_point now) {
  const double passed = seconds_of(now - rate_time_);
  if (passed <= 0) {
    return;
  }
  const double rate = static_cast<double>(done_ - rate_done_) / passed;
  // At first the average since the start, until that is longer than the smoothing.
  const double weight = std::max(1 - std::exp(-passed / smoothing_seconds), passed / seconds_of(now - start_));
  rate_ += weight * (rate - rate_);
  rate_time_ = now;
  rate_done_ = done_;
}

double ProgressBar::seconds_left() const {
  if (rate_ <= 0 || done_ == 0) {
    return 0;
  }
  // A vector costs more the more are in: the time goes as a power of their number, and the power is the average rate
  // over the present one.
  const double elapsed = seconds_of(rate_time_ - start_);
  const double power = std::clamp(static_cast<double>(done_) / elapsed / rate_, 1.0, 1.5);
  return elapsed * (std::pow(static_cast<double>(total_) / static_cast<double>(done_), power) - 1);
}

std::string ProgressBar::bar(std::size_t width) const {
  const std::size_t eighths = total_ == 0 ? 0 : done_ * width * 8 / total_;
  std::string text;
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t here = std::min<std::size_t>(8, eighths - std::min(eighths, 8 * i));
    text += here == 8 ? terminal_.marks.full : here == 0 ? terminal_.marks.empty : terminal_.marks.partial[here - 1];
  }
  return text;
}

void ProgressBar::draw() {
  const std::size_t percent = total_ == 0 ? 0 : 100 * done_ / total_;
  const std::string total = with_commas(total_);
  const std::string left = fmt::format("  {:<8} ", title_);
  const std::string right =
      fmt::format(" {:>3} %  {:>{}} of {}  {}/s  ETA {}", percent, with_commas(done_), total.size(), total,
                  with_commas(static_cast<std::size_t>(rate_)), duration_text(seconds_left()));
  const std::size_t columns = Terminal::err_columns();
  const std::size_t taken = left.size() + right.size() + 1;  // one column stays free: a full line would wrap
  const std::size_t width = columns > taken ? std::min(widest_bar, columns - taken) : 0;
  std::string line = left + bar(width) + right;
  if (width == 0 && line.size() >= columns) {
    line.resize(columns - 1);
  }
  // \r and "clear to the end of the line": the line is never longer than the terminal, so nothing of an old one stays.
  fmt::print(stderr, "\r{}\x1b[K", line);
  std::fflush(stderr);
}

void ProgressBar::print_tenth() {
  if (total_ == 0 || done_ * 10 < next_tenth_ * total_) {
    return;
  }
  const std::size_t tenth = done_ * 10 / total_;
  next_tenth_ = tenth + 1;
  const double elapsed = elapsed_seconds();
  const double rate = elapsed > 0 ? static_cast<double>(done_) / elapsed : 0;
  measure_rate(Clock::now());
  const std::string end = done_ == total_ ? seconds_text(elapsed) : "ETA " + duration_text(seconds_left());
  fmt::print(stderr, "{} {}0 %  {} of {}  {}/s  {}\n", title_, tenth, with_commas(done_), with_commas(total_),
             with_commas(static_cast<std::size_t>(rate)), end);
}

void ProgressBar::finish() {
  if (!terminal_.err_is_terminal) {
    return;
  }
  const double elapsed = elapsed_seconds();
  const double rate = elapsed > 0 ? static_cast<double>(done_) / elapsed : 0;
  rate_ = rate;
  const std::string left = fmt::format("  {:<8} ", title_);
  const std::string right = fmt::format(" {} in {}, {}/s", with_commas(done_), seconds_text(elapsed),
                                        with_commas(static_cast<std::size_t>(rate)));
  const std::size_t columns = Terminal::err_columns();
  const std::size_t taken = left.size() + right.size() + 1;
  fmt::print(stderr, "\r{}{}{}\x1b[K\n", left, bar(columns > taken ? std::min(widest_bar, columns - taken) : 0), right);
}

}  // namespace shoal::demo
