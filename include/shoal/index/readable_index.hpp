#pragma once
// The half of an index that reads: searches and look-ups over entries (ids and encoded rows) and a structure that finds
// them. It takes both as they are and changes neither, so what it needs of them is `const` but for the memory of
// searches: an index that only reads is this with entries and a structure that came from elsewhere. Changing is
// vector_index.hpp.

#include <cassert>
#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/core/access.hpp"
#include "shoal/core/workers.hpp"
#include "shoal/index/batch_search.hpp"
#include "shoal/index/entries.hpp"
#include "shoal/index/neighbor.hpp"
#include "shoal/index/scratch_pool.hpp"
#include "shoal/index/search.hpp"
#include "shoal/index/structure.hpp"

namespace shoal::inline v0 {

/// What can be asked of every index.
///
/// *Threads*: any number may search and look things up at once, while one changes the index too, where it can be
/// changed (VectorIndex). One that was moved from may be assigned to or destroyed; debug builds assert it.
template <class Metric, class Storage, class Id, class Structure,
          template <class, VectorRows, class> class EntriesOf = detail::Entries>
class ReadableIndex {
  static_assert(std::is_integral_v<Id> && !std::is_same_v<Id, bool>, "shoal: an id type is an integer type");
  static_assert(
      requires { typename Storage::template Rows<Metric>; },
      "shoal: this storage policy cannot keep vectors of this metric (SQ8 needs an InnerProductMetric: a "
      "metric with from_dot)");
  static_assert(StorageFor<Storage, Metric>,
                "shoal: the rows of this storage policy do not model VectorRows: the compiler names what is missing, "
                "docs/extending.md says what it is for");

 protected:
  using Rows = typename Storage::template Rows<Metric>;
  using EntriesType = EntriesOf<Metric, Rows, Id>;

 private:
  using Scratch = detail::SearchScratch<Rows, Id>;

 public:
  using id_type = Id;
  using metric_type = Metric;

  // ---- searching ---------------------------------------------------------------------------------------------------

  /// Memory that searches find again: with it they allocate nothing once it has grown to what they need. For one search
  /// at a time (debug builds assert it), so not for one from inside a filter of another; for searches of the index that
  /// made it, or of what that was moved to. A context of other dimensions is refused with dimension_mismatch.
  class SearchContext {
   public:
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return scratch_->memory_bytes(); }

   private:
    friend ReadableIndex;
    SearchContext(const Rows& rows, std::size_t dimensions)
        : scratch_(std::make_unique<Scratch>(rows)), dimensions_(dimensions) {}
    std::unique_ptr<Scratch> scratch_;
    std::size_t dimensions_;
    bool is_in_use_ = false;
  };
  /// Errors: std::bad_alloc.
  [[nodiscard]] SearchContext make_search_context() const {
    (void)shared();
    return SearchContext(entries_.rows(), dimensions());
  }

