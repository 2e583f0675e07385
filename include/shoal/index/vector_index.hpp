#pragma once
// What every index of this library offers: batches, searches and look-ups over entries (ids and encoded rows) and a
// structure that finds them. HnswIndex and BruteForceIndex are this class with a structure each, so both make the same
// promises and are held to them by the same tests.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "shoal/core/access_check.hpp"
#include "shoal/core/workers.hpp"
#include "shoal/index/batch.hpp"
#include "shoal/index/entries.hpp"
#include "shoal/index/neighbor.hpp"
#include "shoal/index/progress.hpp"
#include "shoal/index/scratch_pool.hpp"
#include "shoal/index/search.hpp"
#include "shoal/index/structure.hpp"

namespace shoal::inline v0 {

/// The part that all indexes share.
///
/// *Threads*: any number of const calls at once, or one mutation and nothing else; debug builds assert it. A mutation
/// from inside a batch (its callback or source) is refused with `reentrant_mutation`. The callback may search.
/// An index that was moved from may be assigned to or destroyed, nothing else; debug builds assert it.
template <class Metric, class Storage, class Id, class Structure>
class VectorIndex {
  static_assert(std::is_integral_v<Id> && !std::is_same_v<Id, bool>, "shoal: an id type is an integer type");
  static_assert(StorageFor<Storage, Metric>,
                "shoal: this storage policy cannot keep vectors of this metric (SQ8 needs an InnerProductMetric: a "
                "metric with from_dot)");

 public:
  using id_type = Id;
  using BatchResult = Expected<std::vector<Id>, BatchError<Id>>;

  // ---- putting vectors in ------------------------------------------------------------------------------------------

