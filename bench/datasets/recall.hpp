#pragma once
// recall@k, the share of the k nearest that a search found, with ties.
//
// A returned id is a hit when its true distance is at most that of the true k-th neighbour: which of several vectors at
// that distance is returned makes no difference. The distances are computed in double from the vectors; what the search
// says they are is not asked.

#include <span>

#include <datasets/dataset.hpp>

namespace shoal::datasets {

/// Two distances this close (relative) are a tie: 1e6 roundings of a double, far below what a float distance resolves.
inline constexpr double tie_tolerance = 1e-9;

/// *Shape*: results[i] are the ids found for query i, at most the first k count, each id once; an id that is no base
/// row is no hit. Precondition: one result for each query, dataset.truth.k() >= min(k, base rows). The share is of
/// min(k, base rows).
[[nodiscard]] double recall_at_k(const Dataset& dataset, std::span<const std::vector<std::uint64_t>> results,
                                 std::size_t k);

}  // namespace shoal::datasets
