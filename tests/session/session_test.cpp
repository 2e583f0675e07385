// An index that is searched through a session finds what the one that was saved finds, however little is cached.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"
#include "vectors.hpp"
#include <shoal/shoal.hpp>

using namespace session_tests;
using io_tests::Folder;
using support::random_items;

namespace {

template <class Metric, class Storage>
using BruteOf = shoal::BruteForceIndex<Metric, Storage>;

template <class Index>
Index make_index_of(std::size_t dimensions) {
  if constexpr (requires { Index::create(shoal::HnswConfig{}); }) {
    return Index({.dimensions = dimensions, .M = 6, .ef_construction = 40});
  } else {
    return Index({.dimensions = dimensions});
  }
}

template <class Index, class Handle>
void check_same_answers(const Index& index, const Handle& handle, std::uint64_t most_id) {
  REQUIRE(handle.size() == index.size());
  REQUIRE(handle.dimensions() == index.dimensions());
  std::vector<std::vector<float>> queries;
  for (auto& [id, query] : random_items(4'711, 20, index.dimensions())) queries.push_back(std::move(query));
  for (const auto& query : queries) {
    const auto found = index.search(query, 10);
    REQUIRE(handle.search(query, 10) == found);
    const shoal::SearchOptions filtered{.k = 5, .filter = [](std::uint64_t i) { return i % 3 == 0; }};
    REQUIRE(handle.search(query, filtered) == index.search(query, filtered));
    const std::vector<std::uint64_t> some{1, 2, 5, 100, most_id + 7};
    REQUIRE(handle.search(query, {.k = 5, .among = some}) == index.search(query, {.k = 5, .among = some}));
    if (found.empty()) continue;
    REQUIRE(*handle.try_search_within(query, found.back().distance) ==
            index.search_within(query, found.back().distance));
  }
  REQUIRE(*handle.try_batch_search(queries, {.k = 5}) == index.batch_search(queries, 5));
  for (std::uint64_t id = 0; id < most_id; ++id) {
    REQUIRE(*handle.try_contains(id) == index.contains(id));
    if (id % 7 == 0) REQUIRE(*handle.try_get(id) == index.get(id));
  }
  REQUIRE(!*handle.try_contains(-1));
}

/// With room for everything, and with the least.
template <class Index>
void check_in_sessions(const Index& index, std::uint64_t most_id) {
  const Folder folder;
  REQUIRE(index.save(folder.file()));
  for (const std::size_t bytes : {std::size_t{64} << 20, std::size_t{64} << 10}) {
    shoal::Session session({.index_bytes = bytes});
    auto handle = session.open<Index>(folder.file(), {.verify = true});
    REQUIRE_MESSAGE(handle.has_value(), std::string(handle ? "" : handle.error().message()));
    check_same_answers(index, *handle, most_id);
    const shoal::SessionStats stats = session.stats();
    CHECK(stats.index.peak_bytes <= bytes);
    CHECK(stats.metadata.peak_bytes <= session.config().metadata_bytes);
  }
}

}  // namespace

// Under sanitizers one of each storage and structure.
#if defined(SHOAL_TESTS_OF_FEWER_TYPES)
#define SEARCHED_INDEXES                                                               \
  IndexOf<shoal::L2Squared, shoal::Float32>, IndexOf<shoal::InnerProduct, shoal::SQ8>, \
      IndexOf<shoal::Cosine, shoal::Refined<shoal::SQ8>>, BruteOf<shoal::Cosine, shoal::SQ8>
#else
#define SEARCHED_INDEXES                                                                          \
  IndexOf<shoal::L2Squared, shoal::Float32>, IndexOf<shoal::InnerProduct, shoal::SQ8>,            \
      IndexOf<shoal::Cosine, shoal::Float32>, IndexOf<shoal::Cosine, shoal::Refined<shoal::SQ8>>, \
      BruteOf<shoal::L2Squared, shoal::Float32>, BruteOf<shoal::Cosine, shoal::SQ8>,              \
      BruteOf<shoal::InnerProduct, shoal::Refined<shoal::SQ8>>
#endif

TEST_CASE_TEMPLATE("a session finds what the saved index finds, for every metric and storage", Index,
                   SEARCHED_INDEXES) {
  constexpr std::size_t dimensions = 19;
  auto index = make_index_of<Index>(dimensions);
  check_in_sessions(index, 10);
  REQUIRE(index.batch_insert(random_items(1, 1, dimensions)));
  check_in_sessions(index, 10);
  REQUIRE(index.batch_insert(random_items(2, 1'200, dimensions, 1)));
  for (std::uint64_t id = 0; id < 50; id += 2) REQUIRE(index.erase(id));
  check_in_sessions(index, 1'300);
  for (std::uint64_t id = 1; id < 600; id += 2) REQUIRE(index.erase(id));
  check_in_sessions(index, 1'300);
}

TEST_CASE("a session reads sketches, links of four bytes, and rows of several pages") {
  auto sketched = make_index_of<IndexOf<shoal::L2Squared, shoal::Float32>>(256);
  std::vector<support::Item> items;
  for (auto& vector : support::clustered_vectors(6, 1'100, 256, 5)) items.emplace_back(items.size(), std::move(vector));
  REQUIRE(sketched.batch_insert(items));
  check_in_sessions(sketched, 1'100);
  shoal::HnswIndex<> wide({.dimensions = 2, .M = 4, .ef_construction = 8});
  REQUIRE(wide.batch_insert(random_items(8, 66'000, 2)));
  check_in_sessions(wide, 1'000);
  auto long_rows = make_index_of<IndexOf<shoal::L2Squared, shoal::Float32>>(5'000);  // 20 KB each
  REQUIRE(long_rows.batch_insert(random_items(9, 60, 5'000)));
  check_in_sessions(long_rows, 60);
  shoal::HnswIndex<> many_links({.dimensions = 8, .M = 512, .ef_construction = 100});
  REQUIRE(many_links.batch_insert(random_items(10, 1'500, 8)));
  check_in_sessions(many_links, 100);
}
