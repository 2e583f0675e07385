#pragma once
// Workers: calls body(worker, i) for every i below a count, on the calling thread and on helpers. A worker works on one
// item at a time, so memory can be kept for each. Items are handed out in small runs from a shared counter, so uneven
// items even out. With SHOAL_NO_THREADS, or one worker, it is a loop.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>

#include "shoal/core/platform.hpp"

#if SHOAL_HAS_THREADS
#include <atomic>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>
#endif

namespace shoal::inline v0 {

/// Runs task(0) .. task(count - 1), at once or one after the other, and returns when all have returned. For programs
/// that have threads of their own. A task does not throw.
using Executor = std::function<void(std::size_t count, const std::function<void(std::size_t)>& task)>;

namespace detail {

class Workers {
 public:
  static constexpr std::size_t most = 256;

  /// `threads`: 0 means one for each core.
  explicit Workers([[maybe_unused]] unsigned threads = 1, [[maybe_unused]] Executor executor = {}) {
#if SHOAL_HAS_THREADS
    if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
    count_ = std::min<std::size_t>(threads, most);
    executor_ = std::move(executor);
#endif
  }

  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  /// Does each worker but the first cost the start of a thread?
  [[nodiscard]] bool starts_threads() const noexcept {
#if SHOAL_HAS_THREADS
    return !executor_;
#else
    return false;
#endif
  }
  /// No more than `workers`, at least one.
  void limit(std::size_t workers) noexcept { count_ = std::clamp<std::size_t>(workers, 1, count_); }

  /// What the body throws first comes out of the call; items not begun by then are left out.
  template <class Body>
  void for_each(std::size_t count, Body&& body) const {
#if SHOAL_HAS_THREADS
    const std::size_t workers = std::min(count_, count);
    if (workers > 1) {
      const std::size_t run = std::clamp<std::size_t>(count / (64 * workers), 1, 16);
      std::atomic<std::size_t> next{0};
      std::atomic<bool> failed{false};
      std::exception_ptr failure;  // written by the one thread that sets `failed`
      run_all(workers, [&](std::size_t worker) noexcept {
        SHOAL_TRY {
          for (std::size_t first = next.fetch_add(run); first < count && !failed; first = next.fetch_add(run)) {
            for (std::size_t i = first; i < std::min(first + run, count); ++i) body(worker, i);
          }
        }
        SHOAL_CATCH_ALL {
          if (!failed.exchange(true)) failure = std::current_exception();
        }
      });
      if (failed) std::rethrow_exception(failure);
      return;
    }
#endif
    for (std::size_t i = 0; i < count; ++i) body(std::size_t{0}, i);
  }

 private:
#if SHOAL_HAS_THREADS
  template <class Task>
  void run_all(std::size_t workers, const Task& task) const {
    if (executor_) return executor_(workers, std::ref(task));  // a reference: nothing is allocated
    std::vector<std::thread> helpers;
    SHOAL_TRY {
      helpers.reserve(workers - 1);
      while (helpers.size() + 1 < workers) helpers.emplace_back(task, helpers.size() + 1);
    }
    SHOAL_CATCH_ALL {}  // fewer threads than asked for: the work still gets done
    task(0);
    for (std::thread& helper : helpers) helper.join();
  }

  Executor executor_;
#endif
  std::size_t count_ = 1;
};

}  // namespace detail
}  // namespace shoal::inline v0
