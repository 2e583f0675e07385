// Searches: queries and their checks, k and ef at the edges, ties, filters, many queries at once.

#include <atomic>
#include <set>
#include <stdexcept>
#include <thread>

#include "index_types.hpp"
#include "platform.hpp"

using namespace index_tests;
using shoal::ErrorCode;
using support::random_items;

TEST_CASE_TEMPLATE("a bad query is refused with the same errors as a bad vector", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  REQUIRE(index.batch_insert(random_items(1, 50, dimensions)));
  std::vector<float> query(dimensions, 1.0F);
  const auto code_of = [&](const auto& bad) {
    CHECK_THROWS_AS((void)index.search(bad, 3), std::invalid_argument);
    const auto result = index.try_search(bad, 3);
    REQUIRE(!result);
    return result.error().code();
  };
  CHECK(code_of(std::vector<float>(dimensions + 1)) == ErrorCode::dimension_mismatch);
  CHECK(code_of(std::vector<float>()) == ErrorCode::dimension_mismatch);
  query[4] = std::nanf("");
  CHECK(code_of(query) == ErrorCode::not_finite);
  CHECK(std::string(index.try_search(query, 3).error().message()).find("component 4 is NaN") != std::string::npos);
  query[4] = INFINITY;
  CHECK(code_of(query) == ErrorCode::not_finite);
  query[4] = 1e38F;
  CHECK(code_of(query) == ErrorCode::norm_too_large);
}

TEST_CASE_TEMPLATE("a zero query is refused under cosine", Index, HnswCosine, BruteCosineSq8) {
  Index index = make_index<Index>();
  REQUIRE(index.batch_insert(random_items(1, 50, dimensions)));
  const auto result = index.try_search(std::vector<float>(dimensions), 3);
  REQUIRE(!result);
  CHECK(result.error().code() == ErrorCode::zero_vector);
}

TEST_CASE_TEMPLATE("with fewer live entries than k, all of them are returned, nearest first", Index, ALL_INDEXES) {
  for (const std::size_t count : {0U, 1U, 2U, 4U, 5U, 40U}) {
    Index index = make_index<Index>();
    REQUIRE(index.batch_insert(random_items(2, count, dimensions)));
    for (const std::size_t k : {std::size_t{0}, std::size_t{1}, count, count + 1, ~std::size_t{0} / 4}) {
      for (const std::size_t ef : {std::size_t{0}, std::size_t{1}, ~std::size_t{0} / 4}) {
        const auto found = index.search(std::vector<float>(dimensions, 0.5F), {.k = k, .ef = ef});
        CHECK(found.size() == std::min(k, count));
        CHECK(std::is_sorted(found.begin(), found.end()));
      }
    }
  }
}

TEST_CASE_TEMPLATE("entries at the same distance come in the order of their ids", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  auto items = random_items(3, 1, dimensions);
  for (std::uint64_t id = 1; id <= 30; ++id) items.emplace_back((id * 17) % 31, items[0].second);
  items.erase(items.begin());
  REQUIRE(index.batch_insert(items));
  const auto found = index.search(items[0].second, {.k = 10, .ef = 100});
  REQUIRE(found.size() == 10);
  for (std::size_t i = 0; i < 10; ++i) CHECK(found[i].id == i + 1);
}

TEST_CASE("distances are those of the metric, in its unit") {
  const auto items = random_items(4, 200, dimensions);
  support::Random random(5);
  const auto query = support::random_vector(random, dimensions);
  const auto check = [&](auto index, auto expected) {
    REQUIRE(index.batch_insert(items));
    for (const auto& [id, distance] : index.search(query, 20)) {
      CHECK(distance == doctest::Approx(expected(items[id].second)).epsilon(1e-5));
    }
  };
  double query_norm = 0;
  for (const float value : query) query_norm += double{value} * value;
  const auto dot = [&](const std::vector<float>& v) {
    double sum = 0;
    for (std::size_t i = 0; i < dimensions; ++i) sum += double{v[i]} * query[i];
    return sum;
  };
  const auto norm = [](const std::vector<float>& v) {
    double sum = 0;
    for (const float value : v) sum += double{value} * value;
    return std::sqrt(sum);
  };
  check(HnswL2({.dimensions = dimensions}), [&](const auto& v) { return support::squared_l2(v, query); });
  check(HnswCosine({.dimensions = dimensions}),
        [&](const auto& v) { return 1 - dot(v) / norm(v) / std::sqrt(query_norm); });
  check(shoal::HnswIndex<shoal::InnerProduct>({.dimensions = dimensions}), [&](const auto& v) { return 1 - dot(v); });
}

