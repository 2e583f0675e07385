#pragma once
// A batch over many shards that ends as one of a single index does: exactly the items before the first bad one are in,
// in the order of the source, on whatever shards they are. The one place that knows how; where the shards are, the
// group knows: in this process, or one in each of many.
//
// A block of items goes through four steps, and after each all members agree on where the batch ends, if it does:
//
//   read     the source, up to the first bad item          (index and vector; one member, in order)
//   ask      each shard: which ids of mine do you have?     (nothing has changed yet)
//   insert   each its part of what is left                  (fails for lack of memory or room alone)
//   tell     the caller, item by item                       (who may cancel)
//
// What a failure of the last two leaves behind the end is taken back: erased, so that its slots are dead for a while.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <ranges>
#include <span>
#include <unordered_set>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/exception.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/core/workers.hpp"
#include "shoal/index/batch_error.hpp"
#include "shoal/index/matrix_view.hpp"
#include "shoal/index/options.hpp"
#include "shoal/index/progress.hpp"
#include "shoal/shards/shard_block.hpp"
#include "shoal/shards/shard_plan.hpp"

namespace shoal::inline v0::detail {

/// A shard that is in this process.
template <class Index>
struct OwnShard {
  std::size_t shard;  ///< Its position in the plan.
  Index* index;
};

/// Where shards are. Each call is made by all members, in the same order; what it gives is the same for all. An error
/// means that members cannot reach each other any more.
///
/// - `reads()`: is the source read by this member? By one of them.
/// - `own()`: the shards of this member.
/// - `share(block)`: what was read reaches all; rows, those whose shards they belong to.
/// - `first_of(fault)`: the earliest of all members' faults.
/// - `join(marks)`: a mark that any member set is set for all.
// clang-format off
template <class G, class Index>
concept ShardGroup = requires(G group, ShardBlock<typename Index::id_type>& block,
                              ShardFault<typename Index::id_type> fault, std::vector<std::uint8_t>& marks) {
  { group.reads() } -> std::convertible_to<bool>;
  { group.own() } -> std::convertible_to<std::span<const OwnShard<Index>>>;
  { group.share(block) } -> std::same_as<Expected<void, Error>>;
  { group.first_of(fault) } -> std::same_as<Expected<ShardFault<typename Index::id_type>, Error>>;
  { group.join(marks) } -> std::same_as<Expected<void, Error>>;
};
// clang-format on

template <class Index, ShardGroup<Index> Group>
class ShardedBatchRun {
  using Id = typename Index::id_type;
  using Fault = ShardFault<Id>;

 public:
  using Result = Expected<std::vector<Id>, BatchError<Id>>;

  ShardedBatchRun(Group& group, const ShardPlan& plan, std::size_t dimensions, ProgressRef progress,
                  const BatchOptions& options) noexcept
      : group_(group), plan_(plan), dimensions_(dimensions), progress_(progress), options_(options) {}

  /// `refusal`: why this member cannot take part; then none does.
  template <class Source>
  [[nodiscard]] Result run(Source& source, std::optional<Error> refusal) {
    Fault fault;
    if (!refusal) refusal = find_unsupported();
    if (refusal) fault = {.position = 0, .error = *std::move(refusal)};
    BlockReader<typename Index::metric_type, Id, Source> reader(source, dimensions_, options_);
    const std::size_t most = reads_ahead<Source>() ? plan_.size() * shard_block_items(dimensions_) : 1;
    if (auto lost = agree_on(fault)) return fail({.position = 0, .error = *std::move(lost)});
    if (fault.is_one()) return fail(std::move(fault));
    for (;;) {
      if (group_.reads()) reader.read(block_, plan_, most);
      auto end = go_through_block(reader.total());
      if (end.is_one()) return fail(std::move(end));
      if (block_.is_last) return std::move(ids_);
    }
  }

 private:
  /// What a shard of this member gets of a block.
  struct Part {
    OwnShard<Index> own;
    std::vector<Id> ids{};
    std::vector<std::size_t> places{};  // in the block
    std::vector<Id> inserted{};
    Fault fault{};
  };

  [[nodiscard]] std::optional<Error> find_unsupported() const {
    if (options_.atomicity != Atomicity::prefix) {
      return make_error(ErrorCode::invalid_config,
                        "expected Atomicity::prefix for a batch over shards, got all_or_nothing");
    }
    if (options_.on_duplicate == OnDuplicate::overwrite) {
      return make_error(ErrorCode::invalid_config,
                        "expected OnDuplicate::fail or skip for a batch over shards, got overwrite");
    }
    return std::nullopt;
  }

