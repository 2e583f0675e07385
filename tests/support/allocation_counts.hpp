#pragma once
// What counting_new.hpp counts. A program includes that file once; its other files read the counts from here.

#include <atomic>
#include <cstddef>

namespace support {

struct AllocationCounts {
  std::atomic<std::size_t> live_bytes{0};
  std::atomic<std::size_t> peak_bytes{0};
  std::atomic<std::size_t> allocations{0};
  std::atomic<std::size_t> fail_after{~std::size_t{0}};  // allocations that still succeed
  std::atomic<bool> fail_forever{false};                 // or only the one
  std::atomic<bool> failed{false};                       // one was made to fail

  void forget_peak() { peak_bytes = live_bytes.load(); }
};

inline AllocationCounts& allocation_counts() {
  static AllocationCounts counts;
  return counts;
}

}  // namespace support
