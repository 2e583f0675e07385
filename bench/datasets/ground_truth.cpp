#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <thread>

#include <Eigen/Core>

#include <datasets/ground_truth.hpp>
#include <datasets/true_distance.hpp>

namespace shoal::datasets {

namespace {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr std::size_t queries_in_block = 64;
constexpr std::size_t rows_in_block = 1024;  // 256 KiB of products, and at 768-d 3 MB of vectors

struct Ranked {
  double distance = 0;
  std::uint32_t row = 0;
};

/// Nearest first, ties by row.
bool is_nearer(const Ranked& a, const Ranked& b) {
  return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
}

struct Candidate {
  double lowest = 0;  // the distance is not below this
  std::uint32_t row = 0;
};

/// The rows that may still be among the k nearest of one query.
class Candidates {
 public:
  explicit Candidates(std::size_t k) : k_(k) {}

  /// A row whose distance lies between `lowest` and `highest`.
  void offer(std::uint32_t row, double lowest, double highest) {
    if (k_highest_.size() < k_) {
      k_highest_.push_back(highest);
      std::push_heap(k_highest_.begin(), k_highest_.end());
    } else if (highest < k_highest_.front()) {
      std::pop_heap(k_highest_.begin(), k_highest_.end());
      k_highest_.back() = highest;
      std::push_heap(k_highest_.begin(), k_highest_.end());
    }
    if (lowest <= bound()) {
      rows_.push_back({lowest, row});
      if (rows_.size() >= prune_at_) {
        prune();
        prune_at_ = 2 * rows_.size() + 8 * k_ + 256;
      }
    }
  }

  [[nodiscard]] const std::vector<Candidate>& pruned() {
    prune();
    return rows_;
  }

 private:
  /// k rows are no farther than this.
  [[nodiscard]] double bound() const {
    return k_highest_.size() < k_ ? std::numeric_limits<double>::infinity() : k_highest_.front();
  }

  void prune() {
    std::erase_if(rows_, [limit = bound()](const Candidate& candidate) { return candidate.lowest > limit; });
  }

  std::size_t k_;
  std::vector<double> k_highest_;  // a heap: the k smallest upper bounds, the largest of them in front
  std::vector<Candidate> rows_;
  std::size_t prune_at_ = 1024;
};

class ExactSearch {
 public:
  ExactSearch(const Matrix<float>& base, const Matrix<float>& queries, Metric metric, std::size_t k)
      : base_(base), queries_(queries), metric_(metric), k_(std::min(k, base.rows)) {
    const auto d = static_cast<double>(base.cols);
    relative_error_ = d * unit_roundoff / (1 - d * unit_roundoff);
    base_norms_.reserve(base.rows);
    for (std::size_t i = 0; i < base.rows; ++i) {
      base_norms_.push_back(norm(base.row(i)));
    }
    truth_.ids = {queries.rows, k_, std::vector<std::uint32_t>(queries.rows * k_)};
    truth_.distances = {queries.rows, k_, std::vector<double>(queries.rows * k_)};
  }

  /// Takes blocks of queries until none is left; any number of threads may be in here.
  void work() {
    RowMajor products;
    for (;;) {
      const std::size_t first = next_query_.fetch_add(queries_in_block);
      if (first >= queries_.rows) {
        return;
      }
      search_block(first, std::min(queries_in_block, queries_.rows - first), products);
    }
  }

  [[nodiscard]] GroundTruth take() { return std::move(truth_); }

 private:
  static constexpr double unit_roundoff = 0x1p-24;

  void search_block(std::size_t first_query, std::size_t count, RowMajor& products) {
    const auto view = [](const Matrix<float>& matrix, std::size_t first, std::size_t rows) {
      return Eigen::Map<const RowMajor>(matrix.row(first).data(), static_cast<Eigen::Index>(rows),
                                        static_cast<Eigen::Index>(matrix.cols));
    };
    std::vector<Candidates> candidates(count, Candidates(k_));
    std::vector<double> query_norms(count);
    for (std::size_t j = 0; j < count; ++j) {
      query_norms[j] = norm(queries_.row(first_query + j));
    }
    for (std::size_t first = 0; first < base_.rows; first += rows_in_block) {
      const std::size_t rows = std::min(rows_in_block, base_.rows - first);
      products.noalias() = view(queries_, first_query, count) * view(base_, first, rows).transpose();
      for (std::size_t j = 0; j < count; ++j) {
        for (std::size_t i = 0; i < rows; ++i) {
          const float product = products(static_cast<Eigen::Index>(j), static_cast<Eigen::Index>(i));
          offer(candidates[j], first_query + j, query_norms[j], first + i, product);
        }
      }
    }
    for (std::size_t j = 0; j < count; ++j) {
      rank(first_query + j, candidates[j].pruned());
    }
  }

