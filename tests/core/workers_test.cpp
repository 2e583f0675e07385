// Workers: each index exactly once, one item of a worker at a time, on threads or on the caller's executor.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "platform.hpp"
#include <shoal/core/workers.hpp>

namespace shoal {
namespace {

using detail::Workers;

/// Calls body(i) for each i below `count`.
template <class Body>
void parallel_for(std::size_t count, unsigned threads, const Body& body) {
  Workers(threads).for_each(count, [&](std::size_t, std::size_t i) { body(i); });
}

}  // namespace

TEST_CASE("Workers call their body once for each index, whatever the number of items and threads") {
  for (const std::size_t count : {0U, 1U, 2U, 7U, 16U, 17U, 31U, 32U, 33U, 1'000U}) {
    for (const unsigned threads : {0U, 1U, 2U, 3U, 8U, 100U}) {
      CAPTURE(count);
      CAPTURE(threads);
      std::deque<std::atomic<int>> calls(count + 1);
      std::atomic<int> beyond{0};
      parallel_for(count, threads, [&](std::size_t i) {
        if (i < count) {
          ++calls[i];
        } else {
          ++beyond;
        }
      });
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < count; ++i) {
        if (calls[i] != 1) ++wrong;
      }
      CHECK(wrong == 0);
      CHECK(beyond == 0);
    }
  }
}

TEST_CASE("Workers can be limited, never raised, and one is left" * support::needs_threads()) {
  Workers workers(8);
  workers.limit(20);
  CHECK(workers.count() == 8);
  workers.limit(3);
  CHECK(workers.count() == 3);
  workers.limit(0);
  CHECK(workers.count() == 1);
}

TEST_CASE("all work is done when for_each returns, writes of plain memory included") {
  for (int round = 0; round < 50; ++round) {
    std::vector<std::size_t> squares(500, 0);
    parallel_for(squares.size(), 4, [&](std::size_t i) { squares.at(i) = i * i; });
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < squares.size(); ++i) {
      if (squares[i] != i * i) ++wrong;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("with one thread for_each goes through the indices in order, on the calling thread") {
  std::vector<std::size_t> order;
  std::size_t elsewhere = 0;
  const std::thread::id here = std::this_thread::get_id();
  parallel_for(100, 1, [&](std::size_t i) {
    order.push_back(i);
    if (std::this_thread::get_id() != here) ++elsewhere;
  });
  REQUIRE(order.size() == 100);
  for (std::size_t i = 0; i < 100; ++i) CHECK(order[i] == i);
  CHECK(elsewhere == 0);
}

TEST_CASE("no more threads are used than were asked for") {
  std::vector<std::thread::id> who(2'000);
  parallel_for(who.size(), 3, [&](std::size_t i) { who.at(i) = std::this_thread::get_id(); });
  std::vector<std::thread::id> different;
  for (const std::thread::id id : who) {
    if (std::find(different.begin(), different.end(), id) == different.end()) different.push_back(id);
  }
  CHECK(different.size() >= 1);
  CHECK(different.size() <= 3);
}

#if SHOAL_HAS_EXCEPTIONS
TEST_CASE("what the body throws comes out of for_each, after all threads have stopped") {
  for (const unsigned threads : {1U, 2U, 3U, 8U}) {
    for (const std::size_t bad : {0U, 1U, 17U, 500U, 999U}) {
      CAPTURE(threads);
      CAPTURE(bad);
      std::deque<std::atomic<int>> calls(1'000);
      std::size_t thrown = 0;
      try {
        parallel_for(calls.size(), threads, [&](std::size_t i) {
          ++calls.at(i);
          if (i == bad) throw i;
        });
      } catch (const std::size_t i) {
        thrown = i + 1;
      }
      CHECK(thrown == bad + 1);
      CHECK(calls[bad] == 1);
      std::size_t twice = 0;
      std::size_t after = 0;
      for (std::size_t i = 0; i < calls.size(); ++i) {
        if (calls[i] > 1) ++twice;
        if (i > bad && calls[i] != 0) ++after;
      }
      CHECK(twice == 0);
      if (threads == 1) CHECK(after == 0);
    }
  }
}
#endif

TEST_CASE("when every item throws, one of the exceptions comes out and few items are begun" *
          support::needs_exceptions()) {
  std::atomic<int> calls{0};
  CHECK_THROWS_AS(parallel_for(10'000, 4, [&](std::size_t i) { support::raise((++calls, i)); }), std::size_t);
  CHECK(calls >= 1);
  CHECK(calls <= 4);  // each thread begins one at most
}

#if SHOAL_HAS_THREADS
TEST_CASE("items run at the same time on as many threads as asked for") {
  // The first item and the last wait for each other: on one thread this would never end.
  std::atomic<int> arrived{0};
  parallel_for(32, 2, [&](std::size_t i) {
    if (i != 0 && i != 31) return;
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  CHECK(arrived == 2);
}
#endif

TEST_CASE("a worker does one item at a time, and workers are numbered from 0") {
  for (const unsigned threads : {1U, 2U, 3U, 8U}) {
    CAPTURE(threads);
    const Workers workers(threads);
    REQUIRE(workers.count() <= threads);
    std::deque<std::atomic<int>> busy(workers.count());
    std::atomic<int> overlaps{0};
    workers.for_each(3'000, [&](std::size_t worker, std::size_t) {
      if (busy.at(worker)++ != 0) ++overlaps;
      --busy.at(worker);
    });
    CHECK(overlaps == 0);
  }
}

#if SHOAL_HAS_THREADS
TEST_CASE("an executor of the caller's does the work in place of threads, in any order") {
  std::size_t asked = 0;
  const Executor backwards = [&](std::size_t count, const std::function<void(std::size_t)>& task) {
    asked = count;
    for (std::size_t i = count; i-- > 0;) task(i);
  };
  std::vector<int> calls(1'000);
  const Workers workers(4, backwards);
  workers.for_each(calls.size(), [&](std::size_t worker, std::size_t i) {
    CHECK(worker < 4);
    ++calls.at(i);
  });
  CHECK(asked == 4);
  CHECK(std::count(calls.begin(), calls.end(), 1) == 1'000);
  CHECK_THROWS_AS(workers.for_each(10, [](std::size_t, std::size_t) { support::raise(7); }), int);
}
#endif

}  // namespace shoal
