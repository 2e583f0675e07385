#include "measure.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <random>

#include <fmt/core.h>

#include <datasets/recall.hpp>
#include <rivals/allocated_bytes.hpp>

#include "search_pass.hpp"
#include "sets.hpp"
#include "statistics.hpp"

namespace shoal::report {

namespace {

// Steps of sqrt(2), from the least that can return k results.
constexpr std::size_t ef_grid[] = {10, 14, 20, 28, 40, 57, 80, 113, 160, 226, 320, 453, 640, 905, 1280};
// How far does it get at all? Not timed.
constexpr std::size_t far_ef[] = {2560, 6400};
// A curve ends where it is past the last target, or hardly rises any more.
constexpr double enough_recall = 0.998;
constexpr double least_rise = 0.0002;
// A pass that would take longer than this on one thread is left out, and a build that would make a library's builds
// together take longer.
constexpr double longest_pass_seconds = 40;
constexpr double longest_builds_seconds = 45;
// No library is this bad at the largest ef; what is has a fault, or was called wrongly.
constexpr double least_sane_recall = 0.7;

class Measurement {
 public:
  Measurement(const datasets::Dataset& set, const std::vector<rivals::Library>& libraries, const rivals::Setup& setup,
              const Options& options)
      : set_(set), libraries_(libraries), setup_(setup), options_(options), built_(libraries.size()) {
    result_.name = set.name;
    result_.rows = set.base.rows;
    result_.dimensions = set.base.cols;
    result_.queries = set.queries.rows;
    result_.notes = set.notes;
    result_.libraries.resize(libraries.size());
    for (std::size_t i = 0; i < libraries.size(); ++i) result_.libraries[i].name = libraries[i].name;
  }

  SetResult run() {
    for (std::size_t round = 0; round < options_.builds(); ++round) {
      for (const std::size_t i : random_order()) guarded(i, [&] { build(i, round); });
    }
    for (std::size_t i = 0; i < libraries_.size(); ++i) guarded(i, [&] { find_curve(i); });
    queries_ = shuffled_queries(set_.queries.rows);
    for (std::size_t round = 0; round < options_.search_rounds(); ++round) {
      progress("search round {} of {}", round + 1, options_.search_rounds());
      for (const std::size_t i : random_order()) guarded(i, [&] { time_curve(i); });
    }
    return std::move(result_);
  }

 private:
  template <class... Arguments>
  void progress(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    fmt::print(stderr, "{}: {}\n", set_.name, fmt::format(format, std::forward<Arguments>(arguments)...));
  }

  std::vector<std::size_t> random_order() {
    std::vector<std::size_t> order(libraries_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random_);
    return order;
  }

  /// A library that fails is left out from then on, with the reason; the others go on.
  template <class Step>
  void guarded(std::size_t i, Step step) {
    LibraryResult& result = result_.libraries[i];
    if (result.refused) return;
    try {
      step();
    } catch (const std::exception& error) {
      result.refused = error.what();
    }
    if (result.refused) progress("{} is refused: {}", result.name, *result.refused);
  }

  void build(std::size_t i, std::size_t round) {
    LibraryResult& result = result_.libraries[i];
    double spent = 0;
    for (const auto& seconds : result.build_seconds) spent += seconds.value_or(0);
    if (round > 0 && spent * static_cast<double>(round + 1) / static_cast<double>(round) > longest_builds_seconds) {
      result.build_seconds.emplace_back();
      return;
    }
    built_[i].reset();
    rivals::release_free_memory();
    const auto before = rivals::allocated_bytes();
    auto rival = libraries_[i].make(setup_);
    const auto start = std::chrono::steady_clock::now();
    rival->build({set_.base.values.data(), set_.base.rows, set_.base.cols});
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const auto after = rivals::allocated_bytes();
    if (before && after && *after > *before) result.bytes = *after - *before;
    result.reported_bytes = rival->reported_bytes();
    result.build_seconds.emplace_back(seconds);
    progress("{} built in {:.2f} s ({} of {})", result.name, seconds, round + 1, options_.builds());
    built_[i] = std::move(rival);
  }

  /// What the library finds at each ef, until it finds enough.
  void find_curve(std::size_t i) {
    LibraryResult& result = result_.libraries[i];
    rivals::Rival& rival = *built_[i];
    result.unreachable = rival.unreachable();
    if (const auto faults = rival.faults(); !faults.empty()) {
      result.refused = "its own check: " + faults.front();
      return;
    }
    double seconds_per_ef = 0;
    const auto recall_at = [&](std::size_t ef) {
      rival.set_ef(ef);
      findings_.push_back(find_all(rival, set_));
      seconds_per_ef = findings_.back().seconds / static_cast<double>(ef);
      if (const auto fault = find_fault(findings_.back(), set_); !fault.empty()) {
        result.refused = datasets::text("ef ", ef, ": ", fault);
      }
      const double recall = datasets::recall_at_k(set_, findings_.back().ids, k);
      if (recall > result.highest_recall) {
        result.highest_recall = recall;
        result.highest_recall_ef = ef;
      }
      return recall;
    };
    std::vector<std::uint64_t>& expected = expected_.emplace_back();
    expected_of_.resize(libraries_.size());
    expected_of_[i] = expected_.size() - 1;
    (void)expected;
    findings_.clear();
    for (const std::size_t ef : ef_grid) {
      const double best_before = result.highest_recall;
      result.ef.push_back(ef);
      result.recall.push_back(recall_at(ef));
      const bool rises = result.recall.size() < 3 || result.highest_recall - best_before >= least_rise;
      if (result.refused || !rises || result.recall.back() >= enough_recall || ef >= set_.base.rows) break;
    }
    for (const std::size_t ef : far_ef) {
      const bool is_long = seconds_per_ef * static_cast<double>(ef) > longest_pass_seconds;
      if (result.refused || is_long || ef > set_.base.rows || result.highest_recall == 1) break;
      recall_at(ef);
    }
  }

  void time_curve(std::size_t) {}

  const datasets::Dataset& set_;
  const std::vector<rivals::Library>& libraries_;
  const rivals::Setup& setup_;
  const Options& options_;
  std::vector<std::unique_ptr<rivals::Rival>> built_;
  std::vector<Findings> findings_;
  std::vector<std::vector<std::uint64_t>> expected_;
  std::vector<std::size_t> expected_of_;
  std::vector<std::size_t> queries_;
  std::mt19937 random_{20'240'601};
  SetResult result_;
};

}  // namespace

}  // namespace shoal::report
