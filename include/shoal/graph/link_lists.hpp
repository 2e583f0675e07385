#pragma once
// The links of the graph, and the tree among them. Level 0 gives every slot one list of 2M places; of the levels above,
// only the slots that reach them (one in M) have lists, of M places each. A list has no count: its free places come
// last. A word is a slot, or all ones for a free place: 2 bytes while slots are below 65,535, 4 bytes from then on.
//
//   level 0   slot 0 [ word x 2M ]  slot 1 [ word x 2M ]  ...
//   above     slot 7 [ level 1: word x M ][ level 2: word x M ]  slot 31 [ level 1: word x M ]  ...
//             found through `upper_`, sorted by slot, since slots are added in order
//   parents   slot 0 [ none ]  slot 1 [ word ]  ...      an earlier slot that links to this one on level 0 (tree.hpp)
//
// A slot's level is a hash of (seed, slot) (Malkov and Yashunin, arXiv 1603.09320, section 4.1: P(level >= l) = M^-l).

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "shoal/core/chunked_rows.hpp"
#include "shoal/core/hash.hpp"
#include "shoal/core/slot.hpp"

namespace shoal::inline v0::detail {

class LinkLists {
  template <class Word>
  static constexpr Word none = std::numeric_limits<Word>::max();

  template <class Word>
  [[nodiscard]] static Word* words(std::byte* row) noexcept {
    return reinterpret_cast<Word*>(row);
  }
  template <class Word>
  [[nodiscard]] static const Word* words(const std::byte* row) noexcept {
    return reinterpret_cast<const Word*>(row);
  }

  /// Calls f with a word of the width in use.
  template <class F>
  SHOAL_ALWAYS_INLINE decltype(auto) with_words(F&& f) const {
    return wide_ ? f(std::uint32_t{}) : f(std::uint16_t{});
  }

 public:
  /// Levels are cut off here; at M = 2 that takes 2^24 slots, at larger M the slots end before.
  static constexpr unsigned max_level = 24;
  /// Slots that 2-byte words can tell apart, besides the free place.
  static constexpr std::size_t most_narrow_slots = 0xFFFF;

  /// `narrow_slots`: with more slots than that, words are 4 bytes. Tests ask for fewer than there could be.
  LinkLists(std::size_t M, std::uint64_t seed, std::size_t narrow_slots = most_narrow_slots) noexcept
      : M_(M),
        seed_(mix64(seed)),
        narrow_slots_(narrow_slots),
        base_(2 * M * sizeof(std::uint16_t)),
        upper_rows_(M * sizeof(std::uint16_t)),
        parents_(sizeof(std::uint16_t)) {}

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

  /// Makes room for the lists of slots below `slots`, and widens the words when they become too narrow.
  /// Errors: std::bad_alloc, nothing visible changed.
  void reserve(std::size_t slots) {
    if (!wide_ && slots > narrow_slots_) widen();
    base_.reserve(slots);
    parents_.reserve(slots);
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
    with_words([&](auto word) {
      using Word = decltype(word);
      std::fill_n(words<Word>(base_[to_index(slot)]), 2 * M_, none<Word>);
      *words<Word>(parents_[to_index(slot)]) = none<Word>;
      const unsigned level = level_of(slot);
      if (level == 0) return;
      upper_.push_back({slot, static_cast<std::uint32_t>(upper_rows_used_)});
      for (unsigned i = 0; i < level; ++i) {
        std::fill_n(words<Word>(upper_rows_[upper_rows_used_ + i]), M_, none<Word>);
      }
      upper_rows_used_ += level;
    });
  }

  /// Takes back the last slot that was added.
  void remove_last(Slot slot) noexcept {
    if (upper_.empty() || upper_.back().slot != slot) return;
    upper_rows_used_ = upper_.back().first_row;
    upper_.pop_back();
  }

  // ---- one list; its slot reaches the level ------------------------------------------------------------------------

  /// Calls visit(target) for each link. What it throws comes through.
  template <class Visit>
  SHOAL_ALWAYS_INLINE void for_each(Slot slot, unsigned level, Visit&& visit) const {
    const std::byte* const row = list(slot, level);
    with_words([&](auto word) {
      using Word = decltype(word);
      const Word* const first = words<Word>(row);
      const Word* const last = first + list_capacity(level);
      for (const Word* link = first; link != last && *link != none<Word>; ++link) visit(to_slot(*link));
    });
  }
  /// Copies the targets to `out`, which has room for list_capacity(level), and gives how many there are.
  std::size_t read(Slot slot, unsigned level, Slot* out) const noexcept {
    std::size_t count = 0;
    for_each(slot, level, [&](Slot target) { out[count++] = target; });
    return count;
  }
  [[nodiscard]] std::size_t count(Slot slot, unsigned level) const noexcept {
    std::size_t count = 0;
    for_each(slot, level, [&](Slot) { ++count; });
    return count;
  }
  [[nodiscard]] bool contains(Slot slot, unsigned level, Slot target) const noexcept {
    bool found = false;
    for_each(slot, level, [&](Slot link) { found |= link == target; });
    return found;
  }

  /// The targets become the list. *Shape*: at most list_capacity(level).
  void assign(Slot slot, unsigned level, std::span<const Slot> targets) noexcept {
    assert(targets.size() <= list_capacity(level));
    for (std::size_t i = 0; i < targets.size(); ++i) put(slot, level, i, targets[i]);
    clear_from(slot, level, targets.size());
  }
  /// Writes one place: the first free one, or one that is taken.
  void put(Slot slot, unsigned level, std::size_t place, Slot target) noexcept {
    assert(place < list_capacity(level) && (wide_ || to_index(target) < most_narrow_slots));
    with_words([&](auto word) {
      words<decltype(word)>(list(slot, level))[place] = static_cast<decltype(word)>(to_index(target));
    });
  }
  /// Frees all places from `place` on.
  void clear_from(Slot slot, unsigned level, std::size_t place) noexcept {
    with_words([&](auto word) {
      using Word = decltype(word);
      Word* const first = words<Word>(list(slot, level));
      std::fill(first + place, first + list_capacity(level), none<Word>);
    });
  }

