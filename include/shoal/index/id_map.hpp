#pragma once
// From slots to ids and back. Ids lie by slot; the way back is an open-addressing table of 4-byte slots that looks the
// ids up there, at most three quarters full, with linear probing (Knuth, TAOCP vol. 3, 6.4, Algorithms L and R). About
// 8 + 4/0.56 bytes an entry with 64-bit ids.
//
// In a file is the table that live slots make when they are put into an empty one in order: it depends on the ids
// alone.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "shoal/core/archive.hpp"
#include "shoal/core/chunked_rows.hpp"
#include "shoal/core/hash.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/core/slot.hpp"
#include "shoal/core/slot_set.hpp"

namespace shoal::inline v0::detail {

template <class Id>
using IdsBySlot = ChunkedArray<Id>;

/// A set of slots, found by the id that each has in `ids`. No two have the same id.
template <class Id>
class SlotTable {
 public:
  [[nodiscard]] bool has_room(std::size_t entries) const noexcept { return entries <= places_.size() / 4 * 3; }
  /// Makes room for `entries` in all. Errors: std::bad_alloc, nothing changed.
  void reserve(std::size_t entries, const IdsBySlot<Id>& ids) {
    if (!has_room(entries)) *this = with_room(entries, ids);
  }
  /// The same set in places for `entries`, at least as many as it has. Errors: std::bad_alloc.
  [[nodiscard]] SlotTable with_room(std::size_t entries, const IdsBySlot<Id>& ids) const {
    SlotTable copy;
    copy.places_.assign(places_for(entries), free_place);
    for (const std::uint32_t slot : places_) {
      if (slot != free_place) copy.put(Slot{slot}, ids);
    }
    return copy;
  }
  void swap(SlotTable& other) noexcept {
    places_.swap(other.places_);
    std::swap(size_, other.size_);
  }

  [[nodiscard]] std::optional<Slot> find(Id id, const IdsBySlot<Id>& ids) const noexcept {
    if (places_.empty()) return std::nullopt;
    const std::uint32_t slot = places_[place_of(id, ids)];
    if (slot == free_place) return std::nullopt;
    return Slot{slot};
  }

  /// Enters a slot; the slot that had its id before, if any, is given back and no longer in. Room was reserved.
  std::optional<Slot> put(Slot slot, const IdsBySlot<Id>& ids) noexcept {
    std::uint32_t& place = places_[place_of(ids[to_index(slot)], ids)];
    std::optional<Slot> before;
    if (place == free_place) {
      ++size_;
    } else {
      before = Slot{place};
    }
    place = static_cast<std::uint32_t>(slot);
    return before;
  }

  /// Takes out the slot with this id, which is in.
  void erase(Id id, const IdsBySlot<Id>& ids) noexcept {
    const std::size_t mask = places_.size() - 1;
    std::size_t hole = place_of(id, ids);
    for (std::size_t next = (hole + 1) & mask; places_[next] != free_place; next = (next + 1) & mask) {
      // what lies behind the hole may move into it unless its own first place lies between the two
      const std::size_t home = home_of(ids[places_[next]]);
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      places_[hole] = places_[next];
      hole = next;
    }
    places_[hole] = free_place;
    --size_;
  }

  /// Slots have other numbers from here on, and `ids` is by those. Gives back room, if there is memory for a smaller
  /// table.
  void renumber(std::span<const Slot> to, const IdsBySlot<Id>& ids) noexcept {
    for (std::uint32_t& slot : places_) {
      if (slot != free_place) slot = static_cast<std::uint32_t>(to[slot]);
    }
    SHOAL_TRY {
      SlotTable smaller = with_room(size_, ids);
      if (smaller.places_.size() < places_.size()) swap(smaller);
    }
    SHOAL_CATCH_ALL {}
  }

  /// Takes everything out; the room stays.
  void clear() noexcept {
    std::fill(places_.begin(), places_.end(), free_place);
    size_ = 0;
  }

  /// The table of the `live` slots below `slots` that are not gone, as files have it; nothing when two have one id.
  /// Errors: std::bad_alloc.
  [[nodiscard]] static std::optional<SlotTable> of_live(const IdsBySlot<Id>& ids, const SlotSet& gone,
                                                        std::size_t slots, std::size_t live) {
    SlotTable table;
    if (live == 0) return table;
    table.places_.assign(places_for(live), free_place);
    for (std::size_t i = 0; i < slots; ++i) {
      if (!gone.contains(to_slot(i)) && table.put(to_slot(i), ids)) return std::nullopt;
    }
    return table;
  }
  /// Rows of the section of a table of `live` slots.
  [[nodiscard]] static std::size_t rows_for(std::size_t live) noexcept { return live == 0 ? 0 : places_for(live); }
  template <OutArchive Out>
  void save(Out& out) const {
    out.begin(SectionKind::id_table, sizeof(std::uint32_t), places_.size());
    out.write(places_.data(), places_.size() * sizeof(std::uint32_t));
  }
  /// Are those the places? *Shape*: rows_for(size()) places.
  [[nodiscard]] bool has_places(const std::uint32_t* places) const noexcept {
    return std::equal(places_.begin(), places_.end(), places);
  }
  static constexpr std::uint32_t free_place = 0xFFFF'FFFFU;
  /// Where the search for an id begins, among `places`, a power of two.
  [[nodiscard]] static std::size_t home_of(Id id, std::size_t places) noexcept {
    return static_cast<std::size_t>(mix64(static_cast<std::uint64_t>(id))) & (places - 1);
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return places_.capacity() * sizeof(std::uint32_t); }
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t entries) noexcept {
    std::size_t places = 16;
    while (places / 4 * 3 < entries) places *= 2;
    return entries == 0 ? 0 : places * sizeof(std::uint32_t);
  }

 private:
  [[nodiscard]] static constexpr std::size_t places_for(std::size_t entries) noexcept {
    return std::bit_ceil(std::max<std::size_t>(16, entries + entries / 3 + 1));
  }
  [[nodiscard]] std::size_t home_of(Id id) const noexcept { return home_of(id, places_.size()); }
  /// Where `id` is, or the free place where it would go.
  [[nodiscard]] std::size_t place_of(Id id, const IdsBySlot<Id>& ids) const noexcept {
    std::size_t place = home_of(id);
    while (places_[place] != free_place && ids[places_[place]] != id) place = (place + 1) & (places_.size() - 1);
    return place;
  }

  std::vector<std::uint32_t> places_;
  std::size_t size_ = 0;
};

}  // namespace shoal::inline v0::detail
