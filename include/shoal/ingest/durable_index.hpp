#pragma once
// DurableIndex: an index over a store. The store is the truth, the index is what makes it searchable: a change is
// validated, committed to the store in one transaction, then made in the index. So what was acknowledged survives the
// program, and opening builds the index from what the store has. How the index follows the store is follower.hpp; this
// is who may do what, and what is checked before anything is committed.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "shoal/core/access.hpp"
#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/index/batch_error.hpp"
#include "shoal/index/batch_source.hpp"
#include "shoal/index/config.hpp"
#include "shoal/index/entries.hpp"
#include "shoal/index/options.hpp"
#include "shoal/index/progress.hpp"
#include "shoal/index/vector_input.hpp"
#include "shoal/ingest/durable_batch.hpp"
#include "shoal/ingest/durable_options.hpp"
#include "shoal/ingest/follower.hpp"
#include "shoal/ingest/record.hpp"
#include "shoal/ingest/retry.hpp"
#include "shoal/ingest/snapshots.hpp"
#include "shoal/ingest/vector_store.hpp"
#include "shoal/io/file.hpp"

namespace shoal::inline v0 {

/// An index whose content is kept by a store. *Index*: an HnswIndex or BruteForceIndex. *Store*: a TransactionalStore
/// with the same ids and dimensions.
///
/// *Threads*: any number may search, and read the store, while one changes the index; a second change waits. A change
/// from inside a callback or a source is refused with `reentrant_mutation`. Moving and destroying are for one thread.
/// *Errors*: those of the index before anything was committed; those of the store, and nothing changed; `behind_store`:
/// it is committed and survives, but memory for the links was missing, and it is found after the next change or
/// `refresh` that has the memory.
template <class Index, TransactionalStore Store>
class DurableIndex {
 public:
  using id_type = typename Index::id_type;
  using metric_type = typename Index::metric_type;
  using BatchResult = Expected<std::vector<id_type>, BatchError<id_type>>;
  static_assert(std::same_as<id_type, typename Store::id_type>, "shoal: an index and its store have one type of ids");

