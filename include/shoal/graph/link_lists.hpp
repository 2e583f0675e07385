#pragma once
// The links of the graph, and the tree among them. Level 0 gives every slot one list of 2M places; of the levels above,
// only the slots that reach them (one in M) have lists, of M places each. A list has no count: its free places come
// last. Words are of 2 bytes while slots are few, of 4 from then on (link_rows.hpp).
//
//   level 0   slot 0 [ word x 2M ]  slot 1 [ word x 2M ]  ...
//   above     slot 7 [ level 1: word x M ][ level 2: word x M ]  slot 31 [ level 1: word x M ]  ...
//             found through `upper_`, sorted by slot, since slots are added in order
//   parents   slot 0 [ none ]  slot 1 [ word ]  ...      an earlier slot that links to this one on level 0 (tree.hpp)
//
// One thread writes lists while others read them: a word is written and read whole, so a list that is being written
// holds links that were there before or will be after. Parents are the writer's alone.
//
// A new slot's level is a hash of (seed, slot) (Malkov and Yashunin, arXiv 1603.09320, section 4.1: P(level >= l) =
// M^-l). It keeps it when slots are renumbered.

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include "shoal/core/chunked_rows.hpp"
#include "shoal/core/hash.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/core/shared.hpp"
#include "shoal/core/slot.hpp"
#include "shoal/graph/link_rows.hpp"

namespace shoal::inline v0::detail {

class LinkLists {
  /// Calls f with a word of the width in use, and the lists of that.
  template <class F>
  SHOAL_ALWAYS_INLINE decltype(auto) with_words(F&& f) const {
    return wide_.load() ? f(std::uint32_t{}, wide_lists_) : f(std::uint16_t{}, narrow_lists_);
  }
  template <class F>
  SHOAL_ALWAYS_INLINE decltype(auto) with_words(F&& f) {
    return wide_.load() ? f(std::uint32_t{}, wide_lists_) : f(std::uint16_t{}, narrow_lists_);
  }

 public:
  /// Levels are cut off here; at M = 2 that takes 2^24 slots, at larger M the slots end before.
  static constexpr unsigned max_level = 24;
  static constexpr std::size_t most_narrow_slots = LinkRows::most_narrow_slots;

  /// `narrow_slots`: with more slots than that, words are 4 bytes. Tests ask for fewer than there could be.
  LinkLists(std::size_t M, std::uint64_t seed, std::size_t narrow_slots = most_narrow_slots) noexcept
      : M_(M),
        seed_(mix64(seed)),
        above_0_(std::numeric_limits<std::uint64_t>::max() / M),
        narrow_slots_(narrow_slots),
        narrow_lists_(M, sizeof(std::uint16_t)),
        wide_lists_(M, sizeof(std::uint32_t)) {}

  LinkLists(LinkLists&&) noexcept = default;
  LinkLists& operator=(LinkLists&&) noexcept = default;
  ~LinkLists() = default;

  /// The highest level of `slot`, which was added.
  [[nodiscard]] unsigned level_of(Slot slot) const noexcept {
    const std::size_t count = upper_count_.load();
    const auto upper = upper_.view();
    const std::size_t at = find_upper(upper, count, slot);
    return count != 0 && upper[at].slot == slot ? upper[at].levels : 0;
  }
  /// The level that `slot` gets when it is added; fixed by the seed.
  [[nodiscard]] unsigned new_level(Slot slot) const noexcept {
    const std::uint64_t hash = mix64(seed_ ^ mix64(to_index(slot)));
    unsigned level = 0;
    for (std::uint64_t least = above_0_; hash < least && level < max_level; least /= M_) ++level;
    return level;
  }

  /// Places in a list at `level`.
  [[nodiscard]] std::size_t list_capacity(unsigned level) const noexcept { return level == 0 ? 2 * M_ : M_; }

