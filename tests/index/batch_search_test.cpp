// Many queries into matrices of the caller's: the same results as one by one, padded, or an error and nothing written.

#include <atomic>
#include <cmath>
#include <limits>

#include "filtering.hpp"

#if SHOAL_HAS_THREADS
#include <thread>
#endif

using namespace index_tests;
using shoal::ErrorCode;
using support::random_items;

namespace {

constexpr std::uint64_t batch_search_seed = 20'260'118;
constexpr float untouched = -12.5F;

/// Matrices of results, filled with what no search writes.
template <class Id>
struct Results {
  std::vector<Id> ids;
  std::vector<float> distances;

  Results(std::size_t queries, std::size_t k) : ids(queries * k, Id{77}), distances(queries * k, untouched) {}

  [[nodiscard]] bool is_untouched() const {
    return std::all_of(ids.begin(), ids.end(), [](Id id) { return id == Id{77}; }) &&
           std::all_of(distances.begin(), distances.end(), [](float distance) { return distance == untouched; });
  }
  /// Row i holds what was found, and then padding.
  [[nodiscard]] bool row_is(std::size_t i, std::size_t k, std::span<const shoal::Neighbor<Id>> found) const {
    for (std::size_t j = 0; j < k; ++j) {
      const Id id = j < found.size() ? found[j].id : static_cast<Id>(-1);
      const float distance = j < found.size() ? found[j].distance : std::numeric_limits<float>::infinity();
      if (ids[i * k + j] != id || distances[i * k + j] != distance) return false;
    }
    return true;
  }
};

std::vector<float> query_matrix(std::size_t count) {
  std::vector<float> matrix;
  for (const auto& [id, vector] : random_items(batch_search_seed, count, dimensions)) {
    matrix.insert(matrix.end(), vector.begin(), vector.end());
  }
  return matrix;
}

struct WayToSearch {
  const char* name;
  shoal::SearchOptions options;
};
std::vector<WayToSearch> ways_to_search(shoal::SearchOptions options) {
  std::vector<WayToSearch> ways;
  for (const unsigned threads : {1U, 2U, 8U, 0U}) {
    options.threads = threads;
    ways.push_back({"threads", options});
  }
#if SHOAL_HAS_THREADS
  options.threads = 3;
  options.executor = [](std::size_t count, const std::function<void(std::size_t)>& task) {
    for (std::size_t i = count; i > 0; --i) task(i - 1);
  };
  ways.push_back({"an executor that goes backwards", options});
  options.executor = [](std::size_t count, const std::function<void(std::size_t)>& task) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i) threads.emplace_back(task, i);
    for (std::thread& thread : threads) thread.join();
  };
  ways.push_back({"an executor with threads of its own", options});
#endif
  return ways;
}

}  // namespace

TEST_CASE_TEMPLATE("matrices get what each search gives by itself, at every thread count, padded where it is less",
                   Index, ALL_INDEXES) {
  const Index index = filled_index<Index>(random_items(batch_search_seed + 1, 300, dimensions));
  const auto queries = query_matrix(70);
  const auto listed = iota(50, 7);
  std::vector<shoal::SearchOptions> choices(4);
  choices[0] = {.k = 10, .ef = 40};
  choices[1] = {.k = 9, .filter = [](std::uint64_t id) { return id % 60 == 1; }};  // 5 of them
  choices[2] = {.k = 8, .among = listed};
  choices[3] = {.k = 400};  // more than there are
  for (std::size_t choice = 0; choice < choices.size(); ++choice) {
    CAPTURE(choice);
    const std::size_t k = choices[choice].k;
    for (const auto& way : ways_to_search(choices[choice])) {
      CAPTURE(way.name);
      CAPTURE(way.options.threads);
      const auto expected = index.try_batch_search(queries, way.options);
      REQUIRE(expected);
      REQUIRE(expected->size() == 70);
      Results<std::uint64_t> results(70, k);
      REQUIRE(index.try_batch_search(queries, way.options, results.ids, results.distances));
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < 70; ++i) {
        wrong += results.row_is(i, k, (*expected)[i]) ? 0 : 1;
        const auto one = index.search(std::span(queries).subspan(i * dimensions, dimensions), way.options);
        wrong += one == (*expected)[i] ? 0 : 1;
      }
      CHECK(wrong == 0);
      Results<std::uint64_t> again(70, k);
      index.batch_search(queries, way.options, again.ids, again.distances);
      CHECK(again.ids == results.ids);
      CHECK(again.distances == results.distances);
    }
  }
}

