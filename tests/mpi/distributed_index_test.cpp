// One index in several processes is the index in shards of one process: the same shards, results, prefixes and errors,
// on every rank. Run with 1, 2 and 4 ranks.

#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <ranges>
#include <set>
#include <stdexcept>

#include "../io/faults.hpp"
#include "counting_new.hpp"
#include "support.hpp"

using namespace mpi_tests;
using io_tests::FaultyFiles;
using shoal::ErrorCode;
using support::random_items;

namespace {

constexpr std::size_t item_count = 6'000;

/// Where items fall in their block, and blocks in the batch.
const std::vector<std::size_t> positions{0, 1, 1'023, 1'024, 2'047, 2'048, 4'095, 4'096, 4'097, 5'999};

/// Checks that the batch ended at `at`, and that this rank has what is its.
template <class Distributed, class Result>
void check_ended_at(Distributed& index, const Result& result, std::size_t at, ErrorCode code, bool blames_item = true) {
  REQUIRE(!result);
  const auto& error = result.error();
  CHECK(error.cause.code() == code);
  if (blames_item) {
    CHECK(error.failed_index == at);
  } else {
    CHECK(!error.failed_index);
  }
  CHECK(error.completed_count == at);
  CHECK(error.successful_ids == iota(0, at));
  CHECK(own_ids(index) == own_of(index, iota(0, at)));
  CHECK(*index.count_entries() == at);
}

}  // namespace

