#pragma once
// The half of an index over processes that reads: a query goes to every shard, what each finds comes back and is
// merged. Queries go in pieces, so that messages and waits are bounded, whatever the number of queries.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mpi.h>

#include "shoal/core/error.hpp"
#include "shoal/core/exception.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/index/matrix_view.hpp"
#include "shoal/index/neighbor.hpp"
#include "shoal/index/options.hpp"
#include "shoal/index/vector_input.hpp"
#include "shoal/io/file.hpp"
#include "shoal/io/replace_file.hpp"
#include "shoal/mpi/communicator.hpp"
#include "shoal/mpi/messages.hpp"
#include "shoal/shards/merge.hpp"
#include "shoal/shards/shard_files.hpp"
#include "shoal/shards/shard_plan.hpp"

namespace shoal::inline v0::mpi {

/// One index in as many processes as a communicator has, a shard in each: rank r holds the shard at position r of the
/// plan. `Index`: HnswIndex, BruteForceIndex or one of their `Mapped`.
///
/// **Collective** means: all ranks call it, in the same order, and all get the same error or none. An error that only
/// MPI or time can tell of is `peer_lost`: the group is given up, every later collective call fails with it at once,
/// what `local()` holds can still be searched and saved, and the program ends by MPI_Abort or without MPI_Finalize,
/// which would wait for the rank that is gone.
///
/// *Threads*: collective calls come from one thread, the one that may call MPI (MPI_THREAD_FUNNELED suffices); they use
/// others for work of their own. A collective call from inside another, from a callback or a filter, gives `busy`
/// (`reentrant_mutation` where it would change the index) and sends nothing; `local()` is what those may ask.
template <class Index>
class DistributedReader {
 public:
  using id_type = typename Index::id_type;
  using metric_type = typename Index::metric_type;
  using Neighbors = std::vector<Neighbor<id_type>>;

  /// Collective. The nearest neighbours of the queries of rank 0, in order, at rank 0; elsewhere `queries` is not
  /// looked at and the result is empty. Each rank searches its shard on `options.threads` threads of its own. *Shape*:
  /// as of an index's `try_batch_search`. `k` and `ef` are those of rank 0; `filter` and `among` are each rank's own,
  /// and have to say the same. *Errors*: the first bad query's, with its position, before anything is searched;
  /// out_of_memory; peer_lost. What a filter throws ends as callback_failed.
  template <QueriesInput Queries>
  [[nodiscard]] Expected<std::vector<Neighbors>, Error> try_batch_search(const Queries& queries,
                                                                         const SearchOptions& options) {
    const Turn turn(group_);
    if (auto refusal = turn.refusal(ErrorCode::busy)) return Unexpected<Error>(*std::move(refusal));
    return search_from(0, queries, options, "");
  }
  /// Collective. The same for queries of every rank: each gives its own, and gets the results of those. *Errors*: as
  /// above, with the rank whose query it is. *Cost*: rank after rank, for each query needs all shards anyway.
  template <QueriesInput Queries>
  [[nodiscard]] Expected<std::vector<Neighbors>, Error> try_batch_search_each(const Queries& queries,
                                                                              const SearchOptions& options) {
    const Turn turn(group_);
    if (auto refusal = turn.refusal(ErrorCode::busy)) return Unexpected<Error>(*std::move(refusal));
    std::vector<Neighbors> mine;
    for (std::size_t root = 0; root < group_.size(); ++root) {
      auto found = search_from(root, queries, options, "rank " + std::to_string(root) + ": ");
      if (!found) return found;
      if (root == group_.rank()) mine = *std::move(found);
    }
    return mine;
  }

  /// Collective. Entries of all shards.
  [[nodiscard]] Expected<std::uint64_t, Error> count_entries() {
    const Turn turn(group_);
    if (auto refusal = turn.refusal(ErrorCode::busy)) return Unexpected<Error>(*std::move(refusal));
    const auto sizes = group_.gather_from_all(std::uint64_t{index_.size()});
    if (!sizes) return Unexpected<Error>(sizes.error());
    std::uint64_t sum = 0;
    for (const std::uint64_t size : *sizes) sum += size;
    return sum;
  }

  /// This rank's shard. Not collective.
  [[nodiscard]] const Index& local() const noexcept { return index_; }
  [[nodiscard]] const ShardPlan& plan() const noexcept { return plan_; }
  [[nodiscard]] std::size_t rank() const noexcept { return group_.rank(); }
  /// Is the group given up?
  [[nodiscard]] bool is_lost() const noexcept { return group_.is_lost(); }

