#pragma once
// The half of a set of shards that reads: each query goes to every shard, and what they find is merged. Over indexes
// in memory, or over mapped files; what changes is sharded_index.hpp.

#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/graph/check.hpp"
#include "shoal/index/config.hpp"
#include "shoal/index/memory_usage.hpp"
#include "shoal/index/neighbor.hpp"
#include "shoal/index/options.hpp"
#include "shoal/index/readable_index.hpp"
#include "shoal/io/file.hpp"
#include "shoal/io/replace_file.hpp"
#include "shoal/shards/merge.hpp"
#include "shoal/shards/shard_files.hpp"
#include "shoal/shards/shard_plan.hpp"

namespace shoal::inline v0 {

/// Shards of one set, all in this process, searched as one. Movable. `Index`: HnswIndex, BruteForceIndex or one of
/// their `Mapped`.
///
/// *Threads*: any number may search at once.
template <class Index>
class ReadableShards {
 public:
  using id_type = typename Index::id_type;
  using metric_type = typename Index::metric_type;
  using shard_type = Index;

  /// The nearest entries of all shards, nearest first, ties by id: of exact shards what one exact index would return.
  /// *Errors*: those of an index. *Cost*: a search of every shard with `options.ef`, one after the other; so an `ef` of
  /// a shard may be smaller than that of one large index, docs/scale.md says by how much.
  template <VectorInput Query>
  [[nodiscard]] Expected<std::vector<Neighbor<id_type>>, Error> try_search(const Query& query,
                                                                           const SearchOptions& options) const {
    SHOAL_TRY {
      std::vector<std::vector<Neighbor<id_type>>> found;
      found.reserve(shards_.size());
      for (const Index& shard : shards_) {
        auto part = shard.try_search(query, options);
        if (!part) return part;
        found.push_back(*std::move(part));
      }
      return merge_top_k(found, options.k);
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }
  template <VectorInput Query>
  [[nodiscard]] Expected<std::vector<Neighbor<id_type>>, Error> try_search(const Query& query, std::size_t k) const {
    return try_search(query, with_k(k));
  }
  /// As `try_search`, but a bad query throws std::invalid_argument (ends the program without exceptions).
  template <VectorInput Query>
  [[nodiscard]] std::vector<Neighbor<id_type>> search(const Query& query, const SearchOptions& options) const {
    return value_or_raise(try_search(query, options));
  }
  template <VectorInput Query>
  [[nodiscard]] std::vector<Neighbor<id_type>> search(const Query& query, std::size_t k) const {
    return search(query, with_k(k));
  }

  /// One result for each query, in order, found on `options.threads` threads.
  /// *Shape, errors*: those of an index's `try_batch_search`. *Cost*: keeps the results of all shards until they are
  /// merged.
  template <QueriesInput Queries>
  [[nodiscard]] Expected<std::vector<std::vector<Neighbor<id_type>>>, Error> try_batch_search(
      const Queries& queries, const SearchOptions& options) const {
    SHOAL_TRY {
      std::vector<std::vector<std::vector<Neighbor<id_type>>>> found;  // by shard, by query
      found.reserve(shards_.size());
      for (const Index& shard : shards_) {
        auto part = shard.try_batch_search(queries, options);
        if (!part) return part;
        found.push_back(*std::move(part));
      }
      std::vector<std::vector<Neighbor<id_type>>> merged(found.front().size());
      std::vector<std::span<const Neighbor<id_type>>> lists(found.size());
      for (std::size_t i = 0; i < merged.size(); ++i) {
        for (std::size_t shard = 0; shard < found.size(); ++shard) lists[shard] = found[shard][i];
        merged[i] = merge_top_k(lists, options.k);
      }
      return merged;
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }
  /// As `try_batch_search`, but a bad query throws std::invalid_argument (ends the program without exceptions).
  template <QueriesInput Queries>
  [[nodiscard]] std::vector<std::vector<Neighbor<id_type>>> batch_search(const Queries& queries,
                                                                         const SearchOptions& options) const {
    return value_or_raise(try_batch_search(queries, options));
  }

  /// The entries of all shards no farther than `radius`, nearest first, ties by id. *Units, errors*: those of an index.
  template <VectorInput Query>
  [[nodiscard]] Expected<std::vector<Neighbor<id_type>>, Error> try_search_within(
      const Query& query, float radius, const WithinOptions& options = {}) const {
    SHOAL_TRY {
      std::vector<std::vector<Neighbor<id_type>>> found;
      found.reserve(shards_.size());
      std::size_t count = 0;
      for (const Index& shard : shards_) {
        auto part = shard.try_search_within(query, radius, options);
        if (!part) return part;
        count += part->size();
        found.push_back(*std::move(part));
      }
      return merge_top_k(found, options.most == 0 ? count : options.most);
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }
  /// As `try_search_within`, but a bad query throws std::invalid_argument (ends the program without exceptions).
  template <VectorInput Query>
  [[nodiscard]] std::vector<Neighbor<id_type>> search_within(const Query& query, float radius,
                                                             const WithinOptions& options = {}) const {
    return value_or_raise(try_search_within(query, radius, options));
  }

  /// Takes any integer; one that does not fit the id type is not in.
  template <std::integral IdValue>
  [[nodiscard]] bool contains(IdValue id) const noexcept {
    return detail::fits<id_type>(id) && shards_[plan_.shard_of(static_cast<id_type>(id))].contains(id);
  }
  /// The vector as kept; nothing when the id is not in.
  template <std::integral IdValue>
  [[nodiscard]] std::optional<std::vector<float>> get(IdValue id) const {
    if (!detail::fits<id_type>(id)) return std::nullopt;
    return shards_[plan_.shard_of(static_cast<id_type>(id))].get(id);
  }
  /// Entries of all shards.
  [[nodiscard]] std::size_t size() const noexcept {
    std::size_t sum = 0;
    for (const Index& shard : shards_) sum += shard.size();
    return sum;
  }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::size_t dimensions() const noexcept { return shards_.front().dimensions(); }

  /// Verifies every invariant of all shards, and that every id is where it belongs. *Cost*: O(links). *Errors*:
  /// std::bad_alloc.
  [[nodiscard]] CheckReport check() const {
    CheckReport all;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      CheckReport report = shards_[i].check();
      all.unreachable += report.unreachable;
      all.fault_count += report.fault_count;
      for (const std::string& fault : report.faults) {
        all.faults.push_back("shard " + std::to_string(plan_.names()[i]) + ": " + fault);
      }
      for (const auto id : shards_[i].ids()) {
        const std::size_t other = plan_.shard_of(id);
        if (other != i)
          detail::add_fault(all, "shard ", plan_.names()[i], " has id ", id, " of shard ", plan_.names()[other]);
      }
    }
    return all;
  }
  /// Bytes of all shards, by component.
  [[nodiscard]] MemoryUsage memory_usage() const noexcept {
    MemoryUsage all;
    for (const Index& shard : shards_) {
      const MemoryUsage usage = shard.memory_usage();
      all.vectors += usage.vectors;
      all.links += usage.links;
      all.upper_links += usage.upper_links;
      all.ids += usage.ids;
      all.scratch += usage.scratch;
      all.mapped += usage.mapped;
    }
    return all;
  }

  [[nodiscard]] const ShardPlan& plan() const noexcept { return plan_; }
  /// In the order of `plan().names()`.
  [[nodiscard]] std::span<const Index> shards() const noexcept { return shards_; }

 protected:
  ReadableShards(ShardPlan plan, std::vector<Index> shards) noexcept
      : plan_(std::move(plan)), shards_(std::move(shards)) {}

  /// All shards of the set at `path`. While another program saves there, the set before it or the one after.
  template <class Files, class OpenFile>
  [[nodiscard]] static Expected<ReadableShards, Error> open_all(Files& files, const std::string& name, bool verify,
                                                                const OpenFile& open_file) {
    const auto where = detail::find_replaced(files, name);
    if (!where) return Unexpected<Error>(where.error());
    const std::string& path = where->path;
    auto set = detail::read_manifest(files, path);
    for (;;) {
      if (!set) return Unexpected<Error>(std::move(set.error()));
      auto opened = open_set(files, path, *set, verify, open_file);
      if (opened) return opened;
      auto now = detail::read_manifest(files, path);
      if (!now || *now == *set) return opened;
      set = std::move(now);  // it was replaced meanwhile, and its files are gone
    }
  }

  ShardPlan plan_;
  std::vector<Index> shards_;

  template <class I>
  friend class ShardedIndex;

 private:
  template <class Files, class OpenFile>
  [[nodiscard]] static Expected<ReadableShards, Error> open_set(Files& files, const std::string& path,
                                                                const ShardSetInfo& set, bool verify,
                                                                const OpenFile& open_file) {
    auto plan = detail::plan_of(set);
    if (!plan) return Unexpected<Error>(std::move(plan.error()));
    std::vector<Index> shards;
    shards.reserve(set.shards.size());
    for (std::size_t i = 0; i < set.shards.size(); ++i) {
      auto shard = detail::open_shard(files, path, set, *plan, i, verify, open_file);
      if (!shard) return Unexpected<Error>(std::move(shard.error()));
      shards.push_back(*std::move(shard));
      if (shards.back().dimensions() != shards.front().dimensions()) {
        return detail::corrupt("expected shards of ", shards.front().dimensions(), " dimensions, shard ",
                               plan->names()[i], " has ", shards.back().dimensions(), ": ", path);
      }
    }
    return ReadableShards(*std::move(plan), std::move(shards));
  }

  [[nodiscard]] static SearchOptions with_k(std::size_t k) {
    SearchOptions options;
    options.k = k;
    return options;
  }
  template <class T>
  static T value_or_raise(Expected<T, Error> result) {
    if (!result) {
      if (result.error().code() == ErrorCode::out_of_memory) detail::raise_bad_alloc();
      detail::raise<std::invalid_argument>(std::string(result.error().message()).c_str());
    }
    return *std::move(result);
  }
};

}  // namespace shoal::inline v0
