// Memory: what runs out, what is owned, and what a batch needs on top. This file replaces operator new for its program.

#include <optional>

#include "counting_new.hpp"
#include "index_types.hpp"
#include "platform.hpp"

using namespace index_tests;
using shoal::ErrorCode;
using support::random_items;

namespace {

/// Lets each allocation of a batch fail in turn, and checks what is left each time.
template <class Index>
void check_every_allocation(const shoal::BatchOptions& options, bool forever, bool expect_prefix) {
  const auto items = random_items(1, 200, dimensions);
  Index reference = make_index<Index>();
  REQUIRE(reference.batch_insert(items));
  bool failed = true;
  std::size_t failures = 0;
  for (std::size_t allowed = 0; failed; ++allowed) {
    CAPTURE(allowed);
    Index index = make_index<Index>();
    auto result = [&] {
      const support::FailingAllocations failing(allowed, forever);
      auto inserted = index.batch_insert(items, shoal::NoProgress{}, options);
      failed = support::FailingAllocations::stop();
      return inserted;
    }();
    if (!failed) {
      REQUIRE(result);
      check_same_entries(index, reference, 300);
      break;
    }
    ++failures;
    REQUIRE(!result);
    const auto& error = result.error();
    REQUIRE(error.cause.code() == ErrorCode::out_of_memory);
    REQUIRE(!error.item_is_bad());
    REQUIRE(error.cause.message() == "out of memory");
    const std::size_t in = error.successful_count;
    REQUIRE(error.successful_ids == iota(0, in));
    if (!expect_prefix) REQUIRE(in == 0);
    if (error.failed_index && expect_prefix) REQUIRE(*error.failed_index == in);
    if (error.failed_index && error.failed_id) REQUIRE(*error.failed_id == *error.failed_index);  // ids count from 0
    REQUIRE(index.size() == in);
    REQUIRE(ids_in(index, 300) == iota(0, in));
    if constexpr (requires { index.check(); }) REQUIRE(index.check().ok());
    REQUIRE(index.batch_insert(std::span(items).subspan(in)));  // the batch can be resumed
    if (allowed % 7 == 0) check_same_entries(index, reference, 300);
    if constexpr (requires { index.check(); }) REQUIRE(index.check().ok());
  }
  CHECK(failures > 10);
}

/// Bytes that live on the heap because of what `make` returns.
template <class Make>
auto measured(const Make& make) {
  const std::size_t before = support::allocation_counts().live_bytes;
  auto made = make();
  const std::size_t after = support::allocation_counts().live_bytes;
  return std::pair(std::move(made), after - before);
}

}  // namespace

TEST_CASE_TEMPLATE("whichever allocation of a batch fails, the prefix is exact and the batch can go on" *
                       support::needs_exceptions(),
                   Index, ALL_INDEXES) {
  check_every_allocation<Index>({}, false, true);
  check_every_allocation<Index>({}, true, true);
}

TEST_CASE_TEMPLATE("whichever allocation of a batch that is linked by codes fails, the prefix is exact" *
                       support::needs_exceptions(),
                   Index, HnswL2, HnswCosine) {
  check_every_allocation<Index>({.link_by_codes = true}, false, true);
  check_every_allocation<Index>({.link_by_codes = true}, true, true);
  check_every_allocation<Index>({.atomicity = shoal::Atomicity::all_or_nothing, .link_by_codes = true}, false, false);
}

TEST_CASE_TEMPLATE("whichever allocation of an all-or-nothing batch fails, nothing is in" * support::needs_exceptions(),
                   Index, ALL_INDEXES) {
  check_every_allocation<Index>({.atomicity = shoal::Atomicity::all_or_nothing}, false, false);
  check_every_allocation<Index>({.atomicity = shoal::Atomicity::all_or_nothing}, true, false);
}