 protected:
  using Turn = detail::MpiCommunicator::Turn;

  DistributedReader(detail::MpiCommunicator group, ShardPlan plan, Index index) noexcept
      : group_(std::move(group)), plan_(std::move(plan)), index_(std::move(index)) {}

  /// Are all ranks of one mind, of one kind of processor, and of one program? Errors: incompatible, for all.
  [[nodiscard]] static detail::Done find_differences(detail::MpiCommunicator& group, const Index& index) {
    struct Likeness {
      std::uint64_t order = 0x0102'0304'0506'0708;
      std::uint64_t dimensions = 0;
      std::uint32_t id_bytes = sizeof(id_type);
      std::uint32_t size_bytes = sizeof(std::size_t);
    };
    const Likeness mine{.dimensions = index.dimensions()};
    const auto all = group.gather_from_all(mine);
    if (!all) return Unexpected<Error>(all.error());
    for (std::size_t rank = 1; rank < all->size(); ++rank) {
      const Likeness &first = all->front(), &other = (*all)[rank];
      if (first.order == other.order && first.dimensions == other.dimensions && first.id_bytes == other.id_bytes &&
          first.size_bytes == other.size_bytes) {
        continue;
      }
      return Unexpected<Error>(detail::make_error(
          ErrorCode::incompatible, "expected ranks alike, rank 0 has ", first.dimensions, " dimensions, ids of ",
          first.id_bytes, " bytes and words of ", first.size_bytes, ", rank ", rank, " has ", other.dimensions, ", ",
          other.id_bytes, " and ", other.size_bytes, first.order == other.order ? "" : ", in another order"));
    }
    return {};
  }

  /// This rank's shard of the set whose manifest rank 0 has at `path`. Errors: the same for all.
  template <class Files, class OpenFile>
  [[nodiscard]] static Expected<DistributedReader, Error> open_set(MPI_Comm comm, const Options& waiting, Files& files,
                                                                   const std::string& path, bool verify,
                                                                   const OpenFile& open_file) {
    auto group = detail::MpiCommunicator::duplicate(comm, waiting);
    if (!group) return Unexpected<Error>(std::move(group.error()));
    std::string resolved;
    std::vector<std::byte> manifest;
    auto done = group->together([&]() -> detail::Done {
      auto where = detail::find_replaced(files, path);
      if (!where) return Unexpected<Error>(std::move(where.error()));
      resolved = std::move(where->path);
      if (group->rank() != 0) return {};
      auto read = detail::read_manifest_bytes(files, resolved);
      if (!read) return Unexpected<Error>(std::move(read.error()));
      manifest = *std::move(read);
      return {};
    });
    if (done) done = group->broadcast(manifest, 0);
    if (!done) return Unexpected<Error>(std::move(done.error()));
    std::optional<ShardPlan> plan;
    std::optional<Index> index;
    done = group->together([&]() -> detail::Done {
      auto set = detail::parse_manifest(manifest);
      if (!set) return Unexpected<Error>(detail::error_at(resolved, set.error()));
      if (set->shards.size() != group->size()) {
        return Unexpected<Error>(detail::make_error(ErrorCode::incompatible, "expected a set of ", group->size(),
                                                    " shards, one for each rank, it has ", set->shards.size(), ": ",
                                                    resolved));
      }
      auto planned = detail::plan_of(*set);
      if (!planned) return Unexpected<Error>(std::move(planned.error()));
      plan = *std::move(planned);
      auto opened = detail::open_shard(files, resolved, *set, *plan, group->rank(), verify, open_file);
      if (!opened) return Unexpected<Error>(std::move(opened.error()));
      index.emplace(*std::move(opened));
      return {};
    });
    if (!done) return Unexpected<Error>(std::move(done.error()));
    if (auto alike = find_differences(*group, *index); !alike) return Unexpected<Error>(std::move(alike.error()));
    return DistributedReader(*std::move(group), *std::move(plan), *std::move(index));
  }

  detail::MpiCommunicator group_;
  ShardPlan plan_;
  Index index_;

  template <class I>
  friend class DistributedIndex;

 private:
  /// What goes to all with a piece of the queries, their numbers behind it.
  struct PieceHead {
    std::uint64_t k = 0;
    std::uint64_t ef = 0;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    bool is_last = true;
    detail::ErrorNote failure{};
  };
  static constexpr std::size_t most_queries = 1'024;

