// What may be given to a batch: any input range of anything that destructures to an id and a vector.

#include <array>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <tuple>

#include "index_types.hpp"

using namespace index_tests;
using support::random_items;

namespace {

const std::vector<float> ones(dimensions, 1.0F);

template <class Source>
void check_takes(Source&& source, std::vector<std::uint64_t> expected) {
  HnswL2 index = make_index<HnswL2>();
  const auto inserted = index.batch_insert(std::forward<Source>(source));
  REQUIRE_MESSAGE(inserted, inserted.error().what());
  check_holds(index, std::move(expected), 100);
}

struct Record {
  int id;
  std::array<double, dimensions> vector;
};

}  // namespace

TEST_CASE("pairs, tuples, aggregates and maps are items") {
  check_takes(std::vector<std::pair<int, std::vector<float>>>{{1, ones}, {2, ones}}, {1, 2});
  check_takes(std::list<std::tuple<unsigned char, std::vector<double>>>{{3, std::vector<double>(dimensions, 2)}}, {3});
  check_takes(std::deque<Record>{{4, {}}, {5, {}}}, {4, 5});
  check_takes(std::map<long, std::vector<float>>{{6, ones}, {7, ones}}, {6, 7});
  const Record array[] = {{8, {}}, {9, {}}};
  check_takes(array, {8, 9});
}

TEST_CASE("vectors of any number type are taken, converted to float") {
  const auto stored = [](auto value) {
    HnswL2 index = make_index<HnswL2>();
    REQUIRE(index.insert(1, std::vector<decltype(value)>(dimensions, value)));
    return index.get(1)->front();
  };
  CHECK(stored(std::uint8_t{255}) == 255.0F);
  CHECK(stored(std::int8_t{-128}) == -128.0F);
  CHECK(stored(std::int16_t{-3}) == -3.0F);
  CHECK(stored(0.1) == 0.1F);
  CHECK(stored(std::int64_t{1} << 40) == 0x1p40F);
  HnswL2 index = make_index<HnswL2>();
  std::vector<double> wide(dimensions, 0.0);
  wide[2] = 1e300;
  CHECK(index.insert(1, wide).error().code() == shoal::ErrorCode::not_finite);
}

TEST_CASE("move-only items and ranges that are read once are taken") {
  using Owned = std::pair<std::uint64_t, std::unique_ptr<int>>;
  (void)sizeof(Owned);
  struct MoveOnlyVector {
    std::unique_ptr<float[]> values = std::make_unique<float[]>(dimensions);
    const float* begin() const { return values.get(); }
    const float* end() const { return values.get() + dimensions; }
  };
  struct Generator {  // makes its items on the way
    struct Iterator {
      using difference_type = std::ptrdiff_t;
      using value_type = std::pair<std::uint64_t, MoveOnlyVector>;
      std::uint64_t next = 0;
      value_type operator*() const {
        value_type item(next, MoveOnlyVector());
        item.second.values[0] = static_cast<float>(next);
        return item;
      }
      Iterator& operator++() {
        ++next;
        return *this;
      }
      void operator++(int) { ++next; }
      bool operator==(std::default_sentinel_t) const { return next == 20; }
    };
    Generator() = default;
    Generator(const Generator&) = delete;
    Generator& operator=(const Generator&) = delete;
    Iterator begin() { return {}; }
    std::default_sentinel_t end() const { return {}; }
  };
  static_assert(!std::ranges::sized_range<Generator>);
  check_takes(Generator(), iota(0, 20));
}

