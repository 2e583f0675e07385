#pragma once
// ShardedIndex: several indexes in one process behind one batch and one search. It is what the shards of a cluster are
// held against, and of use by itself: a set that is saved as files of a size that can be moved, and opened by one
// program or by many. shards/shard_batch.hpp says how its batch keeps the prefix; `shoal::mpi` has the same set with a
// shard in each process.

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/core/access.hpp"
#include "shoal/index/batch_error.hpp"
#include "shoal/index/batch_source.hpp"
#include "shoal/index/erase.hpp"
#include "shoal/index/hnsw_index.hpp"
#include "shoal/index/index_file.hpp"
#include "shoal/index/mapped_index.hpp"
#include "shoal/index/matrix_view.hpp"
#include "shoal/index/progress.hpp"
#include "shoal/io/replace_file.hpp"
#include "shoal/shards/readable_shards.hpp"
#include "shoal/shards/shard_batch.hpp"
#include "shoal/shards/shard_files.hpp"
#include "shoal/shards/shard_plan.hpp"

namespace shoal::inline v0 {

namespace detail {

/// All shards are here: what the others would say is known.
template <class Index>
class LocalShards {
 public:
  /// Errors: std::bad_alloc.
  explicit LocalShards(std::span<Index> shards) {
    for (std::size_t i = 0; i < shards.size(); ++i) own_.push_back({i, &shards[i]});
  }
  using Fault = ShardFault<typename Index::id_type>;

  [[nodiscard]] bool reads() const noexcept { return true; }
  [[nodiscard]] std::span<const OwnShard<Index>> own() const noexcept { return own_; }
  [[nodiscard]] Expected<void, Error> share(ShardBlock<typename Index::id_type>&) const noexcept { return {}; }
  [[nodiscard]] Expected<Fault, Error> first_of(Fault fault) const { return fault; }
  [[nodiscard]] Expected<void, Error> join(std::vector<std::uint8_t>&) const noexcept { return {}; }

 private:
  std::vector<OwnShard<Index>> own_;
};

}  // namespace detail

/// An index in shards. `Index`: HnswIndex or BruteForceIndex.
///
/// *Threads*: any number may search and look things up while one inserts or erases. A second change waits, or is
/// refused with `busy` (`SecondWriter` of the configuration); one from inside a callback of a batch is refused with
/// `reentrant_mutation`. Moving and destroying are for one thread alone.
template <class Index = HnswIndex<>>
class ShardedIndex : public ReadableShards<Index> {
  using Base = ReadableShards<Index>;
  using Base::plan_;
  using Base::shards_;

 public:
  using Id = typename Index::id_type;
  using Config = std::remove_cvref_t<decltype(std::declval<const Index&>().config())>;
  using BatchResult = Expected<std::vector<Id>, BatchError<Id>>;
  /// What `open` gives.
  using Mapped = ReadableShards<typename Index::Mapped>;

