#pragma once
// The k nearest of several lists that are sorted each: results of shards become one result. Lists are taken from by a
// heap of their heads, so the cost is the length of the result and not of the lists.
//
// A shard has an id once, but while a rebalance runs two shards may have the same. An id is returned once, at its
// nearest. When each list is the k nearest of its shard, the result is the k nearest of all: an id that belongs to it
// has fewer than k others before it in its shard, and so is in that list.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <unordered_set>
#include <vector>

#include "shoal/core/platform.hpp"
#include "shoal/index/neighbor.hpp"

namespace shoal::inline v0 {

namespace detail {

template <class T>
inline constexpr bool is_neighbor = false;
template <class Id>
inline constexpr bool is_neighbor<Neighbor<Id>> = true;

/// Neighbor's order, with what is no number behind all: a file that is damaged may give such distances. Judged by the
/// bits, which -ffast-math leaves alone.
template <class Id>
[[nodiscard]] bool is_nearer(const Neighbor<Id>& a, const Neighbor<Id>& b) noexcept {
  const auto is_number = [](float value) {
    return (detail::bit_cast<std::uint32_t>(value) & 0x7FFF'FFFFU) <= 0x7F80'0000U;
  };
  const bool a_is = is_number(a.distance), b_is = is_number(b.distance);
  if (a_is && b_is) return a < b;
  return a_is != b_is ? a_is : a.id < b.id;
}

/// Ids that were seen: a list while they are few, which is faster than any table.
template <class Id>
class SeenIds {
 public:
  /// Errors: std::bad_alloc.
  [[nodiscard]] bool is_new(Id id) {
    if (few_.size() < most_in_list) {
      if (std::find(few_.begin(), few_.end(), id) != few_.end()) return false;
      few_.push_back(id);
      return true;
    }
    if (many_.empty()) many_.insert(few_.begin(), few_.end());
    return many_.insert(id).second;
  }

 private:
  static constexpr std::size_t most_in_list = 64;
  std::vector<Id> few_;
  std::unordered_set<Id> many_;
};

}  // namespace detail

/// Lists of neighbours, one for each shard: a vector of vectors or spans, or the like.
// clang-format off
template <class L>
concept NeighborLists =
    std::ranges::random_access_range<const L> && std::ranges::sized_range<const L> &&
    std::ranges::contiguous_range<std::ranges::range_reference_t<const L>> &&
    detail::is_neighbor<std::ranges::range_value_t<std::ranges::range_reference_t<const L>>>;
// clang-format on

/// The `k` nearest of all lists, nearest first, ties by id, each id once at its nearest; all there are when they are
/// fewer. *Shape*: each list is sorted so, as searches return it. *Errors*: std::bad_alloc. *Cost*: O(k log lists).
template <NeighborLists Lists>
[[nodiscard]] auto merge_top_k(const Lists& lists, std::size_t k) {
  using Item = std::ranges::range_value_t<std::ranges::range_reference_t<const Lists>>;
  struct Head {
    const Item* next;
    const Item* end;
  };
  std::vector<Item> merged;
  std::vector<Head> heads;
  std::size_t total = 0;
  for (const auto& list : lists) {
    const auto size = static_cast<std::size_t>(std::ranges::size(list));
    total += size;
    if (size != 0) heads.push_back({std::ranges::data(list), std::ranges::data(list) + size});
  }
  merged.reserve(std::min(k, total));
  const auto is_farther = [](const Head& a, const Head& b) { return detail::is_nearer(*b.next, *a.next); };
  std::make_heap(heads.begin(), heads.end(), is_farther);
  detail::SeenIds<decltype(Item::id)> seen;
  const bool may_repeat = heads.size() > 1;
  while (!heads.empty() && merged.size() < k) {
    std::pop_heap(heads.begin(), heads.end(), is_farther);
    Head& head = heads.back();
    if (!may_repeat || seen.is_new(head.next->id)) merged.push_back(*head.next);
    if (++head.next == head.end) {
      heads.pop_back();
    } else {
      std::push_heap(heads.begin(), heads.end(), is_farther);
    }
  }
  return merged;
}

}  // namespace shoal::inline v0
