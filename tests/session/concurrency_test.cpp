// Many threads search several indexes of one session at once, with room for a tenth of the pages and for the metadata
// of two. Run under ThreadSanitizer by the tests.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"

#if SHOAL_HAS_THREADS

using namespace session_tests;
using io_tests::Folder;
using shoal::ErrorCode;
using shoal::Session;

namespace {

#if SHOAL_WATCHES_RACES
constexpr std::size_t rounds = 60, entries = 700;
#else
constexpr std::size_t rounds = 1'000, entries = 1'000;
#endif

}  // namespace

TEST_CASE("what threads find beside each other is right, and the bounds hold") {
  constexpr std::size_t count = 4, threads = 8;
  const Folder folder;
  std::vector<std::unique_ptr<Saved>> all;
  std::size_t bytes = 0, most_metadata = 0;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(std::make_unique<Saved>(folder.file(std::to_string(i)), i + 1, entries, 64));
    bytes += io_tests::read_bytes(all.back()->path).size();
    most_metadata = std::max(most_metadata, metadata_of(all.back()->path));
  }
  Session session({.index_bytes = bytes / 10, .metadata_bytes = 2 * most_metadata + 1'000});
  std::vector<Handle> handles;
  for (const auto& saved : all) handles.push_back(open(session, *saved));
  std::atomic<std::size_t> faults{0};
  const auto expect = [&](bool holds) { faults += holds ? 0 : 1; };
  const auto holds_bounds = [&] {
    const shoal::SessionStats stats = session.stats();
    return stats.index.peak_bytes <= stats.index.limit_bytes && stats.metadata.peak_bytes <= stats.metadata.limit_bytes;
  };
  std::vector<std::thread> workers;
  for (std::size_t number = 0; number < threads; ++number) {
    workers.emplace_back([&, number] {
      support::Random random(number);
      for (std::size_t round = 0; round < rounds; ++round) {
        const std::size_t at = random.below(count), i = random.below(20);
        const Saved& saved = *all[at];
        const Handle handle = handles[at];
        switch (random.below(12)) {
          case 0: {
            const auto again = session.open<Index>(saved.path);
            expect(again && again->search(saved.queries[i], 10) == saved.answers[i]);
            break;
          }
          case 1: {
            // Inside of a search: there may be no room.
            const std::size_t other = random.below(count);
            const auto found = handle.try_search(
                saved.queries[i],
                {.k = 10, .filter = [&](std::uint64_t id) {
                   if (id % 100 != 0) return true;
                   const auto inner = handles[other].try_search(all[other]->queries[i], 10);
                   expect(inner ? *inner == all[other]->answers[i] : inner.error().code() == ErrorCode::busy);
                   return true;
                 }});
            // Few entries are compared one by one where there is a filter: more is found than by a walk.
            const auto all_pass = [](std::uint64_t) { return true; };
            expect(found && *found == saved.index.search(saved.queries[i], {.k = 10, .filter = all_pass}));
            break;
          }
          case 2: {
            const auto got = handle.try_get(i);
            expect(got && *got == saved.index.get(i));
            break;
          }
          case 3: expect(holds_bounds()); break;
          default: expect(handle.search(saved.queries[i], 10) == saved.answers[i]);
        }
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  CHECK(faults == 0);
  CHECK(holds_bounds());
  const shoal::SessionStats stats = session.stats();
  CHECK(stats.index.evictions > 100);
  CHECK(stats.metadata.evictions > 10);
  CHECK(stats.metadata.bytes <= 2 * most_metadata);
}

TEST_CASE("handles may be used while the session is destroyed") {
  const Folder folder;
  const Saved a(folder.file("a"), 1, 300), b(folder.file("b"), 2, 300);
  const std::size_t metadata = metadata_of(a.path) + 10'000;  // one of them is always being read
  for (int round = 0; round < 20; ++round) {
    auto session = std::make_optional<Session>(shoal::SessionConfig{.metadata_bytes = metadata});
    const Handle first = open(*session, a), second = open(*session, b);
    std::atomic<std::size_t> begun{0}, faults{0};
    std::vector<std::thread> workers;
    for (std::size_t number = 0; number < 4; ++number) {
      workers.emplace_back([&, number] {
        const Handle& handle = number % 2 == 0 ? first : second;
        const Saved& saved = number % 2 == 0 ? a : b;
        for (std::size_t i = 0;; i = (i + 1) % 20) {
          const auto found = handle.try_search(saved.queries[i], 10);
          ++begun;
          if (!found) {
            if (found.error().code() != ErrorCode::cannot_open) ++faults;
            return;
          }
          if (*found != saved.answers[i]) ++faults;
        }
      });
    }
    while (begun < 10) std::this_thread::yield();
    session.reset();
    for (std::thread& worker : workers) worker.join();
    REQUIRE(faults == 0);
  }
}

TEST_CASE("who waits for room gets it, though others never leave it") {
  using namespace std::chrono_literals;
  const Folder folder;
  const Saved a(folder.file("a"), 1, 50), b(folder.file("b"), 2, 50);
  // Who is passed by for ever is told so, after a time that a loaded machine never needs.
  Session session({.metadata_bytes = metadata_of(a.path) + 10'000, .busy_timeout = 100s});
  const Handle first = open(session, a), second = open(session, b);
  // Searches of `a` that take so long that there is always one.
  std::atomic<bool> is_over{false};
  std::atomic<std::size_t> searches{0};
  std::vector<std::thread> workers;
  for (std::size_t number = 0; number < 6; ++number) {
    workers.emplace_back([&, number] {
      std::this_thread::sleep_for(number * 1ms);
      while (!is_over) {
        bool slept = false;
        (void)first.try_search(a.queries[0], {.k = 10, .filter = [&](std::uint64_t) {
                                                if (!slept) std::this_thread::sleep_for(5ms);
                                                slept = true;
                                                return true;
                                              }});
        ++searches;
      }
    });
  }
  while (searches < 10) std::this_thread::yield();
  const auto found = second.try_search(b.queries[0], 10);
  is_over = true;
  CHECK((found && *found == b.answers[0]));
  for (std::thread& worker : workers) worker.join();
}

TEST_CASE("a filter that waits for a search of its own thread gets an answer, if only that there is no room") {
  using namespace std::chrono_literals;
  const Folder folder;
  const Saved a(folder.file("a"), 1, 50), b(folder.file("b"), 2, 50);
  Session session({.metadata_bytes = metadata_of(a.path) + 10'000, .busy_timeout = 1ms});
  const Handle first = open(session, a), second = open(session, b);
  std::optional<shoal::Expected<Found, shoal::Error>> inner;
  const auto outer =
      first.try_search(a.queries[0], {.k = 10, .filter = [&](std::uint64_t) {
                                        if (inner) return true;
                                        std::thread([&] { inner = second.try_search(b.queries[0], 10); }).join();
                                        return true;
                                      }});
  CHECK((outer && *outer == a.answers[0]));
  REQUIRE(!*inner);
  CHECK(inner->error().code() == ErrorCode::busy);
  CHECK(inner->error().message().find("within 1 ms") != std::string_view::npos);
  CHECK(second.search(b.queries[0], 10) == b.answers[0]);
  CHECK(first.search(a.queries[0], 10) == a.answers[0]);
}

TEST_CASE("who waits for room does not keep a filter's own thread from what is there") {
  using namespace std::chrono_literals;
  constexpr std::size_t searches = 150;  // more than may pass one who waits
  const Folder folder;
  const Saved a(folder.file("a"), 1, 50), b(folder.file("b"), 2, 50), large(folder.file("large"), 3, 5'000, 4);
  const std::size_t room = metadata_of(a.path) + metadata_of(b.path);
  REQUIRE(metadata_of(large.path) < room);
  REQUIRE(metadata_of(large.path) > room - metadata_of(b.path));  // both are in its way
  Session session({.metadata_bytes = room, .busy_timeout = 20ms});
  const Handle third = open(session, large), first = open(session, a), second = open(session, b);
  std::size_t right = 0;
  std::optional<std::thread> waiter;
  bool is_first = true;
  const auto outer =
      first.try_search(a.queries[0], {.k = 10, .filter = [&](std::uint64_t) {
                                        if (!std::exchange(is_first, false)) return true;
                                        waiter.emplace([&] { (void)third.try_search(large.queries[0], 10); });
                                        std::thread([&] {
                                          for (std::size_t i = 0; i < searches; ++i) {
                                            const auto found = second.try_search(b.queries[0], 10);
                                            right += found && *found == b.answers[0] ? 1 : 0;
                                          }
                                        }).join();
                                        return true;
                                      }});
  waiter->join();
  CHECK((outer && *outer == a.answers[0]));
  CHECK(right == searches);
}

#endif