TEST_CASE_TEMPLATE("a filter keeps what passes, all of it when few pass", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  REQUIRE(index.batch_insert(random_items(6, 1000, dimensions)));
  support::Random random(7);
  for (const std::uint64_t step : {1U, 2U, 10U, 100U, 499U, 2000U}) {
    CAPTURE(step);
    const auto passes = [step](std::uint64_t id) { return id % step == step / 2; };
    std::set<std::uint64_t> passing;
    for (std::uint64_t id = 0; id < 1000; ++id) {
      if (passes(id)) passing.insert(id);
    }
    for (int i = 0; i < 10; ++i) {
      const auto query = support::random_vector(random, dimensions);
      const auto found = index.search(query, {.k = 20, .ef = 100, .filter = passes});
      CHECK(found.size() == std::min<std::size_t>(20, passing.size()));
      for (const auto& neighbor : found) CHECK(passing.contains(neighbor.id));
    }
  }
}

TEST_CASE("a filtered search of the graph finds what an exact one finds") {
  const auto items = random_items(8, 3000, dimensions);
  HnswL2 index({.dimensions = dimensions});
  BruteL2 exact({.dimensions = dimensions});
  REQUIRE(index.batch_insert(items));
  REQUIRE(exact.batch_insert(items));
  support::Random random(9);
  for (const std::uint64_t step : {2U, 10U, 100U}) {
    std::size_t hits = 0;
    for (int i = 0; i < 50; ++i) {
      const auto query = support::random_vector(random, dimensions);
      const shoal::SearchOptions options{
          .k = 10, .ef = 100, .filter = [&](std::uint64_t id) { return id % step == 0; }};
      const auto truth = exact.search(query, options);
      const auto found = index.search(query, options);
      REQUIRE(found.size() == 10);
      for (const auto& neighbor : found) hits += neighbor.distance <= truth.back().distance ? 1U : 0U;
    }
    CHECK(hits >= 495);  // of 500
  }
}

TEST_CASE_TEMPLATE("a batch of queries gives what they give one by one, at every thread count", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  REQUIRE(index.batch_insert(random_items(10, 500, dimensions)));
  support::Random random(11);
  std::vector<float> queries;
  for (int i = 0; i < 100; ++i) {
    const auto query = support::random_vector(random, dimensions);
    queries.insert(queries.end(), query.begin(), query.end());
  }
  for (const unsigned threads : {0U, 1U, 2U, 5U}) {
    const auto results = index.batch_search(queries, {.k = 5, .ef = 40, .threads = threads});
    REQUIRE(results.size() == 100);
    for (std::size_t i = 0; i < 100; ++i) {
      CHECK(results[i] == index.search(std::span(queries).subspan(i * dimensions, dimensions), {.k = 5, .ef = 40}));
    }
  }
  queries[42 * dimensions + 3] = std::nanf("");
  const auto bad = index.try_batch_search(queries, {.k = 5, .threads = 2});
  REQUIRE(!bad);
  CHECK(bad.error().message() == "query 42: expected finite components, component 3 is NaN");
  CHECK_THROWS_AS((void)index.batch_search(queries, 5), std::invalid_argument);
  queries.pop_back();
  CHECK(index.try_batch_search(queries, {}).error().code() == ErrorCode::dimension_mismatch);
  CHECK(index.batch_search(std::vector<float>(), 5).empty());
}

TEST_CASE("a batch of queries may be a range of vectors, and what its filter throws comes out at every thread count") {
  HnswL2 index = make_index<HnswL2>();
  REQUIRE(index.batch_insert(random_items(10, 200, dimensions)));
  std::vector<std::vector<float>> queries;
  for (const auto& [id, vector] : random_items(11, 60, dimensions)) queries.push_back(vector);
  const auto results = index.batch_search(queries, 5);
  REQUIRE(results.size() == 60);
  for (std::size_t i = 0; i < 60; ++i) CHECK(results[i] == index.search(queries[i], 5));
  for (const unsigned threads : {1U, 4U}) {
    const shoal::SearchOptions options{.filter = [](std::uint64_t id) -> bool {
                                         if (id == 7) support::raise(std::runtime_error("no"));
                                         return true;
                                       },
                                       .threads = threads};
    CHECK_THROWS_AS((void)index.batch_search(queries, options), std::runtime_error);
  }
  queries[3].pop_back();
  CHECK(index.try_batch_search(queries, 5).error().message() == "query 3: expected 12 components, got 11");
}

