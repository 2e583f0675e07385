#include "filters.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>

#include <fmt/core.h>
#include <rivals/filtering_rival.hpp>

#include "search_pass.hpp"
#include "sets.hpp"
#include <datasets/ground_truth.hpp>
#include <datasets/recall.hpp>

namespace shoal::report {

namespace {

struct FilterSet {
  const char* name;
  std::size_t most_rows;
};
constexpr FilterSet filter_sets[] = {{"debian-lsa768", 20'000}, {"sift5k-128", 20'000}};
constexpr std::size_t most_filter_rows_when_quick = 2'000;
// No library is this bad where a filter leaves it enough to choose from; what is has a fault, or was called wrongly.
constexpr double least_filtered_recall = 0.5;

/// The passing rows as a set of their own, with their exact truth, and where a row of the whole is in it.
struct PassingSet {
  datasets::Dataset set;
  std::vector<std::size_t> place_of_row;  // set.base.rows for a row that does not pass

  PassingSet(const datasets::Dataset& whole, const rivals::PassingRows& passing) {
    set.name = whole.name;
    set.metric = whole.metric;
    set.queries = whole.queries;
    set.base = {passing.rows().size(), whole.base.cols, {}};
    place_of_row.assign(whole.base.rows, passing.rows().size());
    for (const std::uint64_t row : passing.rows()) {
      place_of_row[row] = set.base.values.size() / set.base.cols;
      const auto vector = whole.base.row(row);
      set.base.values.insert(set.base.values.end(), vector.begin(), vector.end());
    }
    set.truth = datasets::exact_ground_truth(set.base, set.queries, set.metric, k);
  }
};

/// One way of one library, ready for the rows that pass.
struct FilterSubject {
  std::size_t curve = 0;
  std::unique_ptr<rivals::FilteredSearch> search;
  std::uint64_t checksum = 0;  // of what the timed queries must find
  FilterPoint point;

  [[nodiscard]] SearchCall call() const {
    return [this](const float* query, std::vector<std::uint64_t>& ids) { search->search(query, ids); };
  }
};

class FilterMeasurement {
 public:
  FilterMeasurement(const datasets::Dataset& set, const std::vector<rivals::Library>& libraries,
                    const rivals::Setup& setup, const Options& options)
      : set_(set), options_(options), queries_(shuffled_queries(set.queries.rows)) {
    result_ = {set.name, set.base.rows, set.base.cols, set.queries.rows, {}, {}, set.notes};
    for (const rivals::Library& library : libraries) {
      auto rival = library.make(setup);
      auto* filtering = dynamic_cast<rivals::FilteringRival*>(rival.get());
      if (filtering == nullptr) continue;
      fmt::print(stderr, "filters, {}: {} is built\n", set.name, library.name);
      rival->build({set.base.values.data(), set.base.rows, set.base.cols});
      rival->set_ef(filters_ef);
      rivals_.push_back({library.name, std::move(rival), filtering});
    }
  }

  FilterResult run() {
    for (std::size_t i = 0; i < filters_shares.size(); ++i) measure_share(i);
    return std::move(result_);
  }

 private:
  struct Built {
    std::string name;
    std::unique_ptr<rivals::Rival> rival;
    rivals::FilteringRival* filtering = nullptr;  // the same object
  };

  void measure_share(std::size_t share) {
    const rivals::PassingRows passing(filters_shares[share], set_.base.rows);
    result_.passing[share] = passing.rows().size();
    if (passing.rows().empty()) return;
    fmt::print(stderr, "filters, {}: {} rows pass\n", set_.name, passing.rows().size());
    const PassingSet among(set_, passing);
    // Fewer queries where a search takes longer, the same for every library.
    const auto effort = static_cast<std::size_t>(static_cast<double>(filters_ef) / filters_shares[share]);
    const auto timed = std::span<const std::size_t>(queries_).first(timed_queries(effort, queries_.size()));
    std::vector<FilterSubject> subjects;
    for (const Built& built : rivals_) {
      for (auto& search : built.filtering->filtered_searches(passing, k)) {
        FilterSubject subject{curve_of(built, *search), std::move(search), 0, {}};
        if (guarded(subject, [&] { find(subject, among, timed); })) subjects.push_back(std::move(subject));
      }
    }
    for (std::size_t round = 0; round < options_.search_rounds(); ++round) {
      std::shuffle(subjects.begin(), subjects.end(), random_);
      for (FilterSubject& subject : subjects) guarded(subject, [&] { time(subject, timed); });
    }
    for (FilterSubject& subject : subjects) result_.curves[subject.curve].points[share] = std::move(subject.point);
  }

