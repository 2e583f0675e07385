#pragma once
// A block: what of a batch is read before shards are given anything. Items are read in order and validated as an index
// would, up to the first that is no good, so what a block holds can go in as far as its values go; whether an id is
// there already, its shard knows. A block is bounded in items and bytes, and is all that is ever kept of a batch.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <optional>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/exception.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/index/batch_source.hpp"
#include "shoal/index/entries.hpp"
#include "shoal/index/options.hpp"
#include "shoal/index/vector_input.hpp"
#include "shoal/shards/shard_plan.hpp"

namespace shoal::inline v0::detail {

/// Why a batch ends, and behind how many items of its source. None: it does not.
template <class Id>
struct ShardFault {
  static constexpr std::uint64_t nowhere = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t position = nowhere;
  bool blames_item = false;
  std::optional<Id> id{};
  Error error{ErrorCode::cancelled};
  std::exception_ptr exception{};

  [[nodiscard]] bool is_one() const noexcept { return position != nowhere; }
};

/// The one that ends the batch: of two at one place, the one that was found later.
template <class Id>
[[nodiscard]] ShardFault<Id> earliest(ShardFault<Id> found_before, ShardFault<Id> found_later) {
  return found_later.position <= found_before.position ? std::move(found_later) : std::move(found_before);
}

/// Items of a block for each shard: enough that linking them is worth a message, and no more than 4 MiB of floats.
/// The graphs depend on how a batch is cut, so this is the same however shards are run.
[[nodiscard]] constexpr std::size_t shard_block_items(std::size_t dimensions) noexcept {
  constexpr std::size_t most_bytes = std::size_t{4} << 20;
  return std::clamp<std::size_t>(most_bytes / (sizeof(float) * dimensions), 64, 1'024);
}

template <class Id>
struct ShardBlock {
  std::uint64_t first = 0;                ///< Items of the source that came before.
  std::vector<Id> ids;                    ///< In the source's order.
  std::vector<std::uint16_t> shards;      ///< Beside each id.
  std::vector<std::vector<float>> rows;   ///< By shard: its vectors in order, one behind the other.
  std::vector<std::uint8_t> passed_over;  ///< Beside each id: it was there, and stays as it is. Known in the end.
  OnDuplicate on_duplicate = OnDuplicate::fail;
  bool is_last = false;    ///< The source has ended.
  ShardFault<Id> fault{};  ///< Why it ended here, if not because it was full.

  [[nodiscard]] std::size_t size() const noexcept { return ids.size(); }
  /// Errors: std::bad_alloc; the block is empty.
  void begin(std::uint64_t position, std::size_t shard_count, std::size_t most) {
    first = position;
    ids.clear();
    shards.clear();
    passed_over.clear();
    fault = {};
    rows.resize(shard_count);
    for (std::vector<float>& part : rows) part.clear();
    ids.reserve(most);
    shards.reserve(most);
  }
};

/// Reads a source a block at a time. Nothing that goes wrong comes out of it but as the fault of a block.
template <class Metric, class Id, class Source>
class BlockReader {
 public:
  BlockReader(Source& source, std::size_t dimensions, const BatchOptions& options) noexcept
      : source_(source), dimensions_(dimensions), options_(options) {}

  /// 0 while it is not known.
  [[nodiscard]] std::size_t total() const noexcept { return total_; }

  /// Fills `block` with up to `most` items.
  void read(ShardBlock<Id>& block, const ShardPlan& plan, std::size_t most) noexcept {
    SHOAL_TRY {
      is_ours_ = true;
      is_item_bad_ = false;
      id_.reset();
      block.begin(read_, plan.size(), most);
      block.on_duplicate = options_.on_duplicate;
      buffer_.reserve(dimensions_);
      if (auto error = read_items(block, plan, most)) end(block, *std::move(error));
    }
    SHOAL_CATCH_ALL {
      if (is_ours_ && is_bad_alloc()) {
        end(block, Error(ErrorCode::out_of_memory));
        block.fault.blames_item = block.fault.id.has_value();
      } else {
        end(block, describe_exception(ErrorCode::source_failed));
        block.fault.blames_item = true;
        block.fault.exception = std::current_exception();
      }
    }
  }

 private:
  using Iterator = std::ranges::iterator_t<Source>;

  void end(ShardBlock<Id>& block, Error error) noexcept {
    block.fault.position = read_;
    block.fault.blames_item = is_item_bad_;
    block.fault.id = id_;
    block.fault.error = std::move(error);
  }

  std::optional<Error> read_items(ShardBlock<Id>& block, const ShardPlan& plan, std::size_t most) {
    is_ours_ = false;
    if (!item_) {
      if constexpr (std::ranges::sized_range<Source>) {
        total_ = static_cast<std::size_t>(std::ranges::size(source_));
        if (total_ == 0) {
          block.is_last = true;
          return std::nullopt;
        }
      }
      if (options_.stop.stop_requested()) return stopped();
      item_.emplace(std::ranges::begin(source_));
      if (*item_ == std::ranges::end(source_)) {
        block.is_last = true;
        return std::nullopt;
      }
    }
    while (block.size() < most) {
      is_ours_ = false;
      id_.reset();
      if (needs_move_) {
        if (options_.stop.stop_requested()) return stopped();
        ++*item_;
        needs_move_ = false;
        if (*item_ == std::ranges::end(source_)) {
          block.is_last = true;
          return std::nullopt;
        }
      }
      is_item_bad_ = true;
      if (auto error = stage(**item_, block, plan)) return error;
      is_item_bad_ = false;
      ++read_;
      needs_move_ = true;
      if (total_ != 0 && read_ == total_) {
        block.is_last = true;
        return std::nullopt;
      }
    }
    return std::nullopt;
  }

  template <class Item>
  std::optional<Error> stage(Item&& item, ShardBlock<Id>& block, const ShardPlan& plan) {
    auto&& [raw_id, vector] = item;
    static_assert(VectorInput<decltype(vector)>,
                  "shoal: the second part of a batch item must be a contiguous range of numbers or an Eigen vector");
    auto id = to_id<Id>(raw_id);
    if (!id) return std::move(id.error());
    id_ = *id;
    const auto floats = read_vector(vector, dimensions_, buffer_);
    if (!floats) return floats.error();
    if (auto fault = find_fault<Metric>(*floats)) return fault;
    is_ours_ = true;
    const std::size_t shard = plan.shard_of(*id);
    std::vector<float>& rows = block.rows[shard];
    rows.insert(rows.end(), floats->begin(), floats->end());
    block.ids.push_back(*id);  // there is room
    block.shards.push_back(static_cast<std::uint16_t>(shard));
    return std::nullopt;
  }

  [[nodiscard]] static Error stopped() { return make_error(ErrorCode::cancelled, "cancelled: a stop was requested"); }

  Source& source_;
  std::size_t dimensions_;
  const BatchOptions& options_;
  std::optional<Iterator> item_{};
  std::vector<float> buffer_{};
  std::size_t total_ = 0;
  std::uint64_t read_ = 0;
  bool needs_move_ = false;   // the item was read
  bool is_item_bad_ = false;  // a failure now is the item's
  bool is_ours_ = false;      // memory that runs out now is our own
  std::optional<Id> id_{};
};

}  // namespace shoal::inline v0::detail
