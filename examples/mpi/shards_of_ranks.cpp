// One index in all the processes of an MPI job, a shard in each:
//
//     mpirun -n 4 shards_of_ranks     (Open MPI, with fewer than 4 cores: mpirun --oversubscribe -n 4)
//
// Rank 0 has the vectors. Every rank calls the same functions, and every rank is told the same when something is wrong.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <mpi.h>

#include <shoal/mpi/distributed_index.hpp>
#include <shoal/shoal.hpp>

namespace {

constexpr std::size_t dimensions = 64;

using Items = std::vector<std::pair<std::uint64_t, std::vector<float>>>;

Items make_items(std::uint64_t first, std::size_t count) {
  std::mt19937_64 random(first);
  std::normal_distribution<float> component;
  Items items;
  for (std::uint64_t id = first; id < first + count; ++id) {
    items.emplace_back(id, std::vector<float>(dimensions));
    for (float& value : items.back().second) value = component(random);
  }
  return items;
}

int run() {
  auto index = shoal::mpi::DistributedIndex<>::create(MPI_COMM_WORLD, {.dimensions = dimensions});
  if (!index) {
    std::printf("%s\n", std::string(index.error().message()).c_str());
    return 1;
  }
  const bool is_root = index->rank() == 0;

  // Rank 0 reads its vectors; the others take part with none of their own.
  const Items items = is_root ? make_items(0, 10'000) : Items{};
  const auto inserted = index->batch_insert(items, [](std::size_t done, std::size_t total) {
    if (done % 2'500 == 0) std::printf("%zu of %zu\n", done, total);
  });
  if (!inserted) return 1;
  std::printf("rank %zu has %zu of %zu\n", index->rank(), index->local().size(), inserted->size());

  // A bad vector in the middle: every rank has the items before it, none after, and knows which it was.
  Items bad = is_root ? make_items(10'000, 1'000) : Items{};
  if (is_root) bad[600].second[3] = std::nanf("");
  const auto refused = index->batch_insert(bad);
  if (refused || refused.error().successful_count != 600 || refused.error().failed_id != 10'600) return 1;
  std::printf("rank %zu: item %zu: %s\n", index->rank(), *refused.error().failed_index, refused.error().what().c_str());

  // Queries of rank 0 go to all shards; what they find is merged at rank 0.
  std::vector<std::vector<float>> queries;
  for (std::size_t i = 0; i < 5 && is_root; ++i) queries.push_back(items[100 * i].second);
  const auto found = index->try_batch_search(queries, {.k = 3});
  if (!found || found->size() != queries.size()) return 1;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    if ((*found)[i].front().id != 100 * i) return 1;
  }

  // A file for each shard and one that makes them a set.
  const std::string folder = (std::filesystem::temp_directory_path() / "shoal-example-mpi").string();
  if (is_root) std::filesystem::create_directories(folder);
  MPI_Barrier(MPI_COMM_WORLD);
  const auto saved = index->save(folder + "/set");
  auto opened = shoal::mpi::DistributedIndex<>::open(MPI_COMM_WORLD, folder + "/set");
  const bool is_whole = saved && opened && opened->count_entries() == std::uint64_t{10'600};
  const auto again = is_whole ? opened->try_batch_search(queries, {.k = 3}) : found;
  MPI_Barrier(MPI_COMM_WORLD);
  if (is_root) std::filesystem::remove_all(folder);
  return is_whole && again && *again == *found ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  const int result = run();
  if (result != 0) MPI_Abort(MPI_COMM_WORLD, result);  // the others may wait
  MPI_Finalize();
  return result;
}
