#include "progress_display.hpp"

#include <cstdlib>
#include <string>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace shoal::tools {

namespace {

constexpr auto redraw_interval = std::chrono::milliseconds(50);

bool draws_lines(std::FILE* stream) {
  const int descriptor = ::fileno(stream);
  const char* const kind = std::getenv("TERM");
  return descriptor >= 0 && ::isatty(descriptor) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

std::size_t columns(std::FILE* stream) {
  winsize size{};
  return ::ioctl(::fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

}  // namespace

ProgressDisplay::ProgressDisplay(const Console& console, bool is_shown)
    : console_(console), is_shown_(is_shown), is_terminal_(draws_lines(console.err)) {}

ProgressDisplay::~ProgressDisplay() { finish(); }

void ProgressDisplay::update(const IngestProgress& progress) {
  if (!is_shown_) return;
  if (!is_terminal_) {
    // The last event often says what the one before it said.
    const auto counters = std::pair(progress.processed(), progress.persisted);
    if (std::exchange(last_, counters) == counters && progress.processed() != 0) return;
    say(console_, format_progress(progress));
    return;
  }
  const auto now = Clock::now();
  if (now < next_draw_ && !progress.finished) return;
  next_draw_ = now + redraw_interval;
  std::string line = format_progress(progress);
  // A full line would wrap; \x1b[K clears what is left of the line before.
  if (const std::size_t most = columns(console_.err) - 1; line.size() > most) line.resize(most);
  put("\r" + line + "\x1b[K");
  is_drawn_ = true;
}

void ProgressDisplay::message(std::string_view text) {
  clear();
  say(console_, text);
}

void ProgressDisplay::clear() {
  if (is_drawn_) put("\r\x1b[K");
  is_drawn_ = false;
}

void ProgressDisplay::finish() {
  if (std::exchange(is_drawn_, false)) put("\n");
}

void ProgressDisplay::put(const std::string& text) {
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), console_.err));
  std::fflush(console_.err);
}

}  // namespace shoal::tools
