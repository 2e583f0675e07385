#pragma once
// DistributedIndex: one index in the processes of an MPI communicator, a shard in each. The rules of its batch are
// those of ShardedIndex, by the same code (shards/shard_batch.hpp); here is only who says what to whom.
//
// The source is read by rank 0 alone. The prefix is a promise about one order of items, and only one reader has one:
// several would have to wait for each other's items, one after the other, to keep it. What it costs is that all vectors
// pass through rank 0, at the speed of its network; docs/scale.md says when that is too little.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <mpi.h>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/index/batch_error.hpp"
#include "shoal/index/batch_source.hpp"
#include "shoal/index/hnsw_index.hpp"
#include "shoal/index/progress.hpp"
#include "shoal/io/replace_file.hpp"
#include "shoal/mpi/communicator.hpp"
#include "shoal/mpi/distributed_reader.hpp"
#include "shoal/mpi/shards_of_ranks.hpp"
#include "shoal/shards/shard_batch.hpp"
#include "shoal/shards/shard_files.hpp"
#include "shoal/shards/shard_plan.hpp"

namespace shoal::inline v0::mpi {

/// An index in shards, one in each process. `Index`: HnswIndex or BruteForceIndex. What "collective" means, and what
/// becomes of a rank that is gone, is said at DistributedReader.
template <class Index = HnswIndex<>>
class DistributedIndex : public DistributedReader<Index> {
  using Base = DistributedReader<Index>;
  using Base::group_;
  using Base::index_;
  using Base::plan_;
  using typename Base::Turn;

 public:
  using Id = typename Index::id_type;
  using Config = std::remove_cvref_t<decltype(std::declval<const Index&>().config())>;
  using BatchResult = Expected<std::vector<Id>, BatchError<Id>>;
  /// What `open` gives.
  using Mapped = DistributedReader<typename Index::Mapped>;

  /// Collective. An empty shard in each process of `comm`, which is copied and may be used for other things meanwhile.
  /// `config.max_elements` and `second_writer` are of each shard, the rest is the same for all. *Errors*:
  /// invalid_config, out_of_memory, incompatible (ranks of different setups or programs), peer_lost.
  [[nodiscard]] static Expected<DistributedIndex, Error> create(MPI_Comm comm, const Config& config,
                                                                const Options& waiting = {}) {
    auto group = detail::MpiCommunicator::duplicate(comm, waiting);
    if (!group) return Unexpected<Error>(std::move(group.error()));
    std::optional<ShardPlan> plan;
    std::optional<Index> index;
    auto made = group->together([&]() -> detail::Done {
      auto planned = ShardPlan::of_count(group->size());
      if (!planned) return Unexpected<Error>(std::move(planned.error()));
      plan = *std::move(planned);
      auto created = Index::create(config);
      if (!created) return Unexpected<Error>(std::move(created.error()));
      index.emplace(*std::move(created));
      return {};
    });
    if (!made) return Unexpected<Error>(std::move(made.error()));
    if (auto alike = Base::find_differences(*group, *index); !alike) return Unexpected<Error>(std::move(alike.error()));
    if (auto alike = find_other_setups(*group, config); !alike) return Unexpected<Error>(std::move(alike.error()));
    return DistributedIndex(Base(*std::move(group), *std::move(plan), *std::move(index)));
  }

  /// Collective. Inserts the items of rank 0, in order, up to the first bad one: exactly those before it are in, on
  /// whatever ranks; every rank's result or error says the same, `successful_ids` included. What other ranks give as
  /// `items`, `progress` and `options.stop` is not looked at; `options.threads` is each rank's own.
  ///
  /// *Shape, errors, progress*: as of `ShardedIndex::batch_insert`; the callback is called at rank 0. An exception is
  /// kept at the rank where it was thrown; the others have its message, cut off at 254 characters. peer_lost: what was
  /// agreed on by then is in, and the block that was on its way may be in part.
  /// *Cost*: that of the largest shard, and a few messages for each block of up to 1,024 items for each rank. Each
  /// rank keeps one block, and the ids of the batch.
  template <BatchSource Source, ProgressCallback Progress = NoProgress>
  [[nodiscard]] BatchResult batch_insert(Source&& items, Progress&& progress = Progress{},
                                         const BatchOptions& options = {}) {
    const Turn turn(group_);
    if (auto refusal = turn.refusal(ErrorCode::reentrant_mutation)) {
      BatchError<Id> error;
      error.cause = *std::move(refusal);
      return Unexpected<BatchError<Id>>(std::move(error));
    }
    detail::ShardsOfRanks<Index> group(group_, index_);
    return detail::ShardedBatchRun<Index, detail::ShardsOfRanks<Index>>(group, plan_, index_.dimensions(),
                                                                        detail::ProgressRef(progress), options)
        .run(items, std::nullopt);
  }