  /// Makes room for the lists of slots below `slots`, and widens the words when they become too narrow. True when there
  /// are narrow ones left to `drop_narrow`, which others may be reading.
  /// Errors: std::bad_alloc, nothing visible changed.
  bool reserve(std::size_t slots) {
    if (!wide_.load() && slots > narrow_slots_) widen();
    with_words([&](auto, LinkRows& lists) {
      lists.base.reserve(slots);
      lists.parents.reserve(slots);
      for (; room_.slots < slots; ++room_.slots) {
        const unsigned level = new_level(to_slot(room_.slots));
        if (level == 0) continue;
        upper_.reserve(room_.upper_slots + 1);
        lists.upper.reserve(room_.upper_rows + level);
        room_.upper_slots += 1;
        room_.upper_rows += level;
      }
    });
    return wide_.load() && narrow_lists_.base.capacity() != 0;
  }
  /// Nobody reads them any more.
  void drop_narrow() noexcept {
    if (wide_.load()) narrow_lists_ = LinkRows(M_, sizeof(std::uint16_t));
  }

  /// Gives `slot`, reserved before, its empty lists.
  void add(Slot slot) noexcept {
    with_words([&](auto word, LinkRows& lists) {
      using Word = decltype(word);
      std::fill_n(link_words<Word>(lists.base[to_index(slot)]), 2 * M_, free_place<Word>);
      *link_words<Word>(lists.parents[to_index(slot)]) = free_place<Word>;
      const unsigned level = new_level(slot);
      if (level == 0) return;
      for (unsigned i = 0; i < level; ++i) {
        std::fill_n(link_words<Word>(lists.upper[upper_rows_used_ + i]), M_, free_place<Word>);
      }
      upper_[upper_count_.load()] = {slot, static_cast<std::uint32_t>(upper_rows_used_), level};
      upper_count_.store(upper_count_.load() + 1);
      upper_rows_used_ += level;
    });
  }

  /// The slots that are kept move to `to[slot]`, in order and none to a later place; `gone` marks the others, to which
  /// nothing leads. Gives back the room beyond the `kept` slots. Nobody reads. *Shape*: `to`: one for each slot added.
  void renumber(std::span<const Slot> to, std::size_t kept, Slot gone) noexcept {
    with_words([&](auto word, LinkRows& lists) {
      using Word = decltype(word);
      const auto move = [&](ChunkedRows& rows, std::size_t from, std::size_t at) {
        move_links<Word>(rows, from, at, to);
      };
      std::size_t upper_kept = 0, rows_kept = 0;
      for (std::size_t i = 0, upper = 0; i < to.size(); ++i) {
        const bool reaches_up = upper < upper_count_.load() && to_index(upper_[upper].slot) == i;
        if (to[i] != gone) {
          move(lists.base, i, to_index(to[i]));
          move(lists.parents, i, to_index(to[i]));
          if (reaches_up) {
            const UpperLists from = upper_[upper];
            for (std::size_t row = 0; row < from.levels; ++row)
              move(lists.upper, from.first_row + row, rows_kept + row);
            upper_[upper_kept++] = {to[i], static_cast<std::uint32_t>(rows_kept), from.levels};
            rows_kept += from.levels;
          }
        }
        if (reaches_up) ++upper;
      }
      lists.base.shrink(kept);
      lists.parents.shrink(kept);
      lists.upper.shrink(rows_kept);
      upper_.shrink(upper_kept);
      upper_count_.store(upper_kept);
      upper_rows_used_ = rows_kept;
      room_ = {kept, upper_kept, rows_kept};
    });
    if (wide_.load() && kept <= narrow_slots_) narrow(kept);
  }

  /// Takes back the last slot that was added; nobody reads its lists.
  void remove_last(Slot slot) noexcept {
    const std::size_t count = upper_count_.load();
    if (count == 0 || upper_[count - 1].slot != slot) return;
    upper_rows_used_ = upper_[count - 1].first_row;
    upper_count_.store(count - 1);
  }

  // ---- one list; its slot reaches the level ------------------------------------------------------------------------

