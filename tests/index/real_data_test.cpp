// Recall on real vectors, where they are at hand: SHOAL_DATA, or ../shared/data beside the repository. The figures
// asked for are those of docs/sq8.md and of the first release; without the data the test passes and says so.

#include <cstdlib>
#include <filesystem>

#include "index_types.hpp"
#include <datasets/load.hpp>
#include <datasets/recall.hpp>

using namespace index_tests;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool is_slow = true;
#else
constexpr bool is_slow = false;
#endif

/// The data set in a folder of that name, if it is there.
std::optional<shoal::datasets::Dataset> find_dataset(const char* name) {
  const char* folder = std::getenv("SHOAL_DATA");
  const std::filesystem::path path = std::filesystem::path(folder != nullptr ? folder : "../shared/data") / name;
  if (!std::filesystem::exists(path)) {
    MESSAGE("no data in ", path.string(), ": nothing was checked");
    return std::nullopt;
  }
  auto loaded = shoal::datasets::load(path);
  REQUIRE_MESSAGE(loaded, loaded.error());
  return *std::move(loaded);
}

struct Asked {
  std::size_t ef;
  double recall;
};

template <class Storage>
void check_recall(const shoal::datasets::Dataset& data, const std::vector<Asked>& asked) {
  shoal::HnswIndex<shoal::L2Squared, Storage> index({.dimensions = data.base.cols, .M = 16, .ef_construction = 200});
  const auto inserted = index.batch_insert(iota(0, data.base.rows), data.base.values);
  REQUIRE_MESSAGE(inserted, inserted.error().what());
  const shoal::CheckReport report = index.check();
  CHECK(report.ok());
  CHECK(report.unreachable == 0);
  for (const Asked& one : asked) {
    std::vector<std::vector<std::uint64_t>> results;
    for (std::size_t i = 0; i < data.queries.rows; ++i) {
      results.emplace_back();
      for (const auto& neighbor : index.search(data.queries.row(i), {.k = 10, .ef = one.ef})) {
        results.back().push_back(neighbor.id);
      }
    }
    const double recall = shoal::datasets::recall_at_k(data, results, 10);
    MESSAGE(data.name, ": recall@10 ", recall, " at ef ", one.ef, ", asked for ", one.recall);
    CHECK(recall >= one.recall);
  }
}

/// The share of what lies within the distance of each query's `rank`-th neighbour that search_within finds.
template <class Storage>
void check_within(const shoal::datasets::Dataset& data, std::size_t rank, double asked) {
  shoal::HnswIndex<shoal::L2Squared, Storage> index({.dimensions = data.base.cols});
  shoal::BruteForceIndex<shoal::L2Squared, Storage> exact({.dimensions = data.base.cols});
  REQUIRE(index.batch_insert(iota(0, data.base.rows), data.base.values));
  REQUIRE(exact.batch_insert(iota(0, data.base.rows), data.base.values));
  std::size_t found = 0, wanted = 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(data.queries.rows, 200); ++i) {
    const float radius = exact.search(data.queries.row(i), rank).back().distance;
    found += index.search_within(data.queries.row(i), radius).size();
    wanted += exact.search_within(data.queries.row(i), radius).size();
  }
  const double share = static_cast<double>(found) / static_cast<double>(wanted);
  MESSAGE(data.name, ": search_within finds ", share, " of the nearest ", rank, ", asked for ", asked);
  CHECK(share >= asked);
}

}  // namespace

TEST_CASE("what lies within a radius, on text, image descriptors and neural embeddings") {
  if (is_slow) return;
  for (const char* const name : {"debian-lsa768", "sift5k-128", "sutta-e5-384"}) {
    const auto data = find_dataset(name);
    if (!data) continue;
    for (const std::size_t rank : {10U, 100U, 1'000U}) {
      check_within<shoal::Float32>(*data, rank, 0.99);
      check_within<shoal::SQ8>(*data, rank, 0.99);
    }
  }
}

TEST_CASE("20,000 text vectors: recall of the graph over floats and over SQ8, and no vector out of reach") {
  if (is_slow) return;
  const auto data = find_dataset("debian-lsa768");
  if (!data) return;
  check_recall<shoal::Float32>(*data, {{100, 0.987}, {400, 0.997}, {6400, 0.9995}});
  check_recall<shoal::SQ8>(*data, {{400, 0.985}});
}

TEST_CASE("small sets of image descriptors and of neural embeddings") {
  if (const auto data = find_dataset("sift5k-128")) {
    check_recall<shoal::Float32>(*data, {{100, 0.99}});
    check_recall<shoal::SQ8>(*data, {{100, 0.97}});
  }
  if (const auto data = find_dataset("sutta-e5-384")) {
    check_recall<shoal::Float32>(*data, {{100, 0.99}});
    check_recall<shoal::SQ8>(*data, {{100, 0.98}});
  }
}
