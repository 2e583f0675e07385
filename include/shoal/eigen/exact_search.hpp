#pragma once
// Exact nearest neighbours of many queries by blocked matrix products: the ground truth that recall is judged by.
// Needs Eigen (target shoal::eigen). Independent of the indexes, so that it can judge them.
//
// Eigen's float products find the candidates: every row whose distance may be among the k nearest, within the rounding
// of a float dot product, |error| <= d u |a| |b| with u = 2^-24, whatever the order of its sum (Higham, "Accuracy and
// Stability of Numerical Algorithms", 3.1). The candidates are ranked in double, so the result is that of a search in
// double throughout.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include "shoal/core/workers.hpp"
#include "shoal/index/matrix_view.hpp"
#include "shoal/metric/metric.hpp"

namespace shoal::inline v0 {

/// One exact neighbour.
struct ExactNeighbor {
  std::size_t row = 0;  ///< Row of the base matrix.
  double distance = 0;  ///< In the metric's unit.

  [[nodiscard]] friend bool operator==(const ExactNeighbor&, const ExactNeighbor&) noexcept = default;
  /// Nearest first, ties by row.
  [[nodiscard]] friend bool operator<(const ExactNeighbor& a, const ExactNeighbor& b) noexcept {
    return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
  }
};

namespace detail {

/// The sum of term(i) for i below n, in four lanes.
template <class Term>
[[nodiscard]] double sum_in_double(std::size_t n, Term term) {
  std::array<double, 4> lanes{};
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) lanes[lane] += term(i + lane);
  }
  for (; i < n; ++i) lanes[0] += term(i);
  return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

[[nodiscard]] inline double norm_in_double(std::span<const float> a) {
  return std::sqrt(sum_in_double(a.size(), [&](std::size_t i) { return double{a[i]} * double{a[i]}; }));
}

/// What exact search needs of a metric: the distance in double, and how an error of the inner product carries over.
template <class M>
struct ExactMetric;

template <>
struct ExactMetric<L2Squared> {
  static double distance(std::span<const float> a, std::span<const float> b) {
    return sum_in_double(a.size(), [&](std::size_t i) {
      const double difference = double{a[i]} - double{b[i]};
      return difference * difference;
    });
  }
  static double from_product(double product, double a_norm, double b_norm) {
    return a_norm * a_norm + b_norm * b_norm - 2 * product;
  }
  static double error(double product_error, double a_norm, double b_norm) {
    return 2 * product_error + 1e-12 * (a_norm * a_norm + b_norm * b_norm);
  }
};

template <>
struct ExactMetric<InnerProduct> {
  static double distance(std::span<const float> a, std::span<const float> b) {
    return 1 - sum_in_double(a.size(), [&](std::size_t i) { return double{a[i]} * double{b[i]}; });
  }
  static double from_product(double product, double, double) { return 1 - product; }
  static double error(double product_error, double a_norm, double b_norm) {
    return product_error + 1e-12 * (1 + a_norm * b_norm);
  }
};

template <>
struct ExactMetric<Cosine> {
  /// Half the squared distance of the directions: 1 - cosine without its cancellation.
  static double distance(std::span<const float> a, std::span<const float> b) {
    const double a_scale = 1 / norm_in_double(a);
    const double b_scale = 1 / norm_in_double(b);
    return sum_in_double(a.size(),
                         [&](std::size_t i) {
                           const double difference = double{a[i]} * a_scale - double{b[i]} * b_scale;
                           return difference * difference;
                         }) /
           2;
  }
  static double from_product(double product, double a_norm, double b_norm) { return 1 - product / (a_norm * b_norm); }
  static double error(double product_error, double a_norm, double b_norm) {
    return product_error / (a_norm * b_norm) + 1e-12;
  }
};

/// The rows that may still be among the k nearest of one query.
class ExactCandidates {
 public:
  explicit ExactCandidates(std::size_t k) : k_(k) {}

