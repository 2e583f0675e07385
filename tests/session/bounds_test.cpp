// The bounds of a session: held after every search, shared by all indexes, and without effect on what is found.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "shoal/io/page_cache.hpp"
#include "support.hpp"

using namespace session_tests;
using io_tests::Folder;
using shoal::ErrorCode;
using shoal::Session;
using shoal::SessionConfig;
using shoal::SessionStats;

namespace {

constexpr std::size_t frame = shoal::detail::PageCache::frame_bytes;

void require_bounds(const Session& session) {
  const SessionStats stats = session.stats();
  REQUIRE(stats.index.limit_bytes == session.config().index_bytes);
  REQUIRE(stats.metadata.limit_bytes == session.config().metadata_bytes);
  REQUIRE(stats.index.bytes <= stats.index.peak_bytes);
  REQUIRE(stats.index.peak_bytes <= stats.index.limit_bytes);
  REQUIRE(stats.metadata.bytes <= stats.metadata.peak_bytes);
  REQUIRE(stats.metadata.peak_bytes <= stats.metadata.limit_bytes);
  REQUIRE(session.size_bytes() == stats.index.bytes + stats.metadata.bytes);
}

}  // namespace

TEST_CASE("eight indexes share one bound, and find what they found in memory") {
  constexpr std::size_t count = 8, dimensions = 64;
  const Folder folder;
  std::vector<std::unique_ptr<Saved>> all;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(std::make_unique<Saved>(folder.file(std::to_string(i)), i + 1, 2'000, dimensions));
    bytes += io_tests::read_bytes(all.back()->path).size();
  }
  for (const std::size_t percent : std::initializer_list<std::size_t>{25, 10}) {
    CAPTURE(percent);
    Session session({.index_bytes = bytes * percent / 100});
    std::vector<Handle> handles;
    for (const auto& saved : all) handles.push_back(open(session, *saved));
    for (std::size_t round = 0; round < 3; ++round) {
      for (std::size_t i = 0; i < 20; ++i) {
        for (std::size_t at = 0; at < count; ++at) {
          REQUIRE(handles[at].search(all[at]->queries[i], 10) == all[at]->answers[i]);
          require_bounds(session);
        }
      }
    }
    const SessionStats stats = session.stats();
    CHECK(stats.index.bytes > stats.index.limit_bytes - 2 * frame);
    CHECK(stats.index.evictions > 100);
    CHECK(stats.index.misses == stats.index.evictions + stats.index.bytes / frame);
    CHECK(stats.metadata.misses == count);
    CHECK(stats.metadata.evictions == 0);
  }
}

TEST_CASE("an index with a share of its own has no more, and leaves the pages of others where they are") {
  const Folder folder;
  const Saved small(folder.file("small"), 1, 300), large(folder.file("large"), 2, 4'000, 64);
  constexpr std::size_t share = 100 * frame;
  Session session({.index_bytes = 4 * share, .index_bytes_per_index = share});
  const Handle one = open(session, small), other = open(session, large);
  const auto search_all = [&](const Saved& saved, const Handle& handle) {
    for (std::size_t i = 0; i < 20; ++i) REQUIRE(handle.search(saved.queries[i], 10) == saved.answers[i]);
  };
  search_all(small, one);
  const std::size_t of_small = session.stats().index.bytes;
  REQUIRE(of_small < share);
  for (std::size_t i = 0; i < 20; ++i) {
    REQUIRE(other.search(large.queries[i], 10) == large.answers[i]);
    REQUIRE(session.stats().index.bytes <= of_small + share);
  }
  CHECK(session.stats().index.bytes == of_small + share);
  const std::uint64_t misses = session.stats().index.misses;
  search_all(small, one);
  CHECK(session.stats().index.misses == misses);
}

TEST_CASE("where metadata has no room for all, that of the index used longest ago goes, and comes back") {
  const Folder folder;
  const Saved a(folder.file("a"), 1, 500), b(folder.file("b"), 2, 500), c(folder.file("c"), 3, 500);
  const std::size_t one = metadata_of(a.path);
  Session session({.metadata_bytes = 2 * one + one / 2});
  const Handle first = open(session, a), second = open(session, b), third = open(session, c);
  const auto search = [&](const Saved& saved, const Handle& handle, bool is_there) {
    const std::uint64_t misses = session.stats().metadata.misses, hits = session.stats().metadata.hits;
    for (std::size_t i = 0; i < 20; ++i) REQUIRE(handle.search(saved.queries[i], 10) == saved.answers[i]);
    REQUIRE(session.stats().metadata.misses == misses + (is_there ? 0 : 1));
    REQUIRE(session.stats().metadata.hits == hits + (is_there ? 20 : 19));
    require_bounds(session);
  };
  CHECK(session.stats().metadata.evictions == 1);
  search(b, second, true);  // a went for c
  search(c, third, true);
  search(b, second, true);
  search(a, first, false);  // c goes
  search(b, second, true);
  search(c, third, false);  // a goes
  search(b, second, true);
  CHECK(session.stats().metadata.evictions == 3);
  CHECK(session.stats().metadata.bytes == metadata_of(b.path) + metadata_of(c.path));
}

TEST_CASE("pages that go with the metadata of their index are counted") {
  const Folder folder;
  const Saved a(folder.file("a"), 1, 500), b(folder.file("b"), 2, 500);
  const std::size_t one = metadata_of(a.path);
  Session session({.metadata_bytes = one + one / 2});
  const Handle first = open(session, a), second = open(session, b);
  for (std::size_t i = 0; i < 5; ++i) {
    REQUIRE(first.search(a.queries[i], 10) == a.answers[i]);
    REQUIRE(second.search(b.queries[i], 10) == b.answers[i]);
    const SessionStats stats = session.stats();
    REQUIRE(stats.index.misses == stats.index.evictions + stats.index.bytes / frame);
    require_bounds(session);
  }
  CHECK(session.stats().metadata.evictions == 11);
  CHECK(session.stats().index.evictions > 0);
}

TEST_CASE("an index whose metadata alone is too much is refused, with numbers") {
  const Folder folder;
  const Saved saved(folder.file(), 1, 500);
  const std::size_t wanted = metadata_of(saved.path);
  const auto refused = [&](const SessionConfig& config, std::size_t most) {
    Session session(config);
    const auto handle = session.open<Index>(saved.path);
    REQUIRE(!handle);
    CHECK(handle.error().code() == ErrorCode::capacity_exceeded);
    CHECK(handle.error().message() == "expected an index with at most " + std::to_string(most) +
                                          " bytes of metadata, it has " + std::to_string(wanted) + ": " + saved.path);
    CHECK(session.stats().metadata.bytes == 0);
  };
  refused({.metadata_bytes = wanted - 1}, wanted - 1);
  refused({.metadata_bytes_per_index = wanted - 1}, wanted - 1);
  for (const SessionConfig& config : {SessionConfig{.metadata_bytes = wanted}, {.metadata_bytes_per_index = wanted}}) {
    Session session(config);
    CHECK(open(session, saved).search(saved.queries[0], 10) == saved.answers[0]);
    require_bounds(session);
  }
}

TEST_CASE("bounds without which nothing would be cached are refused, and why") {
  constexpr std::size_t least = 64 * 1024;
  const auto fault_of = [](const SessionConfig& config) {
    const auto session = Session::create(config);
    CHECK(!session);
    if (session) return std::string();
    CHECK(session.error().code() == ErrorCode::invalid_config);
    const std::string message(session.error().message());
    CHECK_THROWS_WITH_AS(Session{config}, message.c_str(), std::invalid_argument);
    CHECK(message.find("nothing would be cached") != std::string::npos);
    return message;
  };
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, least - 1}) {
    const std::string got = "got " + std::to_string(bytes);
    CHECK(fault_of({.index_bytes = bytes}).find("index_bytes of at least 65536") != std::string::npos);
    CHECK(fault_of({.index_bytes = bytes}).find(got) != std::string::npos);
    CHECK(fault_of({.metadata_bytes = bytes}).find("metadata_bytes of") != std::string::npos);
    if (bytes == 0) continue;  // no share
    CHECK(fault_of({.index_bytes_per_index = bytes}).find("index_bytes_per_index") != std::string::npos);
    CHECK(fault_of({.metadata_bytes_per_index = bytes}).find("metadata_bytes_per_index") != std::string::npos);
  }
  CHECK(Session::create({.index_bytes = least, .metadata_bytes = least}));
  for (const SessionConfig& config : {SessionConfig{}, SessionConfig::bulk_load(), SessionConfig::query()}) {
    CHECK(Session::create(config));
  }
}

