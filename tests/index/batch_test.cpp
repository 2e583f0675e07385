// The batch section of docs/contract.md, sentence by sentence: order, validation, the exact prefix, progress,
// cancellation, exceptions.

#include <forward_list>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <version>
#if defined(__cpp_lib_jthread)
#include <stop_token>
#endif

#include "index_types.hpp"
#include "platform.hpp"

using namespace index_tests;
using shoal::ErrorCode;
using support::random_items;

namespace {

using Progress = std::vector<std::pair<std::size_t, std::size_t>>;

/// Checks that a batch failed at `index` for `code`, with everything before it in.
template <class Index, class Result>
void check_failed_at(const Index& index, const Result& result, std::size_t failed, ErrorCode code) {
  REQUIRE(!result);
  const auto& error = result.error();
  CHECK(error.cause.code() == code);
  CHECK(error.failed_index == failed);
  CHECK(error.successful_count == failed);
  CHECK(error.completed_count == failed);
  CHECK(error.successful_ids == iota(0, failed));
  check_holds(index, iota(0, failed), 1000);
}

/// A single-pass source that counts what was read from it.
struct Source {
  std::vector<support::Item> items;
  std::size_t read = 0;
  struct Iterator {
    using difference_type = std::ptrdiff_t;
    using value_type = support::Item;
    Source* source = nullptr;
    std::size_t i = 0;
    const support::Item& operator*() const {
      ++source->read;
      return source->items[i];
    }
    Iterator& operator++() {
      ++i;
      return *this;
    }
    void operator++(int) { ++i; }
    bool operator==(const Iterator& other) const { return i == other.i; }
  };
  Iterator begin() { return {this, 0}; }
  Iterator end() { return {this, items.size()}; }
};

/// Throws when it comes to one item.
struct Throwing {
  std::vector<support::Item> items;
  std::size_t throw_at = 0;
  bool on_increment = false;
  struct Iterator {
    using difference_type = std::ptrdiff_t;
    using value_type = support::Item;
    const Throwing* source = nullptr;
    std::size_t i = 0;
    const support::Item& operator*() const {
      if (!source->on_increment && i == source->throw_at) support::raise(std::runtime_error("the disk is gone"));
      return source->items[i];
    }
    Iterator& operator++() {
      ++i;
      if (source->on_increment && i == source->throw_at) support::raise(std::runtime_error("the disk is gone"));
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(const Iterator& other) const { return i == other.i; }
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, items.size()}; }
};

}  // namespace

TEST_CASE_TEMPLATE("a batch puts every item in and gives the ids in order", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  auto items = random_items(1, 150, dimensions);
  std::swap(items[3], items[77]);
  const auto inserted = index.batch_insert(items);
  REQUIRE(inserted);
  REQUIRE(inserted->size() == 150);
  for (std::size_t i = 0; i < items.size(); ++i) CHECK((*inserted)[i] == items[i].first);
  check_holds(index, iota(0, 150), 1000);
}

TEST_CASE_TEMPLATE("an empty batch succeeds and calls nothing", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  int calls = 0;
  shoal::BatchOptions options;
  options.stop = shoal::StopToken();
  const auto inserted = index.batch_insert(
      std::vector<support::Item>(), [&](std::size_t, std::size_t) { ++calls; }, options);
  REQUIRE(inserted);
  CHECK(inserted->empty());
  CHECK(calls == 0);
  CHECK(index.empty());
  CHECK(index.search(std::vector<float>(dimensions, 1.0F), 5).empty());
}

TEST_CASE_TEMPLATE("any id is legal, 0 and the largest included", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  auto items = random_items(2, 3, dimensions);
  items[0].first = 0;
  items[1].first = ~std::uint64_t{0};
  items[2].first = std::uint64_t{1} << 63;
  REQUIRE(index.batch_insert(items));
  for (const auto& [id, vector] : items) CHECK(index.contains(id));
}

