#pragma once
// The exact nearest neighbours of every query: computed, or taken from a file and held against the vectors.
//
// Independent of shoal's own search, so that it can judge it.

#include <datasets/dataset.hpp>

namespace shoal::datasets {

/// The min(k, base.rows) nearest base rows of each query, nearest first, ties by id.
///
/// By shoal::exact_search. *Errors*: std::invalid_argument for a vector that is not finite, or zero under angular.
/// *Threads*: 0 means all cores. *Cost*: rows x queries x cols multiplications.
[[nodiscard]] GroundTruth exact_ground_truth(const Matrix<float>& base, const Matrix<float>& queries, Metric metric,
                                             std::size_t k, unsigned threads = 0);

/// The first min(k, base.rows) columns of `ids` as the truth, with distances computed anew.
///
/// *Errors*, each a reason that reads well after the name of the file: too few rows or columns, ids that are not rows
/// of the base, distances that decrease, or a few queries, searched exactly, that have a nearer k-th neighbour: the ids
/// then belong to other vectors or another metric.
[[nodiscard]] Result<GroundTruth> adopt_ground_truth(const Matrix<std::int64_t>& ids, const Matrix<float>& base,
                                                     const Matrix<float>& queries, Metric metric, std::size_t k);

}  // namespace shoal::datasets
