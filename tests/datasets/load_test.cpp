// A path becomes a data set: what lies beside the base is found, and what is missing is made.

#include <cmath>

#include "support.hpp"
#include <datasets/clustered.hpp>
#include <datasets/companions.hpp>
#include <datasets/ground_truth.hpp>
#include <datasets/load.hpp>

namespace shoal::datasets {
namespace {
using support::check_message;
using support::message_of;

template <class T>
std::string as_vecs(const Matrix<T>& matrix) {
  std::string bytes;
  for (std::size_t i = 0; i < matrix.rows; ++i) {
    bytes += support::vecs_row(std::vector<T>(matrix.row(i).begin(), matrix.row(i).end()));
  }
  return bytes;
}

Matrix<std::int32_t> as_int32(const Matrix<std::uint32_t>& ids) {
  return {ids.rows, ids.cols, {ids.values.begin(), ids.values.end()}};
}

std::string as_npy(const Matrix<float>& matrix) {
  const std::string shape = text("(", matrix.rows, ", ", matrix.cols, ")");
  return support::npy(support::npy_header("<f4", shape), support::bytes_of(matrix.values));
}

/// 200 x 8 with 20 queries and their true neighbours.
const Dataset& small() {
  static const Dataset the_set = [] {
    Dataset dataset = clustered(200, 8, 1, 20);
    dataset.truth = exact_ground_truth(dataset.base, dataset.queries, dataset.metric, 10);
    return dataset;
  }();
  return the_set;
}

}  // namespace

TEST_CASE("a folder with base, query and gt is a whole data set, and nothing is computed") {
  const support::TemporaryFolder folder;
  folder.write("base.fvecs", as_vecs(small().base));
  folder.write("query.fvecs", as_vecs(small().queries));
  folder.write("gt.ivecs", as_vecs(as_int32(small().truth.ids)));
  folder.write("base.tsv", "not vectors");
  for (const auto& path : {folder.path(), folder.path() / "base.fvecs", folder.path() / ""}) {
    const auto loaded = load(path);
    INFO(message_of(loaded));
    REQUIRE(loaded);
    CHECK(loaded->name == folder.path().filename().string());
    CHECK(loaded->metric == Metric::euclidean);
    CHECK(loaded->base.values == small().base.values);
    CHECK(loaded->queries.values == small().queries.values);
    CHECK(loaded->truth.ids.values == small().truth.ids.values);
    CHECK(loaded->notes.empty());
  }
}

TEST_CASE("the usual names of queries and ground truth are found beside a base") {
  struct Names {
    const char *base, *queries, *truth, *name;
  };
  for (const Names& names : {Names{"sift_base.fvecs", "sift_query.fvecs", "sift_groundtruth.ivecs", "sift"},
                             Names{"glove-base.fvecs", "glove-queries.fvecs", "glove-gt.ivecs", "glove"},
                             Names{"vectors.fvecs", "queries.fvecs", "ground_truth.ivecs", "vectors"},
                             Names{"wiki.fvecs", "wiki_test.fvecs", "wiki_neighbors.ivecs", "wiki"}}) {
    const support::TemporaryFolder folder;
    const auto base = folder.write(names.base, as_vecs(small().base));
    folder.write(names.queries, as_vecs(small().queries));
    folder.write(names.truth, as_vecs(as_int32(small().truth.ids)));
    const auto loaded = load(base);
    INFO(names.base << " " << message_of(loaded));
    REQUIRE(loaded);
    CHECK(loaded->name == names.name);
    CHECK(loaded->queries.rows == 20);
    CHECK(loaded->notes.empty());
  }
}

TEST_CASE("queries with the prefix of the base come before those without") {
  const support::TemporaryFolder folder;
  const auto base = folder.write("a_base.fvecs", as_vecs(small().base));
  folder.write("query.fvecs", support::vecs<float>({{1, 2}}));
  folder.write("a_query.fvecs", as_vecs(small().queries));
  const auto loaded = load(base);
  REQUIRE(loaded);
  CHECK(loaded->queries.rows == 20);
}

TEST_CASE("a file of queries read as a base is not its own queries") {
  const support::TemporaryFolder folder;
  const auto loaded = load(folder.write("query.fvecs", as_vecs(small().queries)));
  REQUIRE(loaded);
  CHECK(loaded->base.rows == 19);
  CHECK(loaded->queries.rows == 1);
}

TEST_CASE("npy bases find npy companions, and bytes become floats") {
  const support::TemporaryFolder folder;
  const auto base = folder.write("base.npy", as_npy(small().base));
  folder.write("queries.npy", as_npy(small().queries));
  const std::vector<std::int64_t> ids(small().truth.ids.values.begin(), small().truth.ids.values.end());
  folder.write("gt.npy", support::npy(support::npy_header("<i8", "(20, 10)"), support::bytes_of(ids)));
  const auto loaded = load(base);
  INFO(message_of(loaded));
  REQUIRE(loaded);
  CHECK(loaded->notes.empty());
  CHECK(loaded->truth.ids.values == small().truth.ids.values);

  const support::TemporaryFolder bytes;
  bytes.write("base.bvecs", support::vecs<std::uint8_t>({{0, 255}, {1, 2}, {3, 4}}));
  bytes.write("query.bvecs", support::vecs<std::uint8_t>({{0, 250}}));
  const auto loaded_bytes = load(bytes.path());
  REQUIRE(loaded_bytes);
  CHECK(loaded_bytes->base.values == std::vector<float>{0, 255, 1, 2, 3, 4});
  CHECK(loaded_bytes->truth.ids.values == std::vector<std::uint32_t>{0, 2, 1});
}

TEST_CASE("a limit keeps the first rows and computes their own ground truth") {
  const support::TemporaryFolder folder;
  folder.write("base.fvecs", as_vecs(small().base));
  folder.write("query.fvecs", as_vecs(small().queries));
  folder.write("gt.ivecs", as_vecs(as_int32(small().truth.ids)));
  LoadOptions options;
  options.max_rows = 50;
  options.max_queries = 7;
  const auto loaded = load(folder.path(), options);
  REQUIRE(loaded);
  CHECK(loaded->base.rows == 50);
  CHECK(loaded->queries.rows == 7);
  Matrix<float> first_rows = small().base, first_queries = small().queries;
  keep_rows(first_rows, 50);
  keep_rows(first_queries, 7);
  const auto expected = exact_ground_truth(first_rows, first_queries, Metric::euclidean, 10);
  CHECK(loaded->truth.ids.values == expected.ids.values);
  REQUIRE(loaded->notes.size() == 1);
  check_message(loaded->notes[0], {"for all 200 rows", "computed exactly"});
}

TEST_CASE("fewer queries still use the ground truth of the file") {
  const support::TemporaryFolder folder;
  folder.write("base.fvecs", as_vecs(small().base));
  folder.write("query.fvecs", as_vecs(small().queries));
  folder.write("gt.ivecs", as_vecs(as_int32(small().truth.ids)));
  LoadOptions options;
  options.max_queries = 7;
  const auto loaded = load(folder.path(), options);
  REQUIRE(loaded);
  CHECK(loaded->truth.ids.rows == 7);
  CHECK(loaded->notes.empty());
}

TEST_CASE("without queries, evenly spread rows are held out of the base") {
  const support::TemporaryFolder folder;
  std::vector<std::vector<float>> rows;
  for (int i = 0; i < 110; ++i) {
    rows.push_back({static_cast<float>(i), 1});
  }
  const auto base = folder.write("numbers.fvecs", support::vecs(rows));
  const auto loaded = load(base);
  REQUIRE(loaded);
  CHECK(loaded->base.rows == 100);
  REQUIRE(loaded->queries.rows == 10);
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK(loaded->queries.row(i)[0] == static_cast<float>(11 * i));
  }
  for (std::size_t i = 0; i < loaded->base.rows; ++i) {
    CHECK(std::fmod(loaded->base.row(i)[0], 11.0F) != 0.0F);
  }
  REQUIRE(loaded->notes.size() == 2);
  check_message(loaded->notes[0], {"no queries beside numbers.fvecs: 10 evenly spread rows are held out"});
  check_message(loaded->notes[1], {"no ground truth", "computed exactly"});

