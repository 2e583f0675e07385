// Churn: entries are erased and put in again under new ids, round after round. Recall stays within a point of a fresh
// build's at the same ef, every entry can be reached, memory stays within a tenth. On real text vectors where they are
// at hand (as real_data_test), else and under sanitizers on fewer made-up ones.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "index_types.hpp"
#include <datasets/clustered.hpp>
#include <datasets/ground_truth.hpp>
#include <datasets/load.hpp>
#include <datasets/recall.hpp>

namespace {

using namespace index_tests;

constexpr std::size_t churn_ef = 64;
constexpr std::uint64_t churn_seed = 20'261'122;

std::optional<shoal::datasets::Dataset> churn_data() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return std::nullopt;
#else
  const char* folder = std::getenv("SHOAL_DATA");
  const std::filesystem::path path = std::filesystem::path(folder != nullptr ? folder : "../shared/data");
  if (!std::filesystem::exists(path / "debian-lsa768")) return std::nullopt;
  auto loaded = shoal::datasets::load(path / "debian-lsa768");
  REQUIRE_MESSAGE(loaded, loaded.error());
  return *std::move(loaded);
#endif
}

/// The vectors of the index are always the rows of the set: the id of row i in its r-th life is i + r * rows.
template <class Index>
double recall_of(const Index& index, const shoal::datasets::Dataset& data) {
  std::vector<std::vector<std::uint64_t>> results;
  for (std::size_t i = 0; i < data.queries.rows; ++i) {
    results.emplace_back();
    for (const auto& neighbor : index.search(data.queries.row(i), {.k = 10, .ef = churn_ef})) {
      results.back().push_back(neighbor.id % data.base.rows);
    }
  }
  return shoal::datasets::recall_at_k(data, results, 10);
}

/// All that an index owns. Of a small one, what entries take: the working memory of small batches would be most of it.
template <class Index>
double bytes_of(const Index& index) {
  const shoal::MemoryUsage usage = index.memory_usage();
  return static_cast<double>(index.size() < 20'000 ? usage.total() - usage.scratch : usage.total());
}

template <class Storage>
void churn(const shoal::datasets::Dataset& data, double share, std::size_t rounds) {
  using Index = shoal::HnswIndex<shoal::L2Squared, Storage>;
  const std::size_t rows = data.base.rows;
  Index index({.dimensions = data.base.cols});
  REQUIRE(index.batch_insert(iota(0, rows), data.base.values));
  const double fresh = recall_of(index, data);
  const double fresh_bytes = bytes_of(index);
  std::vector<std::uint64_t> live = iota(0, rows);
  support::Random random(churn_seed);
  const auto count = static_cast<std::size_t>(share * static_cast<double>(rows));
  double worst = 1, most_bytes = 0;
  for (std::size_t round = 1; round <= rounds; ++round) {
    for (std::size_t i = 0; i < count; ++i) std::swap(live[i], live[i + random.below(rows - i)]);
    const std::span<std::uint64_t> going = std::span(live).first(count);
    const auto report = index.batch_erase(going);
    REQUIRE(report);
    REQUIRE(report->erased.size() == count);
    std::vector<std::pair<std::uint64_t, std::span<const float>>> coming;
    for (std::uint64_t& id : going) {
      id += rows;
      coming.emplace_back(id, data.base.row(id % rows));
    }
    REQUIRE(index.batch_insert(coming));
    if (rounds > 10 && round % 10 != 0) continue;
    worst = std::min(worst, recall_of(index, data));
    most_bytes = std::max(most_bytes, bytes_of(index));
    const auto check = index.check();
    CHECK(check.ok());
    CHECK(check.unreachable == 0);
  }
  const double percent = share * 100;
  MESSAGE(percent, " percent x ", rounds, " of ", rows, ": recall@10 at ef ", churn_ef, " at worst ", worst, ", fresh ",
          fresh, ", memory at most ", most_bytes / fresh_bytes, "x, seed ", churn_seed);
  CHECK(worst >= fresh - 0.01);
  CHECK(most_bytes <= 1.1 * fresh_bytes);
}

}  // namespace

TEST_CASE_TEMPLATE("half of all entries erased and inserted again, ten times; one in a hundred, a hundred times",
                   Storage, shoal::SQ8, shoal::Float32) {
  auto data = churn_data();
  if (!data) {
    MESSAGE("no real vectors: made-up ones");
    data = shoal::datasets::clustered(6'000, 32, churn_seed, 200);
    data->truth = shoal::datasets::exact_ground_truth(data->base, data->queries, data->metric, 10);
  }
  churn<Storage>(*data, 0.5, 10);
  churn<Storage>(*data, 0.01, 100);
}
