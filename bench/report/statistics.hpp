#pragma once
// The numbers a report is made of, from the numbers that were measured. Pure functions.

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace shoal::report {

/// The middle value, or the mean of the two in the middle. Precondition: not empty.
[[nodiscard]] double median(std::vector<double> values);

/// How far the values lie apart: (largest - smallest) / median. Precondition: not empty.
[[nodiscard]] double spread(const std::vector<double>& values);

/// Queries a second at exactly `target` recall, on the curve through the points (recall[i], qps[i]), which are in order
/// of ef. Between two points the logarithm of the speed is linear in the recall. When the first point is there already,
/// its speed: the library offers nothing faster. Nothing when no point gets there.
/// *Shape*: as many speeds as recalls.
[[nodiscard]] std::optional<double> qps_at(std::span<const double> recall, std::span<const double> qps, double target);

}  // namespace shoal::report
