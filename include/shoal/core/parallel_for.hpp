#pragma once
// parallel_for: calls body(i) for every i below count, on the calling thread and up to threads - 1 more. Items are
// handed out in small runs from a shared counter, so uneven items even out. With SHOAL_NO_THREADS, or one thread, it
// is a loop. What the body throws first comes out of the call; items not begun by then are left out.

#include <algorithm>
#include <cstddef>

#include "shoal/core/platform.hpp"

#if SHOAL_HAS_THREADS
#include <atomic>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>
#endif

namespace shoal::inline v0::detail {

/// `threads`: 0 means one for each core.
template <class Body>
void parallel_for(std::size_t count, [[maybe_unused]] unsigned threads, Body&& body) {
#if SHOAL_HAS_THREADS
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  constexpr std::size_t most = 256;
  const std::size_t helpers = std::min({std::size_t{threads}, count, most});
  const std::size_t run = std::clamp<std::size_t>(count / (8 * std::max<std::size_t>(helpers, 1)), 1, 16);
  if (helpers > 1) {
    std::atomic<std::size_t> next{0};
    std::atomic<bool> failed{false};
    std::exception_ptr failure;  // written by the one thread that sets `failed`
    auto work = [&]() noexcept {
      SHOAL_TRY {
        for (std::size_t first = next.fetch_add(run); first < count && !failed; first = next.fetch_add(run)) {
          for (std::size_t i = first; i < std::min(first + run, count); ++i) body(i);
        }
      }
      SHOAL_CATCH_ALL {
        if (!failed.exchange(true)) failure = std::current_exception();
      }
    };
    std::vector<std::thread> pool;
    SHOAL_TRY {
      pool.reserve(helpers - 1);
      while (pool.size() + 1 < helpers) pool.emplace_back(work);
    }
    SHOAL_CATCH_ALL {}  // fewer threads than asked for: the work still gets done
    work();
    for (std::thread& helper : pool) helper.join();
    if (failed) std::rethrow_exception(failure);
    return;
  }
#endif
  for (std::size_t i = 0; i < count; ++i) body(i);
}

}  // namespace shoal::inline v0::detail
