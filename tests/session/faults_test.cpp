// Files that cannot be read, at every read there is: opening fails and leaves nothing, a search gives the error and the
// next one works. What could not be read is never cached.

#include "../io/faults.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace session_tests;
using io_tests::FaultyFiles;
using io_tests::Folder;
using shoal::ErrorCode;
using shoal::Session;

namespace {

constexpr std::size_t always = ~std::size_t{0};
constexpr shoal::SessionConfig few_pages{.index_bytes = std::size_t{64} << 10U};

}  // namespace

TEST_CASE("opening fails with the read that fails, leaves nothing, and works when reads work again") {
  const Folder folder;
  const Saved saved(folder.file(), 1, 300);
  for (const bool verify : {false, true}) {
    for (const bool forever : {false, true}) {
      std::size_t failures = 0;
      for (std::size_t allowed = 0;; ++allowed) {
        CAPTURE(allowed);
        FaultyFiles files;
        files.allowed = allowed;
        files.forever = forever;
        Session session(few_pages);
        auto handle = session.open<Index>(saved.path, {.verify = verify}, files);
        if (!files.failed) {
          REQUIRE(handle);
          break;
        }
        ++failures;
        REQUIRE(!handle);
        REQUIRE(handle.error().code() == ErrorCode::io_error);
        REQUIRE(session.size_bytes() == 0);
        files.allowed = always;
        files.forever = false;
        handle = session.open<Index>(saved.path, {.verify = verify}, files);
        REQUIRE(handle);
        REQUIRE(handle->search(saved.queries[0], 10) == saved.answers[0]);
      }
      CHECK(failures > 5);
    }
  }
}

TEST_CASE("a search gives the error of the read that failed, and the next search finds everything") {
  const Folder folder;
  const Saved saved(folder.file(), 1, 300);
  for (const bool forever : {false, true}) {
    std::size_t failures = 0;
    for (std::size_t allowed = 0;; ++allowed) {
      CAPTURE(allowed);
      FaultyFiles files;
      Session session(few_pages);
      const auto handle = session.open<Index>(saved.path, {}, files);
      REQUIRE(handle);
      files.allowed = allowed;
      files.forever = forever;
      const auto found = handle->try_search(saved.queries[0], 10);
      if (!files.failed) {
        REQUIRE(found);
        REQUIRE(*found == saved.answers[0]);
        break;
      }
      ++failures;
      REQUIRE(!found);
      REQUIRE(found.error().code() == ErrorCode::io_error);
      REQUIRE(found.error().message() == "read");
      if (forever) {
        REQUIRE(!handle->try_search(saved.queries[1], 10));
        REQUIRE(!handle->try_batch_search(saved.queries, {.k = 3}));
        files.forever = false;
      }
      files.allowed = always;
      for (std::size_t i = 0; i < 20; ++i) REQUIRE(handle->search(saved.queries[i], 10) == saved.answers[i]);
      REQUIRE(session.open<Index>(saved.path, {}, files)->search(saved.queries[2], 10) == saved.answers[2]);
    }
    CHECK(failures > 5);
  }
}

TEST_CASE("looking things up gives the error of the read, too") {
  const Folder folder;
  const Saved saved(folder.file(), 1, 300);
  FaultyFiles files;
  Session session(few_pages);
  const auto handle = session.open<Index>(saved.path, {}, files);
  REQUIRE(handle);
  files.allowed = 0;
  files.forever = true;
  CHECK(handle->try_get(7).error().code() == ErrorCode::io_error);
  CHECK(handle->try_search_within(saved.queries[0], 10.0F).error().code() == ErrorCode::io_error);
  CHECK(*handle->try_contains(7));
  CHECK(!*handle->try_contains(7'000));
  CHECK(!handle->try_get(7'000)->has_value());
  CHECK_THROWS_AS((void)handle->search(saved.queries[0], 10), std::runtime_error);
  files.allowed = always;
  files.forever = false;
  CHECK(*handle->try_get(7) == saved.index.get(7));
}

TEST_CASE("metadata that cannot be read again is an error, and comes when it can") {
  const Folder folder;
  const Saved a(folder.file("a"), 1, 300), b(folder.file("b"), 2, 300);
  FaultyFiles files;
  Session session({.metadata_bytes = metadata_of(a.path) + 5'000});
  const auto first = session.open<Index>(a.path, {}, files), second = session.open<Index>(b.path, {}, files);
  REQUIRE((first && second));
  std::size_t failures = 0;
  for (std::size_t allowed = 0;; ++allowed) {
    REQUIRE(second->search(b.queries[0], 10) == b.answers[0]);
    files.allowed = allowed;
    files.failed = false;
    const auto found = first->try_search(a.queries[0], 10);
    if (!files.failed) break;
    ++failures;
    REQUIRE(!found);
    REQUIRE(found.error().code() == ErrorCode::io_error);
    files.allowed = always;
    REQUIRE(first->search(a.queries[0], 10) == a.answers[0]);
  }
  CHECK(failures > 5);
}

TEST_CASE("a file that is cut off while it is open gives errors, not answers") {
  const Folder folder;
  const Saved saved(folder.file(), 1, 1'000, 64);
  const io_tests::Bytes bytes = io_tests::read_bytes(saved.path);
  for (std::size_t part = 0; part < 10; ++part) {
    CAPTURE(part);
    Session session(few_pages);
    const Handle handle = open(session, saved);
    REQUIRE(handle.search(saved.queries[0], 10) == saved.answers[0]);
    std::filesystem::resize_file(saved.path, bytes.size() * part / 10);
    std::size_t failures = 0;
    for (std::size_t i = 0; i < 20; ++i) {
      const auto found = handle.try_search(saved.queries[i], 10);
      if (found) {
        REQUIRE(*found == saved.answers[i]);
      } else {
        REQUIRE(found.error().code() == ErrorCode::corrupt);
        ++failures;
      }
    }
    CHECK(failures > 0);
    CHECK(!session.open<Index>(saved.path));
    std::filesystem::remove(saved.path);
    io_tests::write_bytes(saved.path, bytes);
    // The same file again: it is not taken for the one that failed.
    const Handle again = open(session, saved);
    for (std::size_t i = 0; i < 20; ++i) REQUIRE(again.search(saved.queries[i], 10) == saved.answers[i]);
  }
}