TEST_CASE_TEMPLATE("a bad item ends the batch with exactly the items before it in", Index, ALL_INDEXES) {
  for (const std::size_t bad : {0U, 1U, 40U, 99U}) {
    CAPTURE(bad);
    auto items = random_items(3, 100, dimensions);
    SUBCASE("wrong dimensions") {
      items[bad].second.pop_back();
      Index index = make_index<Index>();
      check_failed_at(index, index.batch_insert(items), bad, ErrorCode::dimension_mismatch);
    }
    SUBCASE("NaN") {
      items[bad].second[5] = std::nanf("");
      Index index = make_index<Index>();
      check_failed_at(index, index.batch_insert(items), bad, ErrorCode::not_finite);
    }
    SUBCASE("infinity") {
      items[bad].second[11] = -INFINITY;
      Index index = make_index<Index>();
      check_failed_at(index, index.batch_insert(items), bad, ErrorCode::not_finite);
    }
    SUBCASE("a norm that overflows") {
      items[bad].second[0] = 1e38F;
      Index index = make_index<Index>();
      check_failed_at(index, index.batch_insert(items), bad, ErrorCode::norm_too_large);
    }
    SUBCASE("no room") {
      Index index = make_index<Index>(bad == 0 ? 1 : bad);
      if (bad == 0) return;
      check_failed_at(index, index.batch_insert(items), bad, ErrorCode::capacity_exceeded);
    }
    SUBCASE("an id that came before in the batch") {
      if (bad == 0) return;
      items[bad].first = bad / 2;
      Index index = make_index<Index>();
      const auto result = index.batch_insert(items);
      check_failed_at(index, result, bad, ErrorCode::duplicate_id);
      CHECK(result.error().failed_id == bad / 2);
      CHECK(std::string(result.error().cause.message()).find("before in this batch") != std::string::npos);
    }
  }
}

TEST_CASE_TEMPLATE("an id that is in the index already ends the batch, and its entry stays", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  const auto first = random_items(4, 1, dimensions, 500);
  REQUIRE(index.batch_insert(first));
  const auto kept = index.get(500);
  auto items = random_items(5, 10, dimensions);
  items[6].first = 500;
  const auto result = index.batch_insert(items);
  REQUIRE(!result);
  CHECK(result.error().cause.code() == ErrorCode::duplicate_id);
  CHECK(result.error().failed_index == 6);
  CHECK(result.error().failed_id == 500);
  CHECK(std::string(result.error().cause.message()).find("in the index") != std::string::npos);
  CHECK(index.get(500) == kept);
  auto expected = iota(0, 6);
  expected.push_back(500);
  check_holds(index, expected, 1000);
}

TEST_CASE_TEMPLATE("a zero vector is refused where the metric needs a direction", Index, HnswCosine, BruteCosineSq8) {
  Index index = make_index<Index>();
  auto items = random_items(6, 20, dimensions);
  std::fill(items[7].second.begin(), items[7].second.end(), 0.0F);
  check_failed_at(index, index.batch_insert(items), 7, ErrorCode::zero_vector);
}

TEST_CASE_TEMPLATE("a vector of subnormal numbers has no direction either", Index, HnswCosine, BruteCosineSq8) {
  Index index = make_index<Index>();
  std::vector<float> vector(dimensions, 0.0F);
  vector[2] = 1e-40F;
  CHECK(index.insert(1, vector).error().code() == ErrorCode::zero_vector);
  vector[2] = 1e-37F;
  REQUIRE(index.insert(1, vector));
  CHECK(index.search(vector, 1).front().distance == doctest::Approx(0).epsilon(1e-3));
}

TEST_CASE_TEMPLATE("a zero vector is a vector like others where it has a place", Index, HnswL2, HnswL2Sq8,
                   HnswProductSq8, BruteL2) {
  Index index = make_index<Index>();
  auto items = random_items(7, 20, dimensions);
  std::fill(items[7].second.begin(), items[7].second.end(), 0.0F);
  std::fill(items[9].second.begin(), items[9].second.end(), -0.0F);
  REQUIRE(index.batch_insert(items));
  CHECK(index.get(7) == std::vector<float>(dimensions, 0.0F));
  check_holds(index, iota(0, 20), 100);
}

TEST_CASE("the error names the component, what was expected and what came") {
  HnswL2 index = make_index<HnswL2>();
  const auto message = [&](std::vector<float> vector) {
    auto items = random_items(8, 3, dimensions);
    items[2].second = std::move(vector);
    HnswL2 fresh = make_index<HnswL2>();
    return fresh.batch_insert(items).error().what();
  };
  std::vector<float> vector(dimensions, 1.0F);
  vector[7] = std::nanf("");
  CHECK(message(vector) == "batch insert failed after 2 vectors: expected finite components, component 7 is NaN");
  vector[7] = INFINITY;
  CHECK(message(vector) == "batch insert failed after 2 vectors: expected finite components, component 7 is infinity");
  vector[7] = 1;
  vector[3] = -1e38F;
  CHECK(message(vector).find("component 3 = -1e+38") != std::string::npos);
  vector.pop_back();
  CHECK(message(vector) == "batch insert failed after 2 vectors: expected 12 components, got 11");
}