  /// Inserts items (id, vector) in order, up to the first bad one.
  ///
  /// *Shape*: any input range, read once; each item destructures to an integer id and a vector of `dimensions()`
  /// numbers (contiguous range or Eigen expression).
  /// *Errors*: the BatchError says what is in (`successful_ids`), what failed (`failed_index`, `failed_id`) and why
  /// (`cause`): dimension_mismatch, not_finite, norm_too_large, zero_vector, duplicate_id, id_out_of_range,
  /// capacity_exceeded, out_of_memory, cancelled, source_failed, callback_failed, reentrant_mutation. The items before
  /// are in and searchable; the failing one and all after it left no trace (`Atomicity::all_or_nothing`: none is in).
  /// An empty batch succeeds and calls nothing.
  /// *Cost*: one insertion each, O(log n) distances for the graph. No copy of the batch is kept.
  template <BatchSource Source, ProgressCallback Progress = NoProgress>
  [[nodiscard]] BatchResult batch_insert(Source&& items, Progress&& progress = Progress{},
                                         const BatchOptions& options = {}) {
    detail::AccessCheck::Write write(shared().access);
    if (!write.entered()) {
      BatchError<Id> error;
      error.cause = Error(ErrorCode::reentrant_mutation);
      return Unexpected<BatchError<Id>>(std::move(error));
    }
    return detail::BatchRun<Id, EntriesType, Structure>(entries_, structure_, shared().batch,
                                                        detail::ProgressRef(progress), options)
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
    BatchError<Id> error;
    auto view = detail::view_matrix(matrix, dimensions());
    if (!view) {
      error.cause = std::move(view.error());
      return Unexpected<BatchError<Id>>(std::move(error));
    }
    const auto count = static_cast<std::size_t>(std::ranges::size(ids));
    if (count != view->rows) {
      error.cause = detail::make_error(ErrorCode::length_mismatch, "expected as many ids as rows, got ", count,
                                       " ids and ", view->rows, " rows");
      return Unexpected<BatchError<Id>>(std::move(error));
    }
    return batch_insert(detail::NumberedRows(ids, *view), progress, options);
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
  /// *Errors*: id_not_found, out_of_memory, reentrant_mutation; nothing changed.
  /// *Cost*: O(1) now; when a sixteenth of the entries has died, lists that lead to them are chosen anew, which comes
  /// to about one insertion for each.
  template <std::integral IdValue>
  [[nodiscard]] Expected<void, Error> erase(IdValue id) {
    detail::AccessCheck::Write write(shared().access);
    if (!write.entered()) return Unexpected<Error>(Error(ErrorCode::reentrant_mutation));
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
  /// reentrant_mutation; nothing changed. What the range throws comes through.
  template <std::ranges::input_range Ids>
    requires std::integral<std::ranges::range_value_t<Ids>>
  [[nodiscard]] Expected<EraseReport<Id>, Error> batch_erase(Ids&& ids, const EraseOptions& options = {}) {
    detail::AccessCheck::Write write(shared().access);
    if (!write.entered()) return Unexpected<Error>(Error(ErrorCode::reentrant_mutation));
    std::vector<Id> wanted;
    EraseReport<Id> report;
    SHOAL_TRY {
      for (auto&& id : ids) {
        if (!detail::fits<Id>(id)) {
          auto error = detail::to_id<Id>(id).error();
          return Unexpected<Error>(detail::make_error(error.code(), "id ", wanted.size(), ": ", error.message()));
        }
        wanted.push_back(static_cast<Id>(id));
      }
      report.erased.reserve(wanted.size());
      report.absent.reserve(wanted.size());
      report.repeated.reserve(wanted.size());
      entries_.reserve_erase();
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
    std::vector<Id>& missing = report.absent;
    for (const Id id : wanted) (entries_.erase(id) ? report.erased : missing).push_back(id);
    wanted = report.erased;
    std::sort(wanted.begin(), wanted.end());
    std::erase_if(missing, [&](Id id) {
      const bool was_there = std::binary_search(wanted.begin(), wanted.end(), id);
      if (was_there) report.repeated.push_back(id);
      return was_there;
    });
    detail::reclaim_if_due(entries_, structure_, detail::workers_of(options));
    return report;
  }

  /// Makes room for `entries` in all, so that inserting up to that many allocates little.
  /// *Errors*: out_of_memory (room made before the failing allocation may stay), capacity_exceeded, reentrant_mutation;
  /// no entry changed.
  [[nodiscard]] Expected<void, Error> reserve(std::size_t entries) {
    detail::AccessCheck::Write write(shared().access);
    if (!write.entered()) return Unexpected<Error>(Error(ErrorCode::reentrant_mutation));
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

  // ---- searching ---------------------------------------------------------------------------------------------------

  /// The nearest entries, nearest first, ties by id. All live entries (that pass the filter) when they are fewer
  /// than k.
  /// *Errors*: a bad query (dimension_mismatch, not_finite, norm_too_large, zero_vector) or out_of_memory.
  /// *Threads*: any number at once. *Cost*: about `ef` hops of up to 2M distances for the graph.
  template <VectorInput Query>
  [[nodiscard]] Expected<std::vector<Neighbor<Id>>, Error> try_search(const Query& query,
                                                                      const SearchOptions& options) const {
    detail::AccessCheck::Read read(shared().access);
    return search_unguarded(query, options);
  }
  template <VectorInput Query>
  [[nodiscard]] Expected<std::vector<Neighbor<Id>>, Error> try_search(const Query& query, std::size_t k) const {
    return try_search(query, with_k(k));
  }

  /// As `try_search`, but a bad query throws std::invalid_argument (ends the program without exceptions).
  template <VectorInput Query>
  [[nodiscard]] std::vector<Neighbor<Id>> search(const Query& query, const SearchOptions& options) const {
    return value_or_raise(try_search(query, options));
  }
  template <VectorInput Query>
  [[nodiscard]] std::vector<Neighbor<Id>> search(const Query& query, std::size_t k) const {
    return search(query, with_k(k));
  }

  /// One result for each query, in order, found on `options.threads` threads.
  /// *Shape*: a MatrixView, a row-major Eigen matrix, a contiguous range of numbers taken dimensions() at a time, or a
  /// random-access range of vectors.
  /// *Errors*: the first bad query's, with its position. What a filter throws comes through.
  template <QueriesInput Queries>
  [[nodiscard]] Expected<std::vector<std::vector<Neighbor<Id>>>, Error> try_batch_search(
      const Queries& queries, const SearchOptions& options) const {
    detail::AccessCheck::Read read(shared().access);  // for all threads: a callback of this thread's batch may search
    if constexpr (MatrixInput<Queries>) {
      auto view = detail::view_matrix(queries, dimensions());
      if (!view) return Unexpected<Error>(std::move(view.error()));
      return search_each(
          view->rows, [&](std::size_t i) { return search_unguarded(view->row(i), options); },
          detail::workers_of(options));
    } else {
      const auto count = static_cast<std::size_t>(std::ranges::size(queries));
      const auto first = std::ranges::begin(queries);
      using Offset = std::ranges::range_difference_t<const Queries>;
      return search_each(
          count, [&](std::size_t i) { return search_unguarded(first[static_cast<Offset>(i)], options); },
          detail::workers_of(options));
    }
  }
  template <QueriesInput Queries>
  [[nodiscard]] Expected<std::vector<std::vector<Neighbor<Id>>>, Error> try_batch_search(const Queries& queries,
                                                                                         std::size_t k) const {
    return try_batch_search(queries, with_k(k));
  }

  /// As `try_batch_search`, but a bad query throws std::invalid_argument (ends the program without exceptions).
  template <QueriesInput Queries>
  [[nodiscard]] std::vector<std::vector<Neighbor<Id>>> batch_search(const Queries& queries,
                                                                    const SearchOptions& options) const {
    return value_or_raise(try_batch_search(queries, options));
  }
  template <QueriesInput Queries>
  [[nodiscard]] std::vector<std::vector<Neighbor<Id>>> batch_search(const Queries& queries, std::size_t k) const {
    return batch_search(queries, with_k(k));
  }

  // ---- looking things up -------------------------------------------------------------------------------------------

  /// Takes any integer; one that does not fit `Id` is not in.
  template <std::integral IdValue>
  [[nodiscard]] bool contains(IdValue id) const noexcept {
    detail::AccessCheck::Read read(shared().access);
    return detail::fits<Id>(id) && entries_.find(static_cast<Id>(id)).has_value();
  }

  /// The vector as kept: exact for Float32, rounded for SQ8, of norm 1 under Cosine. Nothing when the id is not in.
  template <std::integral IdValue>
  [[nodiscard]] std::optional<std::vector<float>> get(IdValue id) const {
    detail::AccessCheck::Read read(shared().access);
    if (!detail::fits<Id>(id)) return std::nullopt;
    const std::optional<Slot> slot = entries_.find(static_cast<Id>(id));
    if (!slot) return std::nullopt;
    std::vector<float> vector(dimensions());
    entries_.rows().read(*slot, vector);
    return vector;
  }

  /// Entries that can be found.
  [[nodiscard]] std::size_t size() const noexcept {
    (void)shared();
    return entries_.live();
  }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::size_t dimensions() const noexcept { return entries_.dimensions(); }

  /// Verifies every invariant: of the graph, if there is one, and of the way from ids to vectors and back; counts the
  /// slots that cannot be reached. *Cost*: O(links). *Errors*: std::bad_alloc.
  [[nodiscard]] CheckReport check() const {
    detail::AccessCheck::Read read(shared().access);
    CheckReport report;
    structure_.check(report);
    entries_.check(report);
    // Between the items of a round, more may be linked than are entries yet.
    const std::size_t used = entries_.live() + entries_.dead();
    if (structure_.linked() < used || structure_.linked() > used + entries_.staged()) {
      detail::add_fault(report, "the structure has ", structure_.linked(), " slots, the entries have ", used);
    }
    return report;
  }

  /// Counts. *Cost*: O(links). *Errors*: std::bad_alloc.
  [[nodiscard]] IndexStats stats() const {
    detail::AccessCheck::Read read(shared().access);
    IndexStats stats;
    stats.live = entries_.live();
    stats.dead = entries_.dead();
    stats.free = entries_.free();
    structure_.add_stats(stats);
    return stats;
  }

  /// Bytes allocated, by component. Exact but for the fixed size of the object itself and the allocator's own overhead.
  [[nodiscard]] MemoryUsage memory_usage() const noexcept {
    MemoryUsage usage;
    entries_.add_memory(usage);
    structure_.add_memory(usage);
    usage.scratch += shared().scratch.memory_bytes() + shared().batch.memory_bytes();
    return usage;
  }

 protected:
  VectorIndex(std::size_t dimensions, std::size_t max_elements, Structure structure)
      : entries_(dimensions, max_elements), structure_(std::move(structure)), shared_(std::make_unique<Shared>()) {}

  using EntriesType = detail::Entries<Metric, typename Storage::template Rows<Metric>, Id>;

  VectorIndex(EntriesType entries, Structure structure)
      : entries_(std::move(entries)), structure_(std::move(structure)), shared_(std::make_unique<Shared>()) {}

  [[nodiscard]] const EntriesType& entries() const noexcept { return entries_; }
  [[nodiscard]] const Structure& structure() const noexcept { return structure_; }

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
  [[nodiscard]] detail::AccessCheck& access() const noexcept { return shared().access; }

 private:
  using Rows = typename Storage::template Rows<Metric>;
  static_assert(detail::IndexStructure<Structure, Rows>);

  /// What stays where it is when the index moves.
  struct Shared {
    detail::AccessCheck access;
    detail::ScratchPool<detail::SearchScratch<Rows>> scratch;
    detail::BatchScratch<Rows> batch;
  };

  [[nodiscard]] Shared& shared() const noexcept {
    assert(shared_ != nullptr && "shoal: an index that was moved from is used");
    return *shared_;
  }

  [[nodiscard]] static SearchOptions with_k(std::size_t k) {
    SearchOptions options;
    options.k = k;
    return options;
  }

  /// A search whose caller holds the guard of reading.
  template <VectorInput Query>
  [[nodiscard]] Expected<std::vector<Neighbor<Id>>, Error> search_unguarded(const Query& query,
                                                                            const SearchOptions& options) const {
    SHOAL_TRY {
      const auto scratch = shared().scratch.borrow([&] { return detail::SearchScratch<Rows>(entries_.rows()); });
      scratch->input.reserve(dimensions());
      auto vector = detail::admit_vector<Metric>(query, dimensions(), scratch->input);
      if (!vector) return Unexpected<Error>(std::move(vector.error()));
      return detail::SearchRun<Id, EntriesType, Structure>(entries_, structure_, *scratch).run(*vector, options);
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

  /// The results of search(0) .. search(count - 1), or the first error with its position.
  template <class Search>
  [[nodiscard]] static Expected<std::vector<std::vector<Neighbor<Id>>>, Error> search_each(
      std::size_t count, const Search& search, const detail::Workers& workers) {
    SHOAL_TRY {
      std::vector<Expected<std::vector<Neighbor<Id>>, Error>> found(count);
      workers.for_each(count, [&](std::size_t, std::size_t i) { found[i] = search(i); });
      std::vector<std::vector<Neighbor<Id>>> results;
      results.reserve(count);
      for (std::size_t i = 0; i < count; ++i) {
        if (!found[i]) {
          return Unexpected<Error>(
              detail::make_error(found[i].error().code(), "query ", i, ": ", found[i].error().message()));
        }
        results.push_back(*std::move(found[i]));
      }
      return results;
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

  template <class T>
  [[nodiscard]] static T value_or_raise(Expected<T, Error> result) {
    if (!result) {
      if (result.error().code() == ErrorCode::out_of_memory) detail::raise_bad_alloc();
      detail::raise<std::invalid_argument>(std::string(result.error().message()).c_str());
    }
    return *std::move(result);
  }

  EntriesType entries_;
  Structure structure_;
  std::unique_ptr<Shared> shared_;
};

}  // namespace shoal::inline v0
