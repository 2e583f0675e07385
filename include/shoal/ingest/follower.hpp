#pragma once
// An index that follows a store: a transaction is committed, then made in the index; what the store has beyond that,
// because another program wrote it or memory ran out while linking, is caught up with.
//
// Invariant: the index holds what the store held after transaction `sequence()`, and perhaps some of what came later.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/lock.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/index/batch_error.hpp"
#include "shoal/index/options.hpp"
#include "shoal/ingest/durable_options.hpp"
#include "shoal/ingest/link_behind.hpp"
#include "shoal/ingest/record.hpp"
#include "shoal/ingest/replay.hpp"
#include "shoal/ingest/retry.hpp"
#include "shoal/ingest/vector_store.hpp"

namespace shoal::inline v0::detail {

/// What an erasure did to the store, and what to the index.
template <class Id>
struct Erased {
  Committed committed;
  EraseReport<Id> report;
};

/// Stays where it is: a batch may be linked on another thread. *Threads*: who changes it holds the guard of writing.
/// *Errors* of changes: the store's, and nothing changed; `behind_store`.
template <class Index, TransactionalStore Store>
class Follower {
 public:
  using Id = typename Index::id_type;
  using Opening = std::function<void(std::size_t done, std::size_t total)>;

  Follower(Index index, Store store, DurableOptions options)
      : index_(std::move(index)), store_(std::move(store)), options_(std::move(options)) {}

  [[nodiscard]] const Index& index() const noexcept { return index_; }
  [[nodiscard]] const Store& store() const noexcept { return store_; }
  [[nodiscard]] const DurableOptions& options() const noexcept { return options_; }
  [[nodiscard]] std::uint64_t sequence() const noexcept {
    return lock_([&] { return sequence_; });
  }