  /// A row whose distance lies between `lowest` and `highest`.
  void offer(std::size_t row, double lowest, double highest) {
    if (highest_.size() < k_) {
      highest_.push_back(highest);
      std::push_heap(highest_.begin(), highest_.end());
    } else if (highest < highest_.front()) {
      std::pop_heap(highest_.begin(), highest_.end());
      highest_.back() = highest;
      std::push_heap(highest_.begin(), highest_.end());
    }
    if (lowest > bound()) return;
    rows_.push_back({row, lowest});
    if (rows_.size() < prune_at_) return;
    prune();
    prune_at_ = 2 * rows_.size() + 8 * k_ + 256;
  }

  /// No row outside these can be among the k nearest.
  [[nodiscard]] std::span<const ExactNeighbor> rows() {
    prune();
    return rows_;
  }

 private:
  /// k rows are no farther than this.
  [[nodiscard]] double bound() const {
    return highest_.size() < k_ ? std::numeric_limits<double>::infinity() : highest_.front();
  }
  void prune() {
    std::erase_if(rows_, [limit = bound()](const ExactNeighbor& row) { return row.distance > limit; });
  }

  std::size_t k_;
  std::vector<double> highest_;      // a heap: the k smallest upper bounds, the largest of them in front
  std::vector<ExactNeighbor> rows_;  // with the lowest distance each may have
  std::size_t prune_at_ = 1024;
};

template <class M>
class ExactSearch {
 public:
  static constexpr std::size_t queries_in_block = 64;

  ExactSearch(MatrixView<float> base, MatrixView<float> queries, std::size_t k)
      : base_(base), queries_(queries), k_(k), results_(queries.rows) {
    const auto d = static_cast<double>(base.columns);
    relative_error_ = d * unit_roundoff / (1 - d * unit_roundoff);
    base_norms_.reserve(base.rows);
    for (std::size_t i = 0; i < base.rows; ++i) base_norms_.push_back(norm_in_double(base.row(i)));
  }

  /// Queries block * queries_in_block and on. Blocks may be searched at once.
  void search_block(std::size_t block) {
    const std::size_t first = block * queries_in_block;
    const std::size_t count = std::min(queries_in_block, queries_.rows - first);
    std::vector<ExactCandidates> candidates(count, ExactCandidates(k_));
    std::vector<double> query_norms(count);
    for (std::size_t j = 0; j < count; ++j) query_norms[j] = norm_in_double(queries_.row(first + j));
    RowMajor products;
    for (std::size_t row = 0; row < base_.rows; row += rows_in_block) {
      const std::size_t rows = std::min(rows_in_block, base_.rows - row);
      products.noalias() = map(queries_, first, count) * map(base_, row, rows).transpose();
      for (std::size_t j = 0; j < count; ++j) {
        for (std::size_t i = 0; i < rows; ++i) {
          const float product = products(static_cast<Eigen::Index>(j), static_cast<Eigen::Index>(i));
          offer(candidates[j], first + j, query_norms[j], row + i, product);
        }
      }
    }
    for (std::size_t j = 0; j < count; ++j) rank(first + j, candidates[j].rows());
  }

  [[nodiscard]] std::vector<std::vector<ExactNeighbor>> take() noexcept { return std::move(results_); }

 private:
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Exact = ExactMetric<M>;
  static constexpr std::size_t rows_in_block = 1024;  // 256 KiB of products, and at 768 dimensions 3 MB of vectors
  static constexpr double unit_roundoff = 0x1p-24;
  static constexpr double smallest_normal = double{std::numeric_limits<float>::min()};

  [[nodiscard]] static auto map(const MatrixView<float>& matrix, std::size_t first, std::size_t rows) {
    return Eigen::Map<const RowMajor, 0, Eigen::OuterStride<>>(
        matrix.data + first * matrix.row_stride, static_cast<Eigen::Index>(rows),
        static_cast<Eigen::Index>(matrix.columns), Eigen::OuterStride<>(static_cast<Eigen::Index>(matrix.row_stride)));
  }

