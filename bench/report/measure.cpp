#include "measure.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <random>

#include <fmt/core.h>
#include <rivals/allocated_bytes.hpp>

#include "search_pass.hpp"
#include "sets.hpp"
#include "statistics.hpp"
#include "stopwatch.hpp"
#include <datasets/recall.hpp>

namespace shoal::report {

namespace {

// Steps of sqrt(2), from the least that can return k results.
constexpr std::size_t ef_grid[] = {10, 14, 20, 28, 40, 57, 80, 113, 160, 226, 320, 453, 640, 905, 1280};
// How far does it get at all? Not timed.
constexpr std::size_t far_ef[] = {640, 1280, 2560, 6400};
// A curve ends where it is past the last target, or hardly rises any more.
constexpr double enough_recall = 0.998;
constexpr double least_rise = 0.0002;
// Storages that rank what they found by a second form of the vectors keep more candidates than such an ef says: their
// curve begins flat.
constexpr std::size_t may_be_flat_up_to_ef = 40;
// A pass that would take longer than this on one thread is left out, and a build that would make a library's builds
// together take longer.
constexpr double longest_pass_seconds = 25;
constexpr double longest_builds_seconds = 36;
// No library is this bad at the largest ef; what is has a fault, or was called wrongly.
constexpr double least_sane_recall = 0.7;

class Measurement {
 public:
  Measurement(const datasets::Dataset& set, const std::vector<rivals::Library>& libraries, const rivals::Setup& setup,
              const Options& options)
      : set_(set),
        libraries_(libraries),
        setup_(setup),
        options_(options),
        queries_(shuffled_queries(set.queries.rows)),
        built_(libraries.size()),
        checksums_(libraries.size()) {
    result_.name = set.name;
    result_.rows = set.base.rows;
    result_.dimensions = set.base.cols;
    result_.queries = set.queries.rows;
    result_.build_threads = setup.threads;
    result_.notes = set.notes;
    result_.libraries.resize(libraries.size());
    for (std::size_t i = 0; i < libraries.size(); ++i) result_.libraries[i].name = libraries[i].name;
  }

  SetResult run() {
    for (std::size_t round = 0; round < options_.builds(); ++round) {
      for (const std::size_t i : random_order()) guarded(i, [&] { build(i, round); });
    }
    for (std::size_t i = 0; i < libraries_.size(); ++i) guarded(i, [&] { find_curve(i); });
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
    std::size_t builds = 0;
    for (const auto& seconds : result.build_seconds) {
      spent += seconds.value_or(0);
      builds += seconds ? 1 : 0;
    }
    if (builds > 0 && spent / static_cast<double>(builds) * static_cast<double>(builds + 1) > longest_builds_seconds) {
      result.build_seconds.emplace_back();
      return;
    }
    built_[i].reset();
    rivals::release_free_memory();
    const auto before = rivals::allocated_bytes();
    auto rival = libraries_[i].make(setup_);
    const WallClock clock;
    const Stopwatch watch;
    rival->build({set_.base.values.data(), set_.base.rows, set_.base.cols});
    const double seconds = setup_.threads == 1 ? watch.seconds() : clock.seconds();
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
    result.unreachable = built_[i]->unreachable();
    if (const auto faults = built_[i]->faults(); !faults.empty()) {
      result.refused = "its own check: " + faults.front();
      return;
    }
    double seconds_per_ef = 0;
    unsigned flat_steps = 0;
    for (const std::size_t ef : ef_grid) {
      const double highest_before = result.highest_recall;
      const Findings findings = find_at(i, ef);
      if (result.refused) return;
      seconds_per_ef = findings.seconds / static_cast<double>(ef);
      result.ef.push_back(ef);
      result.recall.push_back(recall_of(i, ef, findings));
      checksums_[i].push_back(checksum(findings, queries_at(ef)));
      const bool is_flat = ef > may_be_flat_up_to_ef && result.highest_recall - highest_before < least_rise;
      flat_steps = is_flat ? flat_steps + 1 : 0;
      if (flat_steps == 2 || result.recall.back() >= enough_recall || ef >= set_.base.rows) break;
    }
    // Of the targets, only that of SQ8 needs the highest recall.
    const std::span<const std::size_t> far_efs =
        options_.targets_only && result.name != "shoal SQ8" ? std::span<const std::size_t>{} : far_ef;
    for (const std::size_t far : far_efs) {
      const std::size_t ef = std::min(far, set_.base.rows);
      if (ef <= result.ef.back()) continue;
      if (result.highest_recall >= 1 || seconds_per_ef * static_cast<double>(ef) > longest_pass_seconds) break;
      const Findings findings = find_at(i, ef);
      if (result.refused) return;
      (void)recall_of(i, ef, findings);
      if (ef == set_.base.rows) break;
    }
    if (result.highest_recall < least_sane_recall) {
      result.refused =
          fmt::format("recall {:.3f} is its highest, at ef {}", result.highest_recall, result.highest_recall_ef);
      return;
    }
    if (rivals::is_shoal_or_baseline(result.name)) {
      for (const std::size_t ef : equal_ef) {
        const Findings findings = find_at(i, ef);
        if (result.refused) return;
        result.recall_at_equal_ef.push_back(datasets::recall_at_k(set_, findings.ids, k));
      }
    }
    progress("{} finds up to {:.4f}, at ef {}", result.name, result.highest_recall, result.highest_recall_ef);
  }

