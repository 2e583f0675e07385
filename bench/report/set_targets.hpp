#pragma once
// The targets that are read off the data sets: search at equal recall, the highest recall of SQ8, and the build, each
// against hnswlib in the same round. Text, images and descriptors have floors of their own; sets whose kind is not
// known, and the made-up one, are reported without where the floor depends on the kind.

#include <span>
#include <vector>

#include "measure.hpp"
#include "targets.hpp"

namespace shoal::report {

/// Empty without hnswlib.
[[nodiscard]] std::vector<Target> set_targets(std::span<const SetResult> sets);

}  // namespace shoal::report
