#include "interrupt.hpp"

#include <csignal>

namespace shoal::demo {

namespace {

volatile std::sig_atomic_t is_requested = 0;  // the only thing a signal handler may touch

extern "C" void raise_flag(int signal) {
  is_requested = 1;
  std::signal(signal, SIG_DFL);
}

}  // namespace

Interrupt::Interrupt() {
  is_requested = 0;
  previous_ = std::signal(SIGINT, raise_flag);
}

Interrupt::~Interrupt() { std::signal(SIGINT, previous_ == SIG_ERR ? SIG_DFL : previous_); }

bool Interrupt::requested() const { return is_requested != 0; }

}  // namespace shoal::demo