  LoadOptions options;
  options.max_rows = 50;
  const auto limited = load(base, options);
  REQUIRE(limited);
  CHECK(limited->base.rows == 50);
  CHECK(limited->queries.rows == 5);
}

TEST_CASE("a ground truth that does not fit is not used, and a note says why") {
  const support::TemporaryFolder folder;
  folder.write("base.fvecs", as_vecs(small().base));
  folder.write("query.fvecs", as_vecs(small().queries));
  folder.write("gt.ivecs", support::vecs<std::int32_t>({{1, 2, 3}}));
  const auto loaded = load(folder.path());
  REQUIRE(loaded);
  CHECK(loaded->truth.ids.values == small().truth.ids.values);
  REQUIRE(loaded->notes.size() == 1);
  check_message(loaded->notes[0], {"gt.ivecs is for 1 queries, not 20", "computed exactly"});
}

TEST_CASE("a damaged ground truth or query file is an error, not a note") {
  const support::TemporaryFolder folder;
  folder.write("base.fvecs", as_vecs(small().base));
  folder.write("query.fvecs", as_vecs(small().queries));
  folder.write("gt.ivecs", "damaged");
  check_message(message_of(load(folder.path())), {"gt.ivecs", "row 0 at offset 0"});
  folder.write("query.fvecs", "damaged");
  check_message(message_of(load(folder.path())), {"query.fvecs", "row 0 at offset 0"});
}

