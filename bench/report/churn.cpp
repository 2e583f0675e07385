#include "churn.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>

#include <fmt/core.h>
#include <rivals/allocated_bytes.hpp>
#include <rivals/changing_rival.hpp>

#include "search_pass.hpp"
#include "sets.hpp"
#include "stopwatch.hpp"
#include <datasets/recall.hpp>

namespace shoal::report {

namespace {

constexpr const char* churn_set = "debian-lsa768";
constexpr std::size_t most_churn_rows = 20'000;
constexpr std::size_t most_churn_rows_when_quick = 2'000;
// No library gets this bad; what does has a fault, or was called wrongly.
constexpr double least_churned_recall = 0.5;
// A library whose changes took longer is left as it is from then on, unless --large; what was seen until then stays.
constexpr double longest_changes_seconds = 240;
// How many queries look for erased entries while the entries are gone.
constexpr std::size_t queries_between = 50;

constexpr std::uint32_t is_gone = ~std::uint32_t{0};

/// Which entries are in: the same for all libraries. Rows of the set under ids that count up.
class Population {
 public:
  explicit Population(std::size_t rows) : row_of_id_(rows), live_(rows) {
    std::iota(row_of_id_.begin(), row_of_id_.end(), std::uint32_t{0});
    std::iota(live_.begin(), live_.end(), std::uint64_t{0});
  }

  struct Round {
    std::vector<std::uint64_t> erased;
    std::vector<std::uint64_t> inserted;  // ids
    std::vector<std::uint32_t> rows;      // of them: those of the erased, in another order
  };

  /// Takes `count` entries at random.
  Round next_round(std::size_t count, std::mt19937& random) {
    Round round;
    std::shuffle(live_.begin(), live_.end(), random);
    round.erased.assign(live_.begin(), live_.begin() + static_cast<std::ptrdiff_t>(count));
    for (const std::uint64_t id : round.erased) round.rows.push_back(row_of_id_[id]);
    std::shuffle(round.rows.begin(), round.rows.end(), random);
    for (std::size_t i = 0; i < count; ++i) round.inserted.push_back(row_of_id_.size() + i);
    return round;
  }

  void erase(const Round& round) {
    for (const std::uint64_t id : round.erased) row_of_id_[id] = is_gone;
    live_.erase(live_.begin(), live_.begin() + static_cast<std::ptrdiff_t>(round.erased.size()));
  }

  void insert(const Round& round) {
    row_of_id_.insert(row_of_id_.end(), round.rows.begin(), round.rows.end());
    live_.insert(live_.end(), round.inserted.begin(), round.inserted.end());
  }

  /// In the order in which they came.
  [[nodiscard]] std::vector<std::uint32_t> rows() const {
    std::vector<std::uint32_t> rows;
    for (const std::uint32_t row : row_of_id_) {
      if (row != is_gone) rows.push_back(row);
    }
    return rows;
  }

  [[nodiscard]] std::uint32_t row_of(std::uint64_t id) const {
    return id < row_of_id_.size() ? row_of_id_[id] : is_gone;
  }

 private:
  std::vector<std::uint32_t> row_of_id_;
  std::vector<std::uint64_t> live_;
};

datasets::Matrix<float> rows_of(const datasets::Dataset& set, const std::vector<std::uint32_t>& rows) {
  datasets::Matrix<float> matrix{rows.size(), set.base.cols, {}};
  matrix.values.reserve(rows.size() * set.base.cols);
  for (const std::uint32_t row : rows) {
    const auto vector = set.base.row(row);
    matrix.values.insert(matrix.values.end(), vector.begin(), vector.end());
  }
  return matrix;
}

rivals::FloatMatrix matrix_view(const datasets::Matrix<float>& matrix) {
  return {matrix.values.data(), matrix.rows, matrix.cols};
}

/// One way of a library to change, as far as it has come.
struct ChurnRunner {
  rivals::ChangingLibrary way;
  std::unique_ptr<rivals::Rival> rival;
  rivals::ChangingRival* changes = nullptr;  // the same object
  std::optional<std::size_t> bytes;
  double erase_seconds = 0;  // since the last look
  double insert_seconds = 0;
  double seconds = 0;  // of all changes
  bool is_stopped = false;
};

class ChurnMeasurement {
 public:
  ChurnMeasurement(const datasets::Dataset& set, const ChurnPlan& plan, const rivals::Setup& setup,
                   const Options& options)
      : set_(set),
        plan_(plan),
        setup_(setup),
        options_(options),
        queries_(shuffled_queries(set.queries.rows)),
        population_(set.base.rows) {
    result_ = {set.name, set.base.rows, set.base.cols, set.queries.rows, plan.share, {}, set.notes};
    for (const rivals::ChangingLibrary& way : rivals::changing_libraries()) {
      if (!is_wanted(way.name, options.libraries)) continue;
      runners_.push_back({way, nullptr, nullptr, {}, 0, 0, 0, false});
      result_.curves.push_back({way.label(), {}, {}});
    }
  }