  void offer(ExactCandidates& candidates, std::size_t query, double query_norm, std::size_t row, float product) const {
    if (simd::largest_magnitude_bits(&product, 1) >= 0x7F80'0000U) {  // overflowed
      const double distance = Exact::distance(queries_.row(query), base_.row(row));
      return candidates.offer(row, distance, distance);
    }
    const double product_error =
        relative_error_ * query_norm * base_norms_[row] + static_cast<double>(base_.columns) * smallest_normal;
    const double distance = Exact::from_product(product, query_norm, base_norms_[row]);
    const double error = Exact::error(product_error, query_norm, base_norms_[row]);
    candidates.offer(row, distance - error, distance + error);
  }

  void rank(std::size_t query, std::span<const ExactNeighbor> candidates) {
    std::vector<ExactNeighbor> ranked;
    ranked.reserve(candidates.size());
    for (const ExactNeighbor& candidate : candidates) {
      ranked.push_back({candidate.row, Exact::distance(queries_.row(query), base_.row(candidate.row))});
    }
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(k_), ranked.end());
    ranked.resize(k_);
    results_[query] = std::move(ranked);
  }

  MatrixView<float> base_;
  MatrixView<float> queries_;
  std::size_t k_;
  double relative_error_ = 0;
  std::vector<double> base_norms_;
  std::vector<std::vector<ExactNeighbor>> results_;
};

/// The first row that exact search cannot work with.
template <class M>
[[nodiscard]] std::optional<Error> find_bad_row(const char* which, const MatrixView<float>& matrix) {
  for (std::size_t i = 0; i < matrix.rows; ++i) {
    const std::uint32_t largest = simd::largest_magnitude_bits(matrix.row(i).data(), matrix.columns);
    if (largest >= 0x7F80'0000U) {
      return make_error(ErrorCode::not_finite, which, " row ", i, ": expected finite components");
    }
    if (M::unit_vectors && largest == 0) {
      return make_error(ErrorCode::zero_vector, which, " row ", i, ": expected a vector with a direction, got zero");
    }
  }
  return std::nullopt;
}

}  // namespace detail

/// The min(k, rows of base) nearest rows of `base` for each row of `queries`, nearest first, ties by row.
///
/// *Shape*: both row-major float matrices of the same width: MatrixView<float> or Eigen.
/// *Errors*: dimension_mismatch; not_finite and zero_vector with the row; std::bad_alloc.
/// *Threads*: 0 means one for each core. *Cost*: rows x queries x columns multiplications.
template <class M = L2Squared, MatrixInput Base, MatrixInput Queries>
  requires(!ContiguousVector<Base> && !ContiguousVector<Queries>)
[[nodiscard]] Expected<std::vector<std::vector<ExactNeighbor>>, Error> exact_search(const Base& base,
                                                                                    const Queries& queries,
                                                                                    std::size_t k,
                                                                                    unsigned threads = 1) {
  const MatrixView<float> base_view = *detail::view_matrix(base, 0);
  const MatrixView<float> query_view = *detail::view_matrix(queries, 0);
  if (base_view.columns != query_view.columns) {
    return Unexpected<Error>(detail::make_error(ErrorCode::dimension_mismatch, "expected queries of ",
                                                base_view.columns, " components as the base has, got ",
                                                query_view.columns));
  }
  if (auto bad = detail::find_bad_row<M>("base", base_view)) return Unexpected<Error>(*std::move(bad));
  if (auto bad = detail::find_bad_row<M>("query", query_view)) return Unexpected<Error>(*std::move(bad));
  k = std::min(k, base_view.rows);
  if (k == 0) return std::vector<std::vector<ExactNeighbor>>(query_view.rows);
  using Search = detail::ExactSearch<M>;
  Search search(base_view, query_view, k);
  const std::size_t blocks = (query_view.rows + Search::queries_in_block - 1) / Search::queries_in_block;
  detail::Workers(threads).for_each(blocks, [&](std::size_t, std::size_t block) { search.search_block(block); });
  return search.take();
}

/// The distance between two vectors in double: what an exact neighbour's distance is. *Shape*: same length.
template <class M = L2Squared>
[[nodiscard]] double exact_distance(std::span<const float> a, std::span<const float> b) {
  return detail::ExactMetric<M>::distance(a, b);
}

}  // namespace shoal::inline v0
