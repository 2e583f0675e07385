// What a handle of an open index file is: copied, kept, shared, outlived; and what it says when something is wrong.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace session_tests;
using io_tests::Folder;
using shoal::ErrorCode;
using shoal::Session;

TEST_CASE("handles are copied and kept for as long as anyone likes, and end with the session") {
  const Folder folder;
  const Saved saved(folder.file(), 1, 500);
  std::optional<Handle> kept;
  {
    Session session;
    {
      const Handle handle = open(session, saved);
      kept = handle;
    }
    CHECK(session.stats().metadata.bytes > 0);  // dropping a handle drops nothing
    const Handle copy = *kept;
    for (std::size_t i = 0; i < 20; ++i) {
      REQUIRE(copy.search(saved.queries[i], 10) == saved.answers[i]);
      REQUIRE(kept->search(saved.queries[i], {.k = 10}) == saved.answers[i]);
    }
  }
  const auto& query = saved.queries[0];
  const auto is_gone = [](const auto& result) { return !result && result.error().code() == ErrorCode::cannot_open; };
  CHECK(is_gone(kept->try_search(query, 10)));
  CHECK(is_gone(kept->try_search(query, {.k = 3})));
  CHECK(is_gone(kept->try_search_within(query, 1.0F)));
  CHECK(is_gone(kept->try_batch_search(saved.queries, {.k = 3})));
  CHECK(is_gone(kept->try_contains(1)));
  CHECK(is_gone(kept->try_get(1)));
  CHECK_THROWS_AS((void)kept->search(query, 10), std::runtime_error);
  CHECK(kept->try_search(query, 10).error().message().find("session") != std::string_view::npos);
  CHECK(kept->size() == 500);
  CHECK(kept->dimensions() == 16);
  CHECK(kept->path() == saved.path);
}

TEST_CASE("a session that is destroyed inside a search ends with it") {
  const Folder folder;
  const Saved saved(folder.file(), 1, 500);
  auto session = std::make_optional<Session>();
  const Handle handle = open(*session, saved);
  const auto found = handle.try_search(saved.queries[0], {.k = 10, .filter = [&](std::uint64_t) {
                                                            session.reset();
                                                            return true;
                                                          }});
  REQUIRE(found);
  CHECK(*found == saved.answers[0]);
  CHECK(!handle.try_search(saved.queries[0], 10));
}

TEST_CASE("a session that moves takes its indexes and its bounds along") {
  const Folder folder;
  const Saved saved(folder.file(), 1, 500);
  Session first({.index_bytes = std::size_t{1} << 20, .metadata_bytes = std::size_t{2} << 20});
  const Handle handle = open(first, saved);
  Session second(std::move(first));
  CHECK(handle.search(saved.queries[0], 10) == saved.answers[0]);
  Session third({.index_bytes = std::size_t{1} << 19});
  const Handle other = open(third, saved);
  CHECK(other.search(saved.queries[1], 10) == saved.answers[1]);
  third = std::move(second);
  CHECK(handle.search(saved.queries[2], 10) == saved.answers[2]);
  CHECK(other.try_search(saved.queries[2], 10).error().code() == ErrorCode::cannot_open);
  CHECK(third.config().index_bytes == std::size_t{1} << 20);
  CHECK(third.config().metadata_bytes == std::size_t{2} << 20);
  CHECK(third.stats().index.limit_bytes == std::size_t{1} << 20);
  CHECK(open(third, saved).search(saved.queries[3], 10) == saved.answers[3]);
  CHECK(third.stats().metadata.misses == 1);
}

TEST_CASE("a file that is open already is the same index") {
  const Folder folder;
  const Saved saved(folder.file(), 1, 800);
  Session session;
  const Handle first = open(session, saved);
  for (std::size_t i = 0; i < 20; ++i) REQUIRE(first.search(saved.queries[i], 10) == saved.answers[i]);
  const shoal::SessionStats before = session.stats();
  const Handle second = open(session, saved);
  for (std::size_t i = 0; i < 20; ++i) REQUIRE(second.search(saved.queries[i], 10) == saved.answers[i]);
  const shoal::SessionStats after = session.stats();
  CHECK(after.index.misses == before.index.misses);
  CHECK(after.index.hits > before.index.hits);
  CHECK(after.metadata.misses == 1);
  CHECK(after.metadata.bytes == before.metadata.bytes);
}

TEST_CASE("a file that is replaced is another index, and the old one goes on") {
  const Folder folder;
  const Saved old(folder.file(), 1, 500);
  Session session({.index_bytes = std::size_t{64} << 10});
  const Handle before = open(session, old);
  REQUIRE(before.search(old.queries[0], 10) == old.answers[0]);
  const Saved fresh(folder.file(), 2, 700);
  const Handle after = open(session, fresh);
  CHECK(after.size() == 700);
  CHECK(before.size() == 500);
  for (std::size_t i = 0; i < 20; ++i) {
    REQUIRE(after.search(fresh.queries[i], 10) == fresh.answers[i]);
    REQUIRE(before.search(old.queries[i], 10) == old.answers[i]);
  }
  REQUIRE(std::filesystem::remove(old.path));
  CHECK(before.search(old.queries[3], 10) == old.answers[3]);
  CHECK(session.open<Index>(old.path).error().code() == ErrorCode::cannot_open);
}

