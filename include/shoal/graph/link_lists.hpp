#pragma once
// The links of the graph. Level 0 gives every slot one list of 2M places; of the levels above, only the slots that
// reach them (one in M) have lists, of M places each. A list has no count: its free places come last.
//
//   link      bit 31      the target is a child of this slot: a link that is never pruned (see insert.hpp)
//             bits 30..0  the target's slot; all 31 ones: free place
//
//   level 0   slot 0 [ link x 2M ]  slot 1 [ link x 2M ]  ...
//   above     slot 7 [ level 1: link x M ][ level 2: link x M ]  slot 31 [ level 1: link x M ]  ...
//             found through `upper_`, sorted by slot, since slots are added in order
//
// A slot's level is a hash of (seed, slot) (Malkov and Yashunin, arXiv 1603.09320, section 4.1: P(level >= l) = M^-l).

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "shoal/core/chunked_rows.hpp"
#include "shoal/core/hash.hpp"
#include "shoal/core/slot.hpp"

namespace shoal::inline v0::detail {

class Link {
 public:
  [[nodiscard]] static constexpr Link to(Slot slot, bool child = false) noexcept {
    return Link(static_cast<std::uint32_t>(slot) | (child ? child_bit : 0));
  }
  [[nodiscard]] static constexpr Link none() noexcept { return Link(slot_bits); }

  [[nodiscard]] constexpr bool is_none() const noexcept { return bits_ == slot_bits; }
  [[nodiscard]] constexpr Slot slot() const noexcept { return static_cast<Slot>(bits_ & slot_bits); }
  /// This link is what makes its target reachable.
  [[nodiscard]] constexpr bool is_child() const noexcept { return (bits_ & child_bit) != 0; }
  [[nodiscard]] constexpr bool operator==(const Link&) const noexcept = default;

 private:
  static constexpr std::uint32_t child_bit = 0x8000'0000U;
  static constexpr std::uint32_t slot_bits = 0x7FFF'FFFFU;
  constexpr explicit Link(std::uint32_t bits) noexcept : bits_(bits) {}

  std::uint32_t bits_;
};
static_assert(sizeof(Link) == 4);

class LinkLists {
 public:
  /// Levels are cut off here; at M = 2 that takes 2^24 slots, at larger M the slots end before.
  static constexpr unsigned max_level = 24;

  LinkLists(std::size_t M, std::uint64_t seed) noexcept
      : M_(M), seed_(mix64(seed)), base_(2 * M * sizeof(Link)), upper_rows_(M * sizeof(Link)) {}

  /// The highest level of `slot`; fixed by the seed.
  [[nodiscard]] unsigned level_of(Slot slot) const noexcept {
    const std::uint64_t hash = mix64(seed_ ^ mix64(to_index(slot)));
    std::uint64_t threshold = std::numeric_limits<std::uint64_t>::max() / M_;
    unsigned level = 0;
    for (; hash < threshold && level < max_level; threshold /= M_) ++level;
    return level;
  }

  /// Places in a list at `level`.
  [[nodiscard]] std::size_t list_capacity(unsigned level) const noexcept { return level == 0 ? 2 * M_ : M_; }

  /// Makes room for the lists of slots below `slots`. Errors: std::bad_alloc, nothing visible changed.
  void reserve(std::size_t slots) {
    base_.reserve(slots);
    for (; room_.slots < slots; ++room_.slots) {
      const unsigned level = level_of(to_slot(room_.slots));
      if (level == 0) continue;
      if (room_.upper_slots == upper_.capacity()) {
        upper_.reserve(std::max<std::size_t>(8, room_.upper_slots + room_.upper_slots / 2));
      }
      upper_rows_.reserve(room_.upper_rows + level);
      room_.upper_slots += 1;
      room_.upper_rows += level;
    }
  }

  /// Gives `slot`, reserved before, its empty lists.
  void add(Slot slot) noexcept {
    std::fill_n(row(base_, to_index(slot)), 2 * M_, Link::none());
    const unsigned level = level_of(slot);
    if (level == 0) return;
    upper_.push_back({slot, static_cast<std::uint32_t>(upper_rows_used_)});
    for (unsigned i = 0; i < level; ++i) std::fill_n(row(upper_rows_, upper_rows_used_ + i), M_, Link::none());
    upper_rows_used_ += level;
  }