  void offer(Candidates& candidates, std::size_t query, double query_norm, std::size_t row, float product) const {
    const double norms = query_norm * base_norms_[row];
    const double product_error = relative_error_ * norms + static_cast<double>(base_.cols) * smallest_normal;
    double distance = 0, error = 0;
    if (!std::isfinite(product)) {  // overflowed
      distance = true_distance(metric_, queries_.row(query), base_.row(row));
    } else if (metric_ == Metric::angular) {
      distance = 1 - product / norms;
      error = product_error / norms + 1e-12;
    } else {
      const double squares = query_norm * query_norm + base_norms_[row] * base_norms_[row];
      distance = squares - 2 * double{product};
      error = 2 * product_error + 1e-12 * squares;
    }
    candidates.offer(static_cast<std::uint32_t>(row), distance - error, distance + error);
  }

  void rank(std::size_t query, const std::vector<Candidate>& candidates) {
    std::vector<Ranked> ranked;
    ranked.reserve(candidates.size());
    for (const Candidate& candidate : candidates) {
      ranked.push_back({true_distance(metric_, queries_.row(query), base_.row(candidate.row)), candidate.row});
    }
    const auto end = ranked.begin() + static_cast<std::ptrdiff_t>(k_);
    std::partial_sort(ranked.begin(), end, ranked.end(), is_nearer);
    for (std::size_t i = 0; i < k_; ++i) {
      truth_.ids.row(query)[i] = ranked[i].row;
      truth_.distances.row(query)[i] = ranked[i].distance;
    }
  }

  static constexpr double smallest_normal = double{std::numeric_limits<float>::min()};

  const Matrix<float>& base_;
  const Matrix<float>& queries_;
  Metric metric_;
  std::size_t k_;
  double relative_error_ = 0;
  std::vector<double> base_norms_;
  GroundTruth truth_;
  std::atomic<std::size_t> next_query_{0};
};

}  // namespace

GroundTruth exact_ground_truth(const Matrix<float>& base, const Matrix<float>& queries, Metric metric, std::size_t k,
                               unsigned threads) {
  ExactSearch search(base, queries, metric, k);
  const std::size_t wanted = threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency());
  const std::size_t useful = std::min(wanted, (queries.rows + queries_in_block - 1) / queries_in_block);
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < useful; ++i) {
    others.emplace_back([&search] { search.work(); });
  }
  search.work();
  for (std::thread& thread : others) {
    thread.join();
  }
  return search.take();
}

Result<GroundTruth> adopt_ground_truth(const Matrix<std::int64_t>& ids, const Matrix<float>& base,
                                       const Matrix<float>& queries, Metric metric, std::size_t k) {
  k = std::min(k, base.rows);
  if (ids.rows != queries.rows) {
    return Failure(text("is for ", ids.rows, " queries, not ", queries.rows));
  }
  if (ids.cols < k) {
    return Failure(text("holds ", ids.cols, " neighbours of each query, not ", k));
  }
  // Others compute in float, often as |a|^2 - 2ab + |b|^2: what they call sorted or the k nearest may be off by that
  // much.
  const auto may_be_below = [&](double distance, double limit, std::size_t query) {
    const double scale = metric == Metric::angular ? 1.0 : std::pow(norm(queries.row(query)), 2);
    return distance <= limit * 1.001 + 1e-5 * scale;
  };
  GroundTruth truth;
  truth.ids = {queries.rows, k, std::vector<std::uint32_t>(queries.rows * k)};
  truth.distances = {queries.rows, k, std::vector<double>(queries.rows * k)};
  std::vector<Ranked> ranked;
  for (std::size_t i = 0; i < queries.rows; ++i) {
    ranked.clear();
    for (const std::int64_t id : ids.row(i)) {
      if (id < 0 || static_cast<std::uint64_t>(id) >= base.rows) {
        return Failure(text("names the base row ", id, " (query ", i, ", place ", ranked.size(), "), of ", base.rows));
      }
      const auto row = static_cast<std::uint32_t>(id);
      const double distance = true_distance(metric, queries.row(i), base.row(row));
      if (!ranked.empty() && !may_be_below(ranked.back().distance, distance, i)) {
        return Failure(
            text("is not sorted by ", name_of(metric), " distance (query ", i, ", place ", ranked.size(), ")"));
      }
      ranked.push_back({distance, row});
    }
    std::sort(ranked.begin(), ranked.end(), is_nearer);
    for (std::size_t j = 0; j < k; ++j) {
      if (j != 0 && ranked[j].row == ranked[j - 1].row) {
        return Failure(text("names the base row ", ranked[j].row, " twice (query ", i, ")"));
      }
      truth.ids.row(i)[j] = ranked[j].row;
      truth.distances.row(i)[j] = ranked[j].distance;
    }
  }

  constexpr std::size_t checked_queries = 4;
  const std::size_t step = std::max<std::size_t>(1, queries.rows / checked_queries);
  for (std::size_t i = 0; i < queries.rows && k != 0; i += step) {
    const auto query = queries.row(i);
    const Matrix<float> one{1, queries.cols, {query.begin(), query.end()}};
    const double true_kth = exact_ground_truth(base, one, metric, k, 1).distances.values[k - 1];
    const double kth = truth.distances.row(i)[k - 1];
    if (!may_be_below(kth, true_kth, i) || !may_be_below(true_kth, kth, i)) {
      return Failure(text("is of other vectors (query ", i, ": its neighbour ", k, " lies at ", kth,
                          ", the true one at ", true_kth, ")"));
    }
  }
  return truth;
}

}  // namespace shoal::datasets
