#pragma once
// The numbers a report is made of, from the numbers that were measured. Pure functions.

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace shoal::report {

/// The middle value, or the mean of the two in the middle. Precondition: not empty.
[[nodiscard]] double median(std::vector<double> values);

/// The least value that this share of the values does not exceed. Precondition: not empty, 0 <= share <= 1.
[[nodiscard]] double quantile(std::vector<double> values, double share);

/// How far the values lie apart: (largest - smallest) / median. Precondition: not empty.
[[nodiscard]] double spread(const std::vector<double>& values);

/// A number that was measured in several rounds.
struct Figure {
  double median = 0;
  double least = 0;
  double most = 0;
  std::size_t count = 0;  // of rounds
};

/// Nothing where no round has a value.
[[nodiscard]] std::optional<Figure> figure_of(const std::vector<double>& values);

/// a[i] / b[i] for each round. *Shape*: as many of the one as of the other.
[[nodiscard]] std::vector<double> ratios(std::span<const double> a, std::span<const double> b);

/// What is on the curve through the points (recall[i], values[i]) at exactly `target` recall: queries a second, or
/// distances. The points are in order of ef; between two of them the logarithm of the value is linear in the recall.
/// When the first point is there already, its value: the library offers nothing faster. Nothing when no point gets
/// there.
/// *Shape*: as many values as recalls, all above 0.
[[nodiscard]] std::optional<double> value_at_recall(std::span<const double> recall, std::span<const double> values,
                                                    double target);

}  // namespace shoal::report
