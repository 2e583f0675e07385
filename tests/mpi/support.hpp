#pragma once
// What the ranks of a test share: every rank runs the same test case, and all of them have to pass it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <mpi.h>

#include "../shards/support.hpp"
#include <shoal/mpi/distributed_index.hpp>

namespace mpi_tests {

using namespace shard_tests;

inline int rank() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}
inline std::size_t ranks() {
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return static_cast<std::size_t>(size);
}

/// A folder that all ranks see, removed by rank 0 when all have left it.
class SharedFolder {
 public:
  SharedFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "shoal-mpi-XXXXXX").string();
    if (rank() == 0) REQUIRE(mkdtemp(pattern.data()) != nullptr);
    MPI_Bcast(pattern.data(), static_cast<int>(pattern.size()), MPI_CHAR, 0, MPI_COMM_WORLD);
    path_ = pattern;
  }
  ~SharedFolder() {
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank() == 0) std::filesystem::remove_all(path_);
  }
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] std::size_t file_count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::string path_;
};

/// Between steps of which one rank alone looks at what all did.
inline void wait_for_all() { MPI_Barrier(MPI_COMM_WORLD); }

template <class Index>
shoal::mpi::DistributedIndex<Index> make_distributed(std::size_t max_elements = 0,
                                                     const shoal::mpi::Options& waiting = {}) {
  auto made = shoal::mpi::DistributedIndex<Index>::create(MPI_COMM_WORLD, make_config<Index>(max_elements), waiting);
  REQUIRE(made);
  return *std::move(made);
}

/// The items where they are read, elsewhere none.
inline std::vector<support::Item> at_root(std::vector<support::Item> items) {
  if (rank() != 0) items.clear();
  return items;
}

/// The ids that are on this rank and belong there.
template <class Distributed>
std::vector<std::uint64_t> own_ids(const Distributed& index) {
  std::vector<std::uint64_t> ids = index.local().ids();
  std::sort(ids.begin(), ids.end());
  for (const auto id : ids) REQUIRE(index.plan().shard_of(id) == index.rank());
  return ids;
}
/// Those of `ids` that belong to this rank.
template <class Distributed>
std::vector<std::uint64_t> own_of(const Distributed& index, const std::vector<std::uint64_t>& ids) {
  std::vector<std::uint64_t> own;
  for (const auto id : ids) {
    if (index.plan().shard_of(id) == index.rank()) own.push_back(id);
  }
  return own;
}

}  // namespace mpi_tests