TEST_CASE_TEMPLATE("every rank's shard is that of an index in shards, and results are those of the merged shards",
                   Index, Hnsw, Brute) {
  const auto items = random_items(1, item_count, dimensions);
  auto shards = make_shards<Index>(ranks());
  REQUIRE(shards.batch_insert(items));
  for (const unsigned threads : {1U, 2U}) {
    auto index = make_distributed<Index>();
    const auto inserted = index.batch_insert(at_root(items), shoal::NoProgress{}, {.threads = threads});
    REQUIRE(inserted);
    CHECK(*inserted == iota(0, item_count));
    const auto own = static_cast<std::size_t>(rank());
    REQUIRE(io_tests::bytes_of(index.local()) == io_tests::bytes_of(shards.shards()[own]));

    const auto queries = make_queries(1'500);  // more than one piece
    const auto expected = shards.batch_search(queries, {.k = 10});
    const auto found = index.try_batch_search(rank() == 0 ? queries : std::vector<std::vector<float>>{}, {.k = 10});
    REQUIRE(found);
    CHECK(*found == (rank() == 0 ? expected : std::vector<Found>{}));
    // Each rank with queries of its own: another number on each, as one matrix.
    const std::size_t count = 7 + own;
    std::vector<float> rows;
    for (std::size_t i = 0; i < count; ++i)
      rows.insert(rows.end(), queries[100 * own + i].begin(), queries[100 * own + i].end());
    const auto each = index.try_batch_search_each(rows, {.k = 10, .threads = threads});
    REQUIRE(each);
    REQUIRE(each->size() == count);
    for (std::size_t i = 0; i < count; ++i) CHECK((*each)[i] == expected[100 * own + i]);
  }
}

TEST_CASE("exact ranks find what one exact index finds, also for more neighbours than there are") {
  const auto items = random_items(2, 400, dimensions);
  Brute one(make_config<Brute>());
  REQUIRE(one.batch_insert(items));
  auto index = make_distributed<Brute>();
  REQUIRE(index.batch_insert(at_root(items)));
  const auto queries = make_queries(20);
  for (const std::size_t k : {std::size_t{0}, std::size_t{1}, std::size_t{25}, std::size_t{1'000}}) {
    const auto found = index.try_batch_search_each(queries, {.k = k});
    REQUIRE(found);
    CHECK(*found == one.batch_search(queries, {.k = k}));
    const shoal::SearchOptions even{.k = k, .filter = [](std::uint64_t id) { return id % 2 == 0; }};
    const auto filtered = index.try_batch_search_each(queries, even);
    REQUIRE(filtered);
    CHECK(*filtered == one.batch_search(queries, even));
  }
  CHECK(index.try_batch_search_each(std::vector<float>{}, {.k = 3})->empty());
}

TEST_CASE("messages that are cut into many pieces say the same") {
  const auto items = random_items(3, 500, dimensions);
  auto shards = make_shards<Brute>(ranks());
  REQUIRE(shards.batch_insert(items));
  auto index = make_distributed<Brute>(0, {.message_bytes = 37});
  REQUIRE(index.batch_insert(at_root(items)));
  const auto queries = make_queries(9);
  CHECK(*index.try_batch_search_each(queries, {.k = 4}) == shards.batch_search(queries, {.k = 4}));
}

TEST_CASE("a bad vector in the middle leaves exactly the items before it, and every rank's error says the same") {
  const auto good = random_items(4, item_count, dimensions);
  for (const std::size_t at : positions) {
    CAPTURE(at);
    auto items = good;
    items[at].second[7] = std::numeric_limits<float>::quiet_NaN();
    auto index = make_distributed<Brute>();
    std::size_t told = 0;
    const auto result = index.batch_insert(at_root(items), [&](std::size_t done, std::size_t) { told = done; });
    check_ended_at(index, result, at, ErrorCode::not_finite);
    CHECK(result.error().failed_id == at);
    CHECK(result.error().cause.message() == "expected finite components, component 7 is NaN");
    CHECK(told == (rank() == 0 ? at : 0));
    const std::vector<support::Item> rest(items.begin() + static_cast<std::ptrdiff_t>(at) + 1, items.end());
    REQUIRE(index.batch_insert(at_root(rest)));
    CHECK(*index.count_entries() == item_count - 1);
  }
}

TEST_CASE("an id that its rank has, or that came before, ends the batch where it comes first") {
  const auto good = random_items(5, item_count, dimensions);
  for (const std::size_t at : positions) {
    if (at == 0) continue;
    CAPTURE(at);
    for (const bool in_batch : {true, false}) {
      auto items = good;
      auto index = make_distributed<Brute>();
      if (!in_batch) REQUIRE(index.batch_insert(at_root({{1'000'000, good[0].second}})));
      items[at].first = in_batch ? at / 2 : 1'000'000;
      if (at + 3 < items.size()) items[at + 3].second[0] = std::nanf("");
      const auto result = index.batch_insert(at_root(items));
      REQUIRE(!result);
      CHECK(result.error().failed_index == at);
      CHECK(result.error().failed_id == items[at].first);
      CHECK(result.error().successful_ids == iota(0, at));
      CHECK(result.error().cause.message() ==
            "expected a new id, got " + std::to_string(items[at].first) +
                (in_batch ? ", which came before in this batch" : ", which is in the index"));
      CHECK(*index.count_entries() == at + (in_batch ? 0 : 1));
    }
  }
}

TEST_CASE("skip passes over what any rank has, and every rank is given the ids that went in") {
  auto index = make_distributed<Brute>();
  REQUIRE(index.batch_insert(at_root(random_items(6, 1'000, dimensions, 500))));
  const auto inserted = index.batch_insert(at_root(random_items(7, 3'000, dimensions)), shoal::NoProgress{},
                                           {.on_duplicate = shoal::OnDuplicate::skip});
  REQUIRE(inserted);
  auto expected = iota(0, 500);
  for (std::uint64_t id = 1'500; id < 3'000; ++id) expected.push_back(id);
  CHECK(*inserted == expected);
  CHECK(*index.count_entries() == 3'000);
}

TEST_CASE("a source that throws at rank 0 ends the batch for all, with its message") {
  struct Throwing {
    std::size_t at;
    std::vector<support::Item> items;
    struct Iterator {
      using difference_type = std::ptrdiff_t;
      using value_type = support::Item;
      const Throwing* source;
      std::size_t i;
      const support::Item& operator*() const {
        if (i == source->at) throw std::runtime_error("no more");
        return source->items[i];
      }
      Iterator& operator++() {
        ++i;
        return *this;
      }
      void operator++(int) { ++i; }
      bool operator==(std::default_sentinel_t) const { return i == source->items.size(); }
    };
    [[nodiscard]] Iterator begin() const { return {this, 0}; }
    [[nodiscard]] std::default_sentinel_t end() const { return {}; }
  };
  for (const std::size_t at : positions) {
    CAPTURE(at);
    auto index = make_distributed<Brute>();
    const auto result = index.batch_insert(Throwing{at, random_items(8, item_count, dimensions)});
    check_ended_at(index, result, at, ErrorCode::source_failed);
    CHECK(result.error().cause.message() == "the source threw: no more");
    CHECK((result.error().exception != nullptr) == (rank() == 0));
  }
}

TEST_CASE("a callback that cancels or throws at rank 0 keeps exactly what it was told of, on all ranks") {
  const auto items = random_items(9, item_count, dimensions);
  for (const std::size_t at : positions) {
    CAPTURE(at);
    for (const bool throws : {false, true}) {
      auto index = make_distributed<Hnsw>();
      const auto result =
          throws ? index.batch_insert(at_root(items),
                                      [&](std::size_t done, std::size_t) {
                                        if (done == at + 1) throw std::runtime_error("enough");
                                      })
                 : index.batch_insert(at_root(items), [&](std::size_t done, std::size_t) { return done != at + 1; });
      check_ended_at(index, result, at + 1, throws ? ErrorCode::callback_failed : ErrorCode::cancelled, false);
      CHECK(index.local().check().ok());
      const std::vector<support::Item> rest(items.begin() + static_cast<std::ptrdiff_t>(at) + 1, items.end());
      REQUIRE(index.batch_insert(at_root(rest)));
      CHECK(*index.count_entries() == item_count);
    }
  }
}

TEST_CASE("a rank that is full ends the batch at its item, and nothing behind it stays on the others") {
  const auto items = random_items(10, item_count, dimensions);
  auto index = make_distributed<Brute>(900);
  const auto result = index.batch_insert(at_root(items));
  std::vector<std::size_t> in(ranks());
  std::size_t expected = 0;
  while (in[index.plan().shard_of(items[expected].first)] < 900) ++in[index.plan().shard_of(items[expected++].first)];
  check_ended_at(index, result, expected, ErrorCode::capacity_exceeded);
}

TEST_CASE("a collective call from inside another is refused there and nobody waits for it") {
  auto index = make_distributed<Brute>();
  const auto query = make_queries(1);
  std::size_t refused = 0;
  const auto is_busy = [](const auto& result) { return !result && result.error().code() == ErrorCode::busy; };
  const auto call_all = [&] {
    const auto inserted = index.batch_insert(random_items(12, 1, dimensions, 900));
    if (!inserted && inserted.error().cause.code() == ErrorCode::reentrant_mutation && is_busy(index.count_entries()) &&
        is_busy(index.try_batch_search(query, {.k = 1})) && is_busy(index.try_batch_search_each(query, {.k = 1})) &&
        is_busy(index.save("nowhere/set"))) {
      ++refused;
    }
  };
  REQUIRE(index.batch_insert(at_root(random_items(11, 50, dimensions)), [&](std::size_t, std::size_t) { call_all(); }));
  CHECK(refused == (rank() == 0 ? 50 : 0));
  refused = 0;
  REQUIRE(index.try_batch_search(query, {.k = 50, .filter = [&](std::uint64_t) {
                                           call_all();
                                           return true;
                                         }}));
  CHECK(refused == index.local().size());
  CHECK(*index.count_entries() == 50);  // and the group goes on
}

namespace {

/// Calls `call` until nothing fails, with one allocation more each time that this rank may make when it is `failing`;
/// then one fails, or all do. Checks that all ranks come back with the same error, of the lack of memory. How often it
/// failed.
template <class Call>
std::size_t count_failures(std::size_t failing, bool for_ever, const Call& call) {
  std::size_t failures = 0;
  for (std::size_t allowed = 0;; ++allowed) {
    CAPTURE(failing);
    CAPTURE(for_ever);
    CAPTURE(allowed);
    std::optional<shoal::Error> error;
    int failed = 0;
    if (failing == static_cast<std::size_t>(rank())) {
      support::FailingAllocations scarce(allowed, for_ever);
      error = call();
      failed = support::FailingAllocations::stop() ? 1 : 0;
    } else {
      error = call();
    }
    const int code = error ? static_cast<int>(error->code()) : -1;
    int least = code, greatest = code;
    MPI_Allreduce(MPI_IN_PLACE, &least, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    MPI_Allreduce(MPI_IN_PLACE, &greatest, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    REQUIRE(least == greatest);
    if (failed == 0) {
      REQUIRE(!error);
      return failures;
    }
    if (!error) continue;  // what failed was not needed
    REQUIRE(error->code() == ErrorCode::out_of_memory);
    ++failures;
  }
}

template <class Result>
std::optional<shoal::Error> error_of(const Result& result) {
  if (result) return std::nullopt;
  return result.error();
}

}  // namespace

TEST_CASE("when memory runs out on one rank, at any allocation, all ranks say so and the group goes on") {
  const SharedFolder folder;
  const std::string path = folder.file("set");
  const shoal::mpi::Options waiting{.timeout_ms = 20'000};
  using Distributed = shoal::mpi::DistributedIndex<Brute>;
  const auto items = at_root(random_items(20, 40, dimensions));
  const auto queries = make_queries(4);
  for (const std::size_t failing : std::set<std::size_t>{0, ranks() - 1}) {  // who reads, and another
    for (const bool for_ever : {false, true}) {
      std::optional<Distributed> index;
      CHECK(count_failures(failing, for_ever, [&]() -> std::optional<shoal::Error> {
              support::Plenty plenty;
              index.emplace(make_distributed<Brute>(0, waiting));
              plenty.end();
              const auto on_duplicate = for_ever ? shoal::OnDuplicate::skip : shoal::OnDuplicate::fail;
              const auto result = index->batch_insert(items, shoal::NoProgress{}, {.on_duplicate = on_duplicate});
              const support::Plenty again;
              if (result) return std::nullopt;
              REQUIRE(result.error().successful_ids == iota(0, result.error().completed_count));
              REQUIRE(*index->count_entries() == result.error().completed_count);
              return result.error().cause;
            }) > 5);
      CHECK(*index->count_entries() == 40);
    }
    auto index = make_distributed<Brute>(0, waiting);
    REQUIRE(index.batch_insert(items));
    std::vector<Found> found;
    for (const bool for_ever : {false, true}) {
      CHECK(count_failures(failing, for_ever, [&] {
              auto result = index.try_batch_search_each(queries, {.k = 5});
              auto error = error_of(result);
              if (result) found = *std::move(result);
              return error;
            }) > 5);
      CHECK(count_failures(failing, for_ever, [&] { return error_of(index.save(path)); }) > 2);
    }
    CHECK(found == *index.try_batch_search_each(queries, {.k = 5}));
    wait_for_all();
    auto loaded = Distributed::load(MPI_COMM_WORLD, path);
    REQUIRE(loaded);
    CHECK(*loaded->try_batch_search_each(queries, {.k = 5}) == found);
  }
}

TEST_CASE("a bad query is refused with its position before anything is searched, for all") {
  auto index = make_distributed<Brute>();
  REQUIRE(index.batch_insert(at_root(random_items(13, 50, dimensions))));
  auto queries = make_queries(1'400);
  queries[1'300][2] = std::numeric_limits<float>::infinity();
  const auto found = index.try_batch_search(queries, {.k = 3});
  REQUIRE(!found);
  CHECK(found.error().code() == ErrorCode::not_finite);
  CHECK(found.error().message() == "query 1300: expected finite components, component 2 is infinity");
  const auto flat = index.try_batch_search(std::vector<float>(dimensions + 1), {.k = 3});
  REQUIRE(!flat);
  CHECK(flat.error().code() == ErrorCode::dimension_mismatch);
  CHECK(index.try_batch_search(make_queries(3), {.k = 3}));  // and the group goes on
}

TEST_CASE("a bad query of one rank's own is refused with that rank, for all") {
  auto index = make_distributed<Brute>();
  REQUIRE(index.batch_insert(at_root(random_items(13, 50, dimensions))));
  const int last = static_cast<int>(ranks()) - 1;
  auto queries = make_queries(3);
  if (rank() == last) queries[1][2] = std::nanf("");
  const auto found = index.try_batch_search_each(queries, {.k = 3});
  REQUIRE(!found);
  CHECK(found.error().code() == ErrorCode::not_finite);
  CHECK(found.error().message() ==
        "rank " + std::to_string(last) + ": query 1: expected finite components, component 2 is NaN");
  CHECK(index.try_batch_search_each(make_queries(3), {.k = 3}));
}

TEST_CASE("ranks that would make other graphs are refused, with what they have") {
  const int last = static_cast<int>(ranks()) - 1;
  const auto with = [](shoal::HnswConfig config) {
    return shoal::mpi::DistributedIndex<Hnsw>::create(MPI_COMM_WORLD, config);
  };
  CHECK(with({.dimensions = 4, .max_elements = static_cast<std::size_t>(rank())}));
  if (last == 0) return;
  const auto made = with({.dimensions = 4, .M = rank() == last ? 8U : 16U});
  REQUIRE(!made);
  CHECK(made.error().code() == ErrorCode::incompatible);
  CHECK(made.error().message() ==
        "expected the same setup of all ranks, rank 0 has M 16, ef_construction 200 and seed 24301, rank " +
            std::to_string(last) + " has 8, 200 and 24301");
  CHECK(!with({.dimensions = 4, .ef_construction = rank() == last ? 8U : 16U}));
  CHECK(!with({.dimensions = 4, .seed = rank() == last ? 8U : 16U}));
}

TEST_CASE("a filter that throws on one rank is an error of all") {
  auto index = make_distributed<Brute>();
  REQUIRE(index.batch_insert(at_root(random_items(14, 200, dimensions))));
  const int last = static_cast<int>(ranks()) - 1;
  const auto found = index.try_batch_search(make_queries(3), {.k = 3, .filter = [&](std::uint64_t) -> bool {
                                                                if (rank() == last) throw std::runtime_error("no");
                                                                return true;
                                                              }});
  REQUIRE(!found);
  CHECK(found.error().code() == ErrorCode::callback_failed);
  CHECK(found.error().message() == "rank " + std::to_string(last) + ": a filter or an executor threw: no");
  CHECK(index.try_batch_search(make_queries(3), {.k = 3}));
}

TEST_CASE("an executor that throws on one rank ends the batch for all, and its exception stays there") {
  auto index = make_distributed<Hnsw>();
  const int last = static_cast<int>(ranks()) - 1;
  REQUIRE(index.batch_insert(at_root(random_items(21, 500, dimensions))));
  shoal::BatchOptions options{.threads = 2};
  options.executor = [&](std::size_t count, const std::function<void(std::size_t)>& task) {
    if (rank() == last) throw std::runtime_error("the pool is gone");
    for (std::size_t i = 0; i < count; ++i) task(i);
  };
  const auto result =
      index.batch_insert(at_root(random_items(22, 300, dimensions, 1'000)), shoal::NoProgress{}, options);
  REQUIRE(!result);
  const auto& error = result.error();
  CHECK(error.cause.code() == ErrorCode::callback_failed);
  CHECK(error.cause.message().find("the pool is gone") != std::string_view::npos);
  CHECK(!error.failed_index);
  CHECK(!error.failed_id);
  CHECK((error.exception != nullptr) == (rank() == last));
  CHECK(*index.count_entries() == 500 + error.completed_count);
}

TEST_CASE("queries that throw at their rank are an error of all, which says so") {
  auto index = make_distributed<Brute>();
  REQUIRE(index.batch_insert(at_root(random_items(23, 50, dimensions))));
  const int last = static_cast<int>(ranks()) - 1;
  const auto queries = make_queries(5);
  const auto throwing = queries | std::views::transform([&](const std::vector<float>& query) {
                          if (rank() == last && &query == &queries[3]) throw std::runtime_error("no text");
                          return query;
                        });
  const auto found = index.try_batch_search_each(throwing, {.k = 3});
  REQUIRE(!found);
  CHECK(found.error().code() == ErrorCode::source_failed);
  CHECK(found.error().message() == "rank " + std::to_string(last) + ": the queries threw: no text");
  CHECK(index.try_batch_search_each(queries, {.k = 3}));
}

TEST_CASE("what ranks save, ranks and one process load, and what one process saves, ranks load") {
  const SharedFolder folder;
  const std::string path = folder.file("set");
  const auto items = random_items(15, 1'000, dimensions);
  auto shards = make_shards<Hnsw>(ranks());
  REQUIRE(shards.batch_insert(items));
  const auto queries = make_queries(20);
  const auto expected = shards.batch_search(queries, {.k = 10});
  {
    auto index = make_distributed<Hnsw>();
    REQUIRE(index.batch_insert(at_root(items)));
    for (int times = 0; times < 2; ++times) REQUIRE(index.save(path));  // the files of the first are gone
  }
  wait_for_all();
  CHECK(folder.file_count() == ranks() + 1);
  auto one = shoal::ShardedIndex<Hnsw>::load(path);
  REQUIRE(one);
  CHECK(one->batch_search(queries, {.k = 10}) == expected);
  auto loaded = shoal::mpi::DistributedIndex<Hnsw>::load(MPI_COMM_WORLD, path);
  REQUIRE(loaded);
  CHECK(*loaded->try_batch_search_each(queries, {.k = 10}) == expected);
  auto opened = shoal::mpi::DistributedIndex<Hnsw>::open(MPI_COMM_WORLD, path, {.verify = true});
  REQUIRE(opened);
  CHECK(*opened->try_batch_search_each(queries, {.k = 10}) == expected);
  CHECK(*opened->count_entries() == 1'000);
  // It goes on where it was.
  REQUIRE(loaded->batch_insert(at_root(random_items(16, 100, dimensions, 1'000))));
  wait_for_all();
  if (rank() == 0) REQUIRE(shards.save(folder.file("other")));
  wait_for_all();
  auto other = shoal::mpi::DistributedIndex<Hnsw>::load(MPI_COMM_WORLD, folder.file("other"));
  REQUIRE(other);
  CHECK(*other->try_batch_search_each(queries, {.k = 10}) == expected);
}

TEST_CASE("a set that is damaged, missing, or of another number of shards is refused by all ranks alike") {
  const SharedFolder folder;
  const std::string path = folder.file("set");
  auto index = make_distributed<Brute>();
  REQUIRE(index.batch_insert(at_root(random_items(17, 300, dimensions))));
  REQUIRE(index.save(path));
  using Distributed = shoal::mpi::DistributedIndex<Brute>;
  const auto load = [&](const std::string& from) {
    wait_for_all();
    auto loaded = Distributed::load(MPI_COMM_WORLD, from);
    REQUIRE(!loaded);
    return loaded.error();
  };
  CHECK(load(folder.file("nothing")).code() == ErrorCode::cannot_open);
  if (rank() == 0) {
    auto more = make_shards<Brute>(ranks() + 1);
    REQUIRE(more.save(folder.file("more")));
  }
  CHECK(load(folder.file("more")).code() == ErrorCode::incompatible);
  const auto good = io_tests::read_bytes(path);
  const auto set = shoal::read_shard_set_info(path);
  REQUIRE(set);
  wait_for_all();
  auto bytes = good;
  bytes[50] ^= std::byte{1};
  if (rank() == 0) io_tests::write_bytes(path, bytes);
  CHECK(load(path).code() == ErrorCode::corrupt);
  const auto last = static_cast<shoal::ShardName>(ranks() - 1);
  const std::string file = shoal::detail::shard_path(path, set->tag, last);
  if (rank() == 0) {
    io_tests::write_bytes(path, good);
    auto shard = io_tests::read_bytes(file);
    shard.back() ^= std::byte{1};
    io_tests::write_bytes(file, shard);
  }
  const auto damaged = load(path);
  CHECK(damaged.code() == ErrorCode::corrupt);
  CHECK(damaged.message().find("rank " + std::to_string(last) + ": ") == 0);
  wait_for_all();
  if (rank() == 0) std::filesystem::remove(file);
  CHECK(load(path).code() == ErrorCode::cannot_open);
}

TEST_CASE("when any operation of a save fails on any rank, all say so and the older set is there, whole") {
  const SharedFolder folder;
  const std::string path = folder.file("set");
  auto older = make_distributed<Brute>(), newer = make_distributed<Brute>();
  REQUIRE(older.batch_insert(at_root(random_items(18, 40, dimensions))));
  REQUIRE(newer.batch_insert(at_root(random_items(19, 50, dimensions))));
  for (std::size_t failing = 0; failing < ranks(); ++failing) {
    for (std::size_t allowed = 0;; ++allowed) {
      CAPTURE(failing);
      CAPTURE(allowed);
      REQUIRE(older.save(path));
      FaultyFiles files;
      if (failing == static_cast<std::size_t>(rank())) files.allowed = allowed;
      const auto saved = newer.save(path, {}, files);
      wait_for_all();
      int failed = files.failed ? 1 : 0;
      MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
      const auto loaded = shoal::ShardedIndex<Brute>::load(path);
      REQUIRE(loaded);
      if (failed == 0) {
        REQUIRE(saved);
        REQUIRE(loaded->size() == 50);
        break;
      }
      if (!saved) {
        REQUIRE(saved.error().code() == ErrorCode::io_error);
        REQUIRE(saved.error().message().find("rank " + std::to_string(failing) + ": ") == 0);
      }
      REQUIRE((loaded->size() == 50 || (!saved && loaded->size() == 40)));
      wait_for_all();
    }
  }
}

TEST_CASE("ranks that disagree about the index, and communicators that are none, are refused by all") {
  shoal::HnswConfig config = make_config<Hnsw>();
  using Distributed = shoal::mpi::DistributedIndex<Hnsw>;
  if (ranks() > 1) {
    if (rank() == 1) config.dimensions = 13;
    const auto made = Distributed::create(MPI_COMM_WORLD, config);
    REQUIRE(!made);
    CHECK(made.error().code() == ErrorCode::incompatible);
    if (rank() == 1) config.dimensions = 0;
    const auto invalid = Distributed::create(MPI_COMM_WORLD, config);
    REQUIRE(!invalid);
    CHECK(invalid.error().code() == ErrorCode::invalid_config);
    CHECK(invalid.error().message() == "rank 1: dimensions must be 1 to 65536, got 0");
  }
  if (ranks() > 1) {
    const auto cut =
        Distributed::create(MPI_COMM_WORLD, make_config<Hnsw>(), {.message_bytes = rank() == 1 ? 64U : 128U});
    REQUIRE(!cut);
    CHECK(cut.error().code() == ErrorCode::invalid_config);
    CHECK(cut.error().message() == "message_bytes must be the same on all ranks, got 128 on rank 0 and 64 on rank 1");
  }
  CHECK(Distributed::create(MPI_COMM_NULL, config).error().code() == ErrorCode::invalid_config);
  CHECK(Distributed::create(MPI_COMM_WORLD, config, {.message_bytes = 0}).error().code() == ErrorCode::invalid_config);
}
