#pragma once
// The distance between two vectors, computed in double: what recall and ground truth are judged by.
//
// angular is half the squared distance of the two directions, which equals 1 - cosine but does not cancel for near
// ones. The same two vectors always give the same bits, so a tie of identical vectors is exact.

#include <span>

#include <datasets/dataset.hpp>

namespace shoal::datasets {

/// *Shape*: a and b of the same length. *Errors*: a zero vector under angular has no direction: the result is not a
/// number.
[[nodiscard]] double true_distance(Metric metric, std::span<const float> a, std::span<const float> b);

/// The Euclidean norm.
[[nodiscard]] double norm(std::span<const float> a);

}  // namespace shoal::datasets