  /// Puts everything that `store` has into `index`, which is empty, and keeps both. With `options.snapshot` it takes
  /// the newest good snapshot of an index of this type and configuration in its place, and adds what is newer;
  /// `open_report` says what it found. A snapshot that is not good is no error.
  ///
  /// *Errors*: invalid_config (the index is not empty, refuses second writers, or cannot be saved and is to have
  /// snapshots), incompatible (other dimensions), cancelled; those of reading the store; those of a vector that this
  /// index cannot take, with its id. *Cost*: a `batch_insert` of all records, one at a time is held; or the index's
  /// `load`, and a `batch_insert` of what is newer.
  template <class Files = detail::SystemFiles>
  [[nodiscard]] static Expected<DurableIndex, Error> open(Index index, Store store, DurableOptions options = {},
                                                          Files&& files = {}) {
    if (auto fault = find_fault(index, store, options)) return Unexpected<Error>(*std::move(fault));
    SHOAL_TRY {
      DurableIndex durable(std::make_unique<State>(std::move(index), std::move(store), std::move(options)));
      State& state = *durable.state_;
      if constexpr (Index::can_be_saved) {
        if (!state.follower.options().snapshot.empty()) {
          auto opened = state.snapshots.open_newest(files, state.follower, state.report);
          if (!opened) return Unexpected<Error>(std::move(opened.error()));
          if (!state.report.snapshot.empty()) return durable;
        }
      }
      auto count = durable.store().count();
      if (!count) return Unexpected<Error>(std::move(count.error()));
      auto replayed = state.follower.catch_up(static_cast<std::size_t>(*count), state.follower.options().opening);
      if (!replayed) return Unexpected<Error>(std::move(replayed.error()));
      state.report.replayed = *replayed;
      return durable;
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

  // ---- what is there -----------------------------------------------------------------------------------------------

  /// To search, and to look things up.
  [[nodiscard]] const Index& index() const noexcept { return state_->follower.index(); }
  /// To read from. Who writes to it by other ways than this index calls `refresh`.
  [[nodiscard]] const Store& store() const noexcept { return state_->follower.store(); }

  [[nodiscard]] std::size_t size() const noexcept { return index().size(); }
  [[nodiscard]] std::size_t dimensions() const noexcept { return index().dimensions(); }
  [[nodiscard]] bool contains(id_type id) const { return index().contains(id); }
  /// The record as it was written, with its metadata; nothing for an id that is not there.
  [[nodiscard]] Expected<std::optional<Record<id_type>>, Error> get(id_type id) const { return store().get(id); }
  /// The transaction up to which the index holds everything.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return state_->follower.sequence(); }

  /// What `open` found: the snapshot it began with, and those that it could not use.
  [[nodiscard]] const OpenReport& open_report() const noexcept { return state_->report; }

  // ---- changes -----------------------------------------------------------------------------------------------------

  /// Inserts items (id, vector) in order, up to the first bad one, in transactions of at most `store_batch_size`.
  ///
  /// *Shape, errors*: as of the index's `batch_insert`; besides, the store's, and `behind_store`. What the BatchError
  /// says is in is durable. Its items cannot be read again from a single-pass source whose transaction failed: a
  /// BatchWriter keeps them. *Differences*: a transaction that is committed stays. So a callback that returns false or
  /// throws ends the batch with the transaction it was called for, and an all-or-nothing batch (one transaction, held
  /// as a whole) not at all. Of `options`, threads, executor and link_by_codes are taken from `DurableOptions`.
  template <BatchSource Source, ProgressCallback Progress = NoProgress>
  [[nodiscard]] BatchResult batch_insert(Source&& items, Progress&& progress = Progress{},
                                         const BatchOptions& options = {}) {
    WriteCall write(*this);
    if (auto refusal = write.refusal()) {
      BatchError<id_type> error;
      error.cause = *std::move(refusal);
      return Unexpected<BatchError<id_type>>(std::move(error));
    }
    auto& follower = state_->follower;
    const DurableOptions& ours = follower.options();
    const auto commit = [&](std::span<const Record<id_type>> records, const auto& on_linked) {
      return detail::with_retry(ours.retry, ours.clock, options.stop,
                                [&] { return follower.write(records, on_linked); });
    };
    return detail::DurableBatch<Index, decltype(commit)>(index(), commit, ours.store_batch_size,
                                                         detail::ProgressRef(progress), options)
        .run(items);
  }

  /// The batch of one.
  template <class IdValue, VectorInput Vector>
  [[nodiscard]] Expected<void, Error> insert(IdValue id, const Vector& vector, const BatchOptions& options = {}) {
    const std::pair<IdValue, const Vector&> item(id, vector);
    auto inserted = batch_insert(std::span(&item, 1), NoProgress{}, options);
    if (!inserted) return Unexpected<Error>(std::move(inserted.error().cause));
    return {};
  }

  /// Inserts an entry, or replaces the one that is there, its metadata included.
  template <class IdValue, VectorInput Vector>
  [[nodiscard]] Expected<void, Error> upsert(IdValue id, const Vector& vector, BatchOptions options = {}) {
    options.on_duplicate = OnDuplicate::overwrite;
    return insert(id, vector, options);
  }

  /// Inserts or replaces records in one transaction: all or none. Of several with one id the last counts. What a
  /// BatchWriter and `shoal::batch_write` call; one try.
  [[nodiscard]] Expected<Committed, Error> batch_write(std::span<const Record<id_type>> records) {
    WriteCall write(*this, WriteCall::Linking::may_go_on);
    if (auto refusal = write.refusal()) return Unexpected<Error>(*std::move(refusal));
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (const auto fault = validate(records[i])) {
        return Unexpected<Error>(
            detail::make_error(fault->code(), "record ", i, ", id ", records[i].id, ": ", fault->message()));
      }
    }
    if (auto fault = find_room_fault(records)) return Unexpected<Error>(*std::move(fault));
    auto& follower = state_->follower;
    if (follower.options().link_behind) return follower.write_and_link_behind(records);
    return follower.write(records, [](std::size_t) {});
  }
  /// The same with one record.
  [[nodiscard]] Expected<Committed, Error> write(const Record<id_type>& record) {
    return batch_write(std::span(&record, 1));
  }

  /// The entry is gone from the store and is not found any more. *Errors*: id_not_found: neither had it; as below.
  template <std::integral IdValue>
  [[nodiscard]] Expected<void, Error> erase(IdValue id) {
    auto done = erase_all(std::span(&id, 1), EraseOptions());
    if (!done) return Unexpected<Error>(std::move(done.error()));
    if (done->report.erased.empty() && done->committed.count == 0) {
      return Unexpected<Error>(
          detail::make_error(ErrorCode::id_not_found, "expected an id that is in the index, got ", id));
    }
    return {};
  }

  /// Erases entries in one transaction, each once, and says which ids were in the index.
  /// *Shape*: any input range of integers; all of it is read before anything is erased. *Errors*: id_out_of_range, with
  /// its position; as above.
  template <std::ranges::input_range Ids>
    requires std::integral<std::ranges::range_value_t<Ids>>
  [[nodiscard]] Expected<EraseReport<id_type>, Error> batch_erase(Ids&& ids, const EraseOptions& options = {}) {
    auto done = erase_all(std::forward<Ids>(ids), options);
    if (!done) return Unexpected<Error>(std::move(done.error()));
    return std::move(done->report);
  }

  /// Takes in what the store holds beyond `sequence()`: what other programs wrote, and what could not be linked.
  /// *Errors*: as of `open`; the index has taken in part of it. *Cost*: reads what changed.
  [[nodiscard]] Expected<void, Error> refresh() {
    WriteCall write(*this);
    if (auto refusal = write.refusal()) return Unexpected<Error>(*std::move(refusal));
    auto caught_up = state_->follower.catch_up(0, {});
    if (!caught_up) return Unexpected<Error>(std::move(caught_up.error()));
    return {};
  }

  /// `compact` of the index. The store is not touched.
  [[nodiscard]] Expected<void, Error> compact(const EraseOptions& options = {}) {
    WriteCall write(*this);
    if (auto refusal = write.refusal()) return Unexpected<Error>(*std::move(refusal));
    return state_->follower.compact(options);
  }

  // ---- snapshots ---------------------------------------------------------------------------------------------------

  /// Saves the index for the next `open`, over the older one of the two files that `DurableOptions::snapshot` names.
  /// Before the first transaction there is nothing to save.
  ///
  /// *Errors*: invalid_config (no such name was given), reentrant_mutation; those of the index's `save`: the newest
  /// snapshot is what it was. *Threads*: searches go on, changes wait. *Cost*: that of `save`, after a batch that is
  /// linked behind.
  template <class Files = detail::SystemFiles>
  [[nodiscard]] Expected<void, Error> save_snapshot(Files&& files = {}) {
    WriteCall write(*this);
    if (auto refusal = write.refusal()) return Unexpected<Error>(*std::move(refusal));
    if (state_->follower.options().snapshot.empty()) {
      return Unexpected<Error>(
          detail::make_error(ErrorCode::invalid_config, "expected DurableOptions::snapshot to be a path, it is empty"));
    }
    SHOAL_TRY { return state_->snapshots.save(files, state_->follower); }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

  // ---- what a BatchWriter asks -------------------------------------------------------------------------------------

  /// What is wrong with a record, for the index or for the store, if anything.
  [[nodiscard]] std::optional<Error> validate(const Record<id_type>& record) const {
    if (auto fault = detail::check_dimensions(record.vector.size(), dimensions())) return fault;
    if (auto fault = detail::find_fault<metric_type>(std::span<const float>(record.vector))) return fault;
    if constexpr (ValidatesRecords<Store, id_type>) return store().validate(record);
    return std::nullopt;
  }
  [[nodiscard]] Expected<std::string, Error> content_hash(id_type id) const requires KnowsContent<Store, id_type> {
    return store().content_hash(id);
  }

 private:
  /// Stays where it is when the index moves.
  struct State {
    State(Index index, Store store, DurableOptions options)
        : follower(std::move(index), std::move(store), std::move(options)) {}

    detail::Access access;
    detail::Follower<Index, Store> follower;
    detail::Snapshots snapshots;
    OpenReport report;
  };

  /// Held by every change: the order of transactions is the order of changes of the index.
  class WriteCall {
   public:
    /// What becomes of a batch that is being linked.
    enum class Linking : std::uint8_t { is_waited_for, may_go_on };

    explicit WriteCall(DurableIndex& index, Linking linking = Linking::is_waited_for) noexcept {
      // A filter must not even wait: the change it would wait for may be waiting for its search to end.
      if (index.index().is_in_call()) return;
      write_.emplace(index.state_->access, true);
      if (!refusal() && linking == Linking::is_waited_for) index.state_->follower.wait_for_linking();
    }
    [[nodiscard]] std::optional<Error> refusal() const noexcept {
      if (write_ && write_->entered() == detail::Access::Entered::yes) return std::nullopt;
      return Error(ErrorCode::reentrant_mutation);
    }

   private:
    std::optional<detail::Access::Write> write_;
  };

  explicit DurableIndex(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}

  [[nodiscard]] static std::optional<Error> find_fault(const Index& index, const Store& store,
                                                       const DurableOptions& options) {
    if (!Index::can_be_saved && !options.snapshot.empty()) {
      return detail::make_error(ErrorCode::invalid_config, "snapshots need a metric and a storage policy with names");
    }
    if (!index.empty()) {
      return detail::make_error(ErrorCode::invalid_config, "expected an empty index to open a store with, got one of ",
                                index.size(), " entries");
    }
    if (index.config().second_writer != SecondWriter::waits) {
      return detail::make_error(ErrorCode::invalid_config,
                                "second_writer must be waits in an index with a store: what is durable must go in");
    }
    if (index.dimensions() == store.dimensions()) return std::nullopt;
    return detail::make_error(ErrorCode::incompatible, "expected a store of ", index.dimensions(),
                              " dimensions, as the index has, got one of ", store.dimensions());
  }

  template <class Ids>
  [[nodiscard]] Expected<detail::Erased<id_type>, Error> erase_all(Ids&& ids, const EraseOptions& options) {
    WriteCall write(*this);
    if (auto refusal = write.refusal()) return Unexpected<Error>(*std::move(refusal));
    SHOAL_TRY {
      std::vector<id_type> wanted;
      for (auto&& raw : ids) {
        auto id = detail::to_id<id_type>(raw);
        if (!id) {
          return Unexpected<Error>(
              detail::make_error(id.error().code(), "item ", wanted.size(), ": ", id.error().message()));
        }
        wanted.push_back(*id);
      }
      return state_->follower.erase(wanted, options);
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

  /// Whether all records find room.
  [[nodiscard]] std::optional<Error> find_room_fault(std::span<const Record<id_type>> records) {
    const std::size_t most = index().config().max_elements;
    if (most == 0) return std::nullopt;
    state_->follower.wait_for_linking();
    SHOAL_TRY {
      std::unordered_set<id_type> added;
      for (std::size_t i = 0; i < records.size(); ++i) {
        const id_type id = records[i].id;
        if (index().contains(id) || !added.insert(id).second || size() + added.size() <= most) continue;
        return detail::make_error(ErrorCode::capacity_exceeded, "expected at most max_elements = ", most,
                                  " entries, record ", i, ", id ", id, " would be one more");
      }
      return std::nullopt;
    }
    SHOAL_CATCH_BAD_ALLOC { return Error(ErrorCode::out_of_memory); }
  }

  std::unique_ptr<State> state_;
};

}  // namespace shoal::inline v0