  /// Collective. Each rank writes its shard, and then rank 0 the manifest at `path`, which makes them a set: as
  /// `ShardedIndex::save`, whose `load` opens what this saves, and the other way round. Where ranks have no common
  /// folder, `path` is one of each rank's own disk.
  /// *Errors*: the first rank's, with its number, for all; the older set is there still, unless syncing the folder was
  /// what failed. peer_lost: the older set or the new one, whole.
  template <class Files = detail::SystemFiles>
  [[nodiscard]] Expected<void, Error> save(const std::string& path, const SaveOptions& options = {},
                                           Files&& files = {}) {
    const Turn turn(group_);
    if (auto refusal = turn.refusal(ErrorCode::busy)) return Unexpected<Error>(*std::move(refusal));
    // What rank 0 knows that all need: the tags of the new set and of the one before.
    struct Tags {
      char before[detail::manifest_tag_bytes] = {};
      char now[detail::manifest_tag_bytes] = {};
    };
    Tags tags;
    std::optional<ShardSetInfo> before;
    detail::ReplacedFile where;
    auto done = group_.together([&]() -> detail::Done {
      auto found = detail::find_replaced(files, path);
      if (!found) return Unexpected<Error>(std::move(found.error()));
      where = *std::move(found);
      if (group_.rank() != 0) return {};
      before = detail::find_set(files, where.path);
      if (before) before->tag.copy(tags.before, sizeof tags.before - 1);
      auto tag = detail::claim_tag(files, where.path, plan_.names().front());
      if (!tag) return Unexpected<Error>(std::move(tag.error()));
      tag->copy(tags.now, sizeof tags.now - 1);
      return {};
    });
    const ShardName name = plan_.names()[group_.rank()];
    const auto discard = [&](const char* tag, ShardName shard) {
      SHOAL_TRY {
        if (*tag != 0) detail::discard_shard(files, where.path, tag, shard);
      }
      SHOAL_CATCH_ALL {}  // it stays, and nothing looks at it
    };
    if (!done) {
      discard(tags.now, name);
      return done;
    }
    const auto all_tags = group_.gather_from_all(tags);
    if (!all_tags) return Unexpected<Error>(all_tags.error());
    tags = all_tags->front();

    ShardFileInfo info{};
    auto saved = group_.together([&]() -> detail::Done {
      auto described = detail::save_shard(files, where, tags.now, name, index_, options);
      if (!described) return Unexpected<Error>(std::move(described.error()));
      info = *described;
      return {};
    });
    if (group_.is_lost()) return saved;
    if (!saved) {
      discard(tags.now, name);
      return saved;
    }
    const auto infos = group_.gather_from_all(info);
    if (!infos) return Unexpected<Error>(infos.error());
    bool is_placed = false;
    auto committed = group_.together([&]() -> detail::Done {
      if (group_.rank() != 0) return {};
      return detail::commit_set(files, where.path, {tags.now, {infos->begin(), infos->end()}}, is_placed);
    });
    if (group_.is_lost()) return committed;
    const auto placed = group_.gather_from_all(std::uint8_t{is_placed ? std::uint8_t{1} : std::uint8_t{0}});
    if (!placed) return Unexpected<Error>(placed.error());
    if (placed->front() == 0) {
      discard(tags.now, name);
    } else if (committed) {
      discard(tags.before, name);
      if (before) {
        for (const ShardFileInfo& shard : before->shards) discard(tags.before, shard.name);
      }
    }
    return committed;
  }

  /// Collective. Reads a set of as many shards as there are ranks: all of them, sound and of one save, or nothing.
  /// Rank 0 reads the manifest, each rank its own shard.
  /// *Errors*: as `ShardedIndex::load`, with the number of the rank; incompatible for another number of shards.
  template <class Files = detail::SystemFiles>
  [[nodiscard]] static Expected<DistributedIndex, Error> load(MPI_Comm comm, const std::string& path,
                                                              const LoadOptions& options = {},
                                                              const Options& waiting = {}, Files&& files = {}) {
    auto opened = Base::open_set(comm, waiting, files, path, true,
                                 [&](const std::string& file) { return Index::load(file, options, files); });
    if (!opened) return Unexpected<Error>(std::move(opened.error()));
    return DistributedIndex(*std::move(opened));
  }
  /// Collective. The same, mapped and only to be searched.
  template <class Files = detail::SystemFiles>
  [[nodiscard]] static Expected<Mapped, Error> open(MPI_Comm comm, const std::string& path,
                                                    const OpenOptions& options = {}, const Options& waiting = {},
                                                    Files&& files = {}) {
    return Mapped::open_set(comm, waiting, files, path, options.verify,
                            [&](const std::string& file) { return Index::open(file, options, files); });
  }

 private:
  explicit DistributedIndex(Base base) noexcept : Base(std::move(base)) {}

  /// Does what shapes the graph differ between ranks? (What shapes the rows is in find_differences.) Errors:
  /// incompatible, for all.
  [[nodiscard]] static detail::Done find_other_setups(detail::MpiCommunicator& group, const Config& config) {
    if constexpr (requires { config.ef_construction; }) {
      struct Setup {
        std::uint64_t M, ef_construction, seed;
        bool operator==(const Setup&) const = default;
      };
      const auto all = group.gather_from_all(Setup{config.M, config.ef_construction, config.seed});
      if (!all) return Unexpected<Error>(all.error());
      const Setup& first = all->front();
      for (std::size_t rank = 1; rank < all->size(); ++rank) {
        const Setup& other = (*all)[rank];
        if (other == first) continue;
        return Unexpected<Error>(
            detail::make_error(ErrorCode::incompatible, "expected the same setup of all ranks, rank 0 has M ", first.M,
                               ", ef_construction ", first.ef_construction, " and seed ", first.seed, ", rank ", rank,
                               " has ", other.M, ", ", other.ef_construction, " and ", other.seed));
      }
    }
    return {};
  }
};

}  // namespace shoal::inline v0::mpi
