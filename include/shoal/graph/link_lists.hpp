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
// In a file they are sections of the same rows: links, parents, upper (12 bytes for each slot that reaches up: slot,
// first row, levels), upper_links.
//
// A new slot's level is a hash of (seed, slot) (Malkov and Yashunin, arXiv 1603.09320, section 4.1: P(level >= l) =
// M^-l). It keeps it when slots are renumbered.

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include "shoal/core/archive.hpp"
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
    return count != 0 && upper[at].slot == slot ? std::min<unsigned>(upper[at].levels, max_level) : 0;
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
  void add(Slot slot) noexcept { add(slot, new_level(slot)); }

  /// Adds the next slot with a level of its own, for graphs that were made elsewhere; nothing is reserved beyond it.
  /// Errors: std::bad_alloc, nothing visible changed.
  void add_at_level(Slot slot, unsigned level) {
    assert(room_.slots == to_index(slot) && level <= max_level);
    if (!wide_.load() && to_index(slot) + 1 > narrow_slots_) {
      widen();
      drop_narrow();
    }
    with_words([&](auto, LinkRows& lists) {
      lists.base.reserve(to_index(slot) + 1);
      lists.parents.reserve(to_index(slot) + 1);
      if (level != 0) upper_.reserve(upper_count_.load() + 1);
      lists.upper.reserve(upper_rows_used_ + level);
    });
    room_ = {to_index(slot) + 1, upper_count_.load() + (level != 0 ? 1 : 0), upper_rows_used_ + level};
    add(slot, level);
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

  /// Are the lists of the level not in memory? Then those that are read are copied (`for_each_copied`), and nothing
  /// else may be asked of them.
  [[nodiscard]] SHOAL_ALWAYS_INLINE bool are_elsewhere(unsigned level) const noexcept {
    return level == 0 && source_ != nullptr;
  }

  /// Calls visit(target) for each link to a slot below `limit`. What it throws comes through.
  template <class Visit>
  SHOAL_ALWAYS_INLINE void for_each_below(std::size_t limit, Slot slot, unsigned level, Visit&& visit) const {
    assert(!are_elsewhere(level));
    with_words([&](auto word, const LinkRows& lists) {
      using Word = decltype(word);
      visit_links(link_words<Word>(list(lists, slot, level)), list_capacity(level), limit, visit);
    });
  }
  /// The same for a list of level 0 that lies elsewhere.
  template <class Visit>
  void for_each_copied(std::size_t limit, Slot slot, Visit&& visit) const {
    with_words([&](auto word, [[maybe_unused]] const LinkRows& lists) {
      using Word = decltype(word);
      constexpr std::size_t most_M = 512;
      alignas(cache_line_bytes) std::array<std::byte, 2 * most_M * sizeof(Word) + cache_line_bytes> copy;
      assert(lists.base.stride() <= copy.size());
      source_->copy(std::span<const Slot>(&slot, 1), copy.data());
      visit_links(link_words<Word>(static_cast<const std::byte*>(copy.data())), list_capacity(0), limit, visit);
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

  /// The first byte of the list of level 0, where it is in memory.
  [[nodiscard]] const std::byte* base(Slot slot) const noexcept {
    return with_words([&](auto, const LinkRows& lists) { return lists.base[to_index(slot)]; });
  }
  /// Asks for that list.
  SHOAL_ALWAYS_INLINE void prefetch_base(Slot slot) const noexcept {
    if (source_ != nullptr) [[unlikely]]
      return source_->prefetch(slot);
    with_words([&](auto, const LinkRows& lists) { prefetch(lists.base[to_index(slot)]); });
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

  [[nodiscard]] std::uint32_t word_bytes() const noexcept {
    return wide_.load() ? sizeof(std::uint32_t) : sizeof(std::uint16_t);
  }

  /// Writes the lists of the first `slots` slots, which are all; nobody changes them.
  template <OutArchive Out>
  void save(Out& out, std::size_t slots) const {
    with_words([&](auto, const LinkRows& lists) {
      lists.base.save(out, SectionKind::links, slots);
      lists.parents.save(out, SectionKind::parents, slots);
      upper_.save(out, SectionKind::upper, upper_count_.load());
      lists.upper.save(out, SectionKind::upper_links, upper_rows_used_);
    });
  }
  /// Reads them, or points at them; there were none. Where they are mapped, no list that is asked for lies outside of
  /// what there is, whatever the file says. Errors: std::bad_alloc.
  template <InArchive In>
  [[nodiscard]] bool load(In& in, std::size_t slots, std::uint32_t word_bytes) {
    if (word_bytes != sizeof(std::uint32_t) && (word_bytes != sizeof(std::uint16_t) || slots > most_narrow_slots)) {
      return in.refuse("links of ", word_bytes, " bytes for ", slots, " slots cannot be");
    }
    wide_.store(word_bytes == sizeof(std::uint32_t));
    return with_words([&](auto, LinkRows& lists) {
      if (!lists.base.load(in, SectionKind::links, slots)) return false;
      source_ = lists.base.source();
      if (!lists.parents.load(in, SectionKind::parents, slots)) return false;
      const std::size_t upper_slots = in.rows_of_next(SectionKind::upper, sizeof(UpperLists));
      if (upper_slots > slots) return in.refuse(upper_slots, " of ", slots, " slots reach up");
      if (!upper_.load(in, SectionKind::upper, upper_slots)) return false;
      const std::size_t rows = in.rows_of_next(SectionKind::upper_links, lists.upper.stride());
      if (!lists.upper.load(in, SectionKind::upper_links, rows)) return false;
      if ((upper_slots == 0) != (rows == 0)) return in.refuse(upper_slots, " slots reach up, with ", rows, " lists");
      upper_count_.store(upper_slots);
      upper_rows_used_ = rows;
      room_ = {slots, upper_slots, rows};
      if (In::is_mapped && rows != 0) last_upper_row_ = rows - 1;
      return true;
    });
  }
  /// Is it in order which slots of the first `slots` reach up, and does each have lists of its own? What was loaded and
  /// not mapped may be looked at only then.
  [[nodiscard]] bool has_sound_levels(std::size_t slots) const noexcept {
    const auto upper = upper_.view();
    std::size_t next_slot = 0, next_row = 0;
    for (std::size_t i = 0; i < upper_count_.load(); ++i) {
      const UpperLists lists = upper[i];
      if (to_index(lists.slot) < next_slot || to_index(lists.slot) >= slots || lists.first_row != next_row ||
          lists.levels == 0 || lists.levels > max_level) {
        return false;
      }
      next_slot = to_index(lists.slot) + 1;
      next_row += lists.levels;
    }
    return next_row == upper_rows_used_;
  }
  /// Is a place behind a free one free too?
  [[nodiscard]] bool has_free_places_last(Slot slot, unsigned level) const noexcept {
    return with_words([&](auto word, const LinkRows& lists) {
      using Word = decltype(word);
      const Word* const first = link_words<Word>(list(lists, slot, level));
      const Word* const last = first + list_capacity(level);
      const Word* const free = std::find(first, last, free_place<Word>);
      return std::all_of(free, last, [](Word link) { return link == free_place<Word>; });
    });
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
  template <class Word, class Visit>
  SHOAL_ALWAYS_INLINE static void visit_links(const Word* first, std::size_t capacity, std::size_t limit,
                                              Visit&& visit) {
    const Word* const last = first + capacity;
    const auto end = static_cast<Word>(std::min<std::size_t>(limit, free_place<Word>));
    for (const Word* link = first; link != last; ++link) {
      const Word target = load_shared(*link);
      if (target >= end) {
        if (target == free_place<Word>) break;
        continue;
      }
      visit(to_slot(target));
    }
  }

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

  void add(Slot slot, unsigned level) noexcept {
    with_words([&](auto word, LinkRows& lists) {
      using Word = decltype(word);
      std::fill_n(link_words<Word>(lists.base[to_index(slot)]), 2 * M_, free_place<Word>);
      *link_words<Word>(lists.parents[to_index(slot)]) = free_place<Word>;
      if (level == 0) return;
      for (unsigned i = 0; i < level; ++i) {
        std::fill_n(link_words<Word>(lists.upper[upper_rows_used_ + i]), M_, free_place<Word>);
      }
      upper_[upper_count_.load()] = {slot, static_cast<std::uint32_t>(upper_rows_used_), level};
      upper_count_.store(upper_count_.load() + 1);
      upper_rows_used_ += level;
    });
  }
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
    assert(last_upper_row_ != no_limit || (upper[at].slot == slot && level <= upper[at].levels));
    return std::min(std::size_t{upper[at].first_row} + (level - 1), last_upper_row_);
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
  const RowSource* source_ = nullptr;  // of level 0; null: it is in memory
  ChunkedArray<UpperLists> upper_;
  Shared<std::size_t> upper_count_{0};
  std::size_t upper_rows_used_ = 0;
  Room room_;
  static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();
  std::size_t last_upper_row_ = no_limit;  // where the file decides which rows are asked for
};

}  // namespace shoal::inline v0::detail