  /// As a batch of one index does: what can be read only once is read one by one where the batch may be ended from
  /// outside, so that nothing is lost.
  template <class Source>
  [[nodiscard]] bool reads_ahead() const noexcept {
    return std::ranges::forward_range<Source> || (!progress_.can_cancel() && !options_.stop.can_stop());
  }

  /// Gives where and why the batch ends, if it does.
  [[nodiscard]] Fault go_through_block(std::size_t total) {
    if (auto shared = group_.share(block_); !shared)
      return {.position = dealt_with_, .error = std::move(shared.error())};
    Fault end = block_.fault;
    std::size_t inserted = 0;
    // ask
    if (auto lost = agree_on(end = earliest(std::move(end), make_parts()))) return lost_after(*std::move(lost));
    // insert
    inserted = until(end);
    if (auto lost = agree_on(end = earliest(std::move(end), insert(inserted)))) return lost_after(*std::move(lost));
    if (block_.on_duplicate == OnDuplicate::skip && inserted > 0) {  // else some may have no room for marks
      if (auto joined = group_.join(block_.passed_over); !joined) return lost_after(std::move(joined.error()));
    }
    // tell
    Fault told;
    if (group_.reads()) told = tell(until(end), total);
    if (auto lost = agree_on(end = earliest(std::move(end), std::move(told)))) return lost_after(*std::move(lost));
    if (until(end) < inserted) {
      Fault left = take_back(until(end));
      if (auto lost = agree_on(left)) return lost_after(*std::move(lost));
      if (left.is_one()) end.error = std::move(left.error);
    }
    const std::size_t stay = until(end);
    for (std::size_t i = 0; i < stay; ++i) {
      if (block_.passed_over[i] == 0) ids_.push_back(block_.ids[i]);  // there is room
    }
    dealt_with_ = block_.first + stay;
    return end;
  }

  /// Items of the block that are before the end.
  [[nodiscard]] std::size_t until(const Fault& end) const noexcept {
    return static_cast<std::size_t>(std::min<std::uint64_t>(block_.size(), end.position - block_.first));
  }
  [[nodiscard]] Fault lost_after(Error error) const { return {.position = dealt_with_, .error = std::move(error)}; }

  /// `fault` becomes the one that counts. Errors: the group's.
  [[nodiscard]] std::optional<Error> agree_on(Fault& fault) {
    auto agreed = group_.first_of(std::move(fault));
    if (!agreed) return std::move(agreed.error());
    fault = *std::move(agreed);
    return std::nullopt;
  }

  /// Finds what of the block is whose, and the first id that is there already; makes room.
  [[nodiscard]] Fault make_parts() noexcept {
    SHOAL_TRY {
      block_.passed_over.assign(block_.size(), 0);
      if (ids_.capacity() < ids_.size() + block_.size()) ids_.reserve(2 * ids_.size() + block_.size());
      parts_.clear();
      for (const OwnShard<Index>& own : group_.own()) parts_.push_back({.own = own});
      Fault first;
      for (Part& part : parts_) first = earliest(std::move(first), fill(part));
      return first;
    }
    SHOAL_CATCH_ALL { return {.position = block_.first, .error = Error(ErrorCode::out_of_memory)}; }
  }
  [[nodiscard]] Fault fill(Part& part) {
    std::unordered_set<Id> seen;
    for (std::size_t i = 0; i < block_.size(); ++i) {
      if (block_.shards[i] != part.own.shard) continue;
      const Id id = block_.ids[i];
      if (block_.on_duplicate == OnDuplicate::fail) {
        const bool is_in_block = !seen.insert(id).second;
        if (is_in_block || part.own.index->contains(id)) {
          const bool is_in_batch = is_in_block || std::find(ids_.begin(), ids_.end(), id) != ids_.end();
          return {.position = block_.first + i,
                  .blames_item = true,
                  .id = id,
                  .error = make_error(ErrorCode::duplicate_id, "expected a new id, got ", id,
                                      is_in_batch ? ", which came before in this batch" : ", which is in the index")};
        }
      }
      part.ids.push_back(id);
      part.places.push_back(i);
    }
    return {};
  }