TEST_CASE("ids and a matrix: spans, views with a stride, and their mismatches") {
  const auto ids = iota(10, 3);
  std::vector<float> numbers(3 * dimensions);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i);
  HnswL2 index = make_index<HnswL2>();

  SUBCASE("a flat range of numbers") {
    REQUIRE(index.batch_insert(ids, numbers));
    CHECK(index.get(11)->front() == static_cast<float>(dimensions));
    check_holds(index, ids, 100);
  }
  SUBCASE("rows apart from each other, of another type") {
    std::vector<int> spaced(2 * (dimensions + 5), 7);
    std::fill_n(spaced.begin() + dimensions + 5, dimensions, 9);
    const shoal::MatrixView<int> view{spaced.data(), 2, dimensions, dimensions + 5};
    REQUIRE(index.batch_insert(std::vector<int>{4, 5}, view));
    CHECK(index.get(4) == std::vector<float>(dimensions, 7.0F));
    CHECK(index.get(5) == std::vector<float>(dimensions, 9.0F));
  }
  SUBCASE("numbers that are no whole row") {
    numbers.pop_back();
    const auto result = index.batch_insert(ids, numbers);
    REQUIRE(!result);
    CHECK(result.error().cause.code() == shoal::ErrorCode::dimension_mismatch);
    CHECK(result.error().cause.message() ==
          "expected rows of 12 components, got 35 numbers, which is 2 rows and 11 more");
    CHECK(index.empty());
  }
  SUBCASE("more ids than rows") {
    const auto result = index.batch_insert(iota(0, 4), numbers);
    REQUIRE(!result);
    CHECK(result.error().cause.code() == shoal::ErrorCode::length_mismatch);
    CHECK(!result.error().failed_index);
    CHECK(index.empty());
  }
  SUBCASE("rows of another width") {
    const auto result = index.batch_insert(ids, shoal::MatrixView<float>{numbers.data(), 3, 5, 5});
    REQUIRE(!result);
    CHECK(result.error().cause.code() == shoal::ErrorCode::dimension_mismatch);
    CHECK(result.error().failed_index == 0);
    CHECK(result.error().failed_id == 10);
  }
  SUBCASE("a bad row in the middle") {
    numbers[dimensions + 2] = std::nanf("");
    const auto result = index.batch_insert(ids, numbers, [](std::size_t, std::size_t) { return true; });
    REQUIRE(!result);
    CHECK(result.error().failed_index == 1);
    CHECK(result.error().failed_id == 11);
    check_holds(index, {10}, 100);
  }
}

TEST_CASE("an id that does not fit the id type is refused with its value") {
  shoal::HnswIndex<shoal::L2Squared, shoal::Float32, std::uint8_t> narrow({.dimensions = dimensions});
  REQUIRE(narrow.insert(255, ones));
  const auto wide = narrow.insert(256, ones);
  REQUIRE(!wide);
  CHECK(wide.error().code() == shoal::ErrorCode::id_out_of_range);
  CHECK(wide.error().message() == "expected an id that fits the index's id type of 8 unsigned bits, got 256");
  CHECK(narrow.insert(-1, ones).error().code() == shoal::ErrorCode::id_out_of_range);
  HnswL2 index = make_index<HnswL2>();
  CHECK(index.insert(-1, ones).error().code() == shoal::ErrorCode::id_out_of_range);
  shoal::HnswIndex<shoal::L2Squared, shoal::Float32, std::int32_t> with_sign({.dimensions = dimensions});
  REQUIRE(with_sign.insert(-1, ones));
  CHECK(with_sign.insert(4'294'967'295U, ones).error().code() == shoal::ErrorCode::id_out_of_range);
  CHECK(with_sign.contains(-1));
  CHECK(with_sign.search(ones, 3).front().id == -1);
  std::vector<std::pair<long long, std::vector<float>>> items{{1, ones}, {1LL << 40, ones}, {2, ones}};
  const auto batch = with_sign.batch_insert(items);
  REQUIRE(!batch);
  CHECK(batch.error().failed_index == 1);
  CHECK(!batch.error().failed_id);
  CHECK(with_sign.size() == 2);
}

TEST_CASE("a vector read from the index can be put in again") {
  HnswL2 index = make_index<HnswL2>();
  REQUIRE(index.batch_insert(random_items(1, 100, dimensions)));
  for (std::uint64_t id = 0; id < 100; ++id) REQUIRE(index.insert(1000 + id, *index.get(id)));
  for (std::uint64_t id = 0; id < 100; ++id) CHECK(index.get(id) == index.get(1000 + id));
}
