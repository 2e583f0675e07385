// What a search may return: ids that a predicate accepts, ids of a list, everything within a radius; and searching in a
// loop without allocating.
#include <cstdint>
#include <cstdio>
#include <random>
#include <span>
#include <vector>

#include <shoal/shoal.hpp>

int main() {
  constexpr std::size_t dimensions = 32, rows = 5'000;
  std::mt19937 random(7);
  std::normal_distribution<float> component;
  std::vector<float> matrix(rows * dimensions);
  for (float& value : matrix) value = component(random);
  std::vector<std::uint64_t> ids(rows);
  for (std::uint64_t i = 0; i < rows; ++i) ids[i] = i;

  shoal::HnswIndex<> index({.dimensions = dimensions});
  if (!index.batch_insert(ids, matrix)) return 1;
  const std::span<const float> query(matrix.data(), dimensions);

  // One in a hundred passes: what passes is compared one by one, which is exact.
  const auto hundredths = index.search(query, {.k = 5, .filter = [](std::uint64_t id) { return id % 100 == 0; }});
  for (const auto& [id, distance] : hundredths) std::printf("id %5zu  %.2f\n", static_cast<std::size_t>(id), distance);

  // A list instead of a predicate; an id that is not in the index is passed over.
  const std::vector<std::uint64_t> bought = {17, 4'711, 999'999};
  const auto listed = index.search(query, {.k = 5, .among = bought});
  std::printf("%zu of the list\n", listed.size());

  // Everything as near as the tenth neighbour.
  const float radius = index.search(query, 10).back().distance;
  std::printf("%zu within %.2f\n", index.search_within(query, radius).size(), radius);

  // The context holds what a search works with; what it returns lies there until the next search.
  auto context = index.make_search_context();
  const shoal::SearchOptions options{.k = 3};
  std::size_t found = 0;
  for (std::size_t i = 0; i < 100; ++i) {
    found += index.search(std::span<const float>(&matrix[i * dimensions], dimensions), options, context).size();
  }
  return hundredths.size() == 5 && listed.size() == 2 && found == 300 ? 0 : 1;
}