  /// Commits records that are valid, then links them. Calls on_linked(n) when the first n are searchable.
  template <class OnLinked>
  [[nodiscard]] Expected<Committed, Error> write(std::span<const Record<Id>> records, const OnLinked& on_linked) {
    std::vector<std::pair<Id, std::span<const float>>> items;
    BatchOptions options;
    SHOAL_TRY {
      items.reserve(records.size());
      for (const Record<Id>& record : records) items.emplace_back(record.id, record.vector);
      options = link_options();
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
    auto committed = store_.batch_write(records);
    if (!committed) return committed;
    return follow(*committed, [&]() -> Expected<Committed, Error> {
      auto linked = index_.batch_insert(
          items, [&](std::size_t done, std::size_t) { on_linked(done); }, options);
      if (!linked) return Unexpected<Error>(std::move(linked.error().cause));
      return settle(*committed);
    });
  }

  /// Commits records that are valid while the batch before is linked, then begins to link them.
  [[nodiscard]] Expected<Committed, Error> write_and_link_behind(std::span<const Record<Id>> records) {
    auto committed = store_.batch_write(records);
    wait_for_linking();
    if (!committed) return committed;
    return follow(*committed, [&]() -> Expected<Committed, Error> {
      if (!is_next(*committed)) return settle(*committed);
      behind_.start(index_, *committed, records, link_options());
      return *committed;
    });
  }

  /// A batch that could not be linked leaves `sequence` behind, so the next change catches up.
  void wait_for_linking() noexcept {
    const auto outcome = behind_.wait();
    if (outcome && !outcome->failure) set_sequence(outcome->committed.sequence);
  }

  [[nodiscard]] Expected<Erased<Id>, Error> erase(std::span<const Id> ids, const EraseOptions& options) {
    auto committed = with_retry(options_.retry, options_.clock, StopToken(), [&] { return store_.batch_erase(ids); });
    if (!committed) return Unexpected<Error>(std::move(committed.error()));
    return follow(*committed, [&]() -> Expected<Erased<Id>, Error> {
      auto report = index_.batch_erase(ids, options);
      if (!report) return Unexpected<Error>(std::move(report.error()));
      if (auto settled = settle(*committed); !settled) return Unexpected<Error>(std::move(settled.error()));
      return Erased<Id>{*committed, *std::move(report)};
    });
  }

  /// Takes an index that holds what the store held after transaction `sequence`, and gives back the one there was.
  [[nodiscard]] Index begin_with(Index index, std::uint64_t sequence) noexcept {
    set_sequence(sequence);
    return std::exchange(index_, std::move(index));
  }

  [[nodiscard]] Expected<void, Error> compact(const EraseOptions& options) { return index_.compact(options); }

  /// Puts into the index what the store has beyond `sequence()`, and says how many changes that were. `progress` is
  /// called with each record of `total`.
  [[nodiscard]] Expected<std::size_t, Error> catch_up(std::size_t total, const Opening& progress) {
    // Asked for first: what is committed in between is read too, and read again next time.
    auto last = store_.last_sequence();
    if (!last) return Unexpected<Error>(std::move(last.error()));
    // Since 0 a store tells of no erasures, and the index may hold what was erased. No erasure is of transaction 1.
    const bool may_hold_erased = sequence() == 0 && !index_.empty();
    Replayed replayed;
    auto error = replay_since(sequence(), total, progress, replayed);
    if (!error && may_hold_erased) error = replay_since(1, 0, {}, replayed);
    if (error) return Unexpected<Error>(*std::move(error));
    set_sequence(std::max({sequence(), *last, replayed.last_sequence}));
    return replayed.changes;
  }

 private:
  struct Replayed {
    std::uint64_t last_sequence = 0;
    std::size_t changes = 0;
  };

  [[nodiscard]] BatchOptions link_options() const {
    BatchOptions options;
    options.threads = options_.threads;
    options.on_duplicate = OnDuplicate::overwrite;
    options.link_by_codes = options_.link_by_codes;
    options.executor = options_.executor;
    return options;
  }

  /// Has the index follow a transaction. What change() returns is returned, or why the index is behind.
  template <class Change>
  [[nodiscard]] auto follow(const Committed& committed, const Change& change) -> decltype(change()) {
    Error cause(ErrorCode::out_of_memory);
    SHOAL_TRY {
      auto changed = change();
      if (changed) return changed;
      cause = std::move(changed.error());
    }
    SHOAL_CATCH_BAD_ALLOC {}
    return Unexpected<Error>(
        make_error(ErrorCode::behind_store, "transaction ", committed.sequence,
                   " is in the store, but not all of it in the index (refresh() tries again): ", cause.message()));
  }

  /// The index has what a transaction did. Where that was not the next one, there are others to take in, and perhaps it
  /// again.
  [[nodiscard]] Expected<Committed, Error> settle(const Committed& committed) {
    if (is_next(committed)) {
      set_sequence(committed.sequence);
    } else if (committed.sequence > sequence()) {
      auto caught_up = catch_up(0, {});
      if (!caught_up) return Unexpected<Error>(std::move(caught_up.error()));
    }
    return committed;
  }

  /// Is it the transaction after `sequence()`? One that had nothing to do has the number of another.
  [[nodiscard]] bool is_next(const Committed& committed) const noexcept {
    return committed.count != 0 && committed.sequence == sequence() + 1;
  }

  void set_sequence(std::uint64_t sequence) noexcept {
    lock_([&] { sequence_ = sequence; });
  }

  /// Makes the changes after transaction `since`, and adds what they were to `replayed`.
  [[nodiscard]] std::optional<Error> replay_since(std::uint64_t since, std::size_t total, const Opening& progress,
                                                  Replayed& replayed) {
    auto cursor = store_.read_since(since);
    if (!cursor) return std::move(cursor.error());
    Replay<typename Store::Cursor, Id> replay(*cursor, options_.stop);
    const BatchOptions options = link_options();
    std::size_t done = 0;
    while (replay.change() != nullptr) {
      if (replay.change()->erased) {
        auto erased = index_.batch_erase(std::span(&replay.change()->record.id, 1));
        if (!erased) return std::move(erased.error());
        replay.advance();
        ++replayed.changes;
        continue;
      }
      const auto report = [&](std::size_t count, std::size_t) {
        if (progress) progress(done + count, total);
      };
      auto inserted = index_.batch_insert(replay, report, options);
      if (!inserted) {
        const BatchError<Id>& error = inserted.error();
        if (!error.failed_id) return error.cause;
        return make_error(error.cause.code(), "id ", *error.failed_id, " of the store: ", error.cause.message());
      }
      done += inserted->size();
      replayed.changes += inserted->size();
    }
    replayed.last_sequence = std::max(replayed.last_sequence, replay.last_sequence());
    return std::move(replay.error());
  }

  Index index_;
  Store store_;
  DurableOptions options_;
  mutable Lock lock_;
  std::uint64_t sequence_ = 0;
  LinkBehind<Index> behind_;  // last: ended first
};

}  // namespace shoal::inline v0::detail