  /// `whose`: goes before what is wrong with the queries.
  template <class Queries>
  [[nodiscard]] Expected<std::vector<Neighbors>, Error> search_from(std::size_t root, const Queries& queries,
                                                                    const SearchOptions& options,
                                                                    std::string_view whose) {
    std::vector<Neighbors> results;
    std::optional<Error> bad;
    if (group_.rank() == root) bad = find_bad_query(queries);
    if (bad) bad = detail::make_error(bad->code(), whose, bad->message());
    for (std::size_t first = 0;; first += most_queries) {
      detail::MessageWriter message;
      std::optional<Error> failure;
      SHOAL_TRY {
        if (group_.rank() == root) write_piece(queries, first, options, bad, message);
      }
      SHOAL_CATCH_ALL {
        failure = explain_exception(ErrorCode::source_failed, "the queries threw");
        message.bytes().clear();  // then there is nothing to search for
      }
      if (auto sent = group_.broadcast(message.bytes(), root); !sent) return Unexpected<Error>(std::move(sent.error()));
      PieceHead head;
      std::vector<std::byte> found;
      SHOAL_TRY {
        if (!message.bytes().empty()) failure = search_piece(message.bytes(), options, head, found);
      }
      SHOAL_CATCH_ALL { failure = explain_exception(ErrorCode::callback_failed, "a filter or an executor threw"); }
      if (head.failure.is_one()) return Unexpected<Error>(head.failure.error());  // as all know
      if (auto agreed = group_.agree(failure); !agreed) return Unexpected<Error>(std::move(agreed.error()));
      auto parts = group_.gather(std::move(found), root);
      if (!parts) return Unexpected<Error>(std::move(parts.error()));
      SHOAL_TRY {
        if (group_.rank() == root && !merge_piece(*parts, head, results)) {
          failure = detail::make_error(ErrorCode::peer_lost, "what a rank found is no result of this search");
        }
      }
      SHOAL_CATCH_ALL { failure = Error(ErrorCode::out_of_memory); }
      if (auto agreed = group_.agree(failure); !agreed) return Unexpected<Error>(std::move(agreed.error()));
      if (head.is_last) return results;
    }
  }

  /// Called inside a handler: what ended a search. `who`: threw, unless memory ran out.
  [[nodiscard]] static Error explain_exception(ErrorCode code, const char* who) noexcept {
    if (detail::is_bad_alloc()) return Error(ErrorCode::out_of_memory);
    const Error thrown = detail::describe_exception(code);
    return detail::make_error(code, who, thrown.message().substr(describe(code).size()));
  }

  /// The first query that no shard could search for.
  template <class Queries>
  [[nodiscard]] std::optional<Error> find_bad_query(const Queries& queries) const {
    std::optional<Error> bad;
    SHOAL_TRY {
      std::vector<float> buffer;
      buffer.reserve(index_.dimensions());
      (void)for_each_query(
          queries, 0, ~std::size_t{0},
          [&](std::size_t i, const auto& query) {
            auto floats = detail::read_vector(query, index_.dimensions(), buffer);
            std::optional<Error> fault;
            if (!floats) {
              fault = std::move(floats.error());
            } else {
              fault = detail::find_fault<metric_type>(*floats);
            }
            if (!fault) return true;
            bad = detail::make_error(fault->code(), "query ", i, ": ", fault->message());
            return false;
          },
          bad);
      return bad;
    }
    SHOAL_CATCH_ALL { return explain_exception(ErrorCode::source_failed, "the queries threw"); }
  }
  /// use(i, query) for up to `most` queries from `first` on, until it gives false; how many queries there are in all.
  template <class Queries, class Use>
  [[nodiscard]] std::size_t for_each_query(const Queries& queries, std::size_t first, std::size_t most, const Use& use,
                                           std::optional<Error>& failure) const {
    const auto run = [&](std::size_t count, const auto& query) {
      for (std::size_t i = first; i < count && i - first < most; ++i) {
        if (!use(i, query(i))) break;
      }
      return count;
    };
    if constexpr (MatrixInput<Queries>) {
      auto view = detail::view_matrix(queries, index_.dimensions());
      if (!view) {
        failure = std::move(view.error());
        return 0;
      }
      return run(view->rows, [&](std::size_t i) { return view->row(i); });
    } else {
      const auto begin = std::ranges::begin(queries);
      using Offset = std::ranges::range_difference_t<const Queries>;
      return run(static_cast<std::size_t>(std::ranges::size(queries)),
                 [&](std::size_t i) -> decltype(auto) { return begin[static_cast<Offset>(i)]; });
    }
  }

