#include "latency.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <random>
#include <stdexcept>
#include <thread>

#include <fmt/core.h>

#include "search_pass.hpp"
#include "shoal_index.hpp"
#include "stopwatch.hpp"

namespace shoal::report {

namespace {

constexpr const char* latency_set = "debian-lsa768";
constexpr std::size_t most_latency_rows = 20'000;
constexpr std::size_t most_latency_rows_when_quick = 2'000;
constexpr std::size_t latency_rounds = 3;
constexpr double idle_seconds = 1;
constexpr double idle_seconds_when_quick = 0.1;

/// Work for another thread, whose exception comes through when it is waited for.
class Writer {
 public:
  explicit Writer(std::function<void()> work)
      : thread_([this, work = std::move(work)] {
          try {
            const WallClock clock;
            work();
            seconds_ = clock.seconds();
          } catch (...) {
            error_ = std::current_exception();
          }
          is_done_.store(true, std::memory_order_release);
        }) {}

  [[nodiscard]] bool is_done() const { return is_done_.load(std::memory_order_acquire); }

  /// How long the work took.
  double wait() {
    thread_.join();
    if (error_) std::rethrow_exception(error_);
    return seconds_;
  }

 private:
  std::atomic<bool> is_done_{false};
  double seconds_ = 0;
  std::exception_ptr error_;
  std::jthread thread_;  // the last member: it uses the others
};

/// One storage: an index of the first half of the rows, into which the second half goes, and out of which a half goes.
template <class Storage>
class LatencyMeasurement {
 public:
  LatencyMeasurement(const datasets::Dataset& set, const rivals::Setup& setup, const Options& options)
      : set_(set),
        setup_(setup),
        options_(options),
        queries_(shuffled_queries(set.queries.rows)),
        ids_(ids_of(set)),
        half_(set.base.rows / 2),
        erase_order_(ids_),
        place_in_order_(ids_.size()) {
    std::mt19937 random(20'250'202);
    std::shuffle(erase_order_.begin(), erase_order_.end(), random);
    for (std::size_t i = 0; i < erase_order_.size(); ++i) place_in_order_[erase_order_[i]] = i;
  }

  LatencyCurve run() {
    LatencyCurve curve{storage_name<Storage>, {}, {}, {}, {}, {}};
    for (std::size_t round = 0; round < latency_rounds; ++round) {
      fmt::print(stderr, "latency: {}, round {} of {}\n", curve.storage, round + 1, latency_rounds);
      Index<Storage> index(config_of(set_, setup_));
      insert(index, 0, half_);
      curve.idle.push_back(idle(index));
      inserting(index, curve);
      require_sound(index, set_);
      erasing(index, curve);
      require_half(index);
    }
    return curve;
  }

 private:
  void insert(Index<Storage>& index, std::size_t first, std::size_t end) const {
    const std::span<const std::uint64_t> ids(ids_.begin() + static_cast<std::ptrdiff_t>(first),
                                             ids_.begin() + static_cast<std::ptrdiff_t>(end));
    const MatrixView<float> rows{.data = set_.base.row(first).data(), .rows = ids.size(), .columns = set_.base.cols};
    if (const auto inserted = index.batch_insert(ids, rows); !inserted) {
      throw std::runtime_error(inserted.error().what());
    }
  }

  /// Searches, one after the other, for as long as `goes_on()`; `check(ids, before)` sees what each found, and what
  /// `before()` gave when it began. What checks take is not in the times.
  template <class GoesOn, class Before, class Check>
  Latency search(const Index<Storage>& index, GoesOn goes_on, Before before, Check check) const {
    const SearchOptions options{.k = k, .ef = latency_ef};
    std::vector<double> seconds;
    for (std::size_t i = 0; seconds.empty() || goes_on(); i = i + 1 == queries_.size() ? 0 : i + 1) {
      const auto state = before();
      const WallClock clock;
      const auto found = index.search(set_.queries.row(queries_[i]), options);
      seconds.push_back(clock.seconds());
      if (found.size() != std::min(k, half_)) throw std::runtime_error("a search found fewer than k");
      for (const auto& neighbor : found) check(neighbor.id, state);
    }
    return latency_of(seconds);
  }

  [[nodiscard]] Latency idle(const Index<Storage>& index) const {
    const double least_seconds = options_.quick ? idle_seconds_when_quick : idle_seconds;
    const WallClock clock;
    return search(
        index, [&] { return clock.seconds() < least_seconds; }, [] { return 0; },
        [&](std::uint64_t id, int) {
          if (id >= half_) throw std::runtime_error(fmt::format("found id {}, which is not in yet", id));
        });
  }

  void inserting(Index<Storage>& index, LatencyCurve& curve) const {
    Writer writer([&] { insert(index, half_, ids_.size()); });
    curve.inserting.push_back(search(
        index, [&] { return !writer.is_done(); }, [] { return 0; },
        [&](std::uint64_t id, int) {
          if (id >= ids_.size()) throw std::runtime_error(fmt::format("found id {}, which is none", id));
        }));
    curve.insert_seconds.push_back(writer.wait() / static_cast<double>(ids_.size() - half_));
  }

  /// One by one. What was erased before a search began is not to be found by it.
  void erasing(Index<Storage>& index, LatencyCurve& curve) const {
    const std::size_t count = ids_.size() - half_;
    std::atomic<std::size_t> erased{0};
    Writer writer([&] {
      for (std::size_t i = 0; i < count; ++i) {
        if (const auto gone = index.erase(erase_order_[i]); !gone) {
          throw std::runtime_error(std::string(gone.error().message()));
        }
        erased.store(i + 1, std::memory_order_release);
      }
    });
    curve.erasing.push_back(search(
        index, [&] { return !writer.is_done(); }, [&] { return erased.load(std::memory_order_acquire); },
        [&](std::uint64_t id, std::size_t gone) {
          if (place_in_order_[id] < gone) throw std::runtime_error(fmt::format("found id {}, which was erased", id));
        }));
    curve.erase_seconds.push_back(writer.wait() / static_cast<double>(count));
  }

  void require_half(const Index<Storage>& index) const {
    if (const auto report = index.check(); !report.faults.empty()) throw std::runtime_error(report.faults.front());
    if (index.size() != half_) throw std::runtime_error("not as many are in as were left");
  }

  const datasets::Dataset& set_;
  const rivals::Setup& setup_;
  const Options& options_;
  std::vector<std::size_t> queries_;
  std::vector<std::uint64_t> ids_;
  std::size_t half_;
  std::vector<std::uint64_t> erase_order_;
  std::vector<std::size_t> place_in_order_;
};

}  // namespace

std::vector<LatencyResult> measure_latency(const rivals::Setup& setup, const Options& options) {
  const datasets::Dataset set =
      set_named(latency_set, options.quick ? most_latency_rows_when_quick : most_latency_rows, options);
  LatencyResult result{set.name, set.base.rows, set.base.cols, {}, set.notes};
  if (std::thread::hardware_concurrency() < 2)
    result.notes.emplace_back("one core: a search waits for the writer's turn");
  result.curves.push_back(LatencyMeasurement<Float32>(set, setup, options).run());
  result.curves.push_back(LatencyMeasurement<SQ8>(set, setup, options).run());
  return {result};
}

}  // namespace shoal::report