  /// All queries at one ef, checked.
  Findings find_at(std::size_t i, std::size_t ef) {
    built_[i]->set_ef(ef);
    Findings findings = find_all(*built_[i], set_);
    if (const auto fault = find_fault(findings, set_); !fault.empty()) {
      result_.libraries[i].refused = fmt::format("ef {}: {}", ef, fault);
    }
    return findings;
  }

  double recall_of(std::size_t i, std::size_t ef, const Findings& findings) {
    LibraryResult& result = result_.libraries[i];
    const double recall = datasets::recall_at_k(set_, findings.ids, k);
    if (recall > result.highest_recall) {
      result.highest_recall = recall;
      result.highest_recall_ef = ef;
    }
    return recall;
  }

  /// One round of one library: its whole curve, one thread.
  void time_curve(std::size_t i) {
    LibraryResult& result = result_.libraries[i];
    rivals::Rival& rival = *built_[i];
    constexpr std::size_t warm_up_ef = 40;
    rival.set_ef(warm_up_ef);
    (void)time_queries(rival, set_, queries_at(warm_up_ef), 0);  // its memory takes the cache over from the one before
    std::vector<double> qps;
    for (std::size_t point = 0; point < result.ef.size(); ++point) {
      rival.set_ef(result.ef[point]);
      const Timing timing = time_queries(rival, set_, queries_at(result.ef[point]));
      if (timing.checksum != checksums_[i][point]) {
        result.refused = fmt::format("ef {}: timed searches found something else", result.ef[point]);
        return;
      }
      qps.push_back(timing.qps);
    }
    result.qps.push_back(std::move(qps));
  }

  [[nodiscard]] std::span<const std::size_t> queries_at(std::size_t ef) const {
    return std::span(queries_).first(timed_queries(ef, queries_.size()));
  }

  const datasets::Dataset& set_;
  const std::vector<rivals::Library>& libraries_;
  const rivals::Setup& setup_;
  const Options& options_;
  std::vector<std::size_t> queries_;                   // in the order in which they are timed
  std::vector<std::unique_ptr<rivals::Rival>> built_;  // by library
  std::vector<std::vector<std::uint64_t>> checksums_;  // by library, by ef: of what the timed queries must find
  std::mt19937 random_{20'240'601};
  SetResult result_;
};

}  // namespace

SetResult measure(const datasets::Dataset& set, const std::vector<rivals::Library>& libraries,
                  const rivals::Setup& setup, const Options& options) {
  return Measurement(set, libraries, setup, options).run();
}

}  // namespace shoal::report