TEST_CASE_TEMPLATE("any number of threads may search at once" * support::needs_threads(), Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  REQUIRE(index.batch_insert(random_items(12, 500, dimensions)));
  std::vector<std::vector<float>> queries;
  std::vector<std::vector<shoal::Neighbor<std::uint64_t>>> expected;
  support::Random random(13);
  for (int i = 0; i < 50; ++i) {
    queries.push_back(support::random_vector(random, dimensions));
    expected.push_back(index.search(queries.back(), 10));
  }
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < queries.size(); ++i) {
        if (index.search(queries[i], 10) != expected[i]) ++wrong;
        if (!index.contains(i) || !index.get(i)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("a filter that throws lets the exception through and leaves the index unharmed" *
          support::needs_exceptions()) {
  HnswL2 index = make_index<HnswL2>();
  REQUIRE(index.batch_insert(random_items(14, 100, dimensions)));
  const std::vector<float> query(dimensions, 0.5F);
  const auto expected = index.search(query, 10);
  [[maybe_unused]] int calls = 0;
  CHECK_THROWS_AS((void)index.search(query, {.k = 10,
                                             .filter = [&](std::uint64_t) -> bool {
                                               if (++calls == 20) support::raise(std::runtime_error("no"));
                                               return true;
                                             }}),
                  std::runtime_error);
  CHECK(index.search(query, 10) == expected);
}

TEST_CASE_TEMPLATE("an index can be moved, and cloned when that is asked for", Index, ALL_INDEXES) {
  static_assert(!std::is_copy_constructible_v<Index> && std::is_nothrow_move_constructible_v<Index>);
  Index index = make_index<Index>();
  REQUIRE(index.batch_insert(random_items(15, 100, dimensions)));
  Index copy = index.clone();
  check_same(index, copy, 200);
  REQUIRE(copy.batch_insert(random_items(16, 50, dimensions, 100)));
  check_holds(index, iota(0, 100), 200);
  Index moved = std::move(index);
  check_holds(moved, iota(0, 100), 200);
  REQUIRE(moved.batch_insert(random_items(16, 50, dimensions, 100)));
  check_same(moved, copy, 200);
  index = std::move(moved);
  check_same(index, copy, 200);
}

TEST_CASE("a configuration out of range is refused with the value") {
  const auto message = [](const shoal::HnswConfig& config) {
    CHECK_THROWS_AS(HnswL2{config}, std::invalid_argument);
    const auto created = HnswL2::create(config);
    REQUIRE(!created);
    CHECK(created.error().code() == ErrorCode::invalid_config);
    return std::string(created.error().message());
  };
  CHECK(message({}) == "dimensions must be 1 to 65536, got 0");
  CHECK(message({.dimensions = 70'000}) == "dimensions must be 1 to 65536, got 70000");
  CHECK(message({.dimensions = 3, .M = 0}) == "M must be 2 to 512, got 0");
  CHECK(message({.dimensions = 3, .M = 1}) == "M must be 2 to 512, got 1");
  CHECK(message({.dimensions = 3, .ef_construction = 0}) == "ef_construction must be 1 to 100000, got 0");
  CHECK_THROWS_AS((void)HnswL2::estimate_memory({.dimensions = 3, .M = 1}, 10), std::invalid_argument);
  CHECK_THROWS_AS((void)BruteL2::estimate_memory({}, 10), std::invalid_argument);
  CHECK_THROWS_AS((void)BruteL2::estimate_memory({.dimensions = 3}, ~std::size_t{0}), std::invalid_argument);
  CHECK_THROWS_AS((void)HnswL2::estimate_memory({.dimensions = 3}, shoal::max_slots + 1), std::invalid_argument);
  CHECK(HnswL2::create({.dimensions = 3}));
  CHECK(!BruteL2::create({}));
  CHECK_THROWS_AS(BruteL2(shoal::BruteForceConfig{}), std::invalid_argument);
}
