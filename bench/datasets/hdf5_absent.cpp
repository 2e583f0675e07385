// Stands in for hdf5.cpp where HDF5 was not found when the build was configured.

#include <datasets/hdf5.hpp>

namespace shoal::datasets {

bool has_hdf5() { return false; }

Result<Hdf5Contents> read_hdf5(const std::filesystem::path& path, std::size_t) {
  return fail(path,
              "this program was built without HDF5; install it (Debian: apt-get install libhdf5-dev), then configure ",
              "and build again");
}

}  // namespace shoal::datasets
