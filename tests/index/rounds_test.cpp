// A batch goes in by rounds, and no one can tell: the graph is that of the items in order whatever the threads are and
// whoever runs them, and a batch that ends in the middle of a round leaves what the shorter batch would have left.

#include <algorithm>
#include <iterator>
#include <optional>
#include <stdexcept>

#include "index_types.hpp"
#include "levels.hpp"
#include "platform.hpp"

#if SHOAL_HAS_THREADS
#include <atomic>
#include <thread>
#endif

using namespace index_tests;
using shoal::Atomicity;
using shoal::BatchOptions;
using shoal::ErrorCode;
using shoal::OnDuplicate;
using support::Item;
using support::random_items;

namespace {

/// What can be seen of a graph from outside: the answers of narrow walks, which differ when a link does, and counts.
struct Digest {
  std::vector<std::vector<shoal::Neighbor<std::uint64_t>>> answers;
  std::vector<std::size_t> counts;
  friend bool operator==(const Digest&, const Digest&) = default;
};

template <class Index>
Digest digest(const Index& index, std::size_t queries = 40) {
  Digest all;
  support::Random random(977);
  for (std::size_t i = 0; i < queries; ++i) {
    const auto query = support::random_vector(random, index.dimensions());
    for (const std::size_t ef : {1U, 8U}) all.answers.push_back(index.search(query, {.k = 5, .ef = ef}));
  }
  const shoal::IndexStats stats = index.stats();
  all.counts = {index.size(), stats.live, stats.dead};
  for (const auto& level : stats.levels) all.counts.insert(all.counts.end(), {level.slots, level.links});
  const shoal::CheckReport report = index.check();
  CHECK_MESSAGE(report.ok(), (report.faults.empty() ? "" : report.faults.front()), " unreachable ", report.unreachable);
  return all;
}

using SmallL2 = HnswL2;
using SmallSq8 = HnswL2Sq8;
using SmallRefined = HnswRefined;
#define HNSW_OF_EACH_STORAGE SmallL2, SmallSq8, SmallRefined

/// Components of rows that are sketched for sure.
constexpr std::size_t sketched = 384;
constexpr shoal::HnswConfig small{.dimensions = 8, .M = 4, .ef_construction = 30};

/// Runs the tasks one after the other, the last first.
void run_backwards(std::size_t count, const std::function<void(std::size_t)>& task) {
  for (std::size_t i = count; i > 0; --i) task(i - 1);
}
#if SHOAL_HAS_THREADS
/// Runs each task on a thread of its own, none on the caller's.
void run_on_own_threads(std::size_t count, const std::function<void(std::size_t)>& task) {
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) threads.emplace_back(task, i);
  for (std::thread& thread : threads) thread.join();
}
#endif

/// A way to spread the work.
struct WayToRun {
  std::string name;
  BatchOptions options;
};
std::vector<WayToRun> ways_to_run() {
  std::vector<WayToRun> all;
  for (const unsigned threads : {1U, 2U, 3U, 8U, 0U}) {
    all.push_back({std::to_string(threads) + " threads", {.threads = threads}});
  }
  all.push_back({"3 tasks backwards", {.threads = 3, .executor = run_backwards}});
#if SHOAL_HAS_THREADS
  all.push_back({"4 tasks on threads of the executor", {.threads = 4, .executor = run_on_own_threads}});
  all.push_back({"an executor for one", {.threads = 1, .executor = run_on_own_threads}});
#endif
  return all;
}

struct Flag {
  const bool* stop;
  bool stop_requested() const { return *stop; }
};

}  // namespace

