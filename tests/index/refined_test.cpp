// Refined<SQ8>: codes choose, floats rank. The oracle is an index over each alone: of the max(20, 2 k) that codes rank
// first, the k that are nearest as floats, with distances to the last bit.

#include <set>

#include "index_types.hpp"

using namespace index_tests;
using support::random_items;

namespace {

template <class M>
struct OfMetric {
  using Metric = M;
};

template <class M, class Storage>
shoal::BruteForceIndex<M, Storage> exact_index(const std::vector<support::Item>& items) {
  shoal::BruteForceIndex<M, Storage> index({.dimensions = items[0].second.size()});
  REQUIRE(index.batch_insert(items));
  return index;
}

/// The `k` nearest as floats among the nearest by codes, of those that pass.
template <class Codes, class Floats>
auto expected(const Codes& codes, const Floats& floats, const std::vector<float>& query, std::size_t k,
              const std::function<bool(std::uint64_t)>& passes) {
  const std::size_t wanted = std::max<std::size_t>(20, 2 * std::min(k, codes.size()));
  std::set<std::uint64_t> nearest;
  for (const auto& neighbor : codes.search(query, {.k = wanted, .filter = passes})) nearest.insert(neighbor.id);
  return floats.search(query, {.k = k, .filter = [&](std::uint64_t id) { return nearest.contains(id); }});
}

}  // namespace

TEST_CASE_TEMPLATE("what codes rank first is ranked anew as floats, distances to the last bit", Metric,
                   OfMetric<shoal::L2Squared>, OfMetric<shoal::InnerProduct>, OfMetric<shoal::Cosine>) {
  using M = typename Metric::Metric;
  using Storage = shoal::Refined<shoal::SQ8>;
  const auto every = [](std::uint64_t) { return true; };
  const auto third = [](std::uint64_t id) { return id % 3 == 0; };
  for (const std::size_t wide : {12U, 96U}) {
    CAPTURE(wide);
    const auto items = random_items(401, 1'200, wide);
    const auto codes = exact_index<M, shoal::SQ8>(items);
    const auto floats = exact_index<M, shoal::Float32>(items);
    const auto refined = exact_index<M, Storage>(items);
    // A walk that keeps everything finds what exact search finds.
    shoal::HnswIndex<M, Storage> graph({.dimensions = wide, .M = 8, .ef_construction = 40});
    REQUIRE(graph.batch_insert(items));
    support::Random random(402);
    for (int i = 0; i < 10; ++i) {
      const auto query = support::random_vector(random, wide);
      for (const std::size_t k : {1U, 5U, 10U, 11U, 50U, 1'200U}) {
        CAPTURE(k);
        const auto all = expected(codes, floats, query, k, every);
        const auto some = expected(codes, floats, query, k, third);
        CHECK(refined.search(query, {.k = k, .ef = 1}) == floats.search(query, k));  // exact search is
        CHECK(graph.search(query, {.k = k, .ef = 1'200}) == all);
        CHECK(graph.search(query, {.k = k, .ef = 1'200, .filter = third}) == some);
        CHECK(refined.search(query, {.k = k, .filter = third}) == floats.search(query, {.k = k, .filter = third}));
      }
    }
  }
}

TEST_CASE("a vector that was put in is given back bit for bit, and is its own nearest at distance 0") {
  const auto items = random_items(403, 500, dimensions);
  HnswRefined index = make_index<HnswRefined>();
  REQUIRE(index.batch_insert(items));
  for (const auto& [id, vector] : items) {
    CHECK(index.get(id) == vector);
    const auto found = index.search(vector, 1);
    CHECK(found.front() == shoal::Neighbor<std::uint64_t>{id, 0.0F});
  }
}

TEST_CASE("ranked by floats, results are those of floats where codes alone confuse neighbours") {
  const auto vectors = support::clustered_vectors(404, 3'100, 32, 40);
  std::vector<support::Item> items;
  for (std::size_t i = 0; i < 3'000; ++i) items.emplace_back(i, vectors[i]);
  HnswRefined refined({.dimensions = 32});
  HnswL2Sq8 codes({.dimensions = 32});
  REQUIRE(refined.batch_insert(items));
  REQUIRE(codes.batch_insert(items));
  const auto floats = exact_index<shoal::L2Squared, shoal::Float32>(items);
  std::size_t by_codes = 0, by_refined = 0;
  for (std::size_t i = 3'000; i < vectors.size(); ++i) {
    const auto truth = floats.search(vectors[i], 10);
    const auto hits = [&](const auto& found) {
      std::size_t count = 0;
      for (const auto& neighbor : found) {
        count +=
            support::squared_l2(items[neighbor.id].second, vectors[i]) <= truth.back().distance * (1 + 1e-6) ? 1 : 0;
      }
      return count;
    };
    by_codes += hits(codes.search(vectors[i], {.k = 10, .ef = 100}));
    by_refined += hits(refined.search(vectors[i], {.k = 10, .ef = 100}));
  }
  CHECK(by_refined >= 995);  // of 1,000
  CHECK(by_codes < by_refined);
}