TEST_CASE("an id that does not fit the index's id type is not in, and is not cut off") {
  shoal::HnswIndex<shoal::L2Squared, shoal::Float32, std::int8_t> index({.dimensions = 2});
  REQUIRE(index.insert(-128, std::vector{1.0F, 2.0F}));
  REQUIRE(index.insert(5, std::vector{3.0F, 4.0F}));
  CHECK(index.contains(5));
  CHECK(index.get(std::int64_t{-128}).has_value());
  CHECK_FALSE(index.contains(128));
  CHECK_FALSE(index.contains(384));
  CHECK_FALSE(index.contains((std::uint64_t{1} << 32) + 5));
  CHECK_FALSE(index.get(128).has_value());
  CHECK_FALSE(index.get(std::uint64_t{0xFFFF'FFFF'FFFF'FF80}).has_value());
}

TEST_CASE("an error can be copied and printed") {
  HnswL2 index = make_index<HnswL2>();
  auto items = random_items(9, 5, dimensions);
  items[4].second.clear();
  const auto result = index.batch_insert(items);
  REQUIRE(!result);
  const shoal::BatchError<std::uint64_t> copy = result.error();
  std::ostringstream out;
  out << copy;
  CHECK(out.str() == copy.what());
  CHECK(copy.successful_ids == iota(0, 4));
}

TEST_CASE_TEMPLATE("nothing after the bad item is looked at", Index, ALL_INDEXES) {
  Source source{random_items(10, 50, dimensions)};
  source.items[20].second[0] = std::nanf("");
  Index index = make_index<Index>();
  CHECK(!index.batch_insert(source));
  CHECK(source.read == 21);
  Source good{random_items(10, 50, dimensions)};
  Index other = make_index<Index>();
  CHECK(other.batch_insert(good));
  CHECK(good.read == 50);
}

TEST_CASE_TEMPLATE("progress is told after each item is searchable, in order, and never for the failed one", Index,
                   ALL_INDEXES) {
  Index index = make_index<Index>();
  auto items = random_items(11, 40, dimensions);
  items[30].second[0] = std::nanf("");
  Progress seen;
  const auto result = index.batch_insert(items, [&](std::size_t done, std::size_t total) {
    seen.emplace_back(done, total);
    const auto id = static_cast<std::uint64_t>(done - 1);
    REQUIRE(index.contains(id));
    REQUIRE(index.size() == done);
    const auto found = index.search(items[done - 1].second, {.k = done, .ef = 1000});
    REQUIRE(found.size() == done);
    REQUIRE(std::any_of(found.begin(), found.end(), [&](const auto& neighbor) { return neighbor.id == id; }));
  });
  CHECK(!result);
  REQUIRE(seen.size() == 30);
  for (std::size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == std::pair<std::size_t, std::size_t>{i + 1, 40});
}

TEST_CASE("progress has total 0 when the length is unknown") {
  std::forward_list<support::Item> items;
  for (auto& item : random_items(12, 5, dimensions)) items.push_front(item);
  HnswL2 index = make_index<HnswL2>();
  Progress seen;
  REQUIRE(index.batch_insert(items, [&](std::size_t done, std::size_t total) { seen.emplace_back(done, total); }));
  CHECK(seen == Progress{{1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}});
}

TEST_CASE("an empty std::function means no progress") {
  HnswL2 index = make_index<HnswL2>();
  REQUIRE(index.batch_insert(random_items(13, 5, dimensions), std::function<void(std::size_t, std::size_t)>()));
  CHECK(index.size() == 5);
}

TEST_CASE_TEMPLATE("a callback that returns false ends the batch with what is in", Index, ALL_INDEXES) {
  for (const std::size_t last : {1U, 7U, 50U}) {
    Index index = make_index<Index>();
    const auto result = index.batch_insert(random_items(14, 50, dimensions),
                                           [&](std::size_t done, std::size_t) { return done != last; });
    REQUIRE(!result);
    CHECK(result.error().cause.code() == ErrorCode::cancelled);
    CHECK(!result.error().failed_index);
    CHECK(!result.error().failed_id);
    CHECK(result.error().successful_ids == iota(0, last));
    CHECK(result.error().completed_count == last);
    check_holds(index, iota(0, last), 100);
  }
}

#if defined(__cpp_lib_jthread)
TEST_CASE_TEMPLATE("a requested stop ends the batch before the next item is read", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  std::stop_source stop;
  shoal::BatchOptions options;
  options.stop = stop.get_token();
  const auto items = random_items(15, 50, dimensions);
  const auto result = index.batch_insert(
      items,
      [&](std::size_t done, std::size_t) {
        if (done == 9) stop.request_stop();
      },
      options);
  REQUIRE(!result);
  CHECK(result.error().cause.code() == ErrorCode::cancelled);
  CHECK(result.error().successful_ids == iota(0, 9));
  check_holds(index, iota(0, 9), 100);

  SUBCASE("a stop that was requested before lets nothing in") {
    const auto again = index.batch_insert(random_items(16, 5, dimensions, 100), shoal::NoProgress{}, options);
    REQUIRE(!again);
    CHECK(again.error().cause.code() == ErrorCode::cancelled);
    CHECK(index.size() == 9);
    const auto others = random_items(16, 5, dimensions, 100);
    Stream stream{others};
    CHECK(!index.batch_insert(stream, shoal::NoProgress{}, options));
    CHECK(stream.taken == 0);
    CHECK(index.batch_insert(std::vector<support::Item>(), shoal::NoProgress{}, options));
  }
  SUBCASE("a stop that comes with the last item of a known length changes nothing") {
    std::stop_source late;
    options.stop = late.get_token();
    CHECK(index.batch_insert(
        random_items(16, 5, dimensions, 100),
        [&](std::size_t done, std::size_t) {
          if (done == 5) late.request_stop();
        },
        options));
  }
}
#endif

TEST_CASE("after a stop a single-pass source still has the next item") {
  const auto items = random_items(17, 10, dimensions);
  Stream stream{items};
  HnswL2 index = make_index<HnswL2>();
  bool stop = false;
  struct Token {
    const bool* stop;
    bool stop_requested() const { return *stop; }
  };
  shoal::BatchOptions options;
  options.stop = Token{&stop};
  REQUIRE(!index.batch_insert(
      stream, [&](std::size_t done, std::size_t) { stop = done == 4; }, options));
  CHECK(stream.taken == 4);
  stop = false;
  REQUIRE(index.batch_insert(stream, shoal::NoProgress{}, options));
  check_holds(index, iota(0, 10), 100);
}

TEST_CASE_TEMPLATE("a source that throws ends the batch, and its exception is kept" * support::needs_exceptions(),
                   Index, ALL_INDEXES) {
  for (const bool on_increment : {false, true}) {
    Index index = make_index<Index>();
    const auto result = index.batch_insert(Throwing{random_items(18, 30, dimensions), 12, on_increment});
    check_failed_at(index, result, 12, ErrorCode::source_failed);
    CHECK(!result.error().failed_id);
    CHECK(result.error().what() == "batch insert failed after 12 vectors: the source threw: the disk is gone");
    REQUIRE(result.error().exception);
    CHECK_THROWS_AS(std::rethrow_exception(result.error().exception), std::runtime_error);
  }
}

TEST_CASE_TEMPLATE("a source whose size throws is a source that throws" * support::needs_exceptions(), Index,
                   ALL_INDEXES) {
  struct NoSize : std::vector<support::Item> {
    [[noreturn]] std::size_t size() const { support::raise(std::runtime_error("no size")); }
  };
  Index index = make_index<Index>();
  const auto result = index.batch_insert(NoSize());
  REQUIRE(!result);
  CHECK(result.error().cause.code() == ErrorCode::source_failed);
  check_holds(index, {}, 10);
}

TEST_CASE("a callback may search on several threads") {
  HnswL2 index = make_index<HnswL2>();
  const auto items = random_items(25, 40, dimensions);
  std::vector<std::vector<float>> queries;
  for (const auto& [id, vector] : items) queries.push_back(vector);
  REQUIRE(index.batch_insert(items, [&](std::size_t done, std::size_t) {
    const auto found = index.batch_search(queries, {.k = 1, .threads = 3});
    for (std::size_t i = 0; i < done; ++i) REQUIRE(found[i].front().id == i);
  }));
}

TEST_CASE_TEMPLATE("a callback that throws ends the batch, and its item stays in" * support::needs_exceptions(), Index,
                   ALL_INDEXES) {
  Index index = make_index<Index>();
  const auto result = index.batch_insert(random_items(19, 30, dimensions), [](std::size_t done, std::size_t) {
    if (done == 13) support::raise(42);
  });
  REQUIRE(!result);
  CHECK(result.error().cause.code() == ErrorCode::callback_failed);
  CHECK(!result.error().failed_index);
  CHECK(result.error().successful_ids == iota(0, 13));
  CHECK_THROWS_AS(std::rethrow_exception(result.error().exception), int);
  check_holds(index, iota(0, 13), 100);
}

TEST_CASE_TEMPLATE("a mutation from inside the callback or the source is an error, and the batch goes on", Index,
                   ALL_INDEXES) {
  Index index = make_index<Index>();
  const auto more = random_items(20, 1, dimensions, 900);
  REQUIRE(index.batch_insert(random_items(21, 10, dimensions), [&](std::size_t, std::size_t) {
    const auto inner = index.batch_insert(more);
    REQUIRE(!inner);
    CHECK(inner.error().cause.code() == ErrorCode::reentrant_mutation);
    CHECK(index.insert(901, more[0].second).error().code() == ErrorCode::reentrant_mutation);
    CHECK(index.reserve(5000).error().code() == ErrorCode::reentrant_mutation);
  }));
  check_holds(index, iota(0, 10), 1000);
  CHECK(index.batch_insert(more));
}

TEST_CASE_TEMPLATE("insert is the batch of one: same checks, same errors", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  std::vector<float> vector(dimensions, 1.0F);
  REQUIRE(index.insert(5, vector));
  CHECK(index.insert(5, vector).error().code() == ErrorCode::duplicate_id);
  CHECK(index.insert(6, std::vector<float>(3)).error().code() == ErrorCode::dimension_mismatch);
  vector[0] = INFINITY;
  const auto refused = index.insert(6, vector);
  CHECK(refused.error().code() == ErrorCode::not_finite);
  CHECK(refused.error().message() == "expected finite components, component 0 is infinity");
  check_holds(index, {5}, 100);
}

TEST_CASE_TEMPLATE("a batch can be continued after the bad item", Index, ALL_INDEXES) {
  auto items = random_items(22, 60, dimensions);
  items[10].second.resize(3);
  items[11].second[2] = std::nanf("");
  items[40].first = 3;
  items[59].second[0] = INFINITY;
  Index index = make_index<Index>();
  std::vector<std::uint64_t> in;
  std::vector<std::size_t> bad;
  for (std::size_t first = 0; first < items.size();) {
    const auto result = index.batch_insert(std::span(items).subspan(first));
    if (result) {
      in.insert(in.end(), result->begin(), result->end());
      break;
    }
    in.insert(in.end(), result.error().successful_ids.begin(), result.error().successful_ids.end());
    REQUIRE(result.error().failed_index);
    REQUIRE(result.error().item_is_bad());
    bad.push_back(first + *result.error().failed_index);
    first = bad.back() + 1;
  }
  CHECK(bad == std::vector<std::size_t>{10, 11, 40, 59});
  CHECK(in.size() == 56);
  check_holds(index, in, 1000);
}

TEST_CASE_TEMPLATE("however a stream is cut into batches, the same entries are found", Index, ALL_INDEXES) {
  const auto items = random_items(23, 300, dimensions);
  Index whole = make_index<Index>();
  REQUIRE(whole.batch_insert(items));
  Index cut = make_index<Index>();
  for (std::size_t first = 0, length = 1; first < items.size(); first += length, length = length % 50 + 7) {
    REQUIRE(cut.batch_insert(std::span(items).subspan(first, std::min(length, items.size() - first))));
  }
  Index singly = make_index<Index>();
  for (const auto& [id, vector] : items) REQUIRE(singly.insert(id, vector));
  check_same_entries(whole, cut, 400);
  check_same_entries(whole, singly, 400);
}

TEST_CASE_TEMPLATE("the same at every thread count", Index, ALL_INDEXES) {
  const auto items = random_items(24, 300, dimensions);
  Index one = make_index<Index>();
  REQUIRE(one.batch_insert(items));
  for (const unsigned threads : {0U, 2U, 3U, 8U}) {
    Index many = make_index<Index>();
    REQUIRE(many.batch_insert(items, shoal::NoProgress{}, {.threads = threads}));
    check_same(one, many, 400);
  }
}
