// Searches with memory that is kept: they allocate nothing once it has grown, and find what any search finds.
// Allocations are counted by the operator new of allocation_test.cpp, of the same program.

#include "allocation_counts.hpp"
#include "filtering.hpp"

#if SHOAL_HAS_THREADS
#include <atomic>
#include <thread>
#endif

using namespace index_tests;
using support::random_items;

namespace {

constexpr std::uint64_t context_seed = 20'260'119;

/// Allocations of what `work` does.
template <class Work>
std::size_t allocations_of(const Work& work) {
  const std::size_t before = support::allocation_counts().allocations;
  work();
  return support::allocation_counts().allocations - before;
}

struct Searches {
  struct Search {
    const char* name;
    shoal::SearchOptions options;
  };
  std::vector<std::uint64_t> few = iota(100, 30);
  std::vector<std::uint64_t> many = iota(0, 1'000);
  std::vector<Search> all;

  Searches() {
    const auto half = [](std::uint64_t id) { return id % 2 == 0; };
    all.push_back({"plain", {.k = 10}});
    all.push_back({"wide", {.k = 30, .ef = 300}});
    all.push_back({"a filter that walks", {.k = 5, .ef = 10, .filter = half}});
    all.push_back({"a filter that scans", {.filter = [](std::uint64_t id) { return id < 20; }}});
    all.push_back({"a list that scans", {.among = few}});
    all.push_back({"a list that walks", {.k = 5, .ef = 10, .among = many}});
    all.push_back({"a list and a filter", {.filter = half, .among = few}});
    all.push_back({"everything", {.k = 5'000}});
  }
  Searches(const Searches&) = delete;
  Searches& operator=(const Searches&) = delete;
};

template <class Found>
bool same(const Found& span, const std::vector<shoal::Neighbor<std::uint64_t>>& vector) {
  return std::equal(span.begin(), span.end(), vector.begin(), vector.end());
}

template <class Index>
void check_kept_context(const Index& index, const std::vector<std::vector<float>>& queries) {
  const Searches searches;
  for (const auto& each : searches.all) {
    CAPTURE(each.name);
    auto context = index.make_search_context();
    CHECK(allocations_of([&] { (void)index.search(queries[0], each.options, context); }) > 0);  // they are counted
    for (const auto& query : queries) {
      CHECK(same(index.search(query, each.options, context), index.search(query, each.options)));
    }
    for (int round = 0; round < 3; ++round) {
      std::size_t found = 0;
      const std::size_t allocations = allocations_of([&] {
        for (const auto& query : queries) found += index.search(query, each.options, context).size();
      });
      CHECK(found > 0);
      CHECK(allocations == 0);
    }
    for (const auto& query : queries) {
      CHECK(same(index.search(query, each.options, context), index.search(query, each.options)));
    }
  }
  // One for all searches in turn: what one leaves in it is no matter to the next.
  auto context = index.make_search_context();
  const auto search_all = [&] {
    for (const auto& query : queries) {
      for (const auto& each : searches.all) (void)index.search(query, each.options, context);
    }
  };
  search_all();
  CHECK(allocations_of(search_all) == 0);
  for (const auto& each : searches.all) {
    CAPTURE(each.name);
    CHECK(same(index.search(queries[0], each.options, context), index.search(queries[0], each.options)));
  }
}

std::vector<std::vector<float>> context_queries(std::size_t count, std::size_t wide) {
  std::vector<std::vector<float>> queries;
  for (auto& [id, vector] : random_items(context_seed, count, wide)) queries.push_back(vector);
  return queries;
}

}  // namespace

TEST_CASE_TEMPLATE("with a context that is kept, searches of every kind allocate nothing and find the same", Index,
                   ALL_INDEXES) {
  Index index = filled_index<Index>(random_items(context_seed + 1, 1'500, dimensions));
  const auto queries = context_queries(12, dimensions);
  check_kept_context(index, queries);
  for (std::uint64_t id = 1'000; id < 1'050; ++id) REQUIRE(index.erase(id));
  REQUIRE(index.stats().dead == 50);
  check_kept_context(index, queries);
}

TEST_CASE("searches of wide rows, which have sketches, allocate nothing with a context that is kept") {
  HnswL2 index({.dimensions = 300, .M = 8, .ef_construction = 32});
  REQUIRE(index.batch_insert(random_items(context_seed + 2, 1'200, 300)));
  const auto queries = context_queries(6, 300);
  check_kept_context(index, queries);
  // Numbers that have to be converted need memory that is kept too.
  const std::vector<double> converted(queries[0].begin(), queries[0].end());
  auto context = index.make_search_context();
  (void)index.search(queries[1], {.k = 10}, context);
  std::size_t found = 0;
  CHECK(allocations_of([&] { found = index.search(converted, {.k = 10}, context).size(); }) == 0);
  CHECK(same(index.search(converted, {.k = 10}, context), index.search(queries[0], 10)));
  CHECK(found == 10);
}

TEST_CASE_TEMPLATE("while the index grows, a context grows with it and no more", Index, HnswL2, HnswL2Sq8, HnswRefined,
                   BruteCosineRefined) {
  const auto items = random_items(context_seed + 3, 8'000, dimensions);
  Index index = make_index<Index>();
  auto context = index.make_search_context();
  const auto query = context_queries(1, dimensions).front();
  const auto listed = iota(0, 8'000);
  const shoal::SearchOptions plain{.k = 10};
  const shoal::SearchOptions among{.k = 10, .among = std::span(listed).first(50)};
  std::size_t growths = 0;
  for (std::size_t count = 0; count < items.size(); count += 1'000) {
    CAPTURE(count);
    REQUIRE(index.batch_insert(std::span(items).subspan(count, 1'000)));
    growths += allocations_of([&] {
      (void)index.search(query, plain, context);
      (void)index.search(query, among, context);
    });
    CHECK(allocations_of([&] {
            (void)index.search(query, plain, context);
            (void)index.search(query, among, context);
          }) == 0);
    CHECK(same(index.search(query, plain, context), index.search(query, plain)));
    CHECK(same(index.search(query, among, context), index.search(query, among)));
  }
  CHECK(growths < 60);  // memory grows by steps, not each time
}

TEST_CASE_TEMPLATE("a context says how much memory it has, a few bytes for each entry", Index, ALL_INDEXES) {
  const Index index = filled_index<Index>(random_items(context_seed + 4, 1'500, dimensions));
  const auto queries = context_queries(5, dimensions);
  const Searches searches;
  for (const auto& query : queries) (void)index.search(query, searches.all.back().options);
  const std::size_t before = support::allocation_counts().live_bytes;
  auto context = index.make_search_context();
  const std::size_t empty = context.memory_bytes();
  for (const auto& each : searches.all) {
    for (const auto& query : queries) (void)index.search(query, each.options, context);
  }
  const std::size_t owned = support::allocation_counts().live_bytes - before;
  const std::size_t said = context.memory_bytes();
  CAPTURE(owned);
  CAPTURE(said);
  CHECK(empty < 2'000);
  CHECK(said > empty);
  CHECK(said <= owned);
  CHECK(owned <= said + said / 50 + 2'000);  // and the fixed size of what holds it, and what the allocator rounds up
  CHECK(said < 200'000);                     // after a search for all of 1,500
}

TEST_CASE("a list of ids needs a bit for each entry, which the context counts") {
  const BruteL2 index = filled_index<BruteL2>(random_items(context_seed + 8, 64'000, dimensions));
  const auto query = context_queries(1, dimensions).front();
  auto context = index.make_search_context();
  (void)index.search(query, {.k = 10}, context);
  const std::size_t before = context.memory_bytes();
  const auto listed = iota(5, 20);
  (void)index.search(query, {.k = 10, .among = listed}, context);
  CHECK(context.memory_bytes() >= before + 64'000 / 8);
  CHECK(context.memory_bytes() <= before + 64'000 / 8 + 1'000);
}

TEST_CASE_TEMPLATE("a context can be moved, and an error leaves it as useful as it was", Index, HnswL2,
                   BruteCosineSq8) {
  const Index index = filled_index<Index>(random_items(context_seed + 5, 500, dimensions));
  const auto query = context_queries(1, dimensions).front();
  auto context = index.make_search_context();
  const auto expected = index.search(query, 10);
  CHECK(same(index.search(query, {.k = 10}, context), expected));
  auto moved = std::move(context);
  CHECK(allocations_of([&] { (void)index.search(query, {.k = 10}, moved); }) == 0);
  CHECK_THROWS_AS((void)index.search(std::vector<float>(3), {.k = 10}, moved), std::invalid_argument);
  const auto wrong = index.try_search(std::vector<float>(3), {.k = 10}, moved);
  REQUIRE(!wrong);
  CHECK(wrong.error().code() == shoal::ErrorCode::dimension_mismatch);
  CHECK(same(index.search(query, {.k = 10}, moved), expected));
}

#if SHOAL_HAS_THREADS

TEST_CASE("threads search at once, each with a context of its own") {
  const HnswL2 index = filled_index<HnswL2>(random_items(context_seed + 6, 1'500, dimensions));
  const auto queries = context_queries(40, dimensions);
  const Searches searches;
  std::vector<std::vector<shoal::Neighbor<std::uint64_t>>> expected;
  for (const auto& query : queries) {
    for (const auto& each : searches.all) expected.push_back(index.search(query, each.options));
  }
  std::atomic<std::size_t> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      auto context = index.make_search_context();
      std::size_t next = 0;
      for (const auto& query : queries) {
        for (const auto& each : searches.all) {
          if (!same(index.search(query, each.options, context), expected[next++])) ++wrong;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

#endif

TEST_CASE_TEMPLATE("on one thread, a batch of searches into matrices allocates nothing for its queries", Index, HnswL2,
                   HnswL2Sq8, HnswRefined, BruteL2) {
  const Index index = filled_index<Index>(random_items(context_seed + 7, 1'500, dimensions));
  std::vector<float> matrix;
  for (const auto& query : context_queries(200, dimensions)) matrix.insert(matrix.end(), query.begin(), query.end());
  std::vector<std::uint64_t> ids(200 * 30);
  std::vector<float> distances(200 * 30);
  const Searches searches;
  for (const auto& each : searches.all) {
    if (each.options.k > 30) continue;
    CAPTURE(each.name);
    const auto search_first = [&](std::size_t count) {
      return allocations_of([&] {
        index.batch_search(std::span(matrix).first(count * dimensions), each.options,
                           std::span(ids).first(count * each.options.k),
                           std::span(distances).first(count * each.options.k));
      });
    };
    (void)search_first(200);
    const std::size_t few = search_first(10);
    CHECK(search_first(200) == few);
    CHECK(few == 0);
  }
}
