#pragma once
// How a DurableIndex is opened and goes about its changes.

#include <cstddef>
#include <functional>
#include <string>

#include "shoal/core/workers.hpp"
#include "shoal/index/options.hpp"
#include "shoal/ingest/retry.hpp"

namespace shoal::inline v0 {

/// Choices of a DurableIndex.
struct DurableOptions {
  /// Items of a `batch_insert` that go into one transaction, at most. They are held until they are linked.
  std::size_t store_batch_size = 5'000;
  unsigned threads = 1;        ///< Threads that may link; 0: one for each core. Same result.
  bool link_by_codes = false;  ///< As of `batch_insert`, where the index is opened too.
  /// `write` and `batch_write` return when a transaction is committed, and link it on a thread of their own while the
  /// next one is made: searchable a batch later, or after `refresh`. For a core that is free, and a copy of the
  /// vectors of one batch.
  bool link_behind = false;
  /// Where `save_snapshot` writes to and `open` looks first: the files of this name with ".1" and ".2" behind it.
  /// Empty: no snapshots.
  std::string snapshot{};
  RetryPolicy retry{};  ///< Of transactions, but those of `write` and `batch_write`, whose caller tries again.
  IngestClock clock{};
  StopToken stop{};                                                    ///< Ends `open` and `refresh` early.
  std::function<void(std::size_t done, std::size_t total)> opening{};  ///< Called while `open` links; total 0: unknown.
  Executor executor{};  ///< Runs the work of `threads` threads; empty: std::thread.
};

}  // namespace shoal::inline v0
