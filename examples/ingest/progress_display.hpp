#pragma once
// How far an ingestion is, on stderr, so that stdout holds the results alone: on a terminal one line that is drawn
// anew, at most 20 times a second; elsewhere a line for each event. Messages go through it, so that they stand on lines
// of their own.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "console.hpp"
#include <shoal/ingest/ingest_progress.hpp>

namespace shoal::tools {

class ProgressDisplay {
 public:
  ProgressDisplay(const Console& console, bool is_shown);
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;
  ~ProgressDisplay();

  void update(const IngestProgress& progress);
  /// One line, below what is drawn.
  void message(std::string_view text);
  /// The line that is drawn is taken away: others print next, perhaps on the same terminal. The next update draws it
  /// again.
  void clear();
  /// The line that is drawn stays, and what is printed next has a line of its own.
  void finish();

  [[nodiscard]] bool is_terminal() const noexcept { return is_terminal_; }

 private:
  using Clock = std::chrono::steady_clock;

  void put(const std::string& text);

  const Console& console_;
  bool is_shown_;
  bool is_terminal_;
  bool is_drawn_ = false;
  Clock::time_point next_draw_{};
  std::pair<std::uint64_t, std::uint64_t> last_{};  // processed and persisted of the last plain line
};

}  // namespace shoal::tools
