// What is saved and loaded is the same index: it finds the same, goes on in the same way, and is saved to the same
// bytes again, whatever it had been through.

#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "fixtures.hpp"
#include "metrics.hpp"
#include "platform.hpp"

using namespace io_tests;
using shoal::ErrorCode;
using support::random_items;

namespace {

/// A user's own metric that files know, and a storage policy of a user's that is made of rows as they are kept.
struct NamedManhattan : support::Manhattan {
  [[maybe_unused]] static constexpr std::string_view name = "test manhattan";
};

/// Two indexes that should be the same, in all that can be asked.
template <class Index>
void check_same(const Index& a, const Index& b, std::size_t dimensions, std::uint64_t most_id) {
  REQUIRE(a.size() == b.size());
  const auto stats_a = a.stats(), stats_b = b.stats();
  REQUIRE(stats_a.dead == stats_b.dead);
  REQUIRE(stats_a.free == stats_b.free);
  REQUIRE(stats_a.levels.size() == stats_b.levels.size());
  for (std::uint64_t id = 0; id < most_id; id += 3) {
    REQUIRE(a.contains(id) == b.contains(id));
    REQUIRE(a.get(id) == b.get(id));
  }
  for (const auto& [id, query] : random_items(4'711, 25, dimensions)) {
    const auto found = a.search(query, 10);
    REQUIRE(b.search(query, 10) == found);
    REQUIRE(b.search(query, {.k = 5, .filter = [](std::uint64_t i) { return i % 3 == 0; }}) ==
            a.search(query, {.k = 5, .filter = [](std::uint64_t i) { return i % 3 == 0; }}));
    if (!found.empty())
      REQUIRE(b.search_within(query, found.back().distance) == a.search_within(query, found.back().distance));
  }
}

/// Saves, loads, compares, and does the same to both from there on.
template <class Index>
void check_round_trip(Index& index, std::size_t dimensions, std::uint64_t most_id) {
  static std::uint64_t next_id = 100'000;  // new ones each time
  next_id += 100;
  const Bytes bytes = bytes_of(index, {.last_sequence = 12});
  REQUIRE(!bytes.empty());
  auto loaded = load_bytes<Index>(bytes);
  REQUIRE_MESSAGE(loaded.has_value(), std::string(loaded ? "" : loaded.error().message()));
  REQUIRE(loaded->check().ok());
  check_same(index, *loaded, dimensions, most_id);
  REQUIRE(bytes_of(*loaded, {.last_sequence = 12}) == bytes);
  const auto more = random_items(99, 60, dimensions, next_id);
  for (Index* each : {&index, &*loaded}) {
    REQUIRE(each->batch_insert(more).has_value() == (each->config().max_elements == 0));
    for (std::uint64_t id = 0; id < most_id; id += 4) (void)each->erase(id);
    REQUIRE(each->check().ok());
  }
  check_same(index, *loaded, dimensions, most_id);
  REQUIRE(bytes_of(*loaded) == bytes_of(index));
}

template <class Index>
void check_all_states(std::size_t dimensions) {
  {
    auto empty = make<Index>(dimensions);
    check_round_trip(empty, dimensions, 10);
  }
  {
    auto one = make<Index>(dimensions);
    REQUIRE(one.batch_insert(random_items(1, 1, dimensions)));
    check_round_trip(one, dimensions, 10);
  }
  {
    auto all_erased = make<Index>(dimensions);
    REQUIRE(all_erased.batch_insert(random_items(1, 200, dimensions)));
    REQUIRE(all_erased.batch_erase(std::vector<int>(1)));
    for (int id = 1; id < 200; ++id) REQUIRE(all_erased.erase(id));
    check_round_trip(all_erased, dimensions, 200);
  }
  auto index = make<Index>(dimensions);
  REQUIRE(index.batch_insert(random_items(2, 700, dimensions)));
  check_round_trip(index, dimensions, 700);  // which adds and erases
  auto full = make<Index>(dimensions, 300);
  REQUIRE(full.batch_insert(random_items(3, 300, dimensions)));
  check_round_trip(full, dimensions, 300);
  for (int round = 0; round < 3; ++round) {  // free slots are taken again
    for (std::uint64_t id = 1; id < 700; id += 2) (void)index.erase(id);
    REQUIRE(index.batch_insert(random_items(5, 150, dimensions, 2'000 + 1'000 * static_cast<std::uint64_t>(round))));
    REQUIRE(index.upsert(2, std::vector<float>(dimensions, 1.0F)));
    check_round_trip(index, dimensions, 700);
  }
  REQUIRE(index.compact());
  check_round_trip(index, dimensions, 700);
}

}  // namespace

// Under sanitizers one of each storage and structure: what a type costs there is the compiler's time.
#if defined(SHOAL_TESTS_OF_FEWER_TYPES)
#define SAVED_INDEXES                                                            \
  Hnsw<shoal::L2Squared, shoal::Float32>, Hnsw<shoal::InnerProduct, shoal::SQ8>, \
      Hnsw<shoal::Cosine, shoal::Refined<shoal::SQ8>>, Brute<shoal::Cosine, shoal::SQ8>
#else
#define SAVED_INDEXES                                                                                                 \
  Hnsw<shoal::L2Squared, shoal::Float32>, Hnsw<shoal::InnerProduct, shoal::Float32>,                                  \
      Hnsw<shoal::Cosine, shoal::Float32>, Hnsw<shoal::L2Squared, shoal::SQ8>, Hnsw<shoal::InnerProduct, shoal::SQ8>, \
      Hnsw<shoal::Cosine, shoal::SQ8>, Hnsw<shoal::L2Squared, shoal::Refined<shoal::SQ8>>,                            \
      Hnsw<shoal::Cosine, shoal::Refined<shoal::SQ8>>, Hnsw<NamedManhattan, shoal::Float32>,                          \
      Brute<shoal::L2Squared, shoal::Float32>, Brute<shoal::Cosine, shoal::SQ8>,                                      \
      Brute<shoal::InnerProduct, shoal::Refined<shoal::SQ8>>
#endif

TEST_CASE_TEMPLATE("an index that is loaded is the one that was saved, for every metric and storage", Index,
                   SAVED_INDEXES) {
  for (const std::size_t dimensions : std::vector<std::size_t>{1, 12, 37}) {
    CAPTURE(dimensions);
    check_all_states<Index>(dimensions);
  }
}

TEST_CASE_TEMPLATE("sketches are saved: before there are any, when they are ready, and when they are of no use", Index,
                   Hnsw<shoal::L2Squared, shoal::Float32>, Hnsw<shoal::InnerProduct, shoal::Float32>,
                   Brute<shoal::Cosine, shoal::Float32>) {
  constexpr std::size_t dimensions = 256;
  for (const bool is_clustered : {true, false}) {
    CAPTURE(is_clustered);
    auto index = make<Index>(dimensions);
    std::vector<std::pair<std::uint64_t, std::vector<float>>> items;
    for (auto& vector : support::clustered_vectors(6, 1'100, dimensions, is_clustered ? 5 : 1'100)) {
      if (!is_clustered) vector.assign(dimensions, 1.0F + static_cast<float>(items.size()));  // all in one direction
      items.emplace_back(items.size(), std::move(vector));
    }
    REQUIRE(index.batch_insert(std::span(items).first(1'000)));
    check_round_trip(index, dimensions, 1'000);
    REQUIRE(index.batch_insert(std::span(items).subspan(1'000, 100), shoal::NoProgress{},
                               {.on_duplicate = shoal::OnDuplicate::overwrite}));
    check_round_trip(index, dimensions, 1'100);
  }
}

TEST_CASE_TEMPLATE("ids of every type come back", Id, std::int8_t, std::uint16_t, std::int32_t, std::uint64_t,
                   std::int64_t) {
  using Index = shoal::HnswIndex<shoal::L2Squared, shoal::Float32, Id>;
  Index index({.dimensions = 2});
  const std::vector<Id> ids{std::numeric_limits<Id>::min(), 1, 7, std::numeric_limits<Id>::max()};
  REQUIRE(index.batch_insert(ids, std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8}));
  const auto loaded = load_bytes<Index>(bytes_of(index));
  REQUIRE(loaded);
  for (const Id id : ids) CHECK(loaded->get(id) == index.get(id));
  using Other = shoal::HnswIndex<shoal::L2Squared, shoal::Float32, std::make_unsigned_t<Id>>;
  const auto other = load_bytes<Other>(bytes_of(index));
  REQUIRE(other.has_value() == std::is_unsigned_v<Id>);
  if (!other) CHECK(other.error().code() == ErrorCode::incompatible);
}

TEST_CASE("a graph of more than 65,535 slots has wide links in its file too") {
  using Index = shoal::HnswIndex<shoal::L2Squared>;
  constexpr std::size_t dimensions = 2;
  Index index({.dimensions = dimensions, .M = 4, .ef_construction = 8});
  REQUIRE(index.batch_insert(random_items(8, 66'000, dimensions)));
  const Bytes bytes = bytes_of(index);
  auto loaded = load_bytes<Index>(bytes);
  REQUIRE(loaded);
  REQUIRE(loaded->check().ok());
  check_same(index, *loaded, dimensions, 3'000);
  REQUIRE(bytes_of(*loaded) == bytes);
  REQUIRE(loaded->insert(70'000, std::vector<float>{0, 0}));
  for (std::uint64_t id = 0; id < 2'000; ++id) REQUIRE(loaded->erase(id));
  REQUIRE(loaded->compact());  // narrow again
  REQUIRE(loaded->check().ok());
  auto narrow = load_bytes<Index>(bytes_of(*loaded));
  REQUIRE(narrow);
  check_same(*loaded, *narrow, dimensions, 3'000);
  REQUIRE(narrow->batch_insert(random_items(9, 2'000, dimensions, 80'000)));  // and wide again
  REQUIRE(narrow->check().ok());
}

TEST_CASE_TEMPLATE("the file is the same at every number of threads", Index, Hnsw<shoal::L2Squared, shoal::Float32>,
                   Hnsw<shoal::Cosine, shoal::Refined<shoal::SQ8>>) {
  constexpr std::size_t dimensions = 16;
  const auto items = random_items(10, 3'000, dimensions);
  const auto build = [&](unsigned threads) {
    auto index = make<Index>(dimensions);
    shoal::BatchOptions options;
    options.threads = threads;
    REQUIRE(index.batch_insert(std::span(items).first(2'500), shoal::NoProgress{}, options));
    std::vector<std::uint64_t> erased;
    for (std::uint64_t id = 0; id < 900; ++id) erased.push_back(id);
    shoal::EraseOptions erase_options;
    erase_options.threads = threads;
    REQUIRE(index.batch_erase(erased, erase_options));
    REQUIRE(index.batch_insert(std::span(items).subspan(2'500), shoal::NoProgress{}, options));
    return bytes_of(index);
  };
  const Bytes once = build(1);
  CHECK(once.size() > 100'000);
  for (const unsigned threads : {1U, 2U, 3U, 8U}) {
    CAPTURE(threads);
    CHECK(build(threads) == once);
  }
}

TEST_CASE_TEMPLATE("a save from the callback of a batch holds the items so far", Index,
                   Hnsw<shoal::L2Squared, shoal::Float32>, Brute<shoal::L2Squared, shoal::Float32>) {
  constexpr std::size_t dimensions = 8;
  const auto items = random_items(11, 700, dimensions);
  for (const auto atomicity : {shoal::Atomicity::prefix, shoal::Atomicity::all_or_nothing}) {
    auto index = make<Index>(dimensions);
    REQUIRE(index.batch_insert(std::span(items).first(100)));
    REQUIRE(index.erase(3));
    shoal::BatchOptions options;
    options.atomicity = atomicity;
    std::size_t saves = 0;
    REQUIRE(index.batch_insert(
        std::span(items).subspan(100),
        [&](std::size_t done, std::size_t) {
          if (done % 97 != 0) return;
          ++saves;
          const auto loaded = load_bytes<Index>(bytes_of(index));
          REQUIRE(loaded);
          REQUIRE(loaded->size() == 99 + done);
          REQUIRE(loaded->contains(99 + done));
          REQUIRE(!loaded->contains(100 + done));
          REQUIRE(loaded->check().ok());
        },
        options));
    CHECK(saves == 6);
  }
}

TEST_CASE("an index is saved while others search it, and the next change waits" * support::needs_threads()) {
  constexpr std::size_t dimensions = 16;
  using Index = shoal::HnswIndex<shoal::L2Squared>;
  Index index({.dimensions = dimensions});
  const auto items = random_items(12, 3'000, dimensions);
  REQUIRE(index.batch_insert(std::span(items).first(2'000)));
  const Folder folder;
  std::vector<int> failures(3);
  std::thread saver([&] {
    for (int i = 0; i < 20; ++i) {
      if (!index.save(folder.file())) ++failures[0];
      auto loaded = Index::load(folder.file());
      if (!loaded || !loaded->check().ok()) ++failures[0];
    }
  });
  std::thread searcher([&] {
    for (std::size_t i = 0; i < 3'000; ++i) {
      if (index.search(items[i].second, 5).size() != 5) ++failures[1];
    }
  });
  std::thread writer([&] {
    for (std::size_t i = 2'000; i < 3'000; ++i) {
      if (!index.insert(items[i].first, items[i].second)) ++failures[2];
    }
  });
  saver.join();
  searcher.join();
  writer.join();
  CHECK(failures == std::vector<int>(3));
}

TEST_CASE("an index file says what it holds, and is refused where something else is expected") {
  const Folder folder;
  const std::string path = folder.file();
  shoal::HnswIndex<shoal::Cosine, shoal::Refined<shoal::SQ8>, std::int32_t> index(
      {.dimensions = 5, .M = 7, .ef_construction = 30, .seed = 9, .max_elements = 100});
  REQUIRE(index.batch_insert(random_items(13, 40, 5)));
  REQUIRE(index.save(path, {.last_sequence = 4'711}));
  REQUIRE(folder.file_count() == 1);
  const auto info = shoal::read_index_file_info(path);
  REQUIRE(info);
  CHECK(info->structure == "hnsw");
  CHECK(info->metric == "cosine");
  CHECK(info->storage == "refined sq8");
  CHECK(info->id_bytes == 4);
  CHECK(info->id_is_signed);
  CHECK(info->dimensions == 5);
  CHECK(info->M == 7);
  CHECK(info->ef_construction == 30);
  CHECK(info->seed == 9);
  CHECK(info->max_elements == 100);
  CHECK(info->live == 40);
  CHECK(info->last_sequence == 4'711);
  const auto loaded = decltype(index)::load(path, {.second_writer = shoal::SecondWriter::is_refused});
  REQUIRE(loaded);
  CHECK(loaded->config().second_writer == shoal::SecondWriter::is_refused);
  const auto expect_incompatible = [](const auto& wrong, const std::string& part) {
    REQUIRE(!wrong);
    CHECK(wrong.error().code() == ErrorCode::incompatible);
    CHECK_MESSAGE(wrong.error().message().find(part) != std::string::npos, std::string(wrong.error().message()));
  };
  expect_incompatible(shoal::HnswIndex<shoal::L2Squared, shoal::Refined<shoal::SQ8>, std::int32_t>::load(path),
                      "metric");
  expect_incompatible(shoal::HnswIndex<shoal::Cosine, shoal::SQ8, std::int32_t>::load(path), "storage");
  expect_incompatible(shoal::HnswIndex<shoal::Cosine, shoal::Refined<shoal::SQ8>>::load(path), "ids");
  expect_incompatible(shoal::BruteForceIndex<shoal::Cosine, shoal::Refined<shoal::SQ8>, std::int32_t>::load(path),
                      "structure");
  // A later version, and a feature that we do not know.
  for (const std::size_t at : std::vector<std::size_t>{8, 16, 23}) {
    Bytes bytes = read_bytes(path);
    bytes[at] = bytes[at] ^ std::byte{2};
    mend_checksums(bytes);
    const auto later = load_bytes<decltype(index)>(bytes);
    expect_incompatible(later, "version");
  }
}

TEST_CASE("a file that cannot be opened is an error that names it") {
  const Folder folder;
  using Index = shoal::HnswIndex<>;
  const auto missing = Index::load(folder.file("no.shoal"));
  REQUIRE(!missing);
  CHECK(missing.error().code() == ErrorCode::cannot_open);
  CHECK(missing.error().message().find("no.shoal") != std::string::npos);
  const auto is_folder = Index::load(folder.file(""));
  REQUIRE(!is_folder);
  CHECK(is_folder.error().code() == ErrorCode::cannot_open);
  const Index index({.dimensions = 2});
  const auto nowhere = index.save(folder.file("no/index.shoal"));
  REQUIRE(!nowhere);
  CHECK(nowhere.error().code() == ErrorCode::cannot_open);
  write_bytes(folder.file("text"), Bytes(5'000, std::byte{'x'}));
  const auto text = Index::load(folder.file("text"));
  REQUIRE(!text);
  CHECK(text.error().code() == ErrorCode::corrupt);
  CHECK(text.error().message().find("text") != std::string::npos);
}