TEST_CASE("another metric than the file's computes its own ground truth") {
  const support::TemporaryFolder folder;
  folder.write("base.fvecs", as_vecs(small().base));
  folder.write("query.fvecs", as_vecs(small().queries));
  folder.write("gt.ivecs", as_vecs(as_int32(small().truth.ids)));
  LoadOptions options;
  options.metric = Metric::angular;
  const auto loaded = load(folder.path(), options);
  REQUIRE(loaded);
  CHECK(loaded->metric == Metric::angular);
  REQUIRE(loaded->notes.size() == 1);
  check_message(loaded->notes[0], {"for euclidean distance", "computed exactly"});
  // Unit vectors: half the squared L2.
  CHECK(loaded->truth.distances.row(0)[0] == doctest::Approx(small().truth.distances.row(0)[0] / 2));
}

TEST_CASE("queries of another length than the base are refused") {
  const support::TemporaryFolder folder;
  folder.write("base.fvecs", as_vecs(small().base));
  folder.write("query.fvecs", support::vecs<float>({{1, 2}}));
  check_message(message_of(load(folder.path())), {"query.fvecs", "expected queries of 8 components", "came 2"});
}

TEST_CASE("a component that is not finite is refused with its row and place") {
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    const support::TemporaryFolder folder;
    const auto base = folder.write("base.fvecs", support::vecs<float>({{1, 2}, {3, bad}, {5, 6}}));
    check_message(message_of(load(base)), {"base.fvecs: base row 1, component 1: expected a finite number"});
    folder.write("base.fvecs", support::vecs<float>({{1, 2}, {3, 4}}));
    folder.write("query.fvecs", support::vecs<float>({{bad, 2}}));
    check_message(message_of(load(base)), {"query.fvecs: query row 0, component 0"});
  }
}

TEST_CASE("a vector of zeros is refused under angular only") {
  const support::TemporaryFolder folder;
  const auto base = folder.write("base.fvecs", support::vecs<float>({{1, 2}, {0, 0}, {5, 6}}));
  CHECK(load(base));
  LoadOptions options;
  options.metric = Metric::angular;
  check_message(message_of(load(base, options)), {"base row 1: expected a direction, came a vector of zeros"});
}

TEST_CASE("a single vector without queries is refused, with queries it is a data set") {
  const support::TemporaryFolder folder;
  const auto base = folder.write("base.fvecs", support::vecs<float>({{1, 2}}));
  check_message(message_of(load(base)), {"at least 2 rows to hold one out, came 1"});
  folder.write("query.fvecs", support::vecs<float>({{1, 3}}));
  const auto loaded = load(base);
  REQUIRE(loaded);
  CHECK(loaded->truth.k() == 1);
}

TEST_CASE("a path that is missing, of an unknown kind, or ids is refused") {
  const support::TemporaryFolder folder;
  check_message(message_of(load(folder.path() / "none.fvecs")), {"none.fvecs: no such file or folder"});
  check_message(message_of(load(folder.write("vectors.csv", "1,2"))), {"expected a file of the kind .fvecs", "'.csv'"});
  check_message(message_of(load(folder.write("gt.ivecs", "1"))), {"expected vectors", "came .ivecs, which holds ids"});
}

TEST_CASE("a folder without a base, or with several, is refused") {
  const support::TemporaryFolder folder;
  folder.write("query.fvecs", support::vecs<float>({{1, 2}}));
  check_message(message_of(load(folder.path())), {"expected a file base.* or *_base.*", "came none"});
  folder.write("a_base.fvecs", support::vecs<float>({{1, 2}}));
  folder.write("b_base.npy", "");
  check_message(message_of(load(folder.path())), {"came 2 (a_base.fvecs, b_base.npy)", "name the one to read"});
}

TEST_CASE("the kind of a file is told by its ending in either case") {
  CHECK(format_of("x.FVECS") == Format::fvecs);
  CHECK(format_of("x.h5") == Format::hdf5);
  CHECK(format_of("x.hdf5") == Format::hdf5);
  CHECK_FALSE(format_of("fvecs"));
  CHECK_FALSE(format_of("x.fvecs.gz"));
}

}  // namespace shoal::datasets