  /// Takes back the last slot that was added.
  void remove_last(Slot slot) noexcept {
    if (upper_.empty() || upper_.back().slot != slot) return;
    upper_rows_used_ = upper_.back().first_row;
    upper_.pop_back();
  }

  /// All places of a list, free ones included. The slot reaches the level.
  [[nodiscard]] std::span<Link> places(Slot slot, unsigned level) noexcept {
    return {list(slot, level), list_capacity(level)};
  }
  /// The links of a list.
  [[nodiscard]] std::span<const Link> links(Slot slot, unsigned level) const noexcept {
    const Link* first = list(slot, level);
    const Link* last = first + list_capacity(level);
    while (last != first && (last - 1)->is_none()) --last;
    return {first, last};
  }

  /// The first byte of the level-0 list: for prefetching.
  [[nodiscard]] const Link* base(Slot slot) const noexcept { return row(base_, to_index(slot)); }

  [[nodiscard]] std::size_t base_bytes() const noexcept { return base_.memory_bytes(); }
  [[nodiscard]] std::size_t upper_bytes() const noexcept {
    return upper_rows_.memory_bytes() + upper_.capacity() * sizeof(UpperLists);
  }
  [[nodiscard]] static std::size_t estimate_base_bytes(std::size_t M, std::size_t slots) noexcept {
    return ChunkedRows::estimate_bytes(2 * M * sizeof(Link), slots);
  }
  /// The expected number: levels are random, and n / (M - 1) lists above level 0 are their mean.
  [[nodiscard]] static std::size_t estimate_upper_bytes(std::size_t M, std::size_t slots) noexcept {
    return ChunkedRows::estimate_bytes(M * sizeof(Link), slots / (M - 1)) + slots / M * sizeof(UpperLists);
  }

  [[nodiscard]] LinkLists clone() const { return LinkLists(*this, base_.clone(), upper_rows_.clone()); }

 private:
  struct UpperLists {
    Slot slot;
    std::uint32_t first_row;  // of level 1; the levels above follow
  };

  /// How far `reserve` has come. Levels are fixed by the slot, so what was counted once stays right.
  struct Room {
    std::size_t slots = 0;
    std::size_t upper_slots = 0;
    std::size_t upper_rows = 0;
  };

  LinkLists(const LinkLists& other, ChunkedRows base, ChunkedRows upper_rows)
      : M_(other.M_),
        seed_(other.seed_),
        base_(std::move(base)),
        upper_rows_(std::move(upper_rows)),
        upper_rows_used_(other.upper_rows_used_),
        room_(other.room_) {
    upper_.reserve(other.upper_.capacity());
    upper_ = other.upper_;
  }

  [[nodiscard]] static Link* row(ChunkedRows& rows, std::size_t i) noexcept { return reinterpret_cast<Link*>(rows[i]); }
  [[nodiscard]] static const Link* row(const ChunkedRows& rows, std::size_t i) noexcept {
    return reinterpret_cast<const Link*>(rows[i]);
  }

  [[nodiscard]] std::size_t upper_row(Slot slot, unsigned level) const noexcept {
    const auto found = std::lower_bound(upper_.begin(), upper_.end(), slot,
                                        [](const UpperLists& lists, Slot wanted) { return lists.slot < wanted; });
    assert(level <= level_of(slot) && found != upper_.end() && found->slot == slot);
    return found->first_row + (level - 1);
  }
  [[nodiscard]] Link* list(Slot slot, unsigned level) noexcept {
    return level == 0 ? row(base_, to_index(slot)) : row(upper_rows_, upper_row(slot, level));
  }
  [[nodiscard]] const Link* list(Slot slot, unsigned level) const noexcept {
    return level == 0 ? row(base_, to_index(slot)) : row(upper_rows_, upper_row(slot, level));
  }

  std::size_t M_;
  std::uint64_t seed_;
  ChunkedRows base_;
  ChunkedRows upper_rows_;
  std::vector<UpperLists> upper_;
  std::size_t upper_rows_used_ = 0;
  Room room_;
};

}  // namespace shoal::inline v0::detail
