// What an 8-bit code loses by itself: the table of docs/sq8.md. Each code is tried by exhaustive search over the base,
// so that no graph stands between it and its recall: recall@10 (ties count) of the nearest by coded distance.
//
//   shoal_codes SET...     SET as for ./dev demo; the first 20,000 rows and 500 queries of each
//
// A code is what the rows and the queries become, as floats, and the squared norm that goes with each. Distances are
// squared L2: norms minus twice the inner product. The row "SQ8" is the library's own index instead.

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <datasets/load.hpp>
#include <datasets/recall.hpp>
#include <shoal/shoal.hpp>

namespace {

using shoal::datasets::Dataset;
using shoal::datasets::Matrix;

constexpr std::size_t max_rows = 20'000;
constexpr std::size_t max_queries = 500;
constexpr std::size_t k = 10;

/// Vectors as a code keeps them, and the squared norm it takes them to have.
struct Coded {
  Matrix<float> vectors;
  std::vector<float> squared_norms;
};

float squared_norm(std::span<const float> vector) {
  return shoal::simd::dot(vector.data(), vector.data(), vector.size());
}

/// Calls code(row) on a copy of each row, after `rotations` rotations.
template <class Code>
Coded encode(const Matrix<float>& vectors, int rotations, bool exact_norms, const Code& code) {
  const shoal::detail::Rotation rotation(vectors.cols);
  Coded coded{vectors, std::vector<float>(vectors.rows)};
  for (std::size_t i = 0; i < vectors.rows; ++i) {
    const std::span<float> row = coded.vectors.row(i);
    for (int turn = 0; turn < rotations; ++turn) rotation.apply(row);
    code(row);
    coded.squared_norms[i] = squared_norm(exact_norms ? vectors.row(i) : row);
  }
  return coded;
}

void keep_floats(std::span<float>) {}

/// [-127, 127] times a scale: the code of SQ8.
void round_symmetric(std::span<float> row) {
  std::vector<std::int8_t> codes(row.size());
  const float scale = shoal::detail::encode_components(row, codes.data()).scale;
  std::transform(codes.begin(), codes.end(), row.begin(), [&](std::int8_t c) { return scale * static_cast<float>(c); });
}

/// [0, 255] times a step, from the least component on.
void round_affine(std::span<float> row) {
  const auto [least, most] = std::minmax_element(row.begin(), row.end());
  const float low = *least;
  const float step = std::max((*most - low) / 255, FLT_MIN);
  for (float& value : row) value = low + step * std::round((value - low) / step);
}

/// Symmetric, with the one of 64 scales, from 0.75 to 1 times the largest component / 127, that leaves the smallest
/// error. Below 1 the largest components are clipped.
void round_with_searched_scale(std::span<float> row) {
  const float largest =
      std::abs(*std::max_element(row.begin(), row.end(), [](float a, float b) { return std::abs(a) < std::abs(b); }));
  const auto rounded = [](float value, float scale) {
    return scale * std::clamp(std::round(value / scale), -127.0F, 127.0F);
  };
  float best_scale = FLT_MIN;
  double best_error = INFINITY;
  for (int step = 0; step < 64; ++step) {
    const float scale = std::max(largest / 127 * (1 - static_cast<float>(step) / 256), FLT_MIN);
    double error = 0;
    for (const float value : row) error += std::pow(double{value} - double{rounded(value, scale)}, 2);
    if (error < best_error) {
      best_error = error;
      best_scale = scale;
    }
  }
  for (float& value : row) value = rounded(value, best_scale);
}

double recall_of(const Coded& base, const Coded& queries, const Dataset& dataset) {
  std::vector<std::vector<std::uint64_t>> results(queries.vectors.rows);
  shoal::detail::Workers(0).for_each(results.size(), [&](std::size_t, std::size_t query) {
    std::vector<float> distances(base.vectors.rows);
    for (std::size_t i = 0; i < distances.size(); ++i) {
      const float dot =
          shoal::simd::dot(base.vectors.row(i).data(), queries.vectors.row(query).data(), base.vectors.cols);
      distances[i] = shoal::L2Squared::from_dot(dot, base.squared_norms[i], queries.squared_norms[query]);
    }
    std::vector<std::uint64_t> nearest(distances.size());
    std::iota(nearest.begin(), nearest.end(), std::uint64_t{0});
    const std::size_t wanted = std::min(k, nearest.size());
    std::partial_sort(nearest.begin(), nearest.begin() + static_cast<std::ptrdiff_t>(wanted), nearest.end(),
                      [&](std::uint64_t a, std::uint64_t b) {
                        return distances[a] < distances[b] || (distances[a] == distances[b] && a < b);
                      });
    nearest.resize(wanted);
    results[query] = std::move(nearest);
  });
  return shoal::datasets::recall_at_k(dataset, results, k);
}

/// A figure for each data set.
struct Row {
  const char* name;
  std::vector<double> figures;
};

/// The library's own code, by its own exact index: its recall, and the error of what `get` returns.
struct Sq8Figures {
  double recall;
  double mean_error;
  double largest_error;
};

Sq8Figures measure_sq8(const Dataset& dataset) {
  shoal::BruteForceIndex<shoal::L2Squared, shoal::SQ8> index({.dimensions = dataset.base.cols});
  std::vector<std::uint64_t> ids(dataset.base.rows);
  std::iota(ids.begin(), ids.end(), std::uint64_t{0});
  if (auto inserted = index.batch_insert(ids, dataset.base.values); !inserted) {
    std::fprintf(stderr, "shoal_codes: %s: %s\n", dataset.name.c_str(), inserted.error().what().c_str());
    std::exit(1);
  }
  std::vector<std::vector<std::uint64_t>> results;
  for (const auto& found : index.batch_search(dataset.queries.values, {.k = k, .threads = 0})) {
    std::vector<std::uint64_t>& nearest = results.emplace_back();
    for (const auto& neighbor : found) nearest.push_back(neighbor.id);
  }
  Sq8Figures figures{shoal::datasets::recall_at_k(dataset, results, k), 0, 0};
  for (const std::uint64_t id : ids) {
    const std::span<const float> vector = dataset.base.row(id);
    const std::vector<float> kept = *index.get(id);
    double error = 0;
    double norm = 0;
    for (std::size_t i = 0; i < vector.size(); ++i) {
      error += std::pow(double{vector[i]} - double{kept[i]}, 2);
      norm += std::pow(double{vector[i]}, 2);
    }
    const double relative = norm == 0 ? 0 : std::sqrt(error / norm);
    figures.mean_error += relative / static_cast<double>(ids.size());
    figures.largest_error = std::max(figures.largest_error, relative);
  }
  return figures;
}

void measure(const Dataset& dataset, std::vector<Row>& rows) {
  std::size_t next = 0;
  const auto enter = [&](const char* name, double figure) {
    if (next == rows.size()) rows.push_back({name, {}});
    rows[next++].figures.push_back(figure);
    std::fprintf(stderr, "%s: %s: %.4f\n", dataset.name.c_str(), name, figure);
  };
  const auto try_code = [&](const char* name, int rotations, const auto& code, const auto& query_code,
                            bool exact_norms) {
    enter(name, recall_of(encode(dataset.base, rotations, exact_norms, code),
                          encode(dataset.queries, rotations, exact_norms, query_code), dataset));
  };
  try_code("floats", 0, keep_floats, keep_floats, false);
  try_code("symmetric", 0, round_symmetric, round_symmetric, false);
  try_code("affine", 0, round_affine, round_affine, false);
  const Sq8Figures sq8 = measure_sq8(dataset);
  enter("**rotation, symmetric: SQ8**", sq8.recall);
  try_code("rotation twice, symmetric", 2, round_symmetric, round_symmetric, false);
  try_code("rotation, scale searched per vector", 1, round_with_searched_scale, round_with_searched_scale, false);
  try_code("rotation, affine", 1, round_affine, round_affine, false);
  try_code("rotation, symmetric, query in floats", 1, round_symmetric, keep_floats, false);
  try_code("rotation, symmetric, norms of the exact vectors", 1, round_symmetric, round_symmetric, true);
  enter("SQ8: mean error", sq8.mean_error);
  enter("SQ8: largest error", sq8.largest_error);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: shoal_codes SET...   (a file or folder of vectors, as for ./dev demo)\n");
    return 2;
  }
  std::vector<Row> rows;
  std::string heading = "| code |";
  std::string line = "|---|";
  for (int i = 1; i < argc; ++i) {
    const shoal::datasets::LoadOptions options{
        .max_rows = max_rows, .max_queries = max_queries, .k = k, .metric = shoal::datasets::Metric::euclidean};
    const auto dataset = shoal::datasets::load(argv[i], options);
    if (!dataset) {
      std::fprintf(stderr, "shoal_codes: %s\n", dataset.error().c_str());
      return 1;
    }
    measure(*dataset, rows);
    heading += " " + dataset->name + ", " + std::to_string(dataset->base.rows) + " x " +
               std::to_string(dataset->base.cols) + ", " + std::to_string(dataset->queries.rows) + " queries |";
    line += "---|";
  }
  std::printf("%s\n%s\n", heading.c_str(), line.c_str());
  for (const Row& row : rows) {
    std::printf("| %s |", row.name);
    for (const double figure : row.figures) std::printf(" %.4f |", figure);
    std::printf("\n");
  }
  return 0;
}
