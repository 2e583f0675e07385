#pragma once
// Which shard an id belongs to, by rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to increase
// hit rates", IEEE/ACM Transactions on Networking 6(1), 1998). A shard has a name, a number that it keeps; the hash of
// name and id is the shard's weight for the id, and the heaviest shard has it. So when shards come or go, an id moves
// only where a new shard outweighs its own, or its own went: nothing that could have stayed is moved.
//
// Jump consistent hashing (Lamping and Veach, arXiv 1406.2294) takes log n steps where this takes n, but only its last
// shard can be taken away. A step is a few multiplications, an insertion a thousand distances.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <span>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/hash.hpp"

namespace shoal::inline v0 {

/// What a shard is called for as long as it lives, whatever other shards come and go.
using ShardName = std::uint32_t;

/// An id that belongs to another shard under a new plan.
template <class Id>
struct ShardMove {
  Id id;
  ShardName from;
  ShardName to;
  [[nodiscard]] friend bool operator==(const ShardMove&, const ShardMove&) noexcept = default;
};

/// A set of shards, and which of them each id belongs to: the same on every machine and in every release, for files
/// depend on it. Copyable.
class ShardPlan {
 public:
  static constexpr std::size_t most_shards = 4'096;

  /// Shards with the names 0 to `count` - 1. *Errors*: invalid_config, for a count that is not 1 to `most_shards`;
  /// out_of_memory.
  [[nodiscard]] static Expected<ShardPlan, Error> of_count(std::size_t count) {
    if (count > most_shards) return Unexpected<Error>(wrong_count(count));
    SHOAL_TRY {
      std::vector<ShardName> names(count);
      for (std::size_t i = 0; i < count; ++i) names[i] = static_cast<ShardName>(i);
      return of_names(std::move(names));
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }
  /// Shards with these names, in any order. *Errors*: as above; invalid_config for a name that comes twice.
  [[nodiscard]] static Expected<ShardPlan, Error> of_names(std::vector<ShardName> names) {
    if (names.empty() || names.size() > most_shards) return Unexpected<Error>(wrong_count(names.size()));
    std::sort(names.begin(), names.end());
    if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) {
      return Unexpected<Error>(detail::make_error(ErrorCode::invalid_config,
                                                  "expected shards of different names, two have the name ", *twice));
    }
    SHOAL_TRY { return ShardPlan(std::move(names)); }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }
  /// This plan and one shard more, or less. *Errors*: as above; invalid_config for a name that is there, or is not.
  [[nodiscard]] Expected<ShardPlan, Error> with(ShardName name) const {
    SHOAL_TRY {
      std::vector<ShardName> names = names_;
      names.push_back(name);
      return of_names(std::move(names));
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }
  [[nodiscard]] Expected<ShardPlan, Error> without(ShardName name) const {
    SHOAL_TRY {
      std::vector<ShardName> names = names_;
      if (std::erase(names, name) == 0) {
        return Unexpected<Error>(
            detail::make_error(ErrorCode::invalid_config, "expected a shard of the plan, none has the name ", name));
      }
      return of_names(std::move(names));
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

  [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }
  /// In ascending order.
  [[nodiscard]] std::span<const ShardName> names() const noexcept { return names_; }

  /// The shard of an id: its position among `names()`. *Cost*: O(size()), about a nanosecond for each.
  template <std::integral Id>
  [[nodiscard]] std::size_t shard_of(Id id) const noexcept {
    const std::uint64_t hash = detail::mix64(static_cast<std::uint64_t>(id));
    std::size_t heaviest = 0;
    std::uint64_t most = 0;
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      // Mixing is a bijection and keys differ, so no two weights are equal.
      if (const std::uint64_t weight = detail::mix64(hash ^ keys_[i]); i == 0 || weight > most) {
        most = weight;
        heaviest = i;
      }
    }
    return heaviest;
  }

  [[nodiscard]] friend bool operator==(const ShardPlan& a, const ShardPlan& b) noexcept { return a.names_ == b.names_; }

 private:
  explicit ShardPlan(std::vector<ShardName> names) : names_(std::move(names)), keys_(names_.size()) {
    // Not the hash of the same number as an id: no id is one of its shard's kind.
    std::transform(names_.begin(), names_.end(), keys_.begin(),
                   [](ShardName name) { return detail::mix64(~std::uint64_t{name}); });
  }
  [[nodiscard]] static Error wrong_count(std::size_t count) {
    return detail::make_error(ErrorCode::invalid_config, "shards must be 1 to ", most_shards, ", got ", count);
  }

  std::vector<ShardName> names_;
  std::vector<std::uint64_t> keys_;  // a hash of each name
};

/// Which of `ids` belong elsewhere under the plan `to`, in order: what a rebalance has to move, and no more. Of n
/// shards that become n + k, a share k / (n + k) of all ids, each to one of the new ones; of a shard that goes, its
/// own, spread over the others.
/// *Shape*: `ids`: any input range of integers. *Errors*: std::bad_alloc. *Cost*: two look-ups for each id.
template <std::ranges::input_range Ids>
  requires std::integral<std::ranges::range_value_t<Ids>>
[[nodiscard]] std::vector<ShardMove<std::ranges::range_value_t<Ids>>> moves_between(const ShardPlan& from,
                                                                                    const ShardPlan& to, Ids&& ids) {
  std::vector<ShardMove<std::ranges::range_value_t<Ids>>> moves;
  for (const auto id : ids) {
    const ShardName before = from.names()[from.shard_of(id)];
    const ShardName after = to.names()[to.shard_of(id)];
    if (before != after) moves.push_back({id, before, after});
  }
  return moves;
}

}  // namespace shoal::inline v0
