// all_or_nothing: on any failure the index is what it was, to the last link.

#include <stdexcept>

#include "index_types.hpp"
#include "platform.hpp"

using namespace index_tests;
using shoal::Atomicity;
using shoal::ErrorCode;
using shoal::OnDuplicate;
using support::random_items;

namespace {

/// An index with some history, and what a batch on it must leave when it fails.
template <class Index>
struct Before {
  Index index = make_index<Index>();

  Before() {
    REQUIRE(index.batch_insert(random_items(1, 80, dimensions)));
    REQUIRE(index.batch_insert(random_items(2, 10, dimensions), shoal::NoProgress{},
                               {.on_duplicate = OnDuplicate::overwrite}));
  }

  /// Same entries, same answers, and the same index grows from it.
  void check_unchanged() {
    const Before fresh;
    check_holds(index, iota(0, 80), 1000);
    check_same(index, fresh.index, 1000);
    if constexpr (requires { index.stats(); }) {
      const auto a = index.stats();
      const auto b = fresh.index.stats();
      REQUIRE(a.levels.size() == b.levels.size());
      for (std::size_t level = 0; level < a.levels.size(); ++level) {
        CHECK(a.levels[level].slots == b.levels[level].slots);
        CHECK(a.levels[level].links == b.levels[level].links);
      }
    }
    Index grown = index.clone();
    Index reference = fresh.index.clone();
    REQUIRE(grown.batch_insert(random_items(3, 100, dimensions, 200)));
    REQUIRE(reference.batch_insert(random_items(3, 100, dimensions, 200)));
    check_same(grown, reference, 1000);
  }
};

constexpr OnDuplicate modes[] = {OnDuplicate::fail, OnDuplicate::skip, OnDuplicate::overwrite};

template <class Result>
void check_nothing_in(const Result& result, ErrorCode code) {
  REQUIRE(!result);
  CHECK(result.error().cause.code() == code);
  CHECK(result.error().successful_count == 0);
  CHECK(result.error().successful_ids.empty());
}

}  // namespace

TEST_CASE_TEMPLATE("a bad item leaves the index unchanged and is named", Index, ALL_INDEXES) {
  Before<Index> before;
  for (const OnDuplicate mode : modes) {
    auto items = random_items(4, 50, dimensions, mode == OnDuplicate::fail ? 100 : 60);
    items[49].second[3] = std::nanf("");
    std::size_t calls = 0;
    const auto result = before.index.batch_insert(items, [&](std::size_t, std::size_t) { ++calls; },
                                                  {.on_duplicate = mode, .atomicity = Atomicity::all_or_nothing});
    check_nothing_in(result, ErrorCode::not_finite);
    CHECK(result.error().failed_index == 49);
    CHECK(result.error().failed_id == items[49].first);
    CHECK(calls == 0);
  }
  before.check_unchanged();
}

TEST_CASE_TEMPLATE("an id that repeats within the batch is found before anything is linked", Index, ALL_INDEXES) {
  Before<Index> before;
  auto items = random_items(5, 50, dimensions, 100);
  items[30].first = 110;
  const auto result = before.index.batch_insert(items, shoal::NoProgress{}, {.atomicity = Atomicity::all_or_nothing});
  check_nothing_in(result, ErrorCode::duplicate_id);
  CHECK(result.error().failed_index == 30);
  before.check_unchanged();
}

TEST_CASE_TEMPLATE("a batch that is cancelled or whose callback throws while it links is taken back" *
                       support::needs_exceptions(),
                   Index, ALL_INDEXES) {
  Before<Index> before;
  for (const OnDuplicate mode : modes) {
    const auto items = random_items(6, 50, dimensions, mode == OnDuplicate::fail ? 100 : 60);
    const shoal::BatchOptions options{.on_duplicate = mode, .atomicity = Atomicity::all_or_nothing};
    for (const std::size_t last : {1U, 25U, 50U}) {
      check_nothing_in(before.index.batch_insert(
                           items, [&](std::size_t done, std::size_t) { return done != last; }, options),
                       ErrorCode::cancelled);
      check_nothing_in(before.index.batch_insert(
                           items,
                           [&](std::size_t done, std::size_t) {
                             if (done == last) support::raise(std::runtime_error("no"));
                           },
                           options),
                       ErrorCode::callback_failed);
    }
  }
  before.check_unchanged();
}

TEST_CASE_TEMPLATE("a stop while an all-or-nothing batch links takes it back", Index, ALL_INDEXES) {
  Before<Index> before;
  bool stop = false;
  struct Token {
    const bool* stop;
    bool stop_requested() const { return *stop; }
  };
  shoal::BatchOptions options;
  options.stop = Token{&stop};
  options.atomicity = Atomicity::all_or_nothing;
  check_nothing_in(
      before.index.batch_insert(
          random_items(12, 50, dimensions, 100), [&](std::size_t done, std::size_t) { stop = done == 20; }, options),
      ErrorCode::cancelled);
  before.check_unchanged();
}

TEST_CASE_TEMPLATE("a batch without fault gives the index that a prefix batch gives", Index, ALL_INDEXES) {
  for (const OnDuplicate mode : modes) {
    Before<Index> before;
    Before<Index> reference;
    auto items = random_items(7, 60, dimensions, mode == OnDuplicate::fail ? 100 : 60);
    if (mode != OnDuplicate::fail) items[50].first = items[5].first;
    std::vector<std::size_t> seen;
    const auto whole = before.index.batch_insert(items, [&](std::size_t done, std::size_t) { seen.push_back(done); },
                                                 {.on_duplicate = mode, .atomicity = Atomicity::all_or_nothing});
    const auto prefix = reference.index.batch_insert(items, shoal::NoProgress{}, {.on_duplicate = mode});
    REQUIRE(whole);
    REQUIRE(prefix);
    CHECK(*whole == *prefix);
    CHECK(seen.size() == 60);
    check_same(before.index, reference.index, 1000);
  }
}

TEST_CASE_TEMPLATE("max_elements is counted over the whole batch before it goes in", Index, ALL_INDEXES) {
  Index index = make_index<Index>(20);
  REQUIRE(index.batch_insert(random_items(8, 10, dimensions)));
  const auto result = index.batch_insert(random_items(9, 11, dimensions, 10), shoal::NoProgress{},
                                         {.atomicity = Atomicity::all_or_nothing});
  check_nothing_in(result, ErrorCode::capacity_exceeded);
  CHECK(result.error().failed_index == 10);
  check_holds(index, iota(0, 10), 100);
  REQUIRE(index.batch_insert(random_items(9, 10, dimensions, 10), shoal::NoProgress{},
                             {.atomicity = Atomicity::all_or_nothing}));
  check_holds(index, iota(0, 20), 100);
}

TEST_CASE_TEMPLATE("an all-or-nothing batch into an empty index is taken back to empty", Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  check_nothing_in(
      index.batch_insert(random_items(10, 30, dimensions), [](std::size_t done, std::size_t) { return done < 20; },
                         {.atomicity = Atomicity::all_or_nothing}),
      ErrorCode::cancelled);
  check_holds(index, {}, 100);
  REQUIRE(index.batch_insert(random_items(11, 30, dimensions)));
  check_holds(index, iota(0, 30), 100);
}