  template <class Queries>
  void write_piece(const Queries& queries, std::size_t first, const SearchOptions& options,
                   const std::optional<Error>& bad, detail::MessageWriter& message) const {
    PieceHead head{options.k, options.ef, first, 0, true, {}};
    if (bad) {
      head.failure = detail::ErrorNote(*bad);
      return message.put(head);
    }
    std::vector<float> rows, buffer;
    std::optional<Error> failure;
    const std::size_t all = for_each_query(
        queries, first, most_queries,
        [&](std::size_t, const auto& query) {
          const auto floats = detail::read_vector(query, index_.dimensions(), buffer);
          rows.insert(rows.end(), floats->begin(), floats->end());
          ++head.count;
          return true;
        },
        failure);
    head.is_last = first + head.count >= all;
    message.put(head);
    message.put(std::span<const float>(rows));
  }

  /// Searches this shard: how many were found for each query, their ids, their distances.
  [[nodiscard]] std::optional<Error> search_piece(std::span<const std::byte> bytes, const SearchOptions& options,
                                                  PieceHead& head, std::vector<std::byte>& found) const {
    detail::MessageReader message(bytes);
    if (!message.take(head)) return detail::make_error(ErrorCode::peer_lost, "expected queries, got other bytes");
    if (head.failure.is_one()) return std::nullopt;
    std::vector<float> rows;
    if (!message.take(rows, static_cast<std::size_t>(head.count) * index_.dimensions()) || !message.is_at_end()) {
      return detail::make_error(ErrorCode::peer_lost, "expected ", head.count, " queries, got another number");
    }
    SearchOptions own = options;
    own.k = static_cast<std::size_t>(head.k);
    own.ef = static_cast<std::size_t>(head.ef);
    const MatrixView<float> queries{rows.data(), static_cast<std::size_t>(head.count), index_.dimensions()};
    auto results = index_.try_batch_search(queries, own);
    if (!results) return std::move(results.error());
    detail::MessageWriter out;
    for (const Neighbors& result : *results) out.put(std::uint64_t{result.size()});
    for (const Neighbors& result : *results) {
      for (const auto& neighbor : result) out.put(neighbor.id);
    }
    for (const Neighbors& result : *results) {
      for (const auto& neighbor : result) out.put(neighbor.distance);
    }
    found = std::move(out.bytes());
    return std::nullopt;
  }

  /// False where a part cannot be what a shard found.
  [[nodiscard]] static bool merge_piece(const std::vector<std::vector<std::byte>>& parts, const PieceHead& head,
                                        std::vector<Neighbors>& results) {
    const auto queries = static_cast<std::size_t>(head.count);
    std::vector<Neighbors> found(parts.size());  // of one shard, query after query
    std::vector<std::vector<std::uint64_t>> counts(parts.size());
    for (std::size_t shard = 0; shard < parts.size(); ++shard) {
      detail::MessageReader message(parts[shard]);
      if (!message.take(counts[shard], queries)) return false;
      std::uint64_t total = 0;
      for (const std::uint64_t count : counts[shard]) {
        if (count > head.k || count > parts[shard].size()) return false;
        total += count;
      }
      std::vector<id_type> ids;
      std::vector<float> distances;
      if (!message.take(ids, static_cast<std::size_t>(total)) || !message.take(distances, ids.size()) ||
          !message.is_at_end()) {
        return false;
      }
      for (std::size_t i = 0; i < ids.size(); ++i) found[shard].push_back({ids[i], distances[i]});
    }
    std::vector<std::size_t> next(parts.size());
    std::vector<std::span<const Neighbor<id_type>>> lists(parts.size());
    for (std::size_t i = 0; i < queries; ++i) {
      for (std::size_t shard = 0; shard < parts.size(); ++shard) {
        const auto count = static_cast<std::size_t>(counts[shard][i]);
        lists[shard] = std::span<const Neighbor<id_type>>(found[shard]).subspan(next[shard], count);
        next[shard] += count;
      }
      results.push_back(merge_top_k(lists, static_cast<std::size_t>(head.k)));
    }
    return true;
  }
};

}  // namespace shoal::inline v0::mpi