  ChurnResult run() {
    for (std::size_t i = 0; i < runners_.size(); ++i) guarded(i, [&] { build(runners_[i]); });
    const auto count =
        std::max<std::size_t>(1, static_cast<std::size_t>(plan_.share * static_cast<double>(set_.base.rows)));
    changed_since_look_ = 0;
    for (std::size_t round = 1; round <= plan_.looks.back(); ++round) {
      const Population::Round changes = population_.next_round(count, random_);
      const auto rows = rows_of(set_, changes.rows);
      const bool is_looked_at = std::binary_search(plan_.looks.begin(), plan_.looks.end(), round);
      population_.erase(changes);
      const std::vector<std::size_t> order = random_order();
      for (const std::size_t i : order) guarded(i, [&] { erase(runners_[i], changes, is_looked_at); });
      population_.insert(changes);
      for (const std::size_t i : order) guarded(i, [&] { insert(runners_[i], changes, rows); });
      changed_since_look_ += count;
      if (is_looked_at) look(round);
    }
    return std::move(result_);
  }

 private:
  std::vector<std::size_t> random_order() {
    std::vector<std::size_t> order(runners_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), random_order_);
    return order;
  }

  /// One that fails is left out from then on, with the reason; the others go on.
  template <class Step>
  void guarded(std::size_t i, Step step) {
    ChurnCurve& curve = result_.curves[i];
    if (curve.refused || runners_[i].is_stopped) return;
    try {
      step();
    } catch (const std::exception& error) {
      curve.refused = error.what();
      fmt::print(stderr, "churn: {} is refused: {}\n", curve.name, *curve.refused);
    }
  }

  /// Runs what changes a rival, adds to `bytes` by how much that made it grow, and gives the processor time it took.
  template <class Step>
  static double timed(std::optional<std::size_t>& bytes, Step step) {
    const auto before = rivals::allocated_bytes();
    const Stopwatch watch;
    step();
    const double seconds = watch.seconds();
    const auto after = rivals::allocated_bytes();
    if (before && after) bytes = bytes.value_or(0) + *after - *before;  // may shrink: the sum is what wraps back
    return seconds;
  }

  std::unique_ptr<rivals::Rival> built(const rivals::ChangingLibrary& way, const datasets::Matrix<float>& rows,
                                       std::optional<std::size_t>& bytes) const {
    std::unique_ptr<rivals::Rival> rival;
    timed(bytes, [&] {
      rival = way.make(setup_);
      rival->build(matrix_view(rows));
    });
    return rival;
  }

  void build(ChurnRunner& runner) {
    fmt::print(stderr, "churn, {:g} % a round: {} is built\n", 100 * plan_.share, runner.way.label());
    runner.rival = built(runner.way, set_.base, runner.bytes);
    runner.changes = dynamic_cast<rivals::ChangingRival*>(runner.rival.get());
    if (runner.changes == nullptr) throw std::logic_error("no ChangingRival");
  }

  void erase(ChurnRunner& runner, const Population::Round& changes, bool is_looked_at) const {
    runner.erase_seconds += timed(runner.bytes, [&] { runner.changes->erase(changes.erased); });
    if (!is_looked_at) return;
    runner.rival->set_ef(churn_ef.front());
    std::vector<std::uint64_t> ids;
    for (std::size_t query = 0; query < std::min(queries_between, set_.queries.rows); ++query) {
      runner.rival->search(set_.queries.row(query).data(), k, ids);
      require_live(ids);
    }
  }

  static void insert(ChurnRunner& runner, const Population::Round& changes, const datasets::Matrix<float>& rows) {
    runner.insert_seconds += timed(runner.bytes, [&] { runner.changes->insert(changes.inserted, matrix_view(rows)); });
  }

  void require_live(const std::vector<std::uint64_t>& ids) const {
    for (const std::uint64_t id : ids) {
      if (population_.row_of(id) == is_gone) throw std::runtime_error(fmt::format("found id {}, which is not in", id));
    }
  }