  /// The nearest entries, nearest first, ties by id. All live entries (that pass the filter) when they are fewer
  /// than k.
  /// *Errors*: a bad query (dimension_mismatch, not_finite, norm_too_large, zero_vector) or out_of_memory. What a
  /// filter throws comes through. *Threads*: any number at once, and while one changes the index. *Cost*: about `ef`
  /// hops of up to 2M distances for the graph; where a filter passes a share s, `ef / s` hops, or a distance for each
  /// that passes.
  template <VectorInput Query>
  [[nodiscard]] Expected<std::vector<Neighbor<Id>>, Error> try_search(const Query& query,
                                                                      const SearchOptions& options) const {
    detail::Access::Read read(shared().access);
    return with_scratch(query,
                        [&](SearchRun& run, std::span<const float> vector) { return run.nearest(vector, options); });
  }
  template <VectorInput Query>
  [[nodiscard]] Expected<std::vector<Neighbor<Id>>, Error> try_search(const Query& query, std::size_t k) const {
    return try_search(query, with_k(k));
  }
  /// The same; what it gives lies in `context` until that is used again.
  template <VectorInput Query>
  [[nodiscard]] Expected<std::span<const Neighbor<Id>>, Error> try_search(const Query& query,
                                                                          const SearchOptions& options,
                                                                          SearchContext& context) const {
    if (context.dimensions_ != dimensions()) {
      return Unexpected<Error>(detail::make_error(ErrorCode::dimension_mismatch, "expected a context of an index of ",
                                                  dimensions(), " dimensions, got one of ", context.dimensions_));
    }
    assert(!context.is_in_use_ && "shoal: a search context is used by two searches at once");
    struct InUse {
      bool& flag;
      explicit InUse(bool& f) noexcept : flag(f) { flag = true; }
      ~InUse() { flag = false; }
    } in_use(context.is_in_use_);
    detail::Access::Read read(shared().access);
    return run_search(query, *context.scratch_,
                      [&](SearchRun& run, std::span<const float> vector) { return run.nearest(vector, options); });
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
  template <VectorInput Query>
  [[nodiscard]] std::span<const Neighbor<Id>> search(const Query& query, const SearchOptions& options,
                                                     SearchContext& context) const {
    return value_or_raise(try_search(query, options, context));
  }

  /// The entries no farther than `radius`, nearest first, ties by id: as far as walks find them, 99 of 100 and more on
  /// the real sets of docs/benchmarks.md; all of them for an exact index.
  /// *Units*: the metric's distance: squared for L2Squared. *Errors*: as try_search; not_finite for a radius that is
  /// NaN. *Cost*: that of a search for twice as many as are found, and the same again.
  template <VectorInput Query>
  [[nodiscard]] Expected<std::vector<Neighbor<Id>>, Error> try_search_within(const Query& query, float radius,
                                                                             const WithinOptions& options = {}) const {
    if (auto fault = detail::find_radius_fault(radius)) return Unexpected<Error>(*std::move(fault));
    detail::Access::Read read(shared().access);
    return with_scratch(
        query, [&](SearchRun& run, std::span<const float> vector) { return run.within(vector, radius, options); });
  }
  template <VectorInput Query>
  [[nodiscard]] std::vector<Neighbor<Id>> search_within(const Query& query, float radius,
                                                        const WithinOptions& options = {}) const {
    return value_or_raise(try_search_within(query, radius, options));
  }

  /// One result for each query, in order, found on `options.threads` threads.
  /// *Shape*: a MatrixView, a row-major Eigen matrix, a contiguous range of numbers taken dimensions() at a time, or a
  /// random-access range of vectors.
  /// *Errors*: the first bad query's, with its position. What a filter throws comes through.
  template <QueriesInput Queries>
  [[nodiscard]] Expected<std::vector<std::vector<Neighbor<Id>>>, Error> try_batch_search(
      const Queries& queries, const SearchOptions& options) const {
    std::vector<std::vector<Neighbor<Id>>> results;
    const auto make_room = [&](std::size_t count) -> Expected<void, Error> {
      results.resize(count);
      return {};
    };
    const auto take = [&](std::size_t i, std::span<const Neighbor<Id>> found) {
      results[i].assign(found.begin(), found.end());
    };
    auto done = search_all(queries, options, make_room, take);
    if (!done) return Unexpected<Error>(std::move(done.error()));
    return results;
  }
  template <QueriesInput Queries>
  [[nodiscard]] Expected<std::vector<std::vector<Neighbor<Id>>>, Error> try_batch_search(const Queries& queries,
                                                                                         std::size_t k) const {
    return try_batch_search(queries, with_k(k));
  }
  /// The same into matrices of the caller's: row i holds the neighbours of query i, nearest first. Where there are
  /// fewer than k, the distances that are left are infinite, and the ids all ones. *Shape*: `ids`, `distances`: queries
  /// x k, row-major. *Errors*: as above, and length_mismatch.
  template <QueriesInput Queries>
  [[nodiscard]] Expected<void, Error> try_batch_search(const Queries& queries, const SearchOptions& options,
                                                       std::span<Id> ids, std::span<float> distances) const {
    const std::size_t k = options.k;
    const auto check_room = [&](std::size_t count) -> Expected<void, Error> {
      // Divided, for the product may be more than a number holds.
      const bool has_room = k == 0 ? ids.empty() : ids.size() % k == 0 && ids.size() / k == count;
      if (has_room && distances.size() == ids.size()) return {};
      return Unexpected<Error>(detail::make_error(ErrorCode::length_mismatch, "expected room for ", count, " x ", k,
                                                  " ids and distances, got ", ids.size(), " and ", distances.size()));
    };
    const auto take = [&](std::size_t i, std::span<const Neighbor<Id>> found) {
      for (std::size_t j = 0; j < k; ++j) {
        ids[i * k + j] = j < found.size() ? found[j].id : static_cast<Id>(-1);
        distances[i * k + j] = j < found.size() ? found[j].distance : std::numeric_limits<float>::infinity();
      }
    };
    return search_all(queries, options, check_room, take);
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
  template <QueriesInput Queries>
  void batch_search(const Queries& queries, const SearchOptions& options, std::span<Id> ids,
                    std::span<float> distances) const {
    value_or_raise(try_batch_search(queries, options, ids, distances));
  }

  // ---- looking things up -------------------------------------------------------------------------------------------

  /// Takes any integer; one that does not fit `Id` is not in.
  template <std::integral IdValue>
  [[nodiscard]] bool contains(IdValue id) const noexcept {
    detail::Access::Read read(shared().access);
    return detail::fits<Id>(id) && entries_.find(static_cast<Id>(id)).has_value();
  }

  /// The vector as kept: exact for Float32, rounded for SQ8, of norm 1 under Cosine. Nothing when the id is not in.
  template <std::integral IdValue>
  [[nodiscard]] std::optional<std::vector<float>> get(IdValue id) const {
    detail::Access::Read read(shared().access);
    if (!detail::fits<Id>(id)) return std::nullopt;
    const std::optional<Slot> slot = entries_.find(static_cast<Id>(id));
    if (!slot) return std::nullopt;
    std::vector<float> vector(dimensions());
    entries_.rows().read(*slot, vector);
    return vector;
  }

  /// The ids of all entries, each once, in no order that is promised. *Errors*: std::bad_alloc. *Cost*: O(slots);
  /// changes wait meanwhile.
  [[nodiscard]] std::vector<Id> ids() const {
    detail::Access::Still still(shared().access);
    std::vector<Id> ids;
    ids.reserve(entries_.live());
    for (std::size_t i = 0; i < entries_.slots(); ++i) {
      if (entries_.is_live(to_slot(i))) ids.push_back(entries_.id_of(to_slot(i)));
    }
    return ids;
  }

  /// Entries that can be found.
  [[nodiscard]] std::size_t size() const noexcept {
    (void)shared();
    return entries_.live();
  }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::size_t dimensions() const noexcept { return entries_.dimensions(); }

  /// Is this thread inside a call of this index: in a filter, or in the callback or the source of a batch? Then it may
  /// search, and changes are refused with `reentrant_mutation`.
  [[nodiscard]] bool is_in_call() const noexcept { return shared().access.is_entered(); }

  /// Verifies every invariant: of the graph, if there is one, and of the way from ids to vectors and back; counts the
  /// slots that cannot be reached. *Cost*: O(links). *Errors*: std::bad_alloc.
  [[nodiscard]] CheckReport check() const {
    detail::Access::Still still(shared().access);
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
    detail::Access::Still still(shared().access);
    IndexStats stats;
    stats.live = entries_.live();
    stats.dead = entries_.dead();
    stats.free = entries_.free();
    MemoryUsage usage;
    entries_.add_memory(usage);
    structure_.add_memory(usage);
    MemoryUsage wanted;
    EntriesType::add_estimate(wanted, dimensions(), stats.live);
    structure_.add_estimate_for(wanted, stats.live);
    const std::size_t owned = usage.total() - usage.scratch;
    const std::size_t worth_it = owned / 16;
    if (owned > wanted.total() + worth_it) stats.reclaimable_bytes = owned - wanted.total();
    structure_.add_stats(stats);
    return stats;
  }

  /// Bytes allocated, by component. Exact but for the fixed size of the object itself and the allocator's own overhead.
  [[nodiscard]] MemoryUsage memory_usage() const noexcept {
    detail::Access::Still still(shared().access);
    MemoryUsage usage;
    entries_.add_memory(usage);
    structure_.add_memory(usage);
    usage.scratch += shared().scratch.memory_bytes();
    return usage;
  }

 protected:
  ReadableIndex(EntriesType entries, Structure structure)
      : entries_(std::move(entries)), structure_(std::move(structure)), shared_(std::make_unique<Shared>()) {}

  [[nodiscard]] const EntriesType& entries() const noexcept { return entries_; }
  [[nodiscard]] const Structure& structure() const noexcept { return structure_; }
  [[nodiscard]] detail::Access& access() const noexcept { return shared().access; }
  /// Gives back the memory that searches would find again. Nobody searches.
  void drop_scratch() noexcept { shared().scratch.clear(); }
  /// A search that needed more than `bytes` of it gives it back when it ends. Nobody searches.
  void limit_scratch(std::size_t bytes) noexcept { shared().scratch.limit_pieces(bytes); }
  /// Keeps that of one search.
  void keep_one_scratch() const noexcept { shared().scratch.keep_one(); }

  EntriesType entries_;
  Structure structure_;

 private:
  static_assert(detail::SearchedStructure<Structure, Rows>);
  using SearchRun = detail::SearchRun<Id, EntriesType, Structure>;

  /// What stays where it is when the index moves.
  struct Shared {
    detail::Access access;
    detail::ScratchPool<Scratch> scratch;
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

  /// Runs `search(run, vector)` on an admitted query. Its caller holds the guard of reading.
  template <class Query, class Search>
  [[nodiscard]] Expected<std::span<const Neighbor<Id>>, Error> run_search(const Query& query, Scratch& scratch,
                                                                          const Search& search) const {
    SHOAL_TRY {
      scratch.input.reserve(dimensions());
      auto vector = detail::admit_vector<Metric>(query, dimensions(), scratch.input);
      if (!vector) return Unexpected<Error>(std::move(vector.error()));
      SearchRun run(entries_, structure_, scratch);
      return search(run, *vector);
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }
  /// Errors: std::bad_alloc.
  [[nodiscard]] auto borrow_scratch() const {
    return shared().scratch.borrow([&] { return Scratch(entries_.rows()); });
  }
  /// The same with memory of the index's own.
  template <class Query, class Search>
  [[nodiscard]] Expected<std::vector<Neighbor<Id>>, Error> with_scratch(const Query& query,
                                                                        const Search& search) const {
    SHOAL_TRY {
      const auto scratch = borrow_scratch();
      auto found = run_search(query, *scratch, search);
      if (!found) return Unexpected<Error>(std::move(found.error()));
      return std::vector<Neighbor<Id>>(found->begin(), found->end());
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }
  /// Searches for all queries, and hands what was found for each to take(i, neighbours).
  template <class Queries, class MakeRoom, class Take>
  [[nodiscard]] Expected<void, Error> search_all(const Queries& queries, const SearchOptions& options,
                                                 const MakeRoom& make_room, const Take& take) const {
    const auto nearest = [&](SearchRun& run, std::span<const float> vector) { return run.nearest(vector, options); };
    SHOAL_TRY {
      return detail::search_each(queries, dimensions(), detail::workers_of(options), shared().access, make_room,
                                 [&](std::size_t i, const auto& query) -> Expected<void, Error> {
                                   SHOAL_TRY {
                                     const auto scratch = borrow_scratch();
                                     auto found = run_search(query, *scratch, nearest);
                                     if (!found) return Unexpected<Error>(std::move(found.error()));
                                     take(i, *found);
                                     return {};
                                   }
                                   SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
                                 });
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

  template <class T>
  static T value_or_raise(Expected<T, Error> result) {
    if (!result) {
      if (result.error().code() == ErrorCode::out_of_memory) detail::raise_bad_alloc();
      detail::raise<std::invalid_argument>(std::string(result.error().message()).c_str());
    }
    if constexpr (!std::is_void_v<T>) return *std::move(result);
  }

  std::unique_ptr<Shared> shared_;
};

}  // namespace shoal::inline v0
