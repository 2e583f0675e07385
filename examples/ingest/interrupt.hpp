#pragma once
// SIGINT and SIGTERM as a question, for as long as this object lives; one at a time. The first signal is remembered,
// and makes a pipe readable, so that who waits for input with poll() wakes up however close the two are. The second one
// ends the program as always. A signal that was ignored when the program started (nohup, a job in the background) stays
// ignored.

#include <array>
#include <csignal>

#include <shoal/index/options.hpp>

namespace shoal::tools {

class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  /// The signal that came; 0: none.
  [[nodiscard]] int signal() const noexcept;
  /// Readable once a signal came.
  [[nodiscard]] int descriptor() const noexcept;

  [[nodiscard]] bool stop_requested() const noexcept { return signal() != 0; }

 private:
  struct Previous {
    int signal;
    struct sigaction action;
  };
  std::array<Previous, 2> previous_{};
};

/// What a batch may ask. `interrupt` may be null, and lives as long.
[[nodiscard]] inline StopToken stop_token(const Interrupt* interrupt) {
  struct Ask {
    const Interrupt* interrupt;
    [[nodiscard]] bool stop_requested() const noexcept { return interrupt->stop_requested(); }
  };
  return interrupt == nullptr ? StopToken() : StopToken(Ask{interrupt});
}

/// What a shell expects of a program that a signal ended.
[[nodiscard]] constexpr int exit_code_of_signal(int signal) noexcept { return 128 + signal; }

}  // namespace shoal::tools
