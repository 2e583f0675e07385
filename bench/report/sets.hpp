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
  std::size_t rows = 0;        // of a made-up one
  std::size_t dimensions = 0;
  bool is_large = false;  // built on all cores, and by shoal and hnswlib alone
};

struct SetList {
  std::vector<SetSource> sets;     // in the order of the report
  std::vector<std::string> notes;  // what was looked for and is not there
};

/// Neighbours that recall is counted by.
inline constexpr std::size_t k = 10;

[[nodiscard]] SetList find_sets(const Options& options);

/// The made-up vectors on which everything is measured that needs no other library.
[[nodiscard]] datasets::Dataset made_up_set(const Options& options);
inline constexpr const char* made_up_name = "made-up clusters";
inline constexpr std::size_t made_up_rows = 10'000;
inline constexpr std::size_t made_up_dimensions = 768;

/// Whether the made-up vectors were asked for.
[[nodiscard]] bool wants_made_up(const Options& options);

/// The real set of that name, wherever `only` points; the made-up vectors where there is none. At most `rows` rows.
[[nodiscard]] datasets::Dataset set_named(const std::string& name, std::size_t rows, const Options& options);

/// Made-up vectors with their exact truth.
[[nodiscard]] datasets::Dataset make_set(std::size_t rows, std::size_t dimensions, std::size_t queries);

/// The set with its exact truth. Angular sets are scaled to norm 1 and are then euclidean: the order is the same.
[[nodiscard]] datasets::Result<datasets::Dataset> load_set(const SetSource& source, const Options& options);

}  // namespace shoal::report
