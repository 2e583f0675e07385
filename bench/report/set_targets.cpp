#include "set_targets.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/core.h>

namespace shoal::report {

namespace {

constexpr std::string_view float32 = "Float32";
constexpr std::string_view float32_by_codes = "Float32 linked by codes";
constexpr std::string_view sq8 = "SQ8";
constexpr std::string_view refined = "Refined<SQ8>";

struct Limits {
  std::optional<double> floor;
  std::optional<double> aim;
};

bool is_named(const SetResult& set, std::string_view word) { return set.name.find(word) != std::string::npos; }

/// What vectors with bytes to walk on and floats to rank by are to reach depends on what the vectors are.
Limits refined_limits(const SetResult& set, double recall) {
  const bool is_text = is_named(set, "debian-lsa") || is_named(set, "sutta-e5");
  if (is_text) return {3, recall < 0.97 ? 6 : 7};
  if (is_named(set, "fashion-mnist")) return {2.5, 4};
  if (is_named(set, "sift")) return {2.5, 3};
  return {};
}

const LibraryResult* find_shoal(const SetResult& set, std::string_view storage) {
  const std::string name = rivals::shoal_prefix + std::string(storage);
  const auto found = std::find_if(set.libraries.begin(), set.libraries.end(),
                                  [&](const LibraryResult& library) { return library.name == name; });
  return found == set.libraries.end() || found->refused ? nullptr : &*found;
}

/// Nothing where another library stands in for it.
const LibraryResult* find_hnswlib(const SetResult& set) {
  const LibraryResult* baseline = set.baseline();
  return baseline != nullptr && baseline->name == rivals::baseline_name ? baseline : nullptr;
}

class Rows {
 public:
  explicit Rows(std::span<const SetResult> sets) : sets_(sets) {}

  void add_search(std::string_view storage, double recall, Limits (*limits)(const SetResult&, double)) {
    for_each(storage, [&](const SetResult& set, const LibraryResult& ours, const LibraryResult& theirs) {
      Target target = row(fmt::format("search at {:.2f}, {}", recall, storage), set, limits(set, recall));
      target.reached = figure_of(speed_ratios(ours, theirs, recall));
      if (!theirs.median_qps_at_recall(recall)) {
        target.remark = "hnswlib never gets there";
      } else {
        target.is_out_of_reach = !ours.median_qps_at_recall(recall);
      }
      rows_.push_back(std::move(target));
    });
  }

  void add_highest_recall(std::string_view storage, std::string_view data, Limits limits) {
    for_each(storage, [&](const SetResult& set, const LibraryResult& ours, const LibraryResult& theirs) {
      if (!is_named(set, data)) return;
      Target target = row(fmt::format("highest recall, {}", storage), set, limits);
      target.unit = Unit::recall;
      target.reached = figure_of({ours.highest_recall});
      target.remark = fmt::format("at ef {}; hnswlib {:.4f}", ours.highest_recall_ef, theirs.highest_recall);
      rows_.push_back(std::move(target));
    });
  }

  void add_build(std::string_view storage, Limits limits) {
    for_each(storage, [&](const SetResult& set, const LibraryResult& ours, const LibraryResult& theirs) {
      const bool is_on_one = set.build_threads == 1;
      const std::string threads = is_on_one ? "1 thread" : fmt::format("{} threads", set.build_threads);
      Target target = row(fmt::format("build, {}, {}", threads, storage), set, is_on_one ? limits : Limits{});
      target.reached = figure_of(build_ratios(ours, theirs));
      target.remark = recall_remark(ours, theirs);
      rows_.push_back(std::move(target));
    });
  }

  std::vector<Target> take() { return std::move(rows_); }

 private:
  template <class Add>
  void for_each(std::string_view storage, Add add) const {
    for (const SetResult& set : sets_) {
      const LibraryResult* theirs = find_hnswlib(set);
      const LibraryResult* ours = find_shoal(set, storage);
      if (theirs != nullptr && ours != nullptr) add(set, *ours, *theirs);
    }
  }

  static Target row(std::string name, const SetResult& set, Limits limits) {
    Target target;
    target.name = std::move(name);
    target.data = set.name;
    target.floor = limits.floor;
    target.aim = limits.aim;
    return target;
  }

  /// A build that is faster because the graph is worse would show here.
  static std::string recall_remark(const LibraryResult& ours, const LibraryResult& theirs) {
    const std::size_t count = std::min(ours.recall_at_equal_ef.size(), theirs.recall_at_equal_ef.size());
    if (count == 0) return "";
    double most = 0;
    std::size_t ef = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const double lead = theirs.recall_at_equal_ef[i] - ours.recall_at_equal_ef[i];
      if (lead > most) {
        most = lead;
        ef = equal_ef[i];
      }
    }
    return most > 0 ? fmt::format("recall at equal ef below by up to {:.4f} (ef {})", most, ef)
                    : "recall at equal ef not below";
  }

  std::span<const SetResult> sets_;
  std::vector<Target> rows_;
};

}  // namespace

std::vector<Target> set_targets(std::span<const SetResult> sets) {
  Rows rows(sets);
  const auto float_limits = [](const SetResult&, double) { return Limits{1.8, 2.5}; };
  const auto byte_limits = [](const SetResult&, double) { return Limits{2.5, 4}; };
  rows.add_search(float32, 0.95, float_limits);
  rows.add_search(float32, 0.99, float_limits);
  rows.add_search(refined, 0.95, refined_limits);
  rows.add_search(refined, 0.99, refined_limits);
  rows.add_search(sq8, 0.95, byte_limits);
  rows.add_highest_recall(sq8, "debian-lsa", {0.985, 0.993});
  rows.add_build(float32, {2, 5});
  rows.add_build(float32_by_codes, {2, 5});
  rows.add_build(sq8, {4, 10});
  return rows.take();
}

}  // namespace shoal::report