  /// The first byte of the level-0 list: for prefetching.
  [[nodiscard]] const std::byte* base(Slot slot) const noexcept { return base_[to_index(slot)]; }

  // ---- the tree ----------------------------------------------------------------------------------------------------

  /// `slot` itself when it has none.
  [[nodiscard]] Slot parent(Slot slot) const noexcept {
    return with_words([&](auto word) {
      using Word = decltype(word);
      const Word parent = *words<Word>(parents_[to_index(slot)]);
      return parent == none<Word> ? slot : to_slot(parent);
    });
  }
  void set_parent(Slot slot, Slot parent) noexcept {
    with_words([&](auto word) {
      using Word = decltype(word);
      *words<Word>(parents_[to_index(slot)]) = parent == slot ? none<Word> : static_cast<Word>(to_index(parent));
    });
  }

  /// Calls visit(slot) for each slot that reaches `level`, 1 or more, in order.
  template <class Visit>
  void for_each_on(unsigned level, Visit&& visit) const {
    for (std::size_t i = 0; i < upper_.size(); ++i) {
      const std::size_t end = i + 1 < upper_.size() ? upper_[i + 1].first_row : upper_rows_used_;
      if (end - upper_[i].first_row >= level) visit(upper_[i].slot);
    }
  }

  [[nodiscard]] std::size_t base_bytes() const noexcept { return base_.memory_bytes() + parents_.memory_bytes(); }
  [[nodiscard]] std::size_t upper_bytes() const noexcept {
    return upper_rows_.memory_bytes() + upper_.capacity() * sizeof(UpperLists);
  }
  [[nodiscard]] static std::size_t estimate_base_bytes(std::size_t M, std::size_t slots) noexcept {
    const std::size_t word = word_bytes(slots);
    return ChunkedRows::estimate_bytes(2 * M * word, slots) + ChunkedRows::estimate_bytes(word, slots);
  }
  /// The expected number: levels are random, and n / (M - 1) lists above level 0 are their mean.
  [[nodiscard]] static std::size_t estimate_upper_bytes(std::size_t M, std::size_t slots) noexcept {
    return ChunkedRows::estimate_bytes(M * word_bytes(slots), slots / (M - 1)) + slots / M * sizeof(UpperLists);
  }

  [[nodiscard]] LinkLists clone() const {
    return LinkLists(*this, base_.clone(), upper_rows_.clone(), parents_.clone());
  }

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

  LinkLists(const LinkLists& other, ChunkedRows base, ChunkedRows upper_rows, ChunkedRows parents)
      : M_(other.M_),
        seed_(other.seed_),
        narrow_slots_(other.narrow_slots_),
        wide_(other.wide_),
        base_(std::move(base)),
        upper_rows_(std::move(upper_rows)),
        parents_(std::move(parents)),
        upper_rows_used_(other.upper_rows_used_),
        room_(other.room_) {
    upper_.reserve(other.upper_.capacity());
    upper_ = other.upper_;
  }

  [[nodiscard]] static constexpr std::size_t word_bytes(std::size_t slots) noexcept {
    return slots <= most_narrow_slots ? sizeof(std::uint16_t) : sizeof(std::uint32_t);
  }
  /// Errors: std::bad_alloc, nothing changed.
  void widen() {
    ChunkedRows base = widened(base_);
    ChunkedRows upper_rows = widened(upper_rows_);
    ChunkedRows parents = widened(parents_);
    base_ = std::move(base);
    upper_rows_ = std::move(upper_rows);
    parents_ = std::move(parents);
    wide_ = true;
  }
  [[nodiscard]] static ChunkedRows widened(const ChunkedRows& narrow) {
    ChunkedRows wide(2 * narrow.stride());
    wide.reserve(narrow.capacity());
    for (std::size_t i = 0; i < narrow.capacity(); ++i) {
      const std::uint16_t* const from = words<std::uint16_t>(narrow[i]);
      std::transform(
          from, from + narrow.stride() / sizeof(std::uint16_t), words<std::uint32_t>(wide[i]),
          [](std::uint16_t word) { return word == none<std::uint16_t> ? none<std::uint32_t> : std::uint32_t{word}; });
    }
    return wide;
  }

  [[nodiscard]] std::size_t upper_row(Slot slot, unsigned level) const noexcept {
    const auto found = std::lower_bound(upper_.begin(), upper_.end(), slot,
                                        [](const UpperLists& lists, Slot wanted) { return lists.slot < wanted; });
    assert(level <= level_of(slot) && found != upper_.end() && found->slot == slot);
    return found->first_row + (level - 1);
  }
  [[nodiscard]] std::byte* list(Slot slot, unsigned level) noexcept {
    return level == 0 ? base_[to_index(slot)] : upper_rows_[upper_row(slot, level)];
  }
  [[nodiscard]] const std::byte* list(Slot slot, unsigned level) const noexcept {
    return level == 0 ? base_[to_index(slot)] : upper_rows_[upper_row(slot, level)];
  }

  std::size_t M_;
  std::uint64_t seed_;
  std::size_t narrow_slots_;
  bool wide_ = false;
  ChunkedRows base_;
  ChunkedRows upper_rows_;
  ChunkedRows parents_;
  std::vector<UpperLists> upper_;
  std::size_t upper_rows_used_ = 0;
  Room room_;
};

}  // namespace shoal::inline v0::detail
