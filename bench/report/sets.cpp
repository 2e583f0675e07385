#include "sets.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include <fmt/core.h>

#include <datasets/clustered.hpp>
#include <datasets/companions.hpp>
#include <datasets/ground_truth.hpp>
#include <datasets/load.hpp>
#include <datasets/true_distance.hpp>

namespace shoal::report {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t usual_rows = 20'000;  // of a real set
constexpr std::uint64_t made_up_seed = 1;

/// Where real sets may lie: what the user says, else the environment, else beside the repository.
fs::path data_folder(const Options& options) {
  if (!options.data.empty()) return options.data;
  if (const char* folder = std::getenv("SHOAL_DATA"); folder != nullptr && *folder != '\0') return folder;
  return fs::path(SHOAL_REPORT_REPOSITORY) / ".." / "shared" / "data";
}

SetSource real_set(const fs::path& base, const fs::path& path) { return {datasets::name_of_set(base), path}; }

/// The real sets, smallest file first.
std::vector<SetSource> find_real_sets(const fs::path& folder) {
  std::error_code ignored;
  if (const auto base = datasets::find_base(folder)) return {real_set(*base, folder)};
  std::vector<std::pair<std::uintmax_t, SetSource>> found;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (const auto base = datasets::find_base(entry.path())) {
      found.emplace_back(fs::file_size(*base, ignored), real_set(*base, entry.path()));
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second.name < b.second.name;
  });
  std::vector<SetSource> sets;
  for (auto& [bytes, set] : found) sets.push_back(std::move(set));
  return sets;
}

void scale_to_norm_one(datasets::Matrix<float>& matrix) {
  for (std::size_t i = 0; i < matrix.rows; ++i) {
    const double scale = 1 / datasets::norm(matrix.row(i));
    for (float& x : matrix.row(i)) x = static_cast<float>(x * scale);
  }
}

}  // namespace

SetList find_sets(const Options& options) {
  SetList list;
  const bool is_given = !options.data.empty();
  const fs::path folder = data_folder(options);
  std::vector<SetSource> real = find_real_sets(folder);
  if (real.empty()) {
    list.notes.push_back(is_given ? "no data sets in " + datasets::shown(folder)
                                  : "no real data sets: neither $SHOAL_DATA nor ../shared/data has any");
  }
  const auto is_unwanted = [&](const SetSource& set) { return !is_wanted(set.name, options.only); };
  std::erase_if(real, is_unwanted);
  if (options.quick && real.size() > 1) real.resize(1);
  list.sets.push_back({made_up_name, {}, made_up_rows, made_up_dimensions});
  std::erase_if(list.sets, is_unwanted);
  std::move(real.begin(), real.end(), std::back_inserter(list.sets));
  if (options.large) {
    std::vector<SetSource> large{{"made-up large, 768-d", {}, 100'000, 768, true},
                                 {"made-up large, 128-d", {}, 1'000'000, 128, true}};
    std::erase_if(large, is_unwanted);
    std::move(large.begin(), large.end(), std::back_inserter(list.sets));
  }
  return list;
}

datasets::Dataset set_named(const std::string& name, std::size_t rows, const Options& options) {
  Options fewer = options;
  fewer.rows = options.at_most(rows);
  for (const SetSource& source : find_real_sets(data_folder(options))) {
    if (source.name != name) continue;
    auto set = load_set(source, fewer);
    if (!set) throw std::runtime_error(set.error());
    return *std::move(set);
  }
  datasets::Dataset set = made_up_set(fewer);
  set.notes.push_back(fmt::format("in place of {}, which is not there", name));
  return set;
}

bool wants_made_up(const Options& options) { return is_wanted(made_up_name, options.only); }

datasets::Dataset make_set(std::size_t rows, std::size_t dimensions, std::size_t queries) {
  datasets::Dataset set = datasets::clustered(rows, dimensions, made_up_seed, queries);
  set.truth = datasets::exact_ground_truth(set.base, set.queries, set.metric, k);
  return set;
}

datasets::Dataset made_up_set(const Options& options) {
  return make_set(options.at_most(made_up_rows), made_up_dimensions, options.max_queries);
}

datasets::Result<datasets::Dataset> load_set(const SetSource& source, const Options& options) {
  if (source.path.empty()) {
    datasets::Dataset set = make_set(options.at_most(source.rows), source.dimensions, options.max_queries);
    set.name = source.name;
    return set;
  }
  datasets::LoadOptions load_options;
  load_options.max_rows = options.rows == 0 ? usual_rows : options.rows;
  load_options.max_queries = options.max_queries;
  load_options.k = k;
  auto set = datasets::load(source.path, load_options);
  if (set && set->metric == datasets::Metric::angular) {
    scale_to_norm_one(set->base);
    scale_to_norm_one(set->queries);
    set->metric = datasets::Metric::euclidean;
    set->truth = datasets::exact_ground_truth(set->base, set->queries, set->metric, k);
    set->notes.emplace_back("angular: scaled to norm 1, where squared L2 gives the same order");
  }
  return set;
}

}  // namespace shoal::report
