// Vectors and matrices of Eigen, as they are: expressions, row-major matrices, maps, column-major through transpose();
// and exact search by matrix products, which has a header of its own.
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <shoal/eigen/exact_search.hpp>
#include <shoal/shoal.hpp>

using Index = shoal::HnswIndex<shoal::L2Squared, shoal::Float32>;
using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

namespace {

constexpr int rows = 200;
constexpr int dimensions = 16;

bool finds(const Index& index, const RowMajor& matrix) {
  for (const int i : {0, 57, rows - 1}) {
    const auto nearest = index.search(matrix.row(i), 1);
    if (nearest.size() != 1 || nearest[0].id != static_cast<std::uint64_t>(i) || nearest[0].distance != 0) return false;
  }
  return index.size() == rows;
}

bool report(const char* what, bool works) {
  std::printf("%-34s %s\n", what, works ? "found" : "NOT FOUND");
  return works;
}

}  // namespace

int main() {
  const RowMajor matrix = RowMajor::Random(rows, dimensions);
  std::vector<std::uint64_t> ids(rows);
  std::iota(ids.begin(), ids.end(), 0U);
  bool all = true;

  // One vector at a time. Any dense expression of one row or column does; doubles are rounded to float.
  Index by_row({.dimensions = dimensions});
  std::vector<std::pair<std::uint64_t, Eigen::VectorXd>> items;
  items.reserve(rows);
  for (int i = 0; i < rows; ++i) items.emplace_back(i, matrix.row(i).cast<double>());
  if (!by_row.batch_insert(items)) return 1;
  all &= report("items with an Eigen::VectorXd", finds(by_row, matrix));
  if (!by_row.insert(rows, 2 * matrix.row(0) - matrix.row(1))) return 1;

  // Ids and a row-major matrix: read where it is, nothing is copied but the rows into the index.
  Index whole({.dimensions = dimensions});
  if (!whole.batch_insert(ids, matrix)) return 1;
  all &= report("a row-major matrix", finds(whole, matrix));

  // Memory of someone else, as a map.
  const std::vector<float> memory(matrix.data(), matrix.data() + matrix.size());
  Index mapped({.dimensions = dimensions});
  if (!mapped.batch_insert(ids, Eigen::Map<const RowMajor>(memory.data(), rows, dimensions))) return 1;
  all &= report("a map", finds(mapped, matrix));

  // Eigen's default is column-major. A matrix whose columns are the vectors, transposed, is row-major without a copy.
  const Eigen::MatrixXf columns = matrix.transpose();  // dimensions x rows
  Index transposed({.dimensions = dimensions});
  if (!transposed.batch_insert(ids, columns.transpose())) return 1;
  all &= report("a column-major matrix, transposed", finds(transposed, matrix));

  // Many queries at once.
  const auto results = whole.batch_search(matrix.topRows(20), 3);
  all &= report("a block as queries", results.size() == 20 && results[7].front().id == 7);

  // What the neighbours really are, without an index.
  const auto truth = shoal::exact_search(matrix, matrix.topRows(20), 3);
  if (!truth) return 1;
  all &= report("the nearest, by exact search", (*truth)[7][1].row == results[7][1].id);
  return all ? 0 : 1;
}