  /// All that are looked at in one round, and a fresh build of each library beside them.
  void look(std::size_t round) {
    fmt::print(stderr, "churn, {:g} % a round: round {}\n", 100 * plan_.share, round);
    const std::vector<std::uint32_t> rows = population_.rows();
    const datasets::Matrix<float> matrix = rows_of(set_, rows);
    std::vector<Subject> subjects;
    std::vector<std::size_t> fresh_of(runners_.size());  // the subject that each is held against
    for (std::size_t i = 0; i < runners_.size(); ++i) {
      guarded(i, [&] {
        ChurnRunner& runner = runners_[i];
        if (const auto faults = runner.rival->faults(); !faults.empty()) throw std::runtime_error(faults.front());
        // Two ways of one library have one fresh build.
        const auto built_before = std::find_if(subjects.begin(), subjects.end(), [&](const Subject& subject) {
          return subject.curve && runners_[*subject.curve].way.name == runner.way.name;
        });
        if (built_before != subjects.end()) {
          fresh_of[i] = fresh_of[*built_before->curve];
        } else {
          Subject fresh;
          fresh.owned = built(runner.way, matrix, fresh.state.bytes);
          fresh.rival = fresh.owned.get();
          fresh.row_of = [&rows](std::uint64_t id) { return id < rows.size() ? rows[id] : is_gone; };
          find(fresh);
          fresh_of[i] = subjects.size();
          subjects.push_back(std::move(fresh));
        }
        Subject churned;
        churned.rival = runner.rival.get();
        churned.row_of = [this](std::uint64_t id) { return population_.row_of(id); };
        churned.state.bytes = runner.bytes;
        find(churned);
        churned.curve = i;
        subjects.push_back(std::move(churned));
      });
    }
    for (std::size_t pass = 0; pass < options_.search_rounds(); ++pass) {
      std::vector<std::size_t> order(subjects.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::shuffle(order.begin(), order.end(), random_order_);
      for (const std::size_t s : order) {
        Subject& subject = subjects[s];
        if (subject.curve) {
          guarded(*subject.curve, [&] { time(subject); });
        } else {
          time(subject);
        }
      }
    }
    const auto changed = static_cast<double>(changed_since_look_);
    for (const Subject& subject : subjects) {
      if (!subject.curve || result_.curves[*subject.curve].refused) continue;
      ChurnRunner& runner = runners_[*subject.curve];
      result_.curves[*subject.curve].looks.push_back({round, subject.state, subjects[fresh_of[*subject.curve]].state,
                                                      runner.erase_seconds / changed, runner.insert_seconds / changed});
      runner.seconds += runner.erase_seconds + runner.insert_seconds;
      runner.erase_seconds = 0;
      runner.insert_seconds = 0;
      if (runner.seconds > longest_changes_seconds && round < plan_.looks.back() && !options_.large)
        stop(runner, round);
    }
    changed_since_look_ = 0;
  }

  void stop(ChurnRunner& runner, std::size_t round) {
    runner.is_stopped = true;
    runner.rival.reset();
    result_.notes.push_back(fmt::format("{} was left at round {}: its changes took over {:.0f} s", runner.way.label(),
                                        round, longest_changes_seconds));
  }

  /// An index that is looked at.
  struct Subject {
    std::unique_ptr<rivals::Rival> owned;  // a fresh build
    rivals::Rival* rival = nullptr;
    std::function<std::uint32_t(std::uint64_t id)> row_of;
    std::optional<std::size_t> curve;  // nothing: a fresh build
    std::uint64_t checksum = 0;        // of what the timed queries must find
    IndexState state;
  };

  void find(Subject& subject) const {
    subject.state.unreachable = subject.rival->unreachable();
    for (std::size_t i = 0; i < churn_ef.size(); ++i) {
      subject.rival->set_ef(churn_ef[i]);
      Findings findings = find_all(*subject.rival, set_);
      if (i == 0) subject.checksum = checksum(findings, timed());
      for (auto& ids : findings.ids) {
        for (std::uint64_t& id : ids) {
          const std::uint32_t row = subject.row_of(id);
          if (row == is_gone) throw std::runtime_error(fmt::format("found id {}, which is not in", id));
          id = row;
        }
      }
      if (const auto fault = find_fault(findings, set_); !fault.empty()) throw std::runtime_error(fault);
      subject.state.recall[i] = datasets::recall_at_k(set_, findings.ids, k);
      if (subject.state.recall[i] < least_churned_recall) {
        throw std::runtime_error(fmt::format("recall {:.3f} at ef {}", subject.state.recall[i], churn_ef[i]));
      }
    }
  }

  void time(Subject& subject) {
    subject.rival->set_ef(churn_ef.front());
    (void)time_queries(*subject.rival, set_, timed(), 0);  // its memory takes the cache over from the one before
    const Timing timing = time_queries(*subject.rival, set_, timed());
    if (timing.checksum != subject.checksum) throw std::runtime_error("timed searches found something else");
    subject.state.qps.push_back(timing.qps);
  }

  [[nodiscard]] std::span<const std::size_t> timed() const {
    return std::span(queries_).first(timed_queries(churn_ef.front(), queries_.size()));
  }

  const datasets::Dataset& set_;
  const ChurnPlan& plan_;
  const rivals::Setup& setup_;
  const Options& options_;
  std::vector<std::size_t> queries_;  // in the order in which they are timed
  Population population_;
  std::vector<ChurnRunner> runners_;
  std::size_t changed_since_look_ = 0;
  std::mt19937 random_{20'250'101};        // what is erased: the same whoever takes part
  std::mt19937 random_order_{20'240'601};  // who comes first
  ChurnResult result_;
};

}  // namespace

std::vector<ChurnResult> measure_churn(const rivals::Setup& setup, const Options& options) {
  const datasets::Dataset set =
      set_named(churn_set, options.quick ? most_churn_rows_when_quick : most_churn_rows, options);
  rivals::settle_allocator();
  std::vector<ChurnResult> results;
  for (const ChurnPlan& plan : churn_plans(options.quick)) {
    results.push_back(ChurnMeasurement(set, plan, setup, options).run());
  }
  return results;
}

}  // namespace shoal::report
