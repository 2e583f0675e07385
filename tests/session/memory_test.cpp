// What a session says it uses is what it uses: allocations are counted. Nothing grows with the number of searches, and
// all goes with the session.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "counting_new.hpp"
#include "platform.hpp"
#include "support.hpp"

using namespace session_tests;
using io_tests::Folder;
using shoal::Session;
using support::allocation_counts;

namespace {

template <class Index>
void check_accounts(const Index& index) {
  const Folder folder;
  REQUIRE(index.save(folder.file()));
  const auto queries = make_queries(30, index.dimensions());
  constexpr std::size_t pages = std::size_t{128} << 10U;  // few, which are all used
  for (const std::size_t share : {std::size_t{0}, pages / 2}) {
    const std::size_t before = allocation_counts().live_bytes;
    Session session({.index_bytes = pages, .index_bytes_per_index = share});
    REQUIRE(allocation_counts().live_bytes - before < pages / 10);
    allocation_counts().forget_peak();
    const auto handle = session.open<Index>(folder.file());
    REQUIRE(handle);
    for (const auto& query : queries) {
      REQUIRE(handle->try_search(query, 10));
      REQUIRE(handle->try_search(query, {.k = 10, .filter = [](std::uint64_t id) { return id % 5 == 0; }}));
      REQUIRE(handle->try_search_within(query, 1.0F, {.most = 50}));
    }
    const shoal::SessionStats stats = session.stats();
    const std::size_t real = allocation_counts().live_bytes - before;
    constexpr std::size_t open_file = 4'096, answers = 4'096;
    CHECK(real <= stats.metadata.bytes + pages + open_file);
    CHECK(stats.metadata.bytes + pages <= real + real / 3 + 200'000 + 2 * sizeof(float) * index.dimensions());
    CHECK(allocation_counts().peak_bytes - before <= stats.metadata.bytes + pages + open_file + answers);
  }
}

std::vector<support::Item> clustered_items(std::size_t count, std::size_t dimensions) {
  std::vector<support::Item> items;
  for (auto& vector : support::clustered_vectors(6, count, dimensions, 5))
    items.emplace_back(items.size(), std::move(vector));
  return items;
}

}  // namespace

TEST_CASE("metadata is counted for at least what it is, and not for much more") {
  SUBCASE("sketches") {
    IndexOf<shoal::L2Squared, shoal::Float32> index({.dimensions = 256, .M = 6, .ef_construction = 30});
    REQUIRE(index.batch_insert(clustered_items(2'000, 256)));
    check_accounts(index);
  }
  SUBCASE("codes") {
    IndexOf<shoal::Cosine, shoal::SQ8> index({.dimensions = 384, .M = 6, .ef_construction = 30});
    REQUIRE(index.batch_insert(clustered_items(2'000, 384)));
    check_accounts(index);
  }
  SUBCASE("codes and floats") {
    IndexOf<shoal::L2Squared, shoal::Refined<shoal::SQ8>> index({.dimensions = 256, .M = 6, .ef_construction = 30});
    REQUIRE(index.batch_insert(clustered_items(2'000, 256)));
    check_accounts(index);
  }
  SUBCASE("long rows") {
    Index index({.dimensions = 20'000, .M = 4, .ef_construction = 10});
    REQUIRE(index.batch_insert(support::random_items(3, 20, 20'000)));
    check_accounts(index);
  }
  SUBCASE("long rows of codes and floats") {
    IndexOf<shoal::L2Squared, shoal::Refined<shoal::SQ8>> index({.dimensions = 20'000, .M = 4, .ef_construction = 10});
    REQUIRE(index.batch_insert(support::random_items(3, 20, 20'000)));
    check_accounts(index);
  }
  SUBCASE("long sketches") {
    IndexOf<shoal::L2Squared, shoal::Float32> index({.dimensions = 5'000, .M = 4, .ef_construction = 10});
    REQUIRE(index.batch_insert(clustered_items(1'100, 5'000)));
    check_accounts(index);
  }
  SUBCASE("no graph") {
    shoal::BruteForceIndex<> index({.dimensions = 64});
    REQUIRE(index.batch_insert(support::random_items(3, 5'000, 64)));
    check_accounts(index);
  }
  SUBCASE("many entries") {
    Index index({.dimensions = 2, .M = 4, .ef_construction = 8});
    REQUIRE(index.batch_insert(support::random_items(3, 66'000, 2)));
    check_accounts(index);
  }
}

TEST_CASE("memory stays the same however many searches there are, and goes with the session") {
  const Folder folder;
  const Saved a(folder.file("a"), 1, 2'000, 64), b(folder.file("b"), 2, 2'000, 64), c(folder.file("c"), 3, 2'000, 64);
  const std::size_t one = metadata_of(a.path);
  const std::size_t before = allocation_counts().live_bytes;
  std::vector<Handle> handles;
  {
    Session session({.index_bytes = std::size_t{256} << 10U, .metadata_bytes = 2 * one + 1'000});
    for (const Saved* saved : {&a, &b, &c}) handles.push_back(open(session, *saved));
    const auto search_all = [&](std::size_t rounds) {
      for (std::size_t i = 0; i < rounds; ++i) {
        REQUIRE(handles[0].search(a.queries[i % 20], 10) == a.answers[i % 20]);
        REQUIRE(handles[1].search(b.queries[i % 20], 10) == b.answers[i % 20]);
        if (i % 4 == 0) REQUIRE(handles[2].search(c.queries[i % 20], 10) == c.answers[i % 20]);
      }
    };
    search_all(40);
    const std::size_t after_some = allocation_counts().live_bytes;
    search_all(1'000);
    CHECK(allocation_counts().live_bytes <= after_some + 1'000);
    CHECK(session.stats().metadata.evictions > 100);
  }
  // The handles are left, with what the header says.
  CHECK(allocation_counts().live_bytes - before < 20'000);
  std::vector<Handle>().swap(handles);  // shrink_to_fit may do nothing
  const std::size_t after = allocation_counts().live_bytes;
  CHECK(after <= before + 100);  // what the test itself keeps
}

TEST_CASE("what a large search and what many at once needed goes when they end") {
  const Folder folder;
  const Saved saved(folder.file(), 1, 20'000, 8);
  constexpr std::size_t pages = std::size_t{128} << 10U, open_file = 4'096;
  const std::size_t before = allocation_counts().live_bytes;
  Session session({.index_bytes = pages});
  const Handle handle = open(session, saved);
  const auto is_within = [&] {
    return allocation_counts().live_bytes - before <= session.stats().metadata.bytes + pages + open_file;
  };
  REQUIRE(handle.try_search_within(saved.queries[0], std::numeric_limits<float>::infinity())->size() == 20'000);
  CHECK(is_within());
  REQUIRE(handle.try_search(saved.queries[0], 10'000)->size() == 10'000);
  CHECK(is_within());
  REQUIRE(handle.try_search(saved.queries[0], {.k = 10, .filter = [&](std::uint64_t) {
                                                 return handle.try_search(saved.queries[1], 10).has_value();
                                               }}));
  CHECK(is_within());
  REQUIRE(handle.try_batch_search(saved.queries, {.k = 10, .threads = 8}));
  CHECK(is_within());
  REQUIRE(handle.try_search(saved.queries[0], 10) == saved.answers[0]);
}

TEST_CASE("an allocation that fails is an error of the search or of opening, and the next one works" *
          support::needs_exceptions()) {
  const Folder folder;
  const Saved saved(folder.file(), 1, 500);
  std::size_t failures = 0, successes = 0;
  for (std::size_t allowed = 0; successes < 2; ++allowed) {
    CAPTURE(allowed);
    REQUIRE(allowed < 1'000);
    Session session({.index_bytes = std::size_t{64} << 10U});
    const std::string path = saved.path;
    {
      support::FailingAllocations failing(allowed);
      auto handle = session.open<Index>(path);
      const bool failed = support::FailingAllocations::stop();
      if (!handle) {
        REQUIRE(handle.error().code() == shoal::ErrorCode::out_of_memory);
        ++failures;
      } else if (!failed) {
        ++successes;
      }
    }
    REQUIRE(open(session, saved).search(saved.queries[0], 10) == saved.answers[0]);
  }
  CHECK(failures > 5);
  failures = successes = 0;
  Session session({.index_bytes = std::size_t{64} << 10U});
  const Handle handle = open(session, saved);
  for (std::size_t allowed = 0; successes < 2; ++allowed) {
    CAPTURE(allowed);
    REQUIRE(allowed < 1'000);
    Session other({.index_bytes = std::size_t{64} << 10U});
    const Handle fresh = open(other, saved);
    support::FailingAllocations failing(allowed);
    const auto found = fresh.try_search(saved.queries[0], 10);
    const bool failed = support::FailingAllocations::stop();
    if (!found) {
      REQUIRE(found.error().code() == shoal::ErrorCode::out_of_memory);
      ++failures;
    } else {
      REQUIRE(*found == saved.answers[0]);
      successes += failed ? 0 : 1;
    }
    REQUIRE(fresh.search(saved.queries[1], 10) == saved.answers[1]);
  }
  CHECK(failures > 2);
}
