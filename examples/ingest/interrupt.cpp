#include "interrupt.hpp"

#include <cerrno>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

namespace shoal::tools {

namespace {

constexpr std::array<int, 2> signals{SIGINT, SIGTERM};

// All that a handler may touch.
volatile std::sig_atomic_t which = 0;
int pipe_ends[2] = {-1, -1};

extern "C" void remember(int signal) {
  const int saved = errno;
  which = signal;
  for (const int each : signals) std::signal(each, SIG_DFL);
  const char byte = 0;
  const ssize_t written = ::write(pipe_ends[1], &byte, 1);
  static_cast<void>(written);  // the pipe is empty, and has room
  errno = saved;
}

/// A program that was started without its standard input would take the pipe for it, and wait for a signal to read.
int beyond_standard_streams(int descriptor) {
  if (descriptor > STDERR_FILENO) return descriptor;
  const int moved = ::fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (moved < 0) throw std::runtime_error("cannot make a pipe for signals");
  ::close(descriptor);
  return moved;
}

}  // namespace

Interrupt::Interrupt() {
  which = 0;
  if (::pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) != 0) throw std::runtime_error("cannot make a pipe for signals");
  for (int& end : pipe_ends) end = beyond_standard_streams(end);
  struct sigaction action {};
  action.sa_handler = remember;
  for (std::size_t i = 0; i < signals.size(); ++i) {
    previous_[i].signal = signals[i];
    ::sigaction(signals[i], nullptr, &previous_[i].action);
    if (previous_[i].action.sa_handler != SIG_IGN) ::sigaction(signals[i], &action, nullptr);
  }
}

Interrupt::~Interrupt() {
  for (const Previous& each : previous_) ::sigaction(each.signal, &each.action, nullptr);
  for (int& end : pipe_ends) {
    ::close(end);
    end = -1;
  }
}

int Interrupt::signal() const noexcept { return which; }

int Interrupt::descriptor() const noexcept { return pipe_ends[0]; }

}  // namespace shoal::tools
