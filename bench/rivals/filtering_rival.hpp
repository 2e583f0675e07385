#pragma once
// What a rival can do besides, when its library has a way to search among some of the rows.

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <rivals/rival.hpp>

#include <datasets/random.hpp>

namespace shoal::rivals {

/// Some of the rows, picked by a hash of their number: they lie all over the data.
class PassingRows {
 public:
  /// About `share` of the rows 0 to rows - 1. Precondition: 0 < share <= 1.
  PassingRows(double share, std::size_t rows)
      : share_(share), below_(static_cast<std::uint64_t>(std::ceil(share * scale))) {
    for (std::uint64_t row = 0; row < rows; ++row) {
      if (contains(row)) rows_.push_back(row);
    }
  }

  /// What a user's predicate would be: a few nanoseconds, no memory.
  [[nodiscard]] bool contains(std::uint64_t row) const { return (datasets::Random(row).next() >> 32U) < below_; }
  [[nodiscard]] const std::vector<std::uint64_t>& rows() const { return rows_; }  // ascending
  [[nodiscard]] double share() const { return share_; }                           // that was asked for

 private:
  static constexpr double scale = 4294967296.0;  // 2^32
  double share_;
  std::uint64_t below_;
  std::vector<std::uint64_t> rows_;
};

/// One way to search among passing rows, made ready for them. *Threads*: any number at once.
class FilteredSearch {
 public:
  FilteredSearch() = default;
  FilteredSearch(const FilteredSearch&) = delete;
  FilteredSearch& operator=(const FilteredSearch&) = delete;
  virtual ~FilteredSearch() = default;

  /// What tells this way from others of the same library; empty where there is one.
  [[nodiscard]] virtual std::string way() const { return ""; }

  /// Leaves the passing rows nearest to the query in `ids`, at most k. The order is the library's.
  virtual void search(const float* query, std::vector<std::uint64_t>& ids) const = 0;
};

/// A second base of a rival.
class FilteringRival {
 public:
  FilteringRival() = default;
  FilteringRival(const FilteringRival&) = delete;
  FilteringRival& operator=(const FilteringRival&) = delete;
  virtual ~FilteringRival() = default;

  /// Every way that the library has, for k neighbours among `passing`, at the ef that was set. Precondition: rival and
  /// rows outlive what is given, and the rival does not change meanwhile.
  [[nodiscard]] virtual std::vector<std::unique_ptr<FilteredSearch>> filtered_searches(const PassingRows& passing,
                                                                                       std::size_t k) const = 0;
};

}  // namespace shoal::rivals