  /// Empty shards of one configuration; `max_elements` is for each of them. *Errors*: invalid_config, out_of_memory.
  [[nodiscard]] static Expected<ShardedIndex, Error> create(const Config& config, const ShardPlan& plan) {
    SHOAL_TRY {
      std::vector<Index> shards;
      shards.reserve(plan.size());
      while (shards.size() < plan.size()) {
        auto shard = Index::create(config);
        if (!shard) return Unexpected<Error>(std::move(shard.error()));
        shards.push_back(*std::move(shard));
      }
      return ShardedIndex(Base(plan, std::move(shards)));
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

  /// Inserts items (id, vector) in order, up to the first bad one: exactly those before it are in, on whatever shards.
  ///
  /// *Shape, errors, progress*: as of an index's `batch_insert`, and the BatchError says the same. What differs:
  /// - Items are read, and can be found, up to a block ahead of the callback: 64 to 1,024 for each shard, at most 4 MiB
  ///   of floats each. When the callback or a stop ends the batch, or memory runs out, what is behind the end is erased
  ///   again; its slots are dead until they are used again (`compact` of a shard).
  /// - An id that is there already is found by its shard when the block has been read: items behind it may have been.
  /// - `all_or_nothing` and `overwrite` are refused with invalid_config before anything is read.
  /// - The graph of a shard depends on how many shards there are and on how the stream was cut into batches.
  ///
  /// *Cost*: that of the shards; with `threads`, shards side by side.
  template <BatchSource Source, ProgressCallback Progress = NoProgress>
  [[nodiscard]] BatchResult batch_insert(Source&& items, Progress&& progress = Progress{},
                                         const BatchOptions& options = {}) {
    detail::Access::Write write(*access_, writers_wait());
    SHOAL_TRY {
      detail::LocalShards<Index> group{std::span<Index>(shards_)};
      return detail::ShardedBatchRun<Index, detail::LocalShards<Index>>(group, plan_, this->dimensions(),
                                                                        detail::ProgressRef(progress), options)
          .run(items, refusal_of(write));
    }
    SHOAL_CATCH_BAD_ALLOC {
      BatchError<Id> error;
      error.cause = Error(ErrorCode::out_of_memory);
      return Unexpected<BatchError<Id>>(std::move(error));
    }
  }
  /// Inserts row i of a row-major matrix under ids[i]. *Errors*: as above, and length_mismatch before anything.
  template <std::ranges::random_access_range Ids, MatrixInput Matrix, ProgressCallback Progress = NoProgress>
    requires std::is_integral_v<std::ranges::range_value_t<Ids>>
  [[nodiscard]] BatchResult batch_insert(const Ids& ids, const Matrix& matrix, Progress&& progress = Progress{},
                                         const BatchOptions& options = {}) {
    auto rows = detail::number_rows(ids, matrix, this->dimensions());
    if (!rows) {
      BatchError<Id> error;
      error.cause = std::move(rows.error());
      return Unexpected<BatchError<Id>>(std::move(error));
    }
    return batch_insert(*rows, progress, options);
  }
  /// The batch of one. *Errors*: its cause.
  template <class IdValue, VectorInput Vector>
  [[nodiscard]] Expected<void, Error> insert(IdValue id, const Vector& vector, const BatchOptions& options = {}) {
    const std::pair<IdValue, const Vector&> item(id, vector);
    auto inserted = batch_insert(std::span(&item, 1), NoProgress{}, options);
    if (!inserted) return Unexpected<Error>(std::move(inserted.error().cause));
    return {};
  }
  /// *Errors*: those of an index's `erase`; nothing changed.
  template <std::integral IdValue>
  [[nodiscard]] Expected<void, Error> erase(IdValue id) {
    detail::Access::Write write(*access_, writers_wait());
    if (auto refusal = refusal_of(write)) return Unexpected<Error>(*std::move(refusal));
    const std::size_t shard = detail::fits<Id>(id) ? plan_.shard_of(static_cast<Id>(id)) : 0;
    return shards_[shard].erase(id);
  }
  /// Erases entries, each once, and says which ids were there, in the order in which they were given.
  /// *Shape, errors*: as of an index's `batch_erase`. Where a shard has no memory for it, its entries are all there and
  /// those of the shards before it are gone: the same call again erases the rest.
  template <std::ranges::input_range Ids>
    requires std::integral<std::ranges::range_value_t<Ids>>
  [[nodiscard]] Expected<EraseReport<Id>, Error> batch_erase(Ids&& ids, const EraseOptions& options = {}) {
    detail::Access::Write write(*access_, writers_wait());
    if (auto refusal = refusal_of(write)) return Unexpected<Error>(*std::move(refusal));
    SHOAL_TRY {
      const auto wanted = detail::read_ids<Id>(std::forward<Ids>(ids));
      if (!wanted) return Unexpected<Error>(wanted.error());
      std::vector<std::vector<Id>> parts(plan_.size());
      for (const Id id : *wanted) parts[plan_.shard_of(id)].push_back(id);
      // All that is needed to tell, before anything changes.
      EraseReport<Id> all;
      for (auto* list : {&all.erased, &all.absent, &all.repeated}) list->reserve(wanted->size());
      std::vector<EraseReport<Id>> reports(plan_.size());
      std::vector<EraseCursor> next(plan_.size());
      for (std::size_t shard = 0; shard < parts.size(); ++shard) {
        auto report = shards_[shard].batch_erase(parts[shard], options);
        if (!report) return report;
        reports[shard] = *std::move(report);
      }
      for (const Id id : *wanted) {
        const std::size_t shard = plan_.shard_of(id);
        const EraseReport<Id>& report = reports[shard];
        EraseCursor& at = next[shard];
        if (at.erased < report.erased.size() && report.erased[at.erased] == id) {
          all.erased.push_back(report.erased[at.erased++]);
        } else if (at.repeated < report.repeated.size() && report.repeated[at.repeated] == id) {
          all.repeated.push_back(report.repeated[at.repeated++]);
        } else {
          all.absent.push_back(id);
        }
      }
      return all;
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }
  /// Gives back the memory of erased and replaced entries, a shard after the other. *Errors*: those of an index's
  /// `compact`; no entry changed.
  [[nodiscard]] Expected<void, Error> compact(const EraseOptions& options = {}) {
    detail::Access::Write write(*access_, writers_wait());
    if (auto refusal = refusal_of(write)) return Unexpected<Error>(*std::move(refusal));
    for (Index& shard : shards_) {
      if (auto done = shard.compact(options); !done) return done;
    }
    return {};
  }

  // ---- files -------------------------------------------------------------------------------------------------------

  /// Writes a file for each shard, `path` with a tag and the shard's name behind it, and then the manifest at `path`,
  /// which makes them the set there. At every moment `path` is the older set, whole, or the new one; then the older
  /// set's files are removed. A program that is killed leaves files that nothing looks at again.
  /// *Errors*: those of an index's `save`; the older set is there still, unless the last step, syncing the folder, was
  /// what failed. *Threads*: searches go on, changes wait. From a callback of a batch: with what it has read ahead.
  template <class Files = detail::SystemFiles>
  [[nodiscard]] Expected<void, Error> save(const std::string& name, const SaveOptions& options = {},
                                           Files&& files = {}) const {
    const detail::Access::Still still(*access_);
    SHOAL_TRY {
      const auto where = detail::find_replaced(files, name);
      if (!where) return Unexpected<Error>(where.error());
      const std::string& path = where->path;
      const auto before = detail::find_set(files, path);
      auto tag = detail::claim_tag(files, path, plan_.names().front());
      if (!tag) return Unexpected<Error>(std::move(tag.error()));
      ShardSetInfo set{*std::move(tag), {}};
      bool is_placed = false;
      auto done = [&]() -> detail::Done {
        SHOAL_TRY {
          auto saved = save_all(files, *where, set, options);
          return saved ? detail::commit_set(files, path, set, is_placed) : saved;
        }
        SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
      }();
      if (!is_placed) {
        for (const ShardName shard : plan_.names()) detail::discard_shard(files, path, set.tag, shard);
      } else if (done && before) {
        for (const ShardFileInfo& shard : before->shards) detail::discard_shard(files, path, before->tag, shard.name);
      }
      return done;
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

  /// Reads a set that `save` wrote, here or with a shard in each of many processes: all of its shards, sound and of one
  /// save, or nothing.
  /// *Errors*: those of an index's `load`; corrupt, also where a file is not the one that was saved with the manifest,
  /// or has an id of another shard.
  template <class Files = detail::SystemFiles>
  [[nodiscard]] static Expected<ShardedIndex, Error> load(const std::string& path, const LoadOptions& options = {},
                                                          Files&& files = {}) {
    SHOAL_TRY {
      auto shards =
          Base::open_all(files, path, true, [&](const std::string& file) { return Index::load(file, options, files); });
      if (!shards) return Unexpected<Error>(std::move(shards.error()));
      return ShardedIndex(*std::move(shards));
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }
  /// Maps the files of a set, to be searched and not changed: ready at once.
  /// *Errors*: those of an index's `open`, and as above; which ids are in a file is looked at only with `verify`.
  template <class Files = detail::SystemFiles>
  [[nodiscard]] static Expected<Mapped, Error> open(const std::string& path, const OpenOptions& options = {},
                                                    Files&& files = {}) {
    SHOAL_TRY {
      return Mapped::open_all(files, path, options.verify,
                              [&](const std::string& file) { return Index::open(file, options, files); });
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

 private:
  explicit ShardedIndex(Base base) : Base(std::move(base)), access_(std::make_unique<detail::Access>()) {}

  /// How far the lists of a shard's report have been read.
  struct EraseCursor {
    std::size_t erased = 0;
    std::size_t repeated = 0;
  };

  [[nodiscard]] static std::optional<Error> refusal_of(const detail::Access::Write& write) noexcept {
    switch (write.entered()) {
      case detail::Access::Entered::reentrant: return Error(ErrorCode::reentrant_mutation);
      case detail::Access::Entered::busy: return Error(ErrorCode::busy);
      case detail::Access::Entered::yes: break;
    }
    return std::nullopt;
  }

  [[nodiscard]] bool writers_wait() const noexcept {
    return shards_.front().config().second_writer == SecondWriter::waits;
  }

  /// Writes the files of all shards, as far as they go.
  template <class Files>
  [[nodiscard]] detail::Done save_all(Files& files, const detail::ReplacedFile& where, ShardSetInfo& set,
                                      const SaveOptions& options) const {
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      auto info = detail::save_shard(files, where, set.tag, plan_.names()[i], shards_[i], options);
      if (!info) return Unexpected<Error>(std::move(info.error()));
      set.shards.push_back(*info);
    }
    return {};
  }

  std::unique_ptr<detail::Access> access_;
};

}  // namespace shoal::inline v0
