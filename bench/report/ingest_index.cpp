// The way into an index that keeps its vectors, against an index alone: written through a BatchWriter, with linking in
// between or behind, and opened from what was stored.

#include <thread>

#include <fmt/core.h>

#include "ingest_store.hpp"
#include "scratch_folder.hpp"
#include "shoal_index.hpp"
#include "stopwatch.hpp"

namespace shoal::report {

namespace {

/// One storage on so many threads.
template <class Storage>
class IndexIngestMeasurement {
 public:
  IndexIngestMeasurement(const datasets::Dataset& set, const rivals::Setup& setup, const Options& options,
                         unsigned threads)
      : set_(set), setup_(setup), options_(options), ids_(ids_of(set)), threads_(threads) {
    curve_.storage = storage_name<Storage>;
    curve_.threads = threads;
  }

  /// Each way once, beginning with another one than in the round before. What was stored by one of them is then read
  /// and opened.
  void run_round(std::size_t round, std::vector<double>& reading) {
    constexpr std::size_t ways = 3;
    for (std::size_t i = 0; i < ways; ++i) {
      switch ((i + round) % ways) {
        case 0: insert_alone(); break;
        case 1: ingest(false, curve_.linked, nullptr); break;
        default: ingest(true, curve_.behind, &reading);
      }
    }
  }

  [[nodiscard]] const IndexIngest& curve() const { return curve_; }

 private:
  using Durable = DurableIndex<Index<Storage>, IngestStore>;

  void insert_alone() {
    Index<Storage> index(config_of(set_, setup_));
    const WallClock clock;
    insert_all(index, set_, ids_, {.threads = threads_});
    curve_.alone.push_back(clock.seconds());
    require_sound(index, set_);
  }

  [[nodiscard]] Durable open(IngestStore store, bool link_behind) const {
    DurableOptions options;
    options.threads = threads_;
    options.link_behind = link_behind;
    auto durable = Durable::open(Index<Storage>(config_of(set_, setup_)), std::move(store), options);
    if (!durable) throw std::runtime_error(std::string(durable.error().message()));
    return *std::move(durable);
  }

  /// `reading`: where the times of reading go, after which the store is opened again; null: neither is done.
  void ingest(bool link_behind, std::vector<double>& seconds, std::vector<double>* reading) {
    const ScratchFolder folder(options_.out);
    {
      Durable durable = open(open_store(folder.path(), set_), link_behind);
      const WallClock clock;
      write(durable, link_behind);
      seconds.push_back(clock.seconds());
      require_durable(durable);
    }
    if (reading == nullptr) return;
    {
      const IngestStore store = open_store(folder.path(), set_);
      const WallClock clock;
      const std::size_t count = read_all(store, [&](const Record<>& record) { return record.id < ids_.size(); });
      reading->push_back(clock.seconds());
      if (count != ids_.size()) throw std::runtime_error("not all records were read");
    }
    const WallClock clock;
    const Durable durable = open(open_store(folder.path(), set_), link_behind);
    curve_.opened.push_back(clock.seconds());
    require_durable(durable);
  }

  void write(Durable& durable, bool link_behind) const {
    BatchWriter writer(durable);
    for (const std::uint64_t id : ids_) {
      if (const auto added = writer.add(record_of(set_, id)); !added) throw std::runtime_error(added.error().what());
    }
    if (const auto finished = writer.finish(); !finished) throw std::runtime_error(finished.error().what());
    if (!link_behind) return;
    if (const auto caught_up = durable.refresh(); !caught_up) {
      throw std::runtime_error(std::string(caught_up.error().message()));
    }
  }

  void require_durable(const Durable& durable) const {
    const std::size_t batch_size = BatchWriterOptions().store_batch_size;
    require_stored(durable.store(), set_, ids_.size(), (ids_.size() + batch_size - 1) / batch_size);
    if (const auto last = durable.store().last_sequence(); !last || durable.sequence() != *last) {
      throw std::runtime_error("the index does not hold all that is in the store");
    }
    require_sound(durable.index(), set_);
  }

  const datasets::Dataset& set_;
  const rivals::Setup& setup_;
  const Options& options_;
  std::vector<std::uint64_t> ids_;
  unsigned threads_;
  IndexIngest curve_;
};

}  // namespace

void measure_index_ingest(const datasets::Dataset& set, const rivals::Setup& setup, const Options& options,
                          IngestResult& result) {
  const bool has_two = std::thread::hardware_concurrency() >= 2;
  if (!has_two) result.notes.emplace_back("one core: linking behind gains nothing, and two threads were not tried");
  IndexIngestMeasurement<Float32> floats(set, setup, options, 1);
  IndexIngestMeasurement<SQ8> bytes(set, setup, options, 1);
  IndexIngestMeasurement<Float32> floats_on_two(set, setup, options, 2);
  IndexIngestMeasurement<SQ8> bytes_on_two(set, setup, options, 2);
  const std::size_t rounds = options.search_rounds();
  for (std::size_t round = 0; round < rounds; ++round) {
    fmt::print(stderr, "ingest: into an index, round {} of {}\n", round + 1, rounds);
    floats.run_round(round, result.reading);
    bytes.run_round(round, result.reading);
    if (!has_two) continue;
    floats_on_two.run_round(round, result.reading);
    bytes_on_two.run_round(round, result.reading);
  }
  result.index = {floats.curve(), bytes.curve()};
  if (has_two) result.index.insert(result.index.end(), {floats_on_two.curve(), bytes_on_two.curve()});
}

}  // namespace shoal::report
