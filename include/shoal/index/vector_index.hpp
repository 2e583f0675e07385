#pragma once
// What every index of this library offers: batches, and the searches and look-ups of readable_index.hpp, over entries
// (ids and encoded rows) and a structure that finds them. HnswIndex and BruteForceIndex are this class with a structure
// each, so both make the same promises and are held to them by the same tests.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "shoal/core/access.hpp"
#include "shoal/core/workers.hpp"
#include "shoal/index/batch.hpp"
#include "shoal/index/batch_scratch.hpp"
#include "shoal/index/compact.hpp"
#include "shoal/index/config.hpp"
#include "shoal/index/entries.hpp"
#include "shoal/index/erase.hpp"
#include "shoal/index/index_file.hpp"
#include "shoal/index/progress.hpp"
#include "shoal/index/readable_index.hpp"
#include "shoal/index/structure.hpp"

namespace shoal::inline v0 {

/// The part that all indexes share.
///
/// *Threads*: any number may search and look things up while one changes the index; what they see of a change is said
/// in docs/concurrency.md. A second change waits for the first, or is refused (`SecondWriter`). `check`, `stats`,
/// `memory_usage` and `clone` wait too. A change from inside a call of the same index (a batch's callback or source, a
/// filter) is refused with `reentrant_mutation`; such a call may search. Moving, assigning and destroying an index are
/// for one thread alone. One that was moved from may be assigned to or destroyed; debug builds assert it.
template <class Metric, class Storage, class Id, class Structure>
class VectorIndex : public ReadableIndex<Metric, Storage, Id, Structure> {
  using Base = ReadableIndex<Metric, Storage, Id, Structure>;
  using Base::entries_;
  using Base::structure_;
  using typename Base::Rows;

 protected:
  using typename Base::EntriesType;

 public:
  using BatchResult = Expected<std::vector<Id>, BatchError<Id>>;
  using Base::dimensions;

  /// Whether `save`, `load` and `open` compile: metric and storage policy have names, docs/extending.md.
  static constexpr bool can_be_saved = detail::can_be_saved<Metric, Storage, Id>;

  // ---- putting vectors in ------------------------------------------------------------------------------------------

  /// Inserts items (id, vector) in order, up to the first bad one.
  ///
  /// *Shape*: any input range, read once; each item destructures to an integer id and a vector of `dimensions()`
  /// numbers (contiguous range or Eigen expression).
  /// *Errors*: the BatchError says what is in (`successful_ids`), what failed (`failed_index`, `failed_id`) and why
  /// (`cause`): dimension_mismatch, not_finite, norm_too_large, zero_vector, duplicate_id, id_out_of_range,
  /// capacity_exceeded, out_of_memory, cancelled, source_failed, callback_failed, reentrant_mutation, busy. The items
  /// before are in and searchable; the failing one and all after it left no trace (`Atomicity::all_or_nothing`: none is
  /// in). An empty batch succeeds and calls nothing. *Cost*: one insertion each, O(log n) distances for the graph. No
  /// copy of the batch is kept.
  template <BatchSource Source, ProgressCallback Progress = NoProgress>
  [[nodiscard]] BatchResult batch_insert(Source&& items, Progress&& progress = Progress{},
                                         const BatchOptions& options = {}) {
    WriteCall write(*this);
    if (auto refusal = write.refusal()) {
      BatchError<Id> error;
      error.cause = *std::move(refusal);
      return Unexpected<BatchError<Id>>(std::move(error));
    }
    return detail::BatchRun<Id, EntriesType, Structure>(entries_, structure_, batch_, detail::ProgressRef(progress),
                                                        options)
        .run(items);
  }

  /// Inserts row i of a row-major matrix under ids[i]. Rows of floats are read where they are.
  ///
  /// *Shape*: `matrix`: a MatrixView, a row-major Eigen matrix or map, or a contiguous range of ids.size() *
  /// dimensions() numbers.
  /// *Errors*: as above, and length_mismatch before anything was inserted.
  template <std::ranges::random_access_range Ids, MatrixInput Matrix, ProgressCallback Progress = NoProgress>
    requires std::is_integral_v<std::ranges::range_value_t<Ids>>
  [[nodiscard]] BatchResult batch_insert(const Ids& ids, const Matrix& matrix, Progress&& progress = Progress{},
                                         const BatchOptions& options = {}) {
    auto rows = detail::number_rows(ids, matrix, dimensions());
    if (!rows) {
      BatchError<Id> error;
      error.cause = std::move(rows.error());
      return Unexpected<BatchError<Id>>(std::move(error));
    }
    return batch_insert(*rows, progress, options);
  }

