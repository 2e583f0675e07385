#pragma once
// What it costs that vectors are durable: records written in few transactions against many, with the disk that is there
// and with one whose syncs are slow; the way into a searchable index that keeps them, against an index alone; opening
// it again; and the memory of a long ingestion. Time on the clock: waiting for the disk is what would show.

#include <optional>
#include <string>
#include <vector>

#include <rivals/rival.hpp>

#include "options.hpp"
#include "targets.hpp"

namespace shoal::report {

/// For --only.
inline constexpr const char* ingest_name = "ingest";

/// One way to write certain records.
struct WriteWay {
  double transactions = 0;      // in a round
  double syncs = 0;             // in a round, on average
  std::vector<double> seconds;  // by round
};

/// The same records in few transactions and in many, by turns.
struct WriteComparison {
  std::size_t records = 0;             // in a round
  std::optional<double> sync_seconds;  // what each sync was made to last, at least; nothing: what it lasts here
  WriteWay few;
  WriteWay many;
};

/// What it takes to have vectors in an index, by round. *Units*: seconds.
struct IndexIngest {
  std::string storage;
  unsigned threads = 1;
  std::vector<double> alone;   // batch_insert, and no store
  std::vector<double> linked;  // BatchWriter -> DurableIndex -> SqliteVectorStore
  std::vector<double> behind;  // the same with link_behind, up to the end of refresh()
  std::vector<double> opened;  // DurableIndex::open of what was stored
};

/// Bytes alive at their peak, beyond those that were before. The two peaks may be of different moments.
struct MemoryPeak {
  double allocated = 0;  // through operator new
  double sqlite = 0;     // by SQLite's own account

  [[nodiscard]] double total() const { return allocated + sqlite; }
};

/// Of a BatchWriter into a store, without an index.
struct StoreMemory {
  std::size_t records = 0;
  std::size_t batch_size = 0;
  MemoryPeak first_two;  // batches
  MemoryPeak all;
};

/// Of a BatchWriter into a DurableIndex.
struct IndexMemory {
  std::string storage;
  bool link_behind = false;
  MemoryPeak peak;
  double index_bytes = 0;  // memory_usage() in the end
};

struct IngestResult {
  std::string set;
  std::size_t rows = 0;
  std::size_t dimensions = 0;
  std::string file_system;                  // under the databases
  std::vector<double> fdatasync{};          // seconds, each after a write of 4 KB
  std::vector<WriteComparison> arriving{};  // records that arrive a few at a time: buffered, and as they come
  std::vector<WriteComparison> hundred{};   // records in one transaction, and in one each
  std::vector<IndexIngest> index{};
  std::vector<double> reading{};  // seconds to read all records of the store, and nothing else
  std::optional<StoreMemory> store_memory{};
  std::vector<IndexMemory> index_memory{};
  std::vector<std::string> notes{};
};

/// One; without SQLite it has a note alone. Progress goes to stderr. *Errors*: std::runtime_error, when something
/// fails, when a store does not hold what was written, or when an index is not sound.
[[nodiscard]] std::vector<IngestResult> measure_ingest(const rivals::Setup& setup, const Options& options);

/// Pure.
[[nodiscard]] std::string ingest_section(const std::vector<IngestResult>& results);

/// Rows of the table of targets. Pure.
[[nodiscard]] std::vector<Target> ingest_targets(const std::vector<IngestResult>& results);

/// What cannot be believed is no result here: it ends the section.
[[nodiscard]] constexpr bool is_refused(const IngestResult& /*result*/) { return false; }

}  // namespace shoal::report