  std::size_t curve_of(const Built& built, const rivals::FilteredSearch& search) {
    const std::string name = search.way().empty() ? built.name : built.name + ", " + search.way();
    const auto known = std::find_if(result_.curves.begin(), result_.curves.end(),
                                    [&](const FilterCurve& curve) { return curve.name == name; });
    if (known != result_.curves.end()) return static_cast<std::size_t>(known - result_.curves.begin());
    result_.curves.push_back({name, built.name == rivals::baseline_name, {}, {}});
    return result_.curves.size() - 1;
  }

  /// One that fails is left out from then on, with the reason; the others go on. Gives whether it has not failed.
  template <class Step>
  bool guarded(const FilterSubject& subject, Step step) {
    FilterCurve& curve = result_.curves[subject.curve];
    if (curve.refused) return false;
    try {
      step();
      return true;
    } catch (const std::exception& error) {
      curve.refused = error.what();
      fmt::print(stderr, "filters, {}: {} is refused: {}\n", set_.name, curve.name, *curve.refused);
      return false;
    }
  }

  /// All queries, checked: only rows that pass, each once, and no more than were asked for. Fewer are no fault of who
  /// drops, and count as not found.
  void find(FilterSubject& subject, const PassingSet& among, std::span<const std::size_t> timed) const {
    Findings findings = find_all(subject.call(), set_);
    subject.checksum = checksum(findings, timed);
    for (auto& ids : findings.ids) {
      if (ids.size() > k) throw std::runtime_error("more than k results");
      for (std::uint64_t& id : ids) {
        const std::size_t place = id < set_.base.rows ? among.place_of_row[id] : among.set.base.rows;
        if (place == among.set.base.rows)
          throw std::runtime_error(fmt::format("found row {}, which does not pass", id));
        id = place;
      }
      auto sorted = ids;
      std::sort(sorted.begin(), sorted.end());
      if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
        throw std::runtime_error("one row is returned twice");
      }
    }
    subject.point.recall = datasets::recall_at_k(among.set, findings.ids, k);
    if (subject.point.recall < least_filtered_recall) {
      throw std::runtime_error(fmt::format("recall {:.3f} among {} rows", subject.point.recall, among.set.base.rows));
    }
  }

  void time(FilterSubject& subject, std::span<const std::size_t> timed) const {
    // The memory of this library takes the cache over from the one before.
    constexpr std::size_t warm_up_queries = 50;
    (void)time_queries(subject.call(), set_, timed.first(std::min(timed.size(), warm_up_queries)), 0);
    const Timing timing = time_queries(subject.call(), set_, timed);
    if (timing.checksum != subject.checksum) throw std::runtime_error("timed searches found something else");
    subject.point.qps.push_back(timing.qps);
  }

  const datasets::Dataset& set_;
  const Options& options_;
  std::vector<std::size_t> queries_;  // in the order in which they are timed
  std::vector<Built> rivals_;
  std::mt19937 random_{20'240'601};
  FilterResult result_;
};

/// Those whose filter is one of its own: what linked the graph makes no other search.
std::vector<rivals::Library> without_variants(const std::vector<rivals::Library>& libraries) {
  std::vector<rivals::Library> kept;
  for (const rivals::Library& library : libraries) {
    if (library.name.find("linked by codes") == std::string::npos) kept.push_back(library);
  }
  return kept;
}

}  // namespace

std::vector<FilterResult> measure_filters(const std::vector<rivals::Library>& libraries, const rivals::Setup& setup,
                                          const Options& options) {
  std::vector<FilterResult> results;
  for (const FilterSet& one : filter_sets) {
    const datasets::Dataset set =
        set_named(one.name, options.quick ? most_filter_rows_when_quick : one.most_rows, options);
    if (!results.empty() && results.front().set == set.name) break;  // the made-up one took the place of both
    results.push_back(FilterMeasurement(set, without_variants(libraries), setup, options).run());
  }
  return results;
}

}  // namespace shoal::report