  /// The batch of one: same checks, same errors.
  template <class IdValue, VectorInput Vector>
  [[nodiscard]] Expected<void, Error> insert(IdValue id, const Vector& vector, const BatchOptions& options = {}) {
    const std::pair<IdValue, const Vector&> item(id, vector);
    auto inserted = batch_insert(std::span(&item, 1), NoProgress{}, options);
    if (!inserted) return Unexpected<Error>(std::move(inserted.error().cause));
    return {};
  }

  /// Inserts an entry, or replaces the vector of the one that is there: `insert` with `OnDuplicate::overwrite`.
  template <class IdValue, VectorInput Vector>
  [[nodiscard]] Expected<void, Error> upsert(IdValue id, const Vector& vector, BatchOptions options = {}) {
    options.on_duplicate = OnDuplicate::overwrite;
    return insert(id, vector, options);
  }

  // ---- taking vectors out ------------------------------------------------------------------------------------------

  /// The entry is not found any more, and its id may be used again.
  /// *Errors*: id_not_found, out_of_memory, reentrant_mutation, busy; nothing changed.
  /// *Cost*: O(1) now; when a sixteenth of the entries has died, lists that lead to them are chosen anew, which comes
  /// to about one insertion for each.
  template <std::integral IdValue>
  [[nodiscard]] Expected<void, Error> erase(IdValue id) {
    WriteCall write(*this);
    if (auto refusal = write.refusal()) return Unexpected<Error>(*std::move(refusal));
    SHOAL_TRY { entries_.reserve_erase(); }
    SHOAL_CATCH_ALL { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
    if (!detail::fits<Id>(id) || !entries_.erase(static_cast<Id>(id))) {
      return Unexpected<Error>(
          detail::make_error(ErrorCode::id_not_found, "expected an id that is in the index, got ", id));
    }
    detail::reclaim_if_due(entries_, structure_, detail::Workers());
    return {};
  }

  /// Erases entries, each once, and says which ids were there.
  ///
  /// *Shape*: any input range of integers; all of it is read before anything is erased.
  /// *Errors*: id_out_of_range for one that does not fit the id type, with its position; out_of_memory,
  /// reentrant_mutation, busy; nothing changed. What the range throws comes through.
  template <std::ranges::input_range Ids>
    requires std::integral<std::ranges::range_value_t<Ids>>
  [[nodiscard]] Expected<EraseReport<Id>, Error> batch_erase(Ids&& ids, const EraseOptions& options = {}) {
    WriteCall write(*this);
    if (auto refusal = write.refusal()) return Unexpected<Error>(*std::move(refusal));
    return detail::erase_each<Id>(entries_, structure_, std::forward<Ids>(ids), options);
  }

  /// Gives back the memory of erased and replaced entries, and of room that was reserved. Ids, vectors and links stay,
  /// so searches find what they found before; `stats().reclaimable_bytes` tells what it would bring. *Errors*:
  /// out_of_memory, reentrant_mutation, busy; no entry changed. *Threads*: searches wait meanwhile. *Cost*: O(links) of
  /// copying, 4 bytes a slot while it runs, and the repair of what leads to dead slots.
  [[nodiscard]] Expected<void, Error> compact(const EraseOptions& options = {}) {
    WriteCall write(*this);
    if (auto refusal = write.refusal()) return Unexpected<Error>(*std::move(refusal));
    auto done = detail::compact(entries_, structure_, options, [&] { write.shut_out_readers(); });
    if (done) this->drop_scratch();
    return done;
  }

  /// Makes room for `entries` in all, so that inserting up to that many allocates little.
  /// *Errors*: out_of_memory (room made before the failing allocation may stay), capacity_exceeded, reentrant_mutation,
  /// busy; no entry changed.
  [[nodiscard]] Expected<void, Error> reserve(std::size_t entries) {
    WriteCall write(*this);
    if (auto refusal = write.refusal()) return Unexpected<Error>(*std::move(refusal));
    if (entries > max_slots) {
      return Unexpected<Error>(detail::make_error(ErrorCode::capacity_exceeded, "expected at most ", max_slots,
                                                  " entries to reserve for, got ", entries));
    }
    if (entries_.max_elements() != 0 && entries > entries_.max_elements()) {
      return Unexpected<Error>(detail::make_error(ErrorCode::capacity_exceeded, "expected at most max_elements = ",
                                                  entries_.max_elements(), " entries to reserve for, got ", entries));
    }
    SHOAL_TRY {
      entries_.reserve(entries);
      structure_.reserve(entries);
    }
    SHOAL_CATCH_ALL { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
    return {};
  }

  // ---- looking things up -------------------------------------------------------------------------------------------

  /// Bytes allocated, by component. Exact but for the fixed size of the object itself and the allocator's own overhead.
  [[nodiscard]] MemoryUsage memory_usage() const noexcept {
    detail::Access::Still still(access());
    MemoryUsage usage = Base::memory_usage();
    usage.scratch += batch_.memory_bytes();
    return usage;
  }

 protected:
  using Base::access;

  template <class Config>
  VectorIndex(const Config& config, Structure structure)
      : VectorIndex(config, EntriesType(config.dimensions, config.max_elements), std::move(structure)) {}

  template <class Config>
  VectorIndex(const Config& config, EntriesType entries, Structure structure)
      : Base(std::move(entries), std::move(structure)), writers_wait_(config.second_writer == SecondWriter::waits) {
    structure_.set_readers(&access().readers());
  }

  /// Saves what is published: while a batch calls back, its items so far. `files`: SystemFiles, or what stands for it.
  template <class Config, class Files>
  [[nodiscard]] Expected<void, Error> save_through(Files& files, const std::string& path, const Config& config,
                                                   const SaveOptions& options) const {
    using File = detail::IndexFile<Metric, Storage, Id, Structure, Config>;
    detail::Access::Still still(access());
    SHOAL_TRY {
      if (structure_.linked() == entries_.live() + entries_.dead()) {
        return File::save(files, path, options, config, entries_, structure_);
      }
      return File::save(files, path, options, config, entries_, published_structure());
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

  /// A copy of the structure over the entries alone: while a batch calls back, more of a round may be linked. What is
  /// too much is taken back in the copy, and the rest of it linked again. Errors: std::bad_alloc.
  [[nodiscard]] Structure published_structure() const {
    Structure copy = structure_.clone();
    if (copy.linked() != entries_.live() + entries_.dead()) {
      copy.roll_back();
      std::vector<typename Rows::QueryBuffer> buffers;
      buffers.emplace_back(entries_.rows());
      std::span<const Slot> rest = entries_.round_slots().first(entries_.published());
      while (!rest.empty()) {
        const std::size_t count = std::min(copy.round_size(), rest.size());
        copy.link(entries_.rows(), rest.first(count), detail::Workers(), buffers);
        rest = rest.subspan(count);
      }
    }
    copy.commit();
    copy.end_batch();
    return copy;
  }

 private:
  static_assert(detail::IndexStructure<Structure, Rows>);

  /// Held by every change.
  class WriteCall {
   public:
    explicit WriteCall(VectorIndex& index) noexcept : write_(index.access(), index.writers_wait_) {}
    /// Why nothing may be changed now.
    [[nodiscard]] std::optional<Error> refusal() const noexcept {
      switch (write_.entered()) {
        case detail::Access::Entered::reentrant: return Error(ErrorCode::reentrant_mutation);
        case detail::Access::Entered::busy: return Error(ErrorCode::busy);
        case detail::Access::Entered::yes: break;
      }
      return std::nullopt;
    }

    void shut_out_readers() noexcept { write_.shut_out_readers(); }

   private:
    detail::Access::Write write_;
  };

  bool writers_wait_;
  detail::BatchScratch<Rows> batch_;
};

}  // namespace shoal::inline v0
