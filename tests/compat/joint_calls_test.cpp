// Calls of many threads that are made together: who leads, what is joined, whose threads do the work, and what becomes
// of each when memory runs out.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "counting_new.hpp"
#include "support.hpp"

#if SHOAL_HAS_THREADS

using namespace compat_tests;

namespace {

struct Call {
  std::size_t number;
  bool is_done = false;
};
using Joint = shoal::detail::JointCalls<Call>;

/// Waits until `count` threads are here.
class Meeting {
 public:
  explicit Meeting(std::size_t count) : missing_(count) {}
  void wait() {
    std::unique_lock lock(mutex_);
    if (--missing_ == 0) all_here_.notify_all();
    all_here_.wait(lock, [&] { return missing_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_here_;
  std::size_t missing_;
};

}  // namespace

TEST_CASE("calls that come while one is made are made together, by the threads that wait") {
  constexpr std::size_t others = 4;
  Joint joint;
  std::atomic<bool> has_begun{false};
  std::vector<std::vector<std::size_t>> made;  // calls of each time; written by the one who leads
  const auto do_all = [&](Joint::Calls calls, const shoal::Executor& executor) {
    auto& numbers = made.emplace_back();
    for (const Call* call : calls) numbers.push_back(call->number);
    has_begun = true;
    if (calls.front()->number == 0) {  // until the others wait
      while (joint.waiting() < others) std::this_thread::yield();
      return;
    }
    Meeting meeting(calls.size());
    executor(calls.size(), [&](std::size_t) { meeting.wait(); });  // for ever, unless each has a thread
  };
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    Call first{0};
    joint(first, do_all);
    CHECK(first.is_done);
  });
  while (!has_begun) std::this_thread::yield();
  for (std::size_t i = 1; i <= others; ++i) {
    threads.emplace_back([&, i] {
      Call call{i};
      joint(call, do_all);
      CHECK(call.is_done);
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(made.size() == 2);
  CHECK(made[0] == std::vector<std::size_t>{0});
  std::sort(made[1].begin(), made[1].end());
  CHECK(made[1] == std::vector<std::size_t>{1, 2, 3, 4});
}

TEST_CASE("one thread alone leads every call of its own, and tasks run on it") {
  Joint joint;
  std::size_t calls = 0, tasks = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    Call call{i};
    joint(call, [&](Joint::Calls all, const shoal::Executor& executor) {
      calls += all.size();
      executor(3, [&](std::size_t) { ++tasks; });
      executor(0, [&](std::size_t) { ++tasks; });
    });
  }
  CHECK(calls == 5);
  CHECK(tasks == 15);
}

namespace {

/// A space whose distances tell how many are computed at once.
class CountingSpace : public hnswlib::SpaceInterface<float> {
 public:
  inline static std::atomic<std::size_t> at_once{0}, most{0};

  std::size_t get_data_size() override { return sizeof(float); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
  void* get_dist_func_param() override { return nullptr; }

 private:
  static float distance(const void* a, const void* b, const void*) {
    const std::size_t now = ++at_once;
    for (std::size_t before = most; now > before && !most.compare_exchange_weak(before, now);) {
    }
    std::this_thread::yield();
    --at_once;
    const float difference = *static_cast<const float*>(a) - *static_cast<const float*>(b);
    return difference * difference;
  }
};

}  // namespace

TEST_CASE("points that threads add at once are linked side by side") {
  constexpr std::size_t count = 1'200, threads = 4;
  CountingSpace space;
  hnswlib::HierarchicalNSW<float> index(&space, count, 4, 20);
  const auto points = random_points(42, count, 1);
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> adding;
  for (std::size_t t = 0; t < threads; ++t) {
    adding.emplace_back([&] {
      for (std::size_t i = next++; i < count; i = next++) index.addPoint(&points[i], i);
    });
  }
  for (std::thread& thread : adding) thread.join();
  CHECK(CountingSpace::most > 1);  // one after the other, there is never more than one
  CHECK(index.getCurrentElementCount() == count);
  index.checkIntegrity();
}

TEST_CASE("when memory runs out while threads add, each point is in or its thread was told") {
  constexpr std::size_t side = 8, before = 60, each = 6, threads = 3;
  const auto points = random_points(41, before + threads * each, side);
  for (std::size_t allowed = 0;; allowed += 1 + allowed / 8) {
    CAPTURE(allowed);
    hnswlib::L2Space space(side);
    hnswlib::HierarchicalNSW<float> index(&space, before + threads * each, 4, 20);
    for (std::size_t i = 0; i < before; ++i) index.addPoint(points.data() + i * side, i);
    Meeting ready(threads + 1), begin(threads + 1), done(threads + 1), end(threads + 1);
    std::vector<std::vector<bool>> refused(threads, std::vector<bool>(each));
    std::vector<std::thread> adding;
    for (std::size_t t = 0; t < threads; ++t) {
      adding.emplace_back([&, t] {
        ready.wait();
        begin.wait();
        for (std::size_t i = 0; i < each; ++i) {
          const std::size_t label = before + t * each + i;
          try {
            index.addPoint(points.data() + label * side, label);
          } catch (const std::exception&) {
            refused[t][i] = true;
          }
        }
        done.wait();
        end.wait();
      });
    }
    ready.wait();
    bool failed = false;
    {
      support::FailingAllocations scarce(allowed);
      begin.wait();
      done.wait();
      failed = support::FailingAllocations::stop();
    }
    end.wait();
    for (std::thread& thread : adding) thread.join();
    std::size_t in = before;
    for (std::size_t t = 0; t < threads; ++t) {
      for (std::size_t i = 0; i < each; ++i) {
        const std::size_t label = before + t * each + i;
        CHECK(index.label_lookup_.count(label) == (refused[t][i] ? 0 : 1));
        if (!refused[t][i]) ++in;
      }
    }
    CHECK(index.getCurrentElementCount() == in);
    index.checkIntegrity();
    if (!failed) {
      CHECK(in == before + threads * each);
      break;
    }
  }
}

#endif
