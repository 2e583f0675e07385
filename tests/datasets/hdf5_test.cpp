// The HDF5 files of ann-benchmarks, written here with the library they are read with; or, without it, how to get it.

#include "support.hpp"
#include <datasets/hdf5.hpp>
#include <datasets/load.hpp>

#ifdef SHOAL_DATASETS_HAS_HDF5

#include <array>

#include <hdf5.h>

namespace shoal::datasets {
namespace {
using support::check_message;
using support::message_of;

struct Table {
  std::string name;
  std::vector<hsize_t> shape;
  std::vector<float> values;  // fewer than the shape says: nothing is written, the table is chunked and empty
};

/// Writes a file with these tables and the attribute `distance`, left out when it is "".
void write_hdf5(const std::filesystem::path& path, const std::vector<Table>& tables, const std::string& distance,
                bool is_variable_string = false) {
  const hid_t file = H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  REQUIRE(file >= 0);
  for (const Table& table : tables) {
    std::size_t count = 1;
    for (const hsize_t extent : table.shape) {
      count *= extent;
    }
    const hid_t space = H5Screate_simple(static_cast<int>(table.shape.size()), table.shape.data(), nullptr);
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    if (table.values.size() < count) {
      const std::vector<hsize_t> chunk(table.shape.size(), 2);
      H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data());
    }
    const hid_t type = table.name == "neighbors" ? H5T_STD_I32LE : H5T_IEEE_F32LE;
    const hid_t set = H5Dcreate2(file, table.name.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    REQUIRE(set >= 0);
    if (table.values.size() >= count) {
      REQUIRE(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, table.values.data()) >= 0);
    }
    H5Dclose(set);
    H5Pclose(properties);
    H5Sclose(space);
  }
  if (!distance.empty()) {
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, is_variable_string ? H5T_VARIABLE : distance.size() + 1);
    const hid_t attribute = H5Acreate2(file, "distance", type, space, H5P_DEFAULT, H5P_DEFAULT);
    const char* characters = distance.c_str();
    const void* value = is_variable_string ? static_cast<const void*>(&characters) : characters;
    REQUIRE(H5Awrite(attribute, type, value) >= 0);
    H5Aclose(attribute);
    H5Tclose(type);
    H5Sclose(space);
  }
  H5Fclose(file);
}

const Table train{"train", {4, 2}, {1, 0, 0, 1, -1, 0, 0, -1}};
const Table test{"test", {1, 2}, {2, 1}};
const Table neighbors{"neighbors", {1, 2}, {0, 1}};

}  // namespace

TEST_CASE("an ann-benchmarks file gives train, test, neighbors and the distance, with either kind of string") {
  const support::TemporaryFolder folder;
  const auto path = folder.path() / "toy.hdf5";
  for (const bool is_variable_string : {false, true}) {
    write_hdf5(path, {train, test, neighbors}, "angular", is_variable_string);
    const auto contents = read_hdf5(path);
    INFO(message_of(contents));
    REQUIRE(contents);
    CHECK(contents->metric == Metric::angular);
    CHECK(contents->train.matrix.values == train.values);
    CHECK(contents->test.matrix.values == test.values);
    CHECK(contents->neighbors.matrix.values == std::vector<std::int64_t>{0, 1});
  }
}

TEST_CASE("an ann-benchmarks file is a whole data set, with a limit too") {
  const support::TemporaryFolder folder;
  const auto path = folder.path() / "toy.hdf5";
  write_hdf5(path, {train, test, neighbors}, "euclidean");
  LoadOptions options;
  options.k = 2;
  for (const auto& from : {path, folder.path()}) {
    const auto loaded = load(from, options);
    INFO(message_of(loaded));
    REQUIRE(loaded);
    CHECK(loaded->name == "toy");
    CHECK(loaded->notes.empty());
    CHECK(loaded->truth.ids.values == std::vector<std::uint32_t>{0, 1});
  }
  options.max_rows = 3;
  const auto limited = load(path, options);
  REQUIRE(limited);
  CHECK(limited->base.rows == 3);
  CHECK(limited->notes.size() == 1);
}

TEST_CASE("an ann-benchmarks file without test vectors has rows held out") {
  const support::TemporaryFolder folder;
  const auto path = folder.path() / "toy.hdf5";
  write_hdf5(path, {train}, "euclidean");
  const auto loaded = load(path);
  REQUIRE(loaded);
  CHECK(loaded->base.rows == 3);
  CHECK(loaded->queries.rows == 1);
}

TEST_CASE("an HDF5 file without train vectors or distance, or with another distance, is refused") {
  const support::TemporaryFolder folder;
  const auto path = folder.path() / "bad.hdf5";
  write_hdf5(path, {test}, "euclidean");
  check_message(message_of(read_hdf5(path)), {"bad.hdf5: expected the data set 'train', came none"});
  write_hdf5(path, {train}, "");
  check_message(message_of(read_hdf5(path)), {"expected the attribute 'distance'", "came none"});
  for (const bool is_variable_string : {false, true}) {
    write_hdf5(path, {train}, "jaccard", is_variable_string);
    check_message(message_of(read_hdf5(path)), {"expected the distance euclidean or angular, came 'jaccard'"});
  }
}

TEST_CASE("an HDF5 table of another number of dimensions, or without rows, is refused") {
  const support::TemporaryFolder folder;
  const auto path = folder.path() / "bad.hdf5";
  write_hdf5(path, {{"train", {4}, {1, 2, 3, 4}}}, "euclidean");
  check_message(message_of(read_hdf5(path)), {"'train': expected 2 dimensions", "came 1"});
  write_hdf5(path, {{"train", {0, 2}, {}}}, "euclidean");
  check_message(message_of(read_hdf5(path)), {"'train': it holds no rows"});
}

TEST_CASE("an HDF5 table that claims far more rows than the file can hold is refused before it is allocated") {
  const support::TemporaryFolder folder;
  const auto path = folder.path() / "bomb.hdf5";
  write_hdf5(path, {{"train", {1'000'000'000'000, 768}, {}}}, "euclidean");
  check_message(message_of(read_hdf5(path)), {"'train': expected a table that", "came 1000000000000 x 768"});
}

TEST_CASE("a file that is no HDF5 file, is cut off, empty or missing is refused without the library's own noise") {
  const support::TemporaryFolder folder;
  const auto path = folder.path() / "cut.hdf5";
  write_hdf5(path, {train, test, neighbors}, "euclidean");
  const auto size = std::filesystem::file_size(path);
  for (std::uintmax_t cut : {size - 1, size / 2, std::uintmax_t{100}, std::uintmax_t{1}}) {
    std::filesystem::resize_file(path, cut);
    check_message(message_of(read_hdf5(path)), {"cut.hdf5: expected an HDF5 file", "cut off or damaged"});
  }
  check_message(message_of(read_hdf5(folder.write("text.hdf5", "hello"))), {"expected an HDF5 file"});
  check_message(message_of(read_hdf5(folder.write("empty.hdf5", ""))), {"empty"});
  check_message(message_of(read_hdf5(folder.path() / "none.hdf5")), {"no such file"});
}

}  // namespace shoal::datasets

#else

TEST_CASE("without HDF5, reading such a file says how to install it") {
  CHECK_FALSE(shoal::datasets::has_hdf5());
  support::check_message(support::message_of(shoal::datasets::read_hdf5("any.hdf5")),
                         {"any.hdf5", "built without HDF5", "apt-get install libhdf5-dev"});
}

#endif
