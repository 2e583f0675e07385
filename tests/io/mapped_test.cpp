// An index that is opened where it lies finds what the one that was saved finds, for every metric and storage.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "faults.hpp"
#include "fixtures.hpp"

using namespace io_tests;
using shoal::ErrorCode;
using support::random_items;

namespace {

template <class Index, class Mapped>
void check_same_answers(const Index& index, const Mapped& mapped, std::uint64_t most_id) {
  const std::size_t dimensions = index.dimensions();
  REQUIRE(mapped.size() == index.size());
  REQUIRE(mapped.dimensions() == dimensions);
  REQUIRE(mapped.stats().dead == index.stats().dead);
  REQUIRE(mapped.stats().free == index.stats().free);
  std::vector<std::vector<float>> queries;
  for (auto& [id, query] : random_items(4'711, 20, dimensions)) queries.push_back(std::move(query));
  auto context = mapped.make_search_context();
  for (const auto& query : queries) {
    const auto found = index.search(query, 10);
    REQUIRE(mapped.search(query, 10) == found);
    const auto again = mapped.search(query, {.k = 10}, context);
    REQUIRE(std::equal(again.begin(), again.end(), found.begin(), found.end()));
    REQUIRE(mapped.search(query, {.k = 5, .filter = [](std::uint64_t i) { return i % 3 == 0; }}) ==
            index.search(query, {.k = 5, .filter = [](std::uint64_t i) { return i % 3 == 0; }}));
    const std::vector<std::uint64_t> some{1, 2, 5, 100, most_id + 7};
    REQUIRE(mapped.search(query, {.k = 5, .among = some}) == index.search(query, {.k = 5, .among = some}));
    if (!found.empty()) {
      REQUIRE(mapped.search_within(query, found.back().distance) == index.search_within(query, found.back().distance));
    }
  }
  REQUIRE(mapped.batch_search(queries, 5) == index.batch_search(queries, 5));
  for (std::uint64_t id = 0; id < most_id; ++id) {
    REQUIRE(mapped.contains(id) == index.contains(id));
    if (id % 7 == 0) REQUIRE(mapped.get(id) == index.get(id));
  }
  REQUIRE(!mapped.contains(-1));
}

template <class Index>
void check_opened(const Index& index, std::uint64_t most_id) {
  const Folder folder;
  REQUIRE(index.save(folder.file()));
  for (const bool verify : {false, true}) {
    auto mapped = Index::open(folder.file(), {.verify = verify});
    REQUIRE_MESSAGE(mapped.has_value(), std::string(mapped ? "" : mapped.error().message()));
    check_same_answers(index, *mapped, most_id);
    REQUIRE(mapped->check().ok());
    typename Index::Mapped moved = std::move(*mapped);
    check_same_answers(index, moved, 20);
  }
}

}  // namespace

// Under sanitizers one of each storage and structure.
#if defined(SHOAL_TESTS_OF_FEWER_TYPES)
#define OPENED_INDEXES                                                           \
  Hnsw<shoal::L2Squared, shoal::Float32>, Hnsw<shoal::InnerProduct, shoal::SQ8>, \
      Hnsw<shoal::Cosine, shoal::Refined<shoal::SQ8>>, Brute<shoal::Cosine, shoal::SQ8>
#else
#define OPENED_INDEXES                                                                                                \
  Hnsw<shoal::L2Squared, shoal::Float32>, Hnsw<shoal::InnerProduct, shoal::SQ8>, Hnsw<shoal::Cosine, shoal::Float32>, \
      Hnsw<shoal::Cosine, shoal::Refined<shoal::SQ8>>, Brute<shoal::L2Squared, shoal::Float32>,                       \
      Brute<shoal::Cosine, shoal::SQ8>, Brute<shoal::InnerProduct, shoal::Refined<shoal::SQ8>>
#endif

TEST_CASE_TEMPLATE("an opened index finds what the saved one finds, for every metric and storage", Index,
                   OPENED_INDEXES) {
  constexpr std::size_t dimensions = 19;
  auto index = make<Index>(dimensions);
  check_opened(index, 10);
  REQUIRE(index.batch_insert(random_items(1, 1, dimensions)));
  check_opened(index, 10);
  REQUIRE(index.batch_insert(random_items(2, 1'200, dimensions, 1)));
  for (std::uint64_t id = 0; id < 50; id += 2) REQUIRE(index.erase(id));
  check_opened(index, 1'300);
  for (std::uint64_t id = 1; id < 600; id += 2) REQUIRE(index.erase(id));
  check_opened(index, 1'300);
  for (std::uint64_t id = 0; id < 1'300; ++id) (void)index.erase(id);
  REQUIRE(index.empty());
  check_opened(index, 1'300);
}

TEST_CASE("an opened index uses its sketches, and links of four bytes") {
  auto sketched = make<Hnsw<shoal::L2Squared, shoal::Float32>>(256);
  std::vector<support::Item> items;
  for (auto& vector : support::clustered_vectors(6, 1'100, 256, 5)) items.emplace_back(items.size(), std::move(vector));
  REQUIRE(sketched.batch_insert(items));
  check_opened(sketched, 1'100);
  shoal::HnswIndex<> wide({.dimensions = 2, .M = 4, .ef_construction = 8});
  REQUIRE(wide.batch_insert(random_items(8, 66'000, 2)));
  check_opened(wide, 1'000);
}

TEST_CASE("an opened index allocates next to nothing, and tells the bytes of its file") {
  auto index = make<Hnsw<shoal::L2Squared, shoal::Float32>>(64);
  REQUIRE(index.batch_insert(random_items(3, 5'000, 64)));
  const Folder folder;
  REQUIRE(index.save(folder.file()));
  const auto mapped = Hnsw<shoal::L2Squared, shoal::Float32>::open(folder.file());
  REQUIRE(mapped);
  const auto usage = mapped->memory_usage();
  CHECK(usage.mapped == read_bytes(folder.file()).size());
  CHECK(usage.total() < 1'000);
  CHECK(index.memory_usage().total() > 1'000'000);
  CHECK(index.memory_usage().mapped == 0);
  CHECK(mapped->config().M == 6);
}

TEST_CASE("a file may be replaced while it is open") {
  using Index = Hnsw<shoal::L2Squared, shoal::Float32>;
  auto index = make<Index>(8);
  REQUIRE(index.batch_insert(random_items(4, 500, 8)));
  const Folder folder;
  REQUIRE(index.save(folder.file()));
  const auto before = Index::open(folder.file());
  REQUIRE(before);
  auto other = make<Index>(8);
  REQUIRE(other.batch_insert(random_items(5, 300, 8)));
  REQUIRE(other.save(folder.file()));
  check_same_answers(index, *before, 500);
  const auto after = Index::open(folder.file());
  REQUIRE(after);
  check_same_answers(other, *after, 500);
}

TEST_CASE("a file of another kind is not opened, and an operation that fails is said") {
  using Index = Hnsw<shoal::L2Squared, shoal::Float32>;
  auto index = make<Index>(8);
  REQUIRE(index.batch_insert(random_items(4, 500, 8)));
  const Folder folder;
  const std::string path = folder.file();
  REQUIRE(index.save(path));
  const auto wrong = Hnsw<shoal::Cosine, shoal::Float32>::open(path);
  REQUIRE(!wrong);
  CHECK(wrong.error().code() == ErrorCode::incompatible);
  CHECK(wrong.error().message().find(path) != std::string::npos);
  const auto missing = Index::open(folder.file("missing"));
  REQUIRE(!missing);
  CHECK(missing.error().code() == ErrorCode::cannot_open);
  FaultyFiles counting;
  REQUIRE(Index::open(path, {}, counting));
  CHECK(counting.log == std::vector<std::string>{"open", "size", "read", "map"});
  for (std::size_t allowed = 0; allowed < counting.log.size(); ++allowed) {
    FaultyFiles files;
    files.allowed = allowed;
    const auto opened = Index::open(path, {}, files);
    REQUIRE(!opened);
    CHECK(opened.error().code() == ErrorCode::io_error);
  }
}
