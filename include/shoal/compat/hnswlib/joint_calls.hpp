#pragma once
// Calls of many threads that change one thing, made together ("flat combining": Hendler et al., Flat Combining and the
// Synchronization-Parallelism Tradeoff, SPAA 2010, section 2). The first thread that finds nobody at work leads: it
// takes the calls that wait and does them at once. Those that wait meanwhile, for this or for the next time, lend their
// threads to what the leader can do in parallel. Without threads a call is done where it is made.

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "shoal/core/platform.hpp"
#include "shoal/core/workers.hpp"

#if SHOAL_HAS_THREADS
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#endif

namespace shoal::inline v0::detail {

/// `Call`: what is to be done and what came of it, with a `bool is_done`.
template <class Call>
class JointCalls {
 public:
  using Calls = std::span<Call* const>;

#if SHOAL_HAS_THREADS
  /// Returns when do_all(calls, executor) has returned for calls that `call` is one of, in the order in which they
  /// came. do_all does not throw. Errors: std::bad_alloc, before the call is made.
  template <class DoAll>
  void operator()(Call& call, const DoAll& do_all) {
    std::unique_lock lock(mutex_);
    waiting_.push_back(&call);
    while (!call.is_done) {
      if (!is_led_) {
        lead(lock, do_all);
      } else if (next_ < tasks_) {
        help(lock);
      } else {
        wait(lock, [&] { return call.is_done || !is_led_ || next_ < tasks_; });
      }
    }
  }

  /// Calls that no one has taken yet.
  [[nodiscard]] std::size_t waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }

 private:
  template <class DoAll>
  void lead(std::unique_lock<std::mutex>& lock, const DoAll& do_all) {
    is_led_ = true;
    await_the_usual(lock);
    taken_.swap(waiting_);
    lock.unlock();
    do_all(Calls(taken_), Executor([this](std::size_t count, const auto& task) { share(count, task); }));
    lock.lock();
    for (Call* each : taken_) each->is_done = true;
    usual_ = taken_.size() + waiting_.size();
    taken_.clear();
    is_led_ = false;
    changed_.notify_all();
  }
  /// Those whose calls were made together come back together, but not at the same moment: a moment's wait keeps them
  /// from falling apart into groups that take turns.
  void await_the_usual(std::unique_lock<std::mutex>& lock) {
    (void)wait_awake(lock, std::chrono::microseconds(20), [&] { return waiting_.size() >= usual_; });
  }

  /// What is waited for mostly comes within the time that falling asleep and waking would take.
  template <class Ready>
  void wait(std::unique_lock<std::mutex>& lock, const Ready& ready) {
    if (!wait_awake(lock, std::chrono::microseconds(100), ready)) changed_.wait(lock, ready);
  }
  /// Has it come within `moment`?
  template <class Ready>
  [[nodiscard]] static bool wait_awake(std::unique_lock<std::mutex>& lock, std::chrono::microseconds moment,
                                       const Ready& ready) {
    const auto begun = std::chrono::steady_clock::now();
    while (!ready()) {
      if (std::chrono::steady_clock::now() - begun > moment) return false;
      lock.unlock();
      std::this_thread::yield();
      lock.lock();
    }
    return true;
  }

  /// The leader's: runs task(0) to task(count - 1), with those that wait.
  void share(std::size_t count, const std::function<void(std::size_t)>& task) {
    std::unique_lock lock(mutex_);
    task_ = &task;
    next_ = 0;
    tasks_ = unfinished_ = count;
    changed_.notify_all();
    while (next_ < tasks_) help(lock);
    wait(lock, [&] { return unfinished_ == 0; });
    tasks_ = next_ = 0;
  }
  void help(std::unique_lock<std::mutex>& lock) {
    const std::size_t mine = next_++;
    const auto& task = *task_;
    lock.unlock();
    task(mine);
    lock.lock();
    if (--unfinished_ == 0) changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Call*> waiting_;  // that no one has taken yet
  std::vector<Call*> taken_;    // the leader's
  std::size_t usual_ = 0;       // how many there were at once, last time
  bool is_led_ = false;
  const std::function<void(std::size_t)>* task_ = nullptr;
  std::size_t tasks_ = 0, next_ = 0, unfinished_ = 0;
#else
  template <class DoAll>
  void operator()(Call& call, const DoAll& do_all) {
    Call* const one = &call;
    do_all(Calls(&one, 1), Executor());
  }
#endif
};

}  // namespace shoal::inline v0::detail
