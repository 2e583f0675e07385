#pragma once
// The data sets of a report: made-up vectors always, real ones where a folder of them is found.

#include <string>
#include <vector>

#include "options.hpp"
#include <datasets/dataset.hpp>

namespace shoal::report {

/// A set that can be loaded when its turn comes: one is in memory at a time.
struct SetSource {
  std::string name;
  std::filesystem::path path;  // empty: made up
};

struct SetList {
  std::vector<SetSource> sets;     // in the order of the report
  std::vector<std::string> notes;  // what was looked for and is not there
};

/// Neighbours that recall is counted by.
inline constexpr std::size_t k = 10;

[[nodiscard]] SetList find_sets(const Options& options);

/// The set with its exact truth. Angular sets are scaled to norm 1 and are then euclidean: the order is the same.
[[nodiscard]] datasets::Result<datasets::Dataset> load_set(const SetSource& source, const Options& options);

}  // namespace shoal::report
