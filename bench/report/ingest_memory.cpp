// The memory of a long ingestion: what is alive at its peak, through operator new and by SQLite's account, which
// allocates with malloc. The buffer of one batch is all that may be there, however many come.

#include <fmt/core.h>
#include <sqlite3.h>

#include "heap_watch.hpp"
#include "ingest_store.hpp"
#include "scratch_folder.hpp"
#include "shoal_index.hpp"

namespace shoal::report {

namespace {

constexpr std::size_t watched_batches = 20;

/// Both accounts, from its beginning on.
class MemoryWatch {
 public:
  MemoryWatch() { sqlite3_memory_highwater(1); }

  [[nodiscard]] MemoryPeak peak() const {
    return {static_cast<double>(heap_.peak_bytes()), static_cast<double>(sqlite3_memory_highwater(0) - sqlite_before_)};
  }

 private:
  sqlite3_int64 sqlite_before_ = sqlite3_memory_used();
  HeapWatch heap_;
};

/// Writes the records from `first` on up to `end`.
template <class Writer>
void add_records(Writer& writer, const datasets::Dataset& set, std::size_t first, std::size_t end) {
  for (std::size_t id = first; id < end; ++id) {
    if (const auto added = writer.add(record_of(set, id)); !added) throw std::runtime_error(added.error().what());
  }
}

StoreMemory watch_store(const datasets::Dataset& set, const Options& options) {
  BatchWriterOptions writer_options;
  StoreMemory memory;
  const std::size_t most = watched_batches * writer_options.store_batch_size;
  memory.batch_size = options.at_most(options.quick ? most / 10 : most) / watched_batches;
  memory.records = watched_batches * memory.batch_size;
  writer_options.store_batch_size = memory.batch_size;
  const ScratchFolder folder(options.out);
  const MemoryWatch watch;
  IngestStore store = open_store(folder.path(), set);
  {
    BatchWriter writer(store, writer_options);
    add_records(writer, set, 0, 2 * memory.batch_size);
    memory.first_two = watch.peak();
    add_records(writer, set, 2 * memory.batch_size, memory.records);
    if (const auto finished = writer.finish(); !finished) throw std::runtime_error(finished.error().what());
    memory.all = watch.peak();
  }
  require_stored(store, set, memory.records, watched_batches);
  return memory;
}

template <class Storage>
IndexMemory watch_index(const datasets::Dataset& set, const rivals::Setup& setup, const Options& options,
                        bool link_behind) {
  IndexMemory memory{storage_name<Storage>, link_behind, {}, 0};
  DurableOptions durable_options;
  durable_options.link_behind = link_behind;
  const ScratchFolder folder(options.out);
  const MemoryWatch watch;
  auto durable = DurableIndex<Index<Storage>, IngestStore>::open(Index<Storage>(config_of(set, setup)),
                                                                 open_store(folder.path(), set), durable_options);
  if (!durable) throw std::runtime_error(std::string(durable.error().message()));
  {
    BatchWriter writer(*durable);
    add_records(writer, set, 0, set.base.rows);
    if (const auto finished = writer.finish(); !finished) throw std::runtime_error(finished.error().what());
    if (const auto linked = durable->refresh(); !linked) {
      throw std::runtime_error(std::string(linked.error().message()));
    }
    memory.peak = watch.peak();
  }
  memory.index_bytes = static_cast<double>(durable->index().memory_usage().total());
  require_sound(durable->index(), set);
  return memory;
}

}  // namespace

void measure_ingest_memory(const datasets::Dataset& set, const rivals::Setup& setup, const Options& options,
                           IngestResult& result) {
  if (!HeapWatch::is_available()) {
    result.notes.emplace_back("memory was not watched: this allocator does not tell sizes");
    return;
  }
  fmt::print(stderr, "ingest: memory\n");
  result.store_memory = watch_store(set, options);
  for (const bool link_behind : {false, true}) {
    result.index_memory.push_back(watch_index<Float32>(set, setup, options, link_behind));
    result.index_memory.push_back(watch_index<SQ8>(set, setup, options, link_behind));
  }
  if (result.store_memory->all.sqlite == 0) result.notes.emplace_back("SQLite keeps no account of its memory here");
}

}  // namespace shoal::report
