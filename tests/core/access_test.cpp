// One writer, any number of readers: a second writer waits or is turned away, a change inside a call is refused,
// readers wait for nobody but who shuts them out, and a writer that waits for readers waits for those that had begun.

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <shoal/core/access.hpp>
#include <shoal/core/growing_array.hpp>
#include <shoal/core/readers.hpp>

namespace shoal {
namespace {

using detail::Access;
using detail::Readers;
using Entered = Access::Entered;

}  // namespace

TEST_CASE("a change inside a change is refused, until the first has ended") {
  Access access;
  for (const bool waits : {true, false}) {
    {
      const Access::Write outer(access, waits);
      CHECK(outer.entered() == Entered::yes);
      CHECK(Access::Write(access, waits).entered() == Entered::reentrant);
      CHECK(Access::Write(access, waits).entered() == Entered::reentrant);  // the end of the refused one freed nothing
    }
    CHECK(Access::Write(access, waits).entered() == Entered::yes);
  }
}

TEST_CASE("a change inside a search is refused, a search inside a search or a change is not") {
  Access access;
  {
    const Access::Read read(access);
    const Access::Read nested(access);
    CHECK(Access::Write(access, true).entered() == Entered::reentrant);
    const Access::Still still(access);
  }
  {
    const Access::Write write(access, true);
    const Access::Read read(access);
    const Access::Still still(access);
    CHECK(Access::Write(access, true).entered() == Entered::reentrant);
  }
  {
    const Access::Read helping(access, true);
    CHECK(Access::Write(access, true).entered() == Entered::reentrant);
  }
  CHECK(Access::Write(access, true).entered() == Entered::yes);
}

TEST_CASE("two indexes know nothing of each other, in whatever order their calls are nested") {
  Access one;
  Access other;
  const Access::Write first(one, true);
  const Access::Read second(other);
  CHECK(Access::Write(one, true).entered() == Entered::reentrant);
  CHECK(Access::Write(other, true).entered() == Entered::reentrant);
  Access third;
  CHECK(Access::Write(third, true).entered() == Entered::yes);
}

#if SHOAL_HAS_THREADS
TEST_CASE("a second writer is busy, or waits until the first has ended") {
  Access access;
  std::atomic<bool> has_ended{false};
  std::thread waiting;
  {
    const Access::Write write(access, true);
    std::thread([&] { CHECK(Access::Write(access, false).entered() == Entered::busy); }).join();
    waiting = std::thread([&] {
      const Access::Write second(access, true);
      CHECK(second.entered() == Entered::yes);
      CHECK(has_ended);
    });
    std::this_thread::yield();
    has_ended = true;
  }
  waiting.join();
}

TEST_CASE("readers read while one writes") {
  Access access;
  std::atomic<bool> has_read{false};
  std::thread reader;
  {
    const Access::Write write(access, true);
    REQUIRE(write.entered() == Entered::yes);
    reader = std::thread([&] {
      const Access::Read read(access);
      has_read = true;
    });
    // One that waits for the writer would wait for as long as this does.
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!has_read && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
    CHECK(has_read);
  }
  reader.join();
}

TEST_CASE("readers that are shut out wait until the writer has ended, and those before them are waited for") {
  Access access;
  std::atomic<int> reading{0};
  std::atomic<bool> is_moving{false};
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> met{0}, reads{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const Access::Read read(access);
        ++reading;
        if (is_moving) ++met;
        --reading;
        ++reads;
      }
    });
  }
  for (int round = 0; round < 200; ++round) {
    Access::Write write(access, true);
    write.shut_out_readers();
    is_moving = true;
    CHECK(reading == 0);
    std::this_thread::yield();
    is_moving = false;
  }
  while (reads == 0) std::this_thread::yield();
  stop = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(met == 0);
}

TEST_CASE("what a writer has made unreachable is read by nobody once it has waited, while readers come and go") {
  Readers readers;
  constexpr int gone = -1;
  std::vector<int> values(64, 0);  // not atomic: the thread sanitizer sees who reads what is written again
  std::atomic<std::size_t> current{0};
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> faults{0}, reads{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        const Readers::Ticket ticket = readers.enter();
        const std::size_t place = current.load(std::memory_order_acquire);
        for (int look = 0; look < 3; ++look) faults += values[place] == gone ? 1 : 0;
        Readers::leave(ticket);
        ++reads;
      }
    });
  }
  for (std::size_t round = 1; round < 3'000 || reads < 100; ++round) {
    values[round % 64] = static_cast<int>(round);
    const std::size_t before = current.exchange(round % 64, std::memory_order_acq_rel);
    readers.wait();
    values[before] = gone;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(faults == 0);
}

TEST_CASE("an array may be read while it grows: its elements stay where a reader found them") {
  detail::GrowingArray<std::size_t> array;
  std::atomic<std::size_t> faults{0};
  std::thread reader([&] {
    for (std::size_t seen = 0; seen < 20'000;) {
      seen = array.size();
      const std::size_t* const values = array.data();
      for (std::size_t i = 0; i < seen; i += 97) faults += values[i] == i * i ? 0 : 1;
    }
  });
  for (std::size_t i = 0; i < 20'000; ++i) {
    array.reserve(i + 1);
    array.push_back(i * i);
  }
  reader.join();
  CHECK(faults == 0);
  const detail::GrowingArray<std::size_t> copy = array;
  CHECK(copy.size() == array.size());
  CHECK(copy[19'999] == array[19'999]);
  const std::size_t before = array.memory_bytes();
  array.drop_former();
  CHECK(array.memory_bytes() < before);
  CHECK(array.back() == 19'999UL * 19'999UL);
}
#endif

}  // namespace shoal