TEST_CASE("a file that is verified is the one that is searched, not a damaged one that it replaced") {
  const Folder folder;
  const Saved saved(folder.file(), 1, 500);
  const io_tests::Bytes good = io_tests::read_bytes(saved.path);
  const auto head = shoal::detail::parse_header(std::span(good).first(shoal::detail::header_bytes), good.size());
  REQUIRE(head);
  io_tests::Bytes damaged = good;
  for (const shoal::detail::Section& section : head->sections) {
    if (section.kind != shoal::SectionKind::floats) continue;
    for (std::size_t i = 0; i < section.bytes; i += sizeof(float))
      damaged[static_cast<std::size_t>(section.offset) + i + 2] ^= std::byte{0x70};
  }
  io_tests::write_bytes(saved.path, damaged);
  Session session;
  const Handle old = open(session, saved);
  CHECK(old.search(saved.queries[0], 10) != saved.answers[0]);
  CHECK(session.open<Index>(saved.path, {.verify = true}).error().code() == ErrorCode::corrupt);
  io_tests::write_bytes(folder.file("good"), good);
  std::filesystem::rename(folder.file("good"), saved.path);
  const auto verified = session.open<Index>(saved.path, {.verify = true});
  REQUIRE(verified);
  CHECK(verified->search(saved.queries[0], 10) == saved.answers[0]);
  // Verified once, it is the same one again.
  const std::uint64_t misses = session.stats().metadata.misses;
  CHECK(session.open<Index>(saved.path, {.verify = true})->search(saved.queries[0], 10) == saved.answers[0]);
  CHECK(session.stats().metadata.misses == misses);
}