TEST_CASE_TEMPLATE("an empty index gives padding alone, and no query nothing", Index, HnswL2, BruteCosineRefined) {
  const Index index = make_index<Index>();
  Results<std::uint64_t> results(3, 4);
  index.batch_search(query_matrix(3), {.k = 4}, results.ids, results.distances);
  for (std::size_t i = 0; i < 3; ++i) CHECK(results.row_is(i, 4, {}));
  CHECK(results.ids.front() == ~std::uint64_t{0});
  CHECK(std::isinf(results.distances.front()));
  CHECK(index.try_batch_search(std::vector<float>(), {.k = 4}, std::span<std::uint64_t>(), {}));
  CHECK(index.try_batch_search(query_matrix(3), {.k = 0}, std::span<std::uint64_t>(), {}));
}

TEST_CASE("padding is all ones in ids of any type") {
  shoal::BruteForceIndex<shoal::L2Squared, shoal::Float32, std::int8_t> index({.dimensions = dimensions});
  REQUIRE(index.insert(-5, std::vector<float>(dimensions, 1.0F)));
  Results<std::int8_t> results(2, 3);
  index.batch_search(query_matrix(2), {.k = 3}, results.ids, results.distances);
  CHECK(results.ids == std::vector<std::int8_t>{-5, -1, -1, -5, -1, -1});
  CHECK(results.distances[0] < std::numeric_limits<float>::infinity());
  for (const std::size_t i : {1U, 2U, 4U, 5U}) CHECK(results.distances[i] == std::numeric_limits<float>::infinity());
}

TEST_CASE_TEMPLATE("matrices of a wrong size are an error that says so, and nothing is written", Index, HnswL2,
                   BruteCosineSq8) {
  const Index index = filled_index<Index>(random_items(batch_search_seed + 2, 100, dimensions));
  const auto queries = query_matrix(6);
  const auto check_refused = [&](std::size_t ids, std::size_t distances, std::size_t k, const std::string& message) {
    CAPTURE(message);
    Results<std::uint64_t> results(1, std::max(ids, distances));
    const auto id_room = std::span(results.ids).first(ids);
    const auto distance_room = std::span(results.distances).first(distances);
    for (const unsigned threads : {1U, 2U}) {
      const auto result = index.try_batch_search(queries, {.k = k, .threads = threads}, id_room, distance_room);
      REQUIRE(!result);
      CHECK(result.error().code() == ErrorCode::length_mismatch);
      CHECK(result.error().message() == message);
    }
    CHECK_THROWS_AS(index.batch_search(queries, {.k = k}, id_room, distance_room), std::invalid_argument);
    CHECK(results.is_untouched());
  };
  check_refused(29, 30, 5, "expected room for 6 x 5 ids and distances, got 29 and 30");
  check_refused(30, 29, 5, "expected room for 6 x 5 ids and distances, got 30 and 29");
  check_refused(31, 31, 5, "expected room for 6 x 5 ids and distances, got 31 and 31");
  check_refused(35, 35, 5, "expected room for 6 x 5 ids and distances, got 35 and 35");
  check_refused(0, 0, 5, "expected room for 6 x 5 ids and distances, got 0 and 0");
  check_refused(6, 6, 0, "expected room for 6 x 0 ids and distances, got 6 and 6");
  // A product that is 0 again because it wrapped around.
  const std::size_t wraps = ~std::size_t{0} / 2 + 1;
  check_refused(0, 0, wraps, "expected room for 6 x " + std::to_string(wraps) + " ids and distances, got 0 and 0");
}

TEST_CASE_TEMPLATE("the first bad query is named, whichever thread met it, and what it is", Index, HnswL2,
                   BruteCosineSq8) {
  const Index index = filled_index<Index>(random_items(batch_search_seed + 3, 100, dimensions));
  auto queries = query_matrix(60);
  queries[17 * dimensions + 3] = std::nanf("");
  queries[18 * dimensions] = INFINITY;
  queries[55 * dimensions] = INFINITY;
  Results<std::uint64_t> results(60, 5);
  for (const auto& way : ways_to_search({.k = 5})) {
    CAPTURE(way.name);
    const auto result = index.try_batch_search(queries, way.options, results.ids, results.distances);
    REQUIRE(!result);
    CHECK(result.error().code() == ErrorCode::not_finite);
    CHECK(result.error().message() == "query 17: expected finite components, component 3 is NaN");
    CHECK_THROWS_AS(index.batch_search(queries, way.options, results.ids, results.distances), std::invalid_argument);
  }
  queries.pop_back();
  Results<std::uint64_t> none(60, 5);
  const auto ragged = index.try_batch_search(queries, {.k = 5}, none.ids, none.distances);
  REQUIRE(!ragged);
  CHECK(ragged.error().code() == ErrorCode::dimension_mismatch);
  CHECK(none.is_untouched());
}