TEST_CASE("the counts are those of what was done") {
  const Folder folder;
  const Saved saved(folder.file(), 1, 40);  // one level: lists and rows are a few pages
  Session session;
  const auto is = [&](std::uint64_t hits, std::uint64_t misses, std::size_t pages) {
    const SessionStats stats = session.stats();
    CHECK(stats.index.hits == hits);
    CHECK(stats.index.misses == misses);
    CHECK(stats.index.evictions == 0);
    CHECK(stats.index.bytes == pages * frame);
    CHECK(stats.index.peak_bytes == pages * frame);
  };
  is(0, 0, 0);
  CHECK(session.size_bytes() == 0);
  const Handle handle = open(session, saved);
  is(0, 0, 0);
  CHECK(session.stats().metadata.misses == 1);
  CHECK(session.stats().metadata.hits == 0);
  CHECK(session.size_bytes() == metadata_of(saved.path));
  // A row of 64 bytes lies in one page.
  REQUIRE(handle.try_get(0)->has_value());
  is(0, 1, 1);
  REQUIRE(handle.try_get(0)->has_value());
  is(1, 1, 1);
  REQUIRE(!handle.try_get(77)->has_value());
  is(1, 1, 1);
  CHECK(session.stats().metadata.hits == 3);
  REQUIRE(handle.search(saved.queries[0], 10) == saved.answers[0]);
  const SessionStats all = session.stats();
  CHECK(all.index.misses <= 1 + io_tests::read_bytes(saved.path).size() / 4'096);
  REQUIRE(handle.search(saved.queries[0], 10) == saved.answers[0]);
  const SessionStats again = session.stats();
  CHECK(again.index.misses == all.index.misses);
  CHECK(again.index.hits > all.index.hits);
  CHECK(again.index.bytes == again.index.misses * frame);
}
