// A rank dies in the middle of a batch: the others do not wait for it for ever. Every call of theirs ends with
// peer_lost, what they have can be searched and saved, and they come to their end, which they print.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include <mpi.h>
#include <unistd.h>

#include "vectors.hpp"
#include <shoal/mpi/distributed_index.hpp>
#include <shoal/shoal.hpp>

namespace {

constexpr std::size_t dimensions = 12, item_count = 9'000;
constexpr int dying = 2;

void require(bool is_so, const char* what) {
  if (is_so) return;
  std::printf("not so: %s\n", what);
  std::fflush(stdout);
  std::_Exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  auto made =
      shoal::mpi::DistributedIndex<>::create(MPI_COMM_WORLD, {.dimensions = dimensions, .M = 6}, {.timeout_ms = 3'000});
  require(made.has_value(), "the index is made");
  auto& index = *made;
  std::size_t calls = 0;
  shoal::BatchOptions options;
  options.threads = 2;
  options.executor = [&](std::size_t count, const std::function<void(std::size_t)>& task) {
    if (rank == dying && ++calls == 20) std::raise(SIGKILL);
    for (std::size_t i = 0; i < count; ++i) task(i);
  };
  const auto items = support::random_items(1, rank == 0 ? item_count : 0, dimensions);
  const auto inserted = index.batch_insert(items, shoal::NoProgress{}, options);

  require(!inserted && inserted.error().cause.code() == shoal::ErrorCode::peer_lost,
          "the batch says that a rank is lost");
  const auto& error = inserted.error();
  std::printf("rank %d: %s\n", rank, error.what().c_str());
  require(error.completed_count < item_count && error.successful_ids.size() == error.completed_count,
          "what it says is a prefix");
  for (std::size_t i = 0; i < error.successful_ids.size(); ++i) require(error.successful_ids[i] == i, "in order");
  for (const auto id : error.successful_ids) {
    require(index.local().contains(id) == (index.plan().shard_of(id) == index.rank()), "which is in");
  }
  require(index.is_lost(), "the group is given up");
  const auto again = index.batch_insert(items);
  require(!again && again.error().cause.code() == shoal::ErrorCode::peer_lost, "so is every later batch");
  const auto found = index.try_batch_search(std::vector<float>(dimensions), {.k = 3});
  require(!found && found.error().code() == shoal::ErrorCode::peer_lost, "and search");
  const auto saved = index.save("nowhere/set");
  require(!saved && saved.error().code() == shoal::ErrorCode::peer_lost, "and save");
  require(index.local().check().ok() && index.local().search(std::vector<float>(dimensions), 3).size() == 3,
          "what is here can be searched");
  std::string pattern = (std::filesystem::temp_directory_path() / "shoal-mpi-XXXXXX").string();
  require(mkdtemp(pattern.data()) != nullptr && index.local().save(pattern + "/shard").has_value(), "and saved");
  std::filesystem::remove_all(pattern);
  std::printf("rank %d came to its end\n", rank);
  std::fflush(stdout);
  std::_Exit(0);  // MPI_Finalize would wait for the rank that is gone
}
