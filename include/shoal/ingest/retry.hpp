#pragma once
// Trying again: which errors may pass by themselves, how long to wait, and who tells the time.

#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/index/options.hpp"

#if SHOAL_HAS_THREADS
#include <algorithm>
#include <thread>
#endif

namespace shoal::inline v0 {

/// May the same call succeed a moment later? Another program lets go of its lock, someone makes room on the disk, a
/// cable is put back. Everything else fails again.
[[nodiscard]] constexpr bool is_transient(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::store_busy:
    case ErrorCode::storage_full:
    case ErrorCode::io_error: return true;
    default: return false;
  }
}

/// How long to wait before each further try; as many tries as there are delays, after the first.
struct RetryPolicy {
  std::vector<std::chrono::milliseconds> delays{std::chrono::seconds(1), std::chrono::seconds(2),
                                                std::chrono::seconds(4)};
};

/// Who tells the time, and how it passes. For tests, and for programs with an event loop of their own.
struct IngestClock {
  /// Time since some fixed moment; never goes back. Empty: std::chrono::steady_clock.
  std::function<std::chrono::nanoseconds()> now{};
  /// Returns after so long, or when a stop is requested. Empty: sleeps, and asks for a stop every 10 ms.
  std::function<void(std::chrono::nanoseconds, const StopToken&)> wait{};
};

namespace detail {

inline std::chrono::nanoseconds now(const IngestClock& clock) {
  return clock.now ? clock.now() : std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch());
}

inline void wait(const IngestClock& clock, std::chrono::nanoseconds duration, const StopToken& stop) {
  if (clock.wait) return clock.wait(duration, stop);
  const auto end = std::chrono::steady_clock::now() + duration;
  for (;;) {
    const auto left = end - std::chrono::steady_clock::now();
    if (left <= left.zero() || stop.stop_requested()) return;
#if SHOAL_HAS_THREADS
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, std::chrono::milliseconds(10)));
#endif
  }
}

/// Calls `attempt` until it succeeds, fails for good, has failed so often as `retry` allows, or a stop is requested.
template <class Attempt>
[[nodiscard]] auto with_retry(const RetryPolicy& retry, const IngestClock& clock, const StopToken& stop,
                              const Attempt& attempt) {
  for (std::size_t tries = 0;; ++tries) {
    auto result = attempt();
    if (result || !is_transient(result.error().code()) || tries == retry.delays.size()) return result;
    wait(clock, retry.delays[tries], stop);
    if (stop.stop_requested()) return result;
  }
}

}  // namespace detail
}  // namespace shoal::inline v0
