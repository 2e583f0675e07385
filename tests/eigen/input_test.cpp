// Eigen vectors, expressions and matrices as input to batches and searches.

#include <Eigen/Core>
#include <doctest/doctest.h>

#include <shoal/shoal.hpp>

namespace {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
constexpr Eigen::Index wide = 8;

RowMajor random_matrix(Eigen::Index rows) {
  std::srand(1);
  return RowMajor::Random(rows, wide);
}

void check_row(const shoal::HnswIndex<>& index, std::uint64_t id, const Eigen::VectorXf& expected) {
  const auto vector = index.get(id);
  REQUIRE(vector);
  for (Eigen::Index i = 0; i < wide; ++i) CHECK((*vector)[static_cast<std::size_t>(i)] == expected(i));
}

}  // namespace

TEST_CASE("any dense Eigen vector expression is a vector") {
  const RowMajor rows = random_matrix(10);
  const Eigen::MatrixXf columns = rows.transpose();
  const Eigen::VectorXd doubles = rows.row(3).cast<double>();
  shoal::HnswIndex<> index({.dimensions = wide});
  REQUIRE(index.insert(0, rows.row(0)));
  REQUIRE(index.insert(1, columns.col(1)));
  REQUIRE(index.insert(2, columns.row(0).head(wide)));
  REQUIRE(index.insert(3, doubles));
  REQUIRE(index.insert(4, (rows.row(4) + rows.row(5)) * 0.5F));
  REQUIRE(index.insert(5, rows.transpose() * rows.col(2)));  // a product
  REQUIRE(index.insert(6, Eigen::Map<const Eigen::VectorXf>(rows.data(), wide)));
  REQUIRE(index.insert(7, Eigen::VectorXf::Constant(wide, 2.0F)));
  check_row(index, 0, rows.row(0));
  check_row(index, 1, rows.row(1));
  check_row(index, 2, columns.row(0).head(wide).transpose());
  check_row(index, 3, rows.row(3));
  check_row(index, 4, (rows.row(4) + rows.row(5)).transpose() * 0.5F);
  check_row(index, 5, rows.transpose() * rows.col(2));
  check_row(index, 7, Eigen::VectorXf::Constant(wide, 2.0F));
  CHECK(index.search(rows.row(1), 1).front().id == 1);
  CHECK(index.search(columns.col(1) * 1.0F, 1).front().id == 1);
}

TEST_CASE("items of a batch may hold Eigen vectors") {
  std::vector<std::pair<int, Eigen::VectorXf>> items;
  for (int i = 0; i < 20; ++i) items.emplace_back(i, Eigen::VectorXf::Random(wide));
  shoal::HnswIndex<> index({.dimensions = wide});
  REQUIRE(index.batch_insert(items));
  for (const auto& [id, vector] : items) check_row(index, static_cast<std::uint64_t>(id), vector);
  items[0] = {100, Eigen::VectorXf::Random(wide + 1)};
  const auto result = index.batch_insert(items);
  REQUIRE(!result);
  CHECK(result.error().cause.message() == "expected 8 components, got 9");
}

TEST_CASE("a matrix where a vector is expected is refused") {
  shoal::HnswIndex<> index({.dimensions = wide});
  const auto inserted = index.insert(1, random_matrix(3));
  REQUIRE(!inserted);
  CHECK(inserted.error().message() == "expected a vector of 8 components, got a matrix of 3 x 8");
}

TEST_CASE("a row with gaps between its numbers is a vector, and no matrix") {
  Eigen::MatrixXf columns = random_matrix(10).transpose();  // column-major: a row's numbers lie 8 apart
  static_assert(!shoal::EigenRowMajor<decltype(columns.row(0))>);
  static_assert(!shoal::EigenRowMajor<decltype(columns.transpose().row(0).reverse())>);
  using Spaced = Eigen::Map<const RowMajor, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;
  static_assert(!shoal::EigenRowMajor<Spaced>);
  static_assert(shoal::EigenRowMajor<RowMajor> && shoal::EigenRowMajor<decltype(columns.transpose())>);
  const Eigen::MatrixXf wide_rows = random_matrix(wide);
  shoal::HnswIndex<> index({.dimensions = wide});
  REQUIRE(index.insert(1, wide_rows.row(3)));
  check_row(index, 1, wide_rows.row(3).transpose());
}

TEST_CASE("row-major matrices, maps, blocks and transposed column-major ones are matrices of rows") {
  const RowMajor matrix = random_matrix(50);
  const Eigen::MatrixXf columns = matrix.transpose();
  std::vector<std::uint64_t> ids(50);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;
  const auto check = [&](const auto& rows, Eigen::Index first) {
    shoal::HnswIndex<> index({.dimensions = wide});
    const std::span used(ids.data(), static_cast<std::size_t>(rows.rows()));
    const auto inserted = index.batch_insert(used, rows);
    REQUIRE(inserted);
    CHECK(inserted->size() == static_cast<std::size_t>(rows.rows()));
    for (Eigen::Index i = 0; i < rows.rows(); ++i) {
      check_row(index, static_cast<std::uint64_t>(i), matrix.row(first + i));
    }
    const auto found = index.batch_search(rows, 1);
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i].front().id == i);
  };
  check(matrix, 0);
  check(Eigen::Map<const RowMajor>(matrix.data(), 50, wide), 0);
  check(matrix.middleRows(10, 20), 10);
  check(columns.transpose(), 0);
  RowMajor wider(50, wide + 3);
  wider.leftCols(wide) = matrix;
  check(wider.leftCols(wide), 0);  // rows with a stride
}