TEST_CASE("what is no index of the type is refused, every time") {
  const Folder folder;
  const Saved saved(folder.file(), 1, 100);
  io_tests::write_bytes(folder.file("text"), io_tests::Bytes(5'000, std::byte{'a'}));
  io_tests::write_bytes(folder.file("nothing"), {});
  io_tests::Bytes bytes = io_tests::read_bytes(saved.path);
  bytes[shoal::detail::header_bytes + 3] ^= std::byte{1};  // an id
  io_tests::write_bytes(folder.file("damaged"), bytes);
  Session session;
  for (int round = 0; round < 2; ++round) {
    const auto missing = session.open<Index>(folder.file("missing"));
    REQUIRE(!missing);
    CHECK(missing.error().code() == ErrorCode::cannot_open);
    CHECK(missing.error().message().find("missing") != std::string_view::npos);
    CHECK(session.open<Index>(folder.file("")).error().code() == ErrorCode::cannot_open);
    CHECK(session.open<Index>("").error().code() == ErrorCode::cannot_open);
    CHECK(session.open<Index>(folder.file("text")).error().code() == ErrorCode::corrupt);
    CHECK(session.open<Index>(folder.file("nothing")).error().code() == ErrorCode::corrupt);
    const auto damaged = session.open<Index>(folder.file("damaged"));
    REQUIRE(!damaged);
    CHECK(damaged.error().code() == ErrorCode::corrupt);
    CHECK(damaged.error().message().find("damaged") != std::string_view::npos);
    const auto other = session.open<shoal::HnswIndex<shoal::Cosine>>(saved.path);
    REQUIRE(!other);
    CHECK(other.error().code() == ErrorCode::incompatible);
  }
  CHECK(session.stats().metadata.bytes == 0);
  CHECK(open(session, saved).size() == 100);
}

TEST_CASE("a bad query gives the error that the index gives") {
  const Folder folder;
  const Saved saved(folder.file(), 1, 100);
  Session session;
  const Handle handle = open(session, saved);
  std::vector<float> query(16, 1.0F);
  const auto same = [&](const std::vector<float>& bad) {
    const auto expected = saved.index.try_search(bad, 3), got = handle.try_search(bad, 3);
    REQUIRE((!expected && !got));
    CHECK(got.error().code() == expected.error().code());
    CHECK(got.error().message() == expected.error().message());
    CHECK_THROWS_AS((void)handle.search(bad, 3), std::invalid_argument);
    CHECK_THROWS_AS((void)handle.search_within(bad, 1), std::invalid_argument);
    CHECK_THROWS_AS((void)handle.batch_search(std::vector{bad}, 1), std::invalid_argument);
    const std::vector<std::vector<float>> two{query, bad};
    CHECK(handle.try_batch_search(two, {.k = 1}).error().message() ==
          saved.index.try_batch_search(two, {.k = 1}).error().message());
  };
  same({1.0F, 2.0F});
  std::vector<float> bad = query;
  bad[3] = std::numeric_limits<float>::quiet_NaN();
  same(bad);
  bad[3] = 3e38F;
  same(bad);
  CHECK(!handle.try_search_within(query, std::numeric_limits<float>::quiet_NaN()));
  CHECK(handle.try_search(query, 0)->empty());
  CHECK(handle.try_search(query, 1'000)->size() == 100);
}

TEST_CASE("batches use threads, and give what the index gives") {
  const Folder folder;
  const Saved saved(folder.file(), 1, 2'000);
  Session session({.index_bytes = std::size_t{64} << 10});
  const Handle handle = open(session, saved);
  const auto queries = make_queries(100);
  const auto odd = [](std::uint64_t id) { return id % 2 == 1; };
  for (const unsigned threads : {1U, 4U}) {
    CHECK(*handle.try_batch_search(queries, {.k = 7, .threads = threads}) == saved.index.batch_search(queries, 7));
    CHECK(handle.batch_search(queries, {.k = 7, .threads = threads}) == saved.index.batch_search(queries, 7));
    CHECK(*handle.try_batch_search(queries, {.k = 7, .filter = odd, .threads = threads}) ==
          saved.index.batch_search(queries, {.k = 7, .filter = odd}));
    std::vector<std::uint64_t> ids(300), expected_ids(300);
    std::vector<float> distances(300), expected_distances(300);
    REQUIRE(handle.try_batch_search(queries, {.k = 3, .threads = threads}, ids, distances));
    saved.index.batch_search(queries, {.k = 3}, expected_ids, expected_distances);
    CHECK(ids == expected_ids);
    CHECK(distances == expected_distances);
    std::fill(ids.begin(), ids.end(), 0);
    handle.batch_search(queries, {.k = 3, .threads = threads}, ids, distances);
    CHECK(ids == expected_ids);
  }
}

TEST_CASE("what throws gives what its other form gives, and says so when the session is gone") {
  const Folder folder;
  const Saved saved(folder.file(), 1, 100);
  std::optional<Session> session(std::in_place);
  const Handle handle = open(*session, saved);
  CHECK(handle.search_within(saved.queries[0], 2.0F) == saved.index.search_within(saved.queries[0], 2.0F));
  CHECK(handle.batch_search(saved.queries, 10) == saved.answers);
  CHECK(handle.get(saved.answers[0][0].id) == saved.index.get(saved.answers[0][0].id));
  CHECK(handle.contains(saved.answers[0][0].id));
  CHECK(!handle.contains(1'000'000));
  CHECK(handle.get(1'000'000) == std::nullopt);
  session.reset();
  CHECK_THROWS_AS((void)handle.search_within(saved.queries[0], 2.0F), std::runtime_error);
  CHECK_THROWS_AS((void)handle.batch_search(saved.queries, 10), std::runtime_error);
  CHECK_THROWS_AS((void)handle.get(1), std::runtime_error);
  CHECK_THROWS_AS((void)handle.contains(1), std::runtime_error);
}

TEST_CASE("a filter may search another index if there is room for both, and is told so if there is none") {
  const Folder folder;
  const Saved a(folder.file("a"), 1, 500), b(folder.file("b"), 2, 500);
  const std::size_t one = metadata_of(a.path), both = one + metadata_of(b.path);
  for (const bool has_room : {false, true}) {
    Session session({.metadata_bytes = has_room ? both : one + 10'000});
    const Handle first = open(session, a), second = open(session, b);
    std::atomic<std::size_t> right{0}, busy{0};
    const auto filter = [&](std::uint64_t id) {
      const auto which = static_cast<std::size_t>(id % 20);
      const auto found = second.try_search(b.queries[which], 10);
      if (found && *found == b.answers[which]) ++right;
      if (!found && found.error().code() == ErrorCode::busy) ++busy;
      CHECK(first.try_search(a.queries[0], 10).has_value());  // its own is there
      return true;
    };
    CHECK(first.search(a.queries[0], {.k = 10, .filter = filter}) == a.answers[0]);
    CHECK((right > 0) == has_room);
    CHECK((busy > 0) != has_room);
    // From other threads, which work for one that waits for them.
    const auto found = first.try_batch_search(a.queries, {.k = 10, .filter = filter, .threads = 4});
    REQUIRE(found);
    CHECK(*found == a.answers);
    CHECK((right > 0) == has_room);
    CHECK((busy > 0) != has_room);
    CHECK(session.stats().metadata.peak_bytes <= session.config().metadata_bytes);
    CHECK(second.search(b.queries[0], 10) == b.answers[0]);
    if (!has_room) {
      bool opens = true;
      const auto opening = [&](std::uint64_t) {
        opens = session.open<Index>(a.path).has_value();
        return true;
      };
      CHECK(second.search(b.queries[0], {.k = 10, .filter = opening}) == b.answers[0]);
      CHECK(!opens);
    }
  }
}