TEST_CASE_TEMPLATE("whichever allocation of an overwriting batch fails, every id has its old or its new vector" *
                       support::needs_exceptions(),
                   Index, ALL_INDEXES) {
  const auto old_items = random_items(2, 100, dimensions);
  const auto new_items = random_items(3, 100, dimensions);
  Index old_index = make_index<Index>();
  REQUIRE(old_index.batch_insert(old_items));
  Index new_index = make_index<Index>();
  REQUIRE(new_index.batch_insert(new_items));
  for (const auto atomicity : {shoal::Atomicity::prefix, shoal::Atomicity::all_or_nothing}) {
    bool failed = true;
    for (std::size_t allowed = 0; failed; ++allowed) {
      Index index = old_index.clone();
      auto result = [&] {
        const support::FailingAllocations failing(allowed);
        auto inserted = index.batch_insert(new_items, shoal::NoProgress{},
                                           {.on_duplicate = shoal::OnDuplicate::overwrite, .atomicity = atomicity});
        failed = support::FailingAllocations::stop();
        return inserted;
      }();
      const std::size_t in = result ? 100 : result.error().successful_count;
      REQUIRE((result.has_value() || failed));  // what makes dead slots free again waits for memory, and is no error
      REQUIRE(index.size() == 100);
      for (std::uint64_t id = 0; id < 100; ++id) REQUIRE(index.get(id) == (id < in ? new_index : old_index).get(id));
      if constexpr (requires { index.check(); }) REQUIRE(index.check().ok());
    }
  }
}

TEST_CASE_TEMPLATE("whichever allocation of a bad item's batch fails, there is an error and the prefix is exact" *
                       support::needs_exceptions(),
                   Index, HnswL2, BruteL2) {
  auto items = random_items(4, 20, dimensions);
  items[10].second[0] = std::nanf("");
  bool failed = true;
  for (std::size_t allowed = 0; failed; ++allowed) {
    Index index = make_index<Index>();
    const support::FailingAllocations failing(allowed);
    const auto result = index.batch_insert(items);
    failed = support::FailingAllocations::stop();
    REQUIRE(!result);
    REQUIRE(!result.error().cause.message().empty());
    REQUIRE(index.size() == result.error().successful_count);
    if (!failed) CHECK(result.error().cause.code() == ErrorCode::not_finite);
  }
}

