#pragma once
// Who reads, so that a writer can wait until nobody holds on to what it has taken out. A reader counts itself in when
// it begins and out when it ends, in a counter that few others share; there is nothing else to hold it up. A writer
// first makes a thing unreachable, then waits for the readers that had begun by then, then uses it again.
//
// There are two counters for each place, and `phase_` says which new readers take. Waiting turns the phase and waits
// for the counters of the other, twice: so readers that go on coming never hold the writer up, and one that read the
// phase before the turn and counted itself in after it is waited for by the second turn, at the latest of the next
// waiting. This is McKenney's "sleepable RCU" (OLS 2006) with one writer.

#include <array>
#include <cstddef>
#include <cstdint>

#include "shoal/core/hash.hpp"
#include "shoal/core/platform.hpp"

#if SHOAL_HAS_THREADS
#include <atomic>
#include <chrono>
#include <thread>
#endif

namespace shoal::inline v0::detail {

/// Which of `count` places this thread uses first: always the same, and rarely that of another.
[[nodiscard]] inline std::size_t thread_place([[maybe_unused]] std::size_t count) noexcept {
#if SHOAL_HAS_THREADS
  static thread_local char mark;
  // Shifted, for g++ 12 takes an address plus a large number for a place in memory, which does not link.
  return static_cast<std::size_t>(mix64(reinterpret_cast<std::uintptr_t>(&mark) >> 4) % count);
#else
  return 0;
#endif
}

#if SHOAL_HAS_THREADS

class Readers {
  struct alignas(cache_line_bytes) Place {
    std::array<std::atomic<std::uint32_t>, 2> readers{};
  };

 public:
  /// Where a reader has counted itself in.
  using Ticket = std::atomic<std::uint32_t>*;

  /// A reader begins; null when all are shut out. *Cost*: an atomic addition.
  [[nodiscard]] Ticket enter() noexcept {
    Place& place = places_[thread_place(place_count)];
    std::atomic<std::uint32_t>& readers = place.readers[phase_.load(std::memory_order_relaxed) & 1U];
    readers.fetch_add(1);
    // In the one order of all such operations, either this load comes after the writer's turn of the phase, and sees
    // what it had taken out by then, or the writer's look at the counter comes after the addition, and waits.
    if ((phase_.load() & shut) == 0) return &readers;
    leave(&readers);
    return nullptr;
  }
  static void leave(Ticket ticket) noexcept { ticket->fetch_sub(1, std::memory_order_release); }

  /// Returns when all readers have ended that began before. *Threads*: one, and no reader itself.
  void wait() noexcept {
    for (int turn = 0; turn < 2; ++turn) {
      const std::uint32_t before = phase_.load(std::memory_order_relaxed);
      phase_.store(before ^ 1U);
      for (Place& place : places_) {
        for (int looks = 0; place.readers[before & 1U].load() != 0; ++looks) {
          if (looks < 1'000) {
            std::this_thread::yield();
          } else {  // somebody takes long: a slow filter
            std::this_thread::sleep_for(std::chrono::microseconds(50));
          }
        }
      }
    }
  }
  /// From here on no reader enters, and none is left when this returns.
  void shut_out() noexcept {
    phase_.fetch_or(shut);
    wait();
  }
  void let_in() noexcept { phase_.fetch_and(~shut); }

 private:
  static constexpr std::uint32_t shut = 2;
  static constexpr std::size_t place_count = 16;

  std::array<Place, place_count> places_{};
  std::atomic<std::uint32_t> phase_{0};
};

#else

class Readers {
 public:
  void wait() noexcept {}
};

#endif

}  // namespace shoal::inline v0::detail
