#pragma once
// What the measurements of ingestion share: records made of the rows of a set, a store on a disk whose syncs are
// counted and can be made slow, and the check that a store holds what was written to it.

#include <algorithm>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "ingest.hpp"
#include <datasets/dataset.hpp>
#include <shoal/shoal.hpp>
#include <shoal/sqlite/sqlite_vector_store.hpp>

namespace shoal::report {

using IngestStore = SqliteVectorStore<>;

/// The record of that id: the rows come again and again.
[[nodiscard]] inline Record<> record_of(const datasets::Dataset& set, std::uint64_t id) {
  const auto row = set.base.row(static_cast<std::size_t>(id % set.base.rows));
  return {.id = id, .vector = std::vector<float>(row.begin(), row.end())};
}

/// *Errors*: std::runtime_error, also when a transaction would not be synced.
[[nodiscard]] inline IngestStore open_store(const std::filesystem::path& folder, const datasets::Dataset& set,
                                            const char* vfs = "") {
  auto store = IngestStore::open((folder / "store.db").string(), {.dimensions = set.base.cols, .vfs = vfs});
  if (!store) throw std::runtime_error(std::string(store.error().message()));
  const auto settings = store->settings();
  if (!settings) throw std::runtime_error(std::string(settings.error().message()));
  constexpr int full = 2;
  if (settings->journal_mode != "wal" || settings->synchronous != full) {
    throw std::runtime_error("a store without a write-ahead log, or without synchronous=FULL");
  }
  return *std::move(store);
}

/// Reads all, and gives how many there are. *Errors*: std::runtime_error, when there is one that `check` does not like.
template <class Check>
std::size_t read_all(const IngestStore& store, const Check& check) {
  auto cursor = store.read_since(0);
  if (!cursor) throw std::runtime_error(std::string(cursor.error().message()));
  for (std::size_t count = 0;; ++count) {
    const auto change = cursor->next();
    if (!change) throw std::runtime_error(std::string(change.error().message()));
    if (*change == nullptr) return count;
    if (!check((*change)->record))
      throw std::runtime_error(fmt::format("id {} is not as it was", (*change)->record.id));
  }
}

/// *Errors*: std::runtime_error, unless the store holds the records of the ids 0 to `count`, and nothing else, written
/// in so many transactions.
inline void require_stored(const IngestStore& store, const datasets::Dataset& set, std::size_t count,
                           std::size_t transactions) {
  std::vector<bool> seen(count);
  const std::size_t read = read_all(store, [&](const Record<>& record) {
    if (record.id >= count || seen[record.id]) return false;
    seen[record.id] = true;
    return std::ranges::equal(record.vector, set.base.row(static_cast<std::size_t>(record.id % set.base.rows)));
  });
  const auto counted = store.count();
  if (read != count || !counted || *counted != count) throw std::runtime_error("not all records are in the store");
  const auto last = store.last_sequence();
  if (!last || *last != transactions) throw std::runtime_error("not as many transactions as were made");
}

/// Does this to `result`. Each is in a file of its own name.
void measure_transactions(const datasets::Dataset& set, const Options& options, IngestResult& result);
void measure_index_ingest(const datasets::Dataset& set, const rivals::Setup& setup, const Options& options,
                          IngestResult& result);
void measure_ingest_memory(const datasets::Dataset& set, const rivals::Setup& setup, const Options& options,
                           IngestResult& result);

}  // namespace shoal::report