namespace {

/// Lets each allocation fail in turn, from the moment that `begin` names, of a batch whose callback ends it within a
/// round: that round is taken back and linked again, which may need memory that the round as a whole did not.
template <class Index>
void check_cancelled_in_round(unsigned threads, bool forever, bool only_after_cancelling) {
  constexpr std::size_t history = 150;
  constexpr std::size_t cancel_after = 90;  // the second round of 64
  Index base = make_index<Index>();
  REQUIRE(base.batch_insert(random_items(21, history, dimensions, 1'000)));
  const auto items = random_items(22, 140, dimensions);
  bool failed = true;
  std::size_t failures = 0;
  for (std::size_t allowed = 0; failed; ++allowed) {
    CAPTURE(allowed);
    Index index = base.clone();
    std::optional<support::FailingAllocations> failing;
    if (!only_after_cancelling) failing.emplace(allowed, forever);
    const auto result = index.batch_insert(items,
                                           [&](std::size_t done, std::size_t) {
                                             if (done == cancel_after && only_after_cancelling)
                                               failing.emplace(allowed, forever);
                                             return done != cancel_after;
                                           },
                                           {.threads = threads});
    failed = support::FailingAllocations::stop();
    failures += failed ? 1U : 0U;
    REQUIRE(!result);
    const auto& error = result.error();
    // Cancelled, unless memory ran out before.
    if (!failed) REQUIRE(error.cause.code() == ErrorCode::cancelled);
    if (error.cause.code() != ErrorCode::cancelled) REQUIRE(error.cause.code() == ErrorCode::out_of_memory);
    REQUIRE(error.successful_ids == iota(0, error.successful_count));
    REQUIRE(error.completed_count == error.successful_count);
    if (!failed) REQUIRE(error.successful_count == cancel_after);
    REQUIRE(index.size() == history + error.successful_count);
    REQUIRE(ids_in(index, 1'000) == error.successful_ids);
    const shoal::CheckReport report = index.check();
    REQUIRE_MESSAGE(report.ok(), (report.faults.empty() ? "unreachable" : report.faults.front()));
    REQUIRE(searchable_ids(index).size() == index.size());
    REQUIRE(index.batch_insert(std::span(items).subspan(error.completed_count)));
    REQUIRE(index.check().ok());
    REQUIRE(searchable_ids(index).size() == history + items.size());
  }
  CHECK(failures > 0);
}

}  // namespace

TEST_CASE_TEMPLATE(
    "whichever allocation of a batch that is cancelled in a round fails, the ids tell exactly what is in" *
        support::needs_exceptions(),
    Index, HnswL2, HnswL2Sq8, HnswRefined) {
  for (const unsigned threads : {1U, 2U}) {
    CAPTURE(threads);
    check_cancelled_in_round<Index>(threads, false, false);
  }
}

TEST_CASE_TEMPLATE("when memory runs out for good in a batch that is cancelled in a round, the ids tell what is in" *
                       support::needs_exceptions(),
                   Index, HnswL2, HnswL2Sq8, HnswRefined) {
  for (const unsigned threads : {1U, 2U}) {
    CAPTURE(threads);
    check_cancelled_in_round<Index>(threads, true, false);
  }
}

TEST_CASE_TEMPLATE("when there is no memory to link a cancelled round again, the ids tell exactly what is in" *
                       support::needs_exceptions(),
                   Index, HnswL2, HnswRefined) {
  for (const unsigned threads : {1U, 2U}) {
    CAPTURE(threads);
    check_cancelled_in_round<Index>(threads, true, true);
  }
}

TEST_CASE_TEMPLATE("when linking a cancelled round again fails once, the round is in as a whole, and the ids tell" *
                       support::needs_exceptions(),
                   Index, HnswL2, HnswL2Sq8, HnswRefined) {
  for (const unsigned threads : {1U, 2U}) {
    CAPTURE(threads);
    check_cancelled_in_round<Index>(threads, false, true);
  }
}

TEST_CASE("when there is no memory to link a cancelled round of codes again, the ids tell exactly what is in" *
          support::needs_exceptions()) {
  for (const unsigned threads : {1U, 2U}) {
    CAPTURE(threads);
    check_cancelled_in_round<HnswL2Sq8>(threads, true, true);
  }
}

TEST_CASE_TEMPLATE("a search that runs out of memory says so and leaves the next one unharmed" *
                       support::needs_exceptions(),
                   Index, ALL_INDEXES) {
  Index index = make_index<Index>();
  REQUIRE(index.batch_insert(random_items(5, 300, dimensions)));
  const std::vector<float> query(dimensions, 0.25F);
  const shoal::SearchOptions options{.k = 10, .ef = 50, .filter = [](std::uint64_t id) { return id % 2 == 0; }};
  const Index reference = index.clone();
  const auto expected = reference.search(query, options);
  bool failed = true;
  for (std::size_t allowed = 0; failed; ++allowed) {
    const Index fresh = index.clone();
    {
      const support::FailingAllocations failing(allowed);
      const auto found = fresh.try_search(query, options);
      failed = support::FailingAllocations::stop();
      if (failed) {
        REQUIRE(!found);
        REQUIRE(found.error().code() == ErrorCode::out_of_memory);
      }
    }
    REQUIRE(fresh.search(query, options) == expected);
  }
}

TEST_CASE("reserving more than there is fails without harm" * support::needs_exceptions()) {
  HnswL2 index = make_index<HnswL2>();
  REQUIRE(index.batch_insert(random_items(6, 10, dimensions)));
  CHECK(index.reserve(shoal::max_slots + 1).error().code() == ErrorCode::capacity_exceeded);
  {
    const support::FailingAllocations failing(3, true);
    CHECK(index.reserve(1'000'000).error().code() == ErrorCode::out_of_memory);
  }
  CHECK(index.memory_usage().total() < 2'000'000);  // the million rows were given back
  CHECK(make_index<HnswL2>(3).reserve(4).error().code() == ErrorCode::capacity_exceeded);
  check_holds(index, iota(0, 10), 100);
  REQUIRE(index.reserve(5000));
  const std::vector<float> vector(dimensions, 1.0F);
  const std::size_t before = support::allocation_counts().allocations;
  REQUIRE(index.insert(10, vector));
  CHECK(support::allocation_counts().allocations - before <= 1);  // the list of ids that is returned
}

namespace {

/// The main case: 10,000 x 768, M = 16.
template <class Storage>
void check_budget(double most_megabytes) {
  constexpr std::size_t count = 10'000;
  constexpr std::size_t wide = 768;
  // Levels and rows do not depend on what the vectors are; cheap ones keep the graph quick to build.
  support::Random random(11);
  std::vector<float> matrix(count * wide);
  for (std::size_t i = 0; i < count; ++i) {
    matrix[i * wide] = static_cast<float>(i);
    matrix[i * wide + 1] = random.uniform();
  }
  const auto ids = iota(0, count);
  using Index = shoal::HnswIndex<shoal::L2Squared, Storage>;
  const shoal::HnswConfig config{.dimensions = wide, .M = 16, .ef_construction = 40};
  support::AllocationCounts& counts = support::allocation_counts();
  const std::size_t start = counts.live_bytes;
  counts.forget_peak();
  const auto [index, bytes] = measured([&] {
    Index built(config);
    REQUIRE(built.batch_insert(ids, matrix));
    return built;
  });
  const std::size_t peak = counts.peak_bytes - start;
  (void)index.search(std::span(matrix).first(wide), 10);
  const auto usage = static_cast<double>(index.memory_usage().total());
  const auto given = static_cast<double>(counts.live_bytes - start);
  MESSAGE("owned ", given / 1e6, " MB, memory_usage ", usage / 1e6, " MB, peak of the batch ",
          static_cast<double>(peak) / 1e6, " MB, estimate ",
          static_cast<double>(Index::estimate_memory(config, count).total()) / 1e6, " MB");
  CHECK(given <= most_megabytes * 1e6);
  CHECK(std::abs(usage - given) <= 0.02 * given);
  CHECK(static_cast<double>(peak) <= 1.05 * static_cast<double>(bytes));
  CHECK(std::abs(static_cast<double>(Index::estimate_memory(config, count).total()) - given) <= 0.02 * given);
}

}  // namespace

TEST_CASE("10,000 x 768 as SQ8 owns at most 8.7 MB, says so, and needs hardly more while it grows") {
  check_budget<shoal::SQ8>(8.7);
}

TEST_CASE("10,000 x 768 as Float32 owns at most 33 MB, says so, and needs hardly more while it grows") {
  check_budget<shoal::Float32>(33);
}

TEST_CASE("a source of unknown length streams through: no copy of the batch is kept") {
  struct Stream {  // 20,000 items from one buffer
    struct Iterator {
      using difference_type = std::ptrdiff_t;
      using value_type = std::pair<std::uint64_t, std::span<const float>>;
      std::vector<float>* buffer = nullptr;
      std::uint64_t next = 0;
      value_type operator*() const {
        (*buffer)[0] = static_cast<float>(next);
        return {next, *buffer};
      }
      Iterator& operator++() {
        ++next;
        return *this;
      }
      void operator++(int) { ++next; }
      bool operator==(std::default_sentinel_t) const { return next == 20'000; }
    };
    std::vector<float> buffer = std::vector<float>(dimensions);
    Iterator begin() { return {&buffer, 0}; }
    std::default_sentinel_t end() const { return {}; }
  };
  HnswL2 index = make_index<HnswL2>();
  Stream stream;
  support::AllocationCounts& counts = support::allocation_counts();
  const std::size_t start = counts.live_bytes;
  counts.forget_peak();
  REQUIRE(index.batch_insert(stream));
  // Beyond what the index owns: the ids that are returned, twice while their list grows.
  const std::size_t ids = 20'000 * sizeof(std::uint64_t);
  CHECK(counts.peak_bytes - start <= index.memory_usage().total() * 105 / 100 + 4 * ids);
}