  /// Calls visit(target) for each link to a slot below `limit`. What it throws comes through.
  template <class Visit>
  SHOAL_ALWAYS_INLINE void for_each_below(std::size_t limit, Slot slot, unsigned level, Visit&& visit) const {
    with_words([&](auto word, const LinkRows& lists) {
      using Word = decltype(word);
      const Word* const first = link_words<Word>(list(lists, slot, level));
      const Word* const last = first + list_capacity(level);
      const auto end = static_cast<Word>(std::min<std::size_t>(limit, free_place<Word>));
      for (const Word* link = first; link != last; ++link) {
        const Word target = load_shared(*link);
        if (target >= end) {
          if (target == free_place<Word>) break;
          continue;
        }
        visit(to_slot(target));
      }
    });
  }
  /// The same for all links.
  template <class Visit>
  SHOAL_ALWAYS_INLINE void for_each(Slot slot, unsigned level, Visit&& visit) const {
    for_each_below(max_slots, slot, level, std::forward<Visit>(visit));
  }
  /// Copies the targets, those below `limit`, to `out`, which has room for list_capacity(level), and gives how many
  /// there are.
  std::size_t read(Slot slot, unsigned level, Slot* out, std::size_t limit = max_slots) const noexcept {
    std::size_t count = 0;
    for_each_below(limit, slot, level, [&](Slot target) { out[count++] = target; });
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
    assert(place < list_capacity(level) && (wide_.load() || to_index(target) < most_narrow_slots));
    with_words([&](auto word, LinkRows& lists) {
      using Word = decltype(word);
      store_shared(link_words<Word>(list(lists, slot, level))[place], static_cast<Word>(to_index(target)));
    });
  }
  /// Frees all places from `place` on.
  void clear_from(Slot slot, unsigned level, std::size_t place) noexcept {
    with_words([&](auto word, LinkRows& lists) {
      using Word = decltype(word);
      Word* const first = link_words<Word>(list(lists, slot, level));
      for (Word* link = first + place; link != first + list_capacity(level); ++link)
        store_shared(*link, free_place<Word>);
    });
  }

  /// The first byte of the level-0 list: for prefetching.
  [[nodiscard]] const std::byte* base(Slot slot) const noexcept {
    return with_words([&](auto, const LinkRows& lists) { return lists.base[to_index(slot)]; });
  }

  // ---- the tree ----------------------------------------------------------------------------------------------------

  /// `slot` itself when it has none.
  [[nodiscard]] Slot parent(Slot slot) const noexcept {
    return with_words([&](auto word, const LinkRows& lists) {
      using Word = decltype(word);
      const Word parent = *link_words<Word>(lists.parents[to_index(slot)]);
      return parent == free_place<Word> ? slot : to_slot(parent);
    });
  }
  void set_parent(Slot slot, Slot parent) noexcept {
    with_words([&](auto word, LinkRows& lists) {
      using Word = decltype(word);
      *link_words<Word>(lists.parents[to_index(slot)]) =
          parent == slot ? free_place<Word> : static_cast<Word>(to_index(parent));
    });
  }

  /// Calls visit(slot) for each slot that reaches `level`, 1 or more, in order.
  template <class Visit>
  void for_each_on(unsigned level, Visit&& visit) const {
    const std::size_t count = upper_count_.load();
    for (std::size_t i = 0; i < count; ++i) {
      if (upper_[i].levels >= level) visit(upper_[i].slot);
    }
  }

  [[nodiscard]] std::size_t base_bytes() const noexcept {
    return narrow_lists_.base_bytes() + wide_lists_.base_bytes();
  }
  [[nodiscard]] std::size_t upper_bytes() const noexcept {
    return narrow_lists_.upper.memory_bytes() + wide_lists_.upper.memory_bytes() + upper_.memory_bytes();
  }
  [[nodiscard]] static std::size_t estimate_base_bytes(std::size_t M, std::size_t slots) noexcept {
    return LinkRows::estimate_base_bytes(M, slots);
  }
  /// The expected number: levels are random, and n / (M - 1) lists above level 0 are their mean.
  [[nodiscard]] static std::size_t estimate_upper_bytes(std::size_t M, std::size_t slots) noexcept {
    return ChunkedRows::estimate_bytes(M * LinkRows::word_bytes(slots), slots / (M - 1)) +
           ChunkedArray<UpperLists>::estimate_bytes(slots / M);
  }