TEST_CASE_TEMPLATE("the graph is the same on any number of threads, on an executor, and in one transaction", Index,
                   HNSW_OF_EACH_STORAGE) {
  const auto items = random_items(301, 5'000, 16);
  const shoal::HnswConfig config{.dimensions = 16, .M = 6, .ef_construction = 40};
  Index reference(config);
  REQUIRE(reference.batch_insert(items));
  const Digest expected = digest(reference);
  for (auto& way : ways_to_run()) {
    CAPTURE(way.name);
    Index index(config);
    REQUIRE(index.batch_insert(items, shoal::NoProgress{}, way.options));
    CHECK(digest(index) == expected);
  }
  for (const unsigned threads : {1U, 3U}) {
    CAPTURE(threads);
    std::size_t calls = 0;
    const auto count = [&](std::size_t, std::size_t) { ++calls; };
    const auto go_on = [&](std::size_t, std::size_t) { return ++calls != 0; };
    Index with_progress(config);
    REQUIRE(with_progress.batch_insert(items, count, {.threads = threads}));
    CHECK(digest(with_progress) == expected);
    Index with_cancel(config);
    REQUIRE(with_cancel.batch_insert(items, go_on, {.threads = threads}));
    CHECK(digest(with_cancel) == expected);
    Index at_once(config);
    REQUIRE(at_once.batch_insert(items, count, {.threads = threads, .atomicity = Atomicity::all_or_nothing}));
    CHECK(digest(at_once) == expected);
    CHECK(calls == 15'000);
  }
}

TEST_CASE_TEMPLATE("batches too small for a full panel of each worker give the same graph on any number of threads",
                   Index, HNSW_OF_EACH_STORAGE) {
  Index base(small);
  REQUIRE(base.batch_insert(random_items(304, 1'600, 8)));  // smaller rounds walk from here on, larger ones compare
  const auto insert_into = [](Index& index, const BatchOptions& options) {
    std::uint64_t first_id = 10'000;
    for (const std::size_t count : {2U, 5U, 12U, 20U, 40U}) {
      REQUIRE(index.batch_insert(random_items(305 + count, count, 8, first_id), shoal::NoProgress{}, options));
      first_id += count;
    }
  };
  Index reference = base.clone();
  insert_into(reference, {});
  for (auto& way : ways_to_run()) {
    CAPTURE(way.name);
    Index index = base.clone();
    insert_into(index, way.options);
    CHECK(digest(index) == digest(reference));
  }
  std::size_t most_tasks = 0;
  Index index = base.clone();
  insert_into(index, {.threads = 8, .executor = [&](std::size_t count, const std::function<void(std::size_t)>& task) {
                        most_tasks = std::max(most_tasks, count);
                        run_backwards(count, task);
                      }});
  CHECK(most_tasks == (SHOAL_HAS_THREADS ? 8 : 0));
}

TEST_CASE_TEMPLATE("the graph is the same on any number of threads where rounds walk: beyond 12,288 slots", Index,
                   HNSW_OF_EACH_STORAGE) {
  Index base(small);
  REQUIRE(base.batch_insert(random_items(302, 12'200, 8), shoal::NoProgress{}, {.threads = 2}));
  const auto more = random_items(303, 2'500, 8, 20'000);
  Index reference = base.clone();
  REQUIRE(reference.batch_insert(more));
  const Digest expected = digest(reference);
  CHECK(expected.counts.front() == 14'700);
  for (auto& way : ways_to_run()) {
    CAPTURE(way.name);
    Index index = base.clone();
    REQUIRE(index.batch_insert(more, shoal::NoProgress{}, way.options));
    CHECK(digest(index) == expected);
  }
  Index at_once = base.clone();
  REQUIRE(at_once.batch_insert(more, [](std::size_t, std::size_t) {},
                               {.threads = 3, .atomicity = Atomicity::all_or_nothing}));
  CHECK(digest(at_once) == expected);
}

TEST_CASE_TEMPLATE("small batches that walk, beyond 1,500 slots, give the same graph on any number of threads", Index,
                   HNSW_OF_EACH_STORAGE) {
  Index base(small);
  REQUIRE(base.batch_insert(random_items(304, 1'480, 8)));
  const auto more = random_items(305, 300, 8, 2'000);
  const auto grown = [&](const BatchOptions& options) {
    Index index = base.clone();
    for (std::size_t first = 0, length = 1; first < more.size(); first += length, length = length % 15 + 1) {
      const auto some = std::span(more).subspan(first, std::min(length, more.size() - first));
      REQUIRE(index.batch_insert(some, shoal::NoProgress{}, options));
    }
    return digest(index);
  };
  const Digest expected = grown({});
  for (auto& way : ways_to_run()) {
    CAPTURE(way.name);
    CHECK(grown(way.options) == expected);
  }
}

#if SHOAL_HAS_THREADS

namespace {

/// Items that only the thread may read that made this.
struct OfOneThread {
  const std::vector<Item>* items;
  std::thread::id owner = std::this_thread::get_id();
  struct Iterator {
    using difference_type = std::ptrdiff_t;
    using value_type = Item;
    const OfOneThread* source = nullptr;
    std::size_t at = 0;
    const Item& operator*() const {
      if (std::this_thread::get_id() != source->owner) support::raise(std::runtime_error("another thread reads"));
      return (*source->items)[at];
    }
    Iterator& operator++() {
      ++at;
      return *this;
    }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++at;
      return before;
    }
    bool operator==(const Iterator&) const = default;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, items->size()}; }
};

}  // namespace

TEST_CASE("an executor runs the work of several threads, and source and callback stay on the thread of the caller") {
  std::atomic<std::size_t> calls{0}, most{0};
  const auto caller = std::this_thread::get_id();
  BatchOptions options{.threads = 3};
  options.executor = [&](std::size_t count, const std::function<void(std::size_t)>& task) {
    ++calls;
    most = std::max<std::size_t>(most, count);
    CHECK(std::this_thread::get_id() == caller);
    run_on_own_threads(count, task);
  };
  const auto items = random_items(306, 500, 8);
  const OfOneThread watched{&items};
  const auto progress = [&](std::size_t, std::size_t) {
    if (std::this_thread::get_id() != caller) support::raise(std::runtime_error("another thread tells"));
  };
  SmallL2 index(small);
  REQUIRE(index.batch_insert(watched, progress, options));
  CHECK(calls > 0);
  CHECK(most == 3);
  most = 0;
  options.threads = 1;
  SmallL2 alone(small);
  REQUIRE(alone.batch_insert(watched, progress, options));
  CHECK(most <= 1);
  CHECK(digest(alone) == digest(index));
}

TEST_CASE("an executor is given a batch of a few items, but none of one") {
  const auto items = random_items(365, 16, 8);
  std::size_t calls = 0;
  BatchOptions options{.threads = 4};
  options.executor = [&](std::size_t count, const std::function<void(std::size_t)>& task) {
    ++calls;
    run_backwards(count, task);
  };
  SmallL2 index(small);
  REQUIRE(index.insert(items[0].first, items[0].second, options));
  REQUIRE(index.batch_insert(std::span(items).first(2).last(1), shoal::NoProgress{}, options));
  CHECK(calls == 0);
  REQUIRE(index.batch_insert(std::span(items).subspan(2), shoal::NoProgress{}, options));
  CHECK(calls > 0);
}

TEST_CASE("what an executor throws is kept, and the items before are in" * support::needs_exceptions()) {
  const auto items = random_items(363, 300, 8);
  BatchOptions options{.threads = 2};
  std::size_t calls = 0;
  options.executor = [&](std::size_t count, const std::function<void(std::size_t)>& task) {
    if (++calls == 4) support::raise(std::runtime_error("the pool has stopped"));
    run_backwards(count, task);
  };
  SmallL2 index(small);
  const auto result = index.batch_insert(items, shoal::NoProgress{}, options);
  REQUIRE(!result);
  CHECK(result.error().cause.code() == ErrorCode::callback_failed);
  CHECK(result.error().cause.message().find("the pool has stopped") != std::string_view::npos);
  CHECK(result.error().exception != nullptr);
  CHECK(result.error().successful_ids == iota(0, index.size()));
  CHECK(index.check().ok());
  REQUIRE(index.batch_insert(std::span(items).subspan(index.size())));
  CHECK(searchable_ids(index).size() == 300);
}

#endif

namespace {

enum class Ending { callback_says_no, stop_is_requested, callback_throws, item_is_bad };
constexpr Ending every_ending[] = {
    Ending::callback_says_no,
    Ending::stop_is_requested,
    Ending::item_is_bad,
#if SHOAL_HAS_EXCEPTIONS
    Ending::callback_throws,
#endif
};

/// Inserts `items` into `index` and ends the batch after `position` of them in one of four ways.
template <class Index>
auto insert_until(Index& index, std::vector<Item> items, std::size_t position, Ending ending, BatchOptions options) {
  if (ending == Ending::item_is_bad) items[position].second[0] = std::nanf("");
  bool stop = false;
  if (ending == Ending::stop_is_requested) options.stop = Flag{&stop};
  if (ending == Ending::callback_says_no) {
    return index.batch_insert(
        items, [&](std::size_t done, std::size_t) { return done != position; }, options);
  }
  return index.batch_insert(
      items,
      [&](std::size_t done, std::size_t) {
        stop = stop || done == position;
        if (ending == Ending::callback_throws && done == position) support::raise(std::runtime_error("enough"));
      },
      options);
}

ErrorCode code_of(Ending ending) {
  if (ending == Ending::callback_throws) return ErrorCode::callback_failed;
  return ending == Ending::item_is_bad ? ErrorCode::not_finite : ErrorCode::cancelled;
}

/// Ends a batch after each of `positions` in every way, and compares with the shorter batch.
template <class Index>
void check_endings(const Index& base, const std::vector<Item>& items, const std::vector<std::size_t>& positions,
                   const std::vector<unsigned>& thread_counts, OnDuplicate on_duplicate) {
  for (const std::size_t position : positions) {
    CAPTURE(position);
    Index reference = base.clone();
    const auto shorter =
        reference.batch_insert(std::span(items).first(position), shoal::NoProgress{}, {.on_duplicate = on_duplicate});
    REQUIRE(shorter);
    const Digest expected = digest(reference);
    const auto rest = std::span(items).subspan(position);
    REQUIRE(reference.batch_insert(rest, shoal::NoProgress{}, {.on_duplicate = on_duplicate}));
    const Digest continued = digest(reference);
    for (const unsigned threads : thread_counts) {
      for (const Ending ending : every_ending) {
        CAPTURE(threads);
        CAPTURE(static_cast<int>(ending));
        Index index = base.clone();
        const auto result =
            insert_until(index, items, position, ending, {.threads = threads, .on_duplicate = on_duplicate});
        REQUIRE(!result);
        CHECK(result.error().cause.code() == code_of(ending));
        CHECK(result.error().successful_ids == *shorter);
        CHECK(result.error().completed_count == position);
        CHECK(result.error().failed_index.has_value() == (ending == Ending::item_is_bad));
        if (ending == Ending::item_is_bad) CHECK(result.error().failed_index == position);
        CHECK(digest(index) == expected);
        for (const auto& [id, vector] : std::span(items).first(position)) {
          if (!index.contains(id)) FAIL_CHECK("id " << id << " is not in");
        }
        if (ending != every_ending[position % 4]) continue;  // one in four goes on: equal graphs grow equally
        REQUIRE(index.batch_insert(rest, shoal::NoProgress{}, {.threads = threads, .on_duplicate = on_duplicate}));
        CHECK(digest(index) == continued);
      }
    }
  }
}

}  // namespace

TEST_CASE_TEMPLATE("a batch that ends anywhere in a round leaves the graph of the shorter batch, and goes on", Index,
                   HNSW_OF_EACH_STORAGE) {
  Index base(small);
  // From nothing, or on slots that lose links to the batch.
  if constexpr (!std::is_same_v<Index, SmallSq8>) REQUIRE(base.batch_insert(random_items(311, 300, 8, 10'000)));
  check_endings(base, random_items(312, 3'000, 8), {1, 63, 64, 65, 100, 1'000, 2'999}, {1, 3}, OnDuplicate::fail);
}

TEST_CASE("a stop that comes from elsewhere, whenever it is asked for, leaves the graph of a shorter batch") {
  struct CountDown {
    int* left;
    bool stop_requested() const { return --*left < 0; }
  };
  const auto items = random_items(320, 200, 8);
  for (int asked = 0; asked < 400; asked += 7) {  // while a round is read, and while it is published
    CAPTURE(asked);
    int left = asked;
    BatchOptions options;
    options.stop = CountDown{&left};
    SmallL2 index(small);
    const auto result = index.batch_insert(items, shoal::NoProgress{}, options);
    if (result) break;
    CHECK(result.error().cause.code() == ErrorCode::cancelled);
    const std::size_t in = result.error().successful_count;
    CHECK(result.error().successful_ids == iota(0, in));
    CHECK(index.size() == in);
    SmallL2 shorter(small);
    REQUIRE(shorter.batch_insert(std::span(items).first(in)));
    CHECK(digest(index) == digest(shorter));
  }
}

TEST_CASE_TEMPLATE("a batch that ends anywhere in a round that walks leaves the graph of the shorter batch", Index,
                   SmallL2, SmallSq8) {
  Index base(small);
  REQUIRE(base.batch_insert(random_items(313, 12'288, 8, 20'000), shoal::NoProgress{}, {.threads = 2}));
  check_endings(base, random_items(314, 1'100, 8), {1, 500, 1'025}, {3}, OnDuplicate::fail);
}

TEST_CASE_TEMPLATE("a batch that skips or overwrites ends anywhere with what the shorter batch leaves", Index,
                   HNSW_OF_EACH_STORAGE) {
  Index base(small);
  REQUIRE(base.batch_insert(random_items(315, 300, 8)));
  auto items = random_items(316, 700, 8, 200);                                             // 200 .. 299 are there
  for (std::size_t i = 10; i < items.size(); i += 7) items[i].first = items[i / 2].first;  // and some come twice
  for (const OnDuplicate mode : {OnDuplicate::skip, OnDuplicate::overwrite}) {
    CAPTURE(static_cast<int>(mode));
    check_endings(base, items, {1, 10, 11, 63, 64, 65, 164, 165, 300, 699}, {1, 3}, mode);
  }
}

TEST_CASE("a batch that ends before the rows are sketched leaves nothing of the rows that were read ahead") {
  // Sketches come with row 1,024. The round in which the batch ends goes beyond that.
  const shoal::HnswConfig wide{.dimensions = sketched, .M = 4, .ef_construction = 30};
  check_endings(HnswL2(wide), random_items(341, 1'200, sketched), {1'000, 1'023, 1'024}, {1}, OnDuplicate::fail);
}

TEST_CASE("a batch that is taken back as a whole leaves nothing of its rows, sketched or not") {
  const shoal::HnswConfig wide{.dimensions = sketched, .M = 4, .ef_construction = 30};
  HnswL2 index(wide);
  REQUIRE(index.batch_insert(random_items(342, 1'000, sketched)));
  const Digest before = digest(index);
  const auto items = random_items(343, 200, sketched, 5'000);
  REQUIRE(!index.batch_insert(items, [](std::size_t done, std::size_t) { return done != 150; },
                              {.atomicity = Atomicity::all_or_nothing}));
  CHECK(digest(index) == before);
}

TEST_CASE(
    "a batch of floats linked by codes has the graph of a batch of codes, the same however it ends and is spread") {
  const shoal::HnswConfig config{.dimensions = 24, .M = 6, .ef_construction = 40};
  const auto items = random_items(351, 2'000, 24);
  HnswL2Sq8 coded(config);
  REQUIRE(coded.batch_insert(items));
  HnswL2 plain(config);
  REQUIRE(plain.batch_insert(items));
  HnswL2 reference(config);
  REQUIRE(reference.batch_insert(items, shoal::NoProgress{}, {.link_by_codes = true}));
  const Digest expected = digest(reference);
  CHECK(expected.counts == digest(coded).counts);  // level by level, as many links
  CHECK(expected.counts != digest(plain).counts);
  CHECK(reference.memory_usage().total() == plain.memory_usage().total());  // the codes are gone
  HnswL2Sq8 coded_in_two(config);
  REQUIRE(coded_in_two.batch_insert(std::span(items).first(700)));
  REQUIRE(coded_in_two.batch_insert(std::span(items).subspan(700)));
  for (auto& way : ways_to_run()) {
    CAPTURE(way.name);
    way.options.link_by_codes = true;
    HnswL2 index(config);
    REQUIRE(index.batch_insert(items, shoal::NoProgress{}, way.options));
    CHECK(digest(index) == expected);
    HnswL2 in_two(config);
    const auto first = in_two.batch_insert(
        items, [](std::size_t done, std::size_t) { return done != 700; }, way.options);
    REQUIRE(!first);
    HnswL2 shorter(config);
    REQUIRE(shorter.batch_insert(std::span(items).first(700), shoal::NoProgress{}, way.options));
    CHECK(digest(in_two) == digest(shorter));
    // What is there is encoded for the second batch.
    REQUIRE(in_two.batch_insert(std::span(items).subspan(700), shoal::NoProgress{}, way.options));
    CHECK(digest(in_two).counts == digest(coded_in_two).counts);
  }
}

TEST_CASE("a batch that is small beside the index, exact search and other storage are not linked by codes") {
  const auto items = random_items(352, 1'700, 8);
  const auto some = std::span(items).subspan(1'600);
  HnswL2 base(small);
  REQUIRE(base.batch_insert(std::span(items).first(1'600)));
  HnswL2 expected = base.clone(), index = base.clone(), stream_index = base.clone();
  REQUIRE(expected.batch_insert(some.first(99)));
  REQUIRE(index.batch_insert(some.first(99), shoal::NoProgress{}, {.link_by_codes = true}));
  CHECK(digest(index) == digest(expected));
  HnswL2 enough = base.clone(), enough_plain = base.clone();  // a sixteenth of what is there
  REQUIRE(enough.batch_insert(some, shoal::NoProgress{}, {.link_by_codes = true}));
  REQUIRE(enough_plain.batch_insert(some));
  CHECK(digest(enough) != digest(enough_plain));
  Stream stream{some.first(99)};  // its length is not known
  REQUIRE(stream_index.batch_insert(stream, shoal::NoProgress{}, {.link_by_codes = true}));
  CHECK(digest(stream_index) != digest(expected));
  BruteL2 exact = make_index<BruteL2>();
  REQUIRE(exact.batch_insert(random_items(353, 100, dimensions), shoal::NoProgress{}, {.link_by_codes = true}));
  CHECK(exact.size() == 100);
  SmallSq8 coded(small), coded_plain(small);
  REQUIRE(coded.batch_insert(items, shoal::NoProgress{}, {.link_by_codes = true}));
  REQUIRE(coded_plain.batch_insert(items));
  CHECK(digest(coded) == digest(coded_plain));
}

TEST_CASE_TEMPLATE("a clone made in a callback holds what was told of, is sound, and grows", Index, SmallL2, SmallSq8,
                   SmallRefined, BruteL2) {
  const auto items = random_items(361, 500, dimensions);
  for (const Atomicity atomicity : {Atomicity::prefix, Atomicity::all_or_nothing}) {
    for (const std::size_t position : {1U, 63U, 64U, 65U, 200U, 499U, 500U}) {
      CAPTURE(position);
      Index index = make_index<Index>();
      REQUIRE(index.batch_insert(random_items(362, 100, dimensions, 1'000)));
      Index shorter = index.clone();
      REQUIRE(shorter.batch_insert(std::span(items).first(position)));
      std::optional<Index> copy;
      REQUIRE(index.batch_insert(items,
                                 [&](std::size_t done, std::size_t) {
                                   if (done == position) copy.emplace(index.clone());
                                 },
                                 {.atomicity = atomicity}));
      CHECK(copy->size() == 100 + position);
      REQUIRE(copy->check().ok());
      if constexpr (!std::is_same_v<Index, BruteL2>) {
        CHECK(digest(*copy) == digest(shorter));
      }
      REQUIRE(copy->batch_insert(std::span(items).subspan(position)));
      REQUIRE(copy->check().ok());
      CHECK(searchable_ids(*copy) == searchable_ids(index));
      REQUIRE(index.check().ok());
    }
  }
}

TEST_CASE("rounds of sketched rows that walk give one graph on any number of threads, and end anywhere") {
  // Floats walk from 6,144 slots on.
  const shoal::HnswConfig wide{.dimensions = 256, .M = 4, .ef_construction = 20};
  HnswL2 base(wide);
  support::Random random(364);
  std::vector<Item> items;
  for (std::size_t i = 0; i < 6'900; ++i) {  // a few components vary: cheap to make, and near to each other
    std::vector<float> vector(256, 0.25F);
    for (int j = 0; j < 12; ++j) vector[random.below(256)] = random.uniform();
    items.emplace_back(i, std::move(vector));
  }
  REQUIRE(base.batch_insert(std::span(items).first(6'150), shoal::NoProgress{}, {.threads = 2}));
  check_endings(base, std::vector<Item>(items.begin() + 6'150, items.end()), {300}, {1, 3}, OnDuplicate::fail);
}

TEST_CASE_TEMPLATE("copies of one vector, however their distances are rounded, can all be reached and lead out", Index,
                   shoal::HnswIndex<shoal::InnerProduct>, shoal::HnswIndex<shoal::Cosine>, HnswL2) {
  const support::LevelRestored restored;
  for (const shoal::simd::Level level : support::levels_here()) {
    REQUIRE(shoal::simd::use_level(level));
    CAPTURE(shoal::simd::name_of(level));
    for (const std::uint64_t seed : {371U, 372U, 373U}) {
      CAPTURE(seed);
      auto items = random_items(seed, 1'000, 200);
      for (std::size_t i = 100; i < 900; ++i) items[i].second = items[50].second;
      Index index({.dimensions = 200, .M = 6, .ef_construction = 30});
      REQUIRE(index.batch_insert(std::span(items).first(500)));
      for (std::size_t i = 500; i < 530; ++i) REQUIRE(index.insert(items[i].first, items[i].second));
      REQUIRE(index.batch_insert(std::span(items).subspan(530)));
      const shoal::CheckReport report = index.check();
      REQUIRE_MESSAGE(report.ok(), (report.faults.empty() ? "" : report.faults.front()));
      CHECK(report.unreachable == 0);
      CHECK(searchable_ids(index).size() == 1'000);
      std::size_t missed = 0;  // of those beside the copies, by walks that the copies alone could fill
      for (std::size_t i = 0; i < 1'000; i = i == 99 ? 900 : i + 1) {
        missed += index.search(items[i].second, {.k = 1, .ef = 100}).front().id != i ? 1 : 0;
      }
      CHECK(missed <= 75);
    }
  }
}

TEST_CASE("rounds in which nothing is taken are told item by item, and may end anywhere") {
  const auto items = random_items(317, 500, 8);
  SmallL2 base(small);
  REQUIRE(base.batch_insert(items));
  check_endings(base, items, {1, 63, 64, 65, 300, 499}, {1}, OnDuplicate::skip);
}

TEST_CASE("exact search over a batch that ends in a round finds what is in, and nothing else") {
  const auto items = random_items(318, 300, dimensions);
  for (const std::size_t position : {1U, 63U, 64U, 65U, 100U, 299U}) {
    for (const Ending ending : every_ending) {
      BruteL2 index = make_index<BruteL2>();
      REQUIRE(!insert_until(index, items, position, ending, {}));
      check_holds(index, iota(0, position), 400);
    }
  }
}

TEST_CASE("a search from the callback sees what was told of, and nothing of the rest of the round") {
  const auto items = random_items(319, 200, dimensions);
  SmallRefined index = make_index<SmallRefined>();
  REQUIRE(index.batch_insert(items, [&](std::size_t done, std::size_t) {
    const auto found = index.search(items[0].second, {.k = 1'000, .ef = 1'000});
    REQUIRE(found.size() == done);
    for (const auto& neighbor : found) REQUIRE(neighbor.id < done);
    REQUIRE(index.check().ok());
    if (done < items.size()) REQUIRE(!index.get(done));
  }));
}

TEST_CASE("of a source that is read once, a batch that can be cancelled takes nothing that is not in") {
  const auto items = random_items(321, 300, 8);
  SmallL2 singly(small);
  for (const auto& [id, vector] : items) REQUIRE(singly.insert(id, vector));
  const Digest one_by_one = digest(singly);
  for (const bool by_stop : {false, true}) {
    for (const std::size_t position : {1U, 2U, 64U, 65U, 299U}) {
      CAPTURE(by_stop);
      CAPTURE(position);
      Stream stream{items};
      SmallL2 index(small);
      bool stop = false;
      BatchOptions options;
      if (by_stop) options.stop = Flag{&stop};
      const auto result = index.batch_insert(
          stream,
          [&](std::size_t done, std::size_t) {
            REQUIRE(stream.taken == done);
            REQUIRE(index.size() == done);
            stop = done == position;
            return by_stop || !stop;
          },
          options);
      REQUIRE(!result);
      CHECK(result.error().cause.code() == ErrorCode::cancelled);
      CHECK(result.error().successful_count == position);
      CHECK(stream.taken == position);
      REQUIRE(index.batch_insert(stream, [](std::size_t, std::size_t) { return true; }));
      CHECK(digest(index) == one_by_one);
    }
  }
}

TEST_CASE("a stop that can be requested keeps a source that is read once from being read ahead, with any callback") {
  const auto items = random_items(322, 200, 8);
  bool stop = false;
  BatchOptions options;
  options.stop = Flag{&stop};
  Stream stream{items};
  SmallL2 index(small);
  const auto result = index.batch_insert(
      stream,
      [&](std::size_t done, std::size_t) {
        REQUIRE(stream.taken == done);
        stop = done == 70;
      },
      options);
  REQUIRE(!result);
  CHECK(result.error().successful_ids == iota(0, 70));
  CHECK(stream.taken == 70);
}

TEST_CASE("of a source that is read once, a batch that nobody can end from outside is linked in rounds" *
          support::needs_exceptions()) {
  const auto items = random_items(323, 1'000, 8);
  SmallL2 reference(small);
  REQUIRE(reference.batch_insert(items));
  Stream stream{items};
  SmallL2 index(small);
  std::size_t read_at_first = 0;
  REQUIRE(index.batch_insert(stream, [&](std::size_t done, std::size_t) {
    if (done == 1) read_at_first = stream.taken;
  }));
  CHECK(read_at_first == 64);  // the first round
  CHECK(digest(index) == digest(reference));
  Stream again{items};
  SmallL2 silent(small);
  REQUIRE(silent.batch_insert(again));
  CHECK(digest(silent) == digest(reference));

  // When such a callback throws, what was read ahead is lost, and none of it is in.
  Stream lost{items};
  SmallL2 part(small);
  const auto result = part.batch_insert(lost, [](std::size_t done, std::size_t) {
    if (done == 100) support::raise(std::runtime_error("enough"));
  });
  REQUIRE(!result);
  CHECK(result.error().successful_ids == iota(0, 100));
  CHECK(lost.taken == 128);
  SmallL2 shorter(small);
  REQUIRE(shorter.batch_insert(std::span(items).first(100)));
  CHECK(digest(part) == digest(shorter));
}

TEST_CASE("a matrix is read ahead, and linked in rounds, whatever its callback can do") {
  const auto items = random_items(325, 500, 8);
  SmallL2 reference(small);
  REQUIRE(reference.batch_insert(items));
  std::vector<float> matrix;
  for (const auto& [id, vector] : items) matrix.insert(matrix.end(), vector.begin(), vector.end());
  bool stop = false;
  BatchOptions options;
  options.stop = Flag{&stop};
  SmallL2 index(small);
  REQUIRE(index.batch_insert(
      iota(0, 500), matrix, [](std::size_t, std::size_t) { return true; }, options));
  CHECK(digest(index) == digest(reference));  // that of an insertion one by one is another
}

TEST_CASE("however large the graph is, at most 1,024 items are read that were not told of") {
  const auto items = random_items(324, 7'000, 8);
  Stream stream{items};
  SmallSq8 index(small);
  std::size_t most = 0;
  REQUIRE(index.batch_insert(stream,
                             [&](std::size_t done, std::size_t) { most = std::max(most, stream.taken - done + 1); }));
  CHECK(most == 1'024);
}

TEST_CASE("rounds of an SQ8 graph give the same graph on every level of instructions, compared or walked") {
  const support::LevelRestored restored;
  const auto built_on = [](shoal::simd::Level level, std::size_t wide) {
    REQUIRE(shoal::simd::use_level(level));
    SmallSq8 index({.dimensions = wide, .M = 4, .ef_construction = 30});
    REQUIRE(index.batch_insert(random_items(331, 1'600, wide)));
    for (const auto& [id, vector] : random_items(332, 60, wide, 5'000)) REQUIRE(index.insert(id, vector));
    return digest(index);
  };
  for (const std::size_t wide : {8U, 100U}) {
    CAPTURE(wide);
    const Digest portable = built_on(shoal::simd::Level::portable, wide);
    for (const shoal::simd::Level level : support::levels_here()) {
      CAPTURE(shoal::simd::name_of(level));
      CHECK(built_on(level, wide) == portable);
    }
  }
}