  /// Puts the first `count` items of the block into the shards of this member. Gives the first that did not go in.
  [[nodiscard]] Fault insert(std::size_t count) noexcept {
    SHOAL_TRY {
      Workers workers = workers_of(options_);
      BatchOptions options;
      options.on_duplicate = block_.on_duplicate;
      options.link_by_codes = options_.link_by_codes;
      if (parts_.size() == 1) {
        options.threads = options_.threads;
        options.executor = options_.executor;
        insert_part(parts_.front(), count, options);
      } else {
        workers.for_each(parts_.size(), [&](std::size_t, std::size_t i) { insert_part(parts_[i], count, options); });
      }
    }
    SHOAL_CATCH_ALL {
      if (!is_bad_alloc()) {
        return {.position = block_.first,
                .error = describe_exception(ErrorCode::callback_failed),
                .exception = std::current_exception()};
      }
      return {.position = block_.first, .error = Error(ErrorCode::out_of_memory)};
    }
    Fault first;
    for (Part& part : parts_) first = earliest(std::move(first), std::move(part.fault));
    return first;
  }
  void insert_part(Part& part, std::size_t count, const BatchOptions& options) noexcept {
    SHOAL_TRY {
      const auto end = std::lower_bound(part.places.begin(), part.places.end(), count);
      const auto rows = static_cast<std::size_t>(end - part.places.begin());
      if (rows == 0) return;
      const MatrixView<float> matrix{block_.rows[part.own.shard].data(), rows, dimensions_};
      auto result = part.own.index->batch_insert(std::span(part.ids).first(rows), matrix, NoProgress{}, options);
      if (result) {
        part.inserted = *std::move(result);
      } else {
        auto& error = result.error();
        part.inserted = std::move(error.successful_ids);
        const std::size_t failed = std::min(error.completed_count, rows - 1);
        part.fault = {.position = block_.first + part.places[failed],
                      .blames_item = error.failed_index.has_value(),
                      .error = std::move(error.cause),
                      .exception = std::move(error.exception)};
        if (part.fault.blames_item) part.fault.id = part.ids[failed];
      }
      mark_passed_over(part, rows);
    }
    SHOAL_CATCH_ALL { part.fault = {.position = block_.first, .error = Error(ErrorCode::out_of_memory)}; }
  }
  void mark_passed_over(const Part& part, std::size_t rows) noexcept {
    std::size_t next = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      if (next < part.inserted.size() && part.inserted[next] == part.ids[i]) {
        ++next;
      } else {
        block_.passed_over[part.places[i]] = 1;
      }
    }
  }

  /// Tells the caller of the first `count` items, which are in.
  [[nodiscard]] Fault tell(std::size_t count, std::size_t total) noexcept {
    std::size_t i = 0;
    SHOAL_TRY {
      for (; i < count; ++i) {
        if (i > 0 && options_.stop.stop_requested()) return cancelled(i, "a stop was requested");
        if (!progress_(static_cast<std::size_t>(block_.first) + i + 1, total)) {
          return cancelled(i + 1, "the progress callback returned false");
        }
      }
    }
    SHOAL_CATCH_ALL {
      return {.position = block_.first + i + 1,
              .error = describe_exception(ErrorCode::callback_failed),
              .exception = std::current_exception()};
    }
    return {};
  }
  [[nodiscard]] Fault cancelled(std::size_t done, const char* why) const {
    return {.position = block_.first + done, .error = make_error(ErrorCode::cancelled, "cancelled: ", why)};
  }

  /// Erases what went in behind the first `count` items.
  [[nodiscard]] Fault take_back(std::size_t count) noexcept {
    SHOAL_TRY {
      for (Part& part : parts_) {
        std::vector<Id> behind;
        std::size_t next = 0;
        for (std::size_t i = 0; i < part.ids.size() && next < part.inserted.size(); ++i) {
          if (part.inserted[next] != part.ids[i]) continue;
          ++next;
          if (part.places[i] >= count) behind.push_back(part.ids[i]);
        }
        if (behind.empty()) continue;
        auto erased = part.own.index->batch_erase(behind);
        if (!erased) return not_taken_back(count);
      }
      return {};
    }
    SHOAL_CATCH_ALL { return not_taken_back(count); }
  }
  [[nodiscard]] Fault not_taken_back(std::size_t count) const {
    return {.position = block_.first + count,
            .error = make_error(ErrorCode::out_of_memory, "out of memory: of the ", block_.size() - count,
                                " items that follow, some could not be taken back")};
  }

  [[nodiscard]] Result fail(Fault&& end) {
    BatchError<Id> error;
    error.successful_count = ids_.size();
    error.successful_ids = std::move(ids_);
    error.completed_count = static_cast<std::size_t>(end.position);
    if (end.blames_item) {
      error.failed_index = static_cast<std::size_t>(end.position);
      error.failed_id = end.id;
    }
    error.cause = std::move(end.error);
    error.exception = std::move(end.exception);
    return Unexpected<BatchError<Id>>(std::move(error));
  }

  Group& group_;
  const ShardPlan& plan_;
  std::size_t dimensions_;
  ProgressRef progress_;
  const BatchOptions& options_;
  ShardBlock<Id> block_{};
  std::vector<Part> parts_{};
  std::vector<Id> ids_{};
  std::uint64_t dealt_with_ = 0;
};

}  // namespace shoal::inline v0::detail