  [[nodiscard]] LinkLists clone() const {
    LinkLists copy = *this;
    with_words([&](auto word, const LinkRows& lists) {
      (sizeof(word) == sizeof(std::uint32_t) ? copy.wide_lists_ : copy.narrow_lists_) = lists.clone();
    });
    copy.upper_ = upper_.clone();
    return copy;
  }

 private:
  struct UpperLists {
    Slot slot;
    std::uint32_t first_row;  // of level 1; the levels above follow
    std::uint32_t levels;
  };

  /// How far `reserve` has come. A slot that comes will have the level that was counted.
  struct Room {
    std::size_t slots = 0;
    std::size_t upper_slots = 0;
    std::size_t upper_rows = 0;
  };

  /// All but the words.
  LinkLists(const LinkLists& other)
      : M_(other.M_),
        seed_(other.seed_),
        above_0_(other.above_0_),
        narrow_slots_(other.narrow_slots_),
        wide_(other.wide_),
        narrow_lists_(M_, sizeof(std::uint16_t)),
        wide_lists_(M_, sizeof(std::uint32_t)),
        upper_count_(other.upper_count_),
        upper_rows_used_(other.upper_rows_used_),
        room_(other.room_) {}

  /// Errors: std::bad_alloc, nothing changed.
  void widen() {
    wide_lists_ = with_other_words<std::uint16_t, std::uint32_t>(narrow_lists_, M_, narrow_lists_.base.capacity(),
                                                                 narrow_lists_.upper.capacity());
    wide_.store(true);
  }
  /// Words of 2 bytes again, if there is memory to copy them; nobody reads.
  void narrow(std::size_t slots) noexcept {
    SHOAL_TRY {
      narrow_lists_ = with_other_words<std::uint32_t, std::uint16_t>(wide_lists_, M_, slots, upper_rows_used_);
      wide_.store(false);
      wide_lists_ = LinkRows(M_, sizeof(std::uint32_t));
    }
    SHOAL_CATCH_ALL {}
  }
  /// Where `slot` is among the first `count`, if it is there. A binary search.
  [[nodiscard]] static std::size_t find_upper(const ChunkedArray<UpperLists>::View& upper, std::size_t count,
                                              Slot slot) noexcept {
    std::size_t first = 0;
    while (count > 1) {
      const std::size_t half = count / 2;
      if (upper[first + half].slot <= slot) first += half;
      count -= half;
    }
    return first;
  }
  [[nodiscard]] std::size_t upper_row(Slot slot, unsigned level) const noexcept {
    const std::size_t count = upper_count_.load();
    const auto upper = upper_.view();
    const std::size_t at = find_upper(upper, count, slot);
    assert(upper[at].slot == slot && level <= upper[at].levels);
    return upper[at].first_row + (level - 1);
  }
  [[nodiscard]] std::byte* list(LinkRows& lists, Slot slot, unsigned level) const noexcept {
    return level == 0 ? lists.base[to_index(slot)] : lists.upper[upper_row(slot, level)];
  }
  [[nodiscard]] const std::byte* list(const LinkRows& lists, Slot slot, unsigned level) const noexcept {
    return level == 0 ? lists.base[to_index(slot)] : lists.upper[upper_row(slot, level)];
  }

  std::size_t M_;
  std::uint64_t seed_;
  std::uint64_t above_0_;  // hashes below it reach level 1
  std::size_t narrow_slots_;
  Shared<bool> wide_{false};
  LinkRows narrow_lists_;  // one of the two is in use
  LinkRows wide_lists_;
  ChunkedArray<UpperLists> upper_;
  Shared<std::size_t> upper_count_{0};
  std::size_t upper_rows_used_ = 0;
  Room room_;
};

}  // namespace shoal::inline v0::detail
