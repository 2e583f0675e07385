#pragma once
// The entries of an index file that is mapped: what Entries is to a search, over bytes that stay in the file. Nothing
// is read when it is opened but the header and the few numbers that rows need, so that takes the same time at any size.
// What a search reads later is not believed: a slot is compared with the number of slots before it is used, and a walk
// through the table of ids ends.

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "shoal/core/archive.hpp"
#include "shoal/core/slot.hpp"
#include "shoal/core/slot_set.hpp"
#include "shoal/graph/check.hpp"
#include "shoal/index/entries.hpp"
#include "shoal/index/id_map.hpp"
#include "shoal/index/memory_usage.hpp"
#include "shoal/storage/storage.hpp"

namespace shoal::inline v0::detail {

template <class Metric, VectorRows Rows, class Id>
class MappedEntries {
 public:
  /// Rows may hold anything, also what gives distances that are no numbers.
  static constexpr bool has_any_distance = true;

  MappedEntries(std::size_t dimensions, std::size_t) : dimensions_(dimensions), rows_(dimensions) {}

  [[nodiscard]] std::size_t dimensions() const noexcept { return dimensions_; }
  [[nodiscard]] const Rows& rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t live() const noexcept { return counts_.live; }
  [[nodiscard]] std::size_t slots() const noexcept { return counts_.slots; }
  [[nodiscard]] std::size_t dead() const noexcept { return counts_.slots - counts_.live - counts_.free; }
  [[nodiscard]] std::size_t free() const noexcept { return counts_.free; }
  [[nodiscard]] std::size_t staged() const noexcept { return 0; }
  [[nodiscard]] const SlotSet& free_slots() const noexcept { return free_; }
  [[nodiscard]] bool is_live(Slot slot) const noexcept { return to_index(slot) < slots() && !gone_.contains(slot); }
  [[nodiscard]] Id id_of(Slot slot) const noexcept { return ids_[to_index(slot)]; }
  [[nodiscard]] std::optional<Slot> find(Id id) const noexcept {
    if (places_.empty()) return std::nullopt;
    std::size_t place = SlotTable<Id>::home_of(id, places_.size());
    for (std::size_t looks = 0; looks < places_.size() && places_[place] != SlotTable<Id>::free_place; ++looks) {
      const std::uint32_t slot = places_[place];
      if (is_live(Slot{slot}) && ids_[slot] == id) return Slot{slot};
      place = (place + 1) & (places_.size() - 1);
    }
    return std::nullopt;
  }
  template <class Visit>
  void find_each(std::span<const std::uint64_t> ids, const Visit& visit) const {
    for (const std::uint64_t id : ids) {
      if (static_cast<std::uint64_t>(static_cast<Id>(id)) != id) continue;
      if (const auto slot = find(static_cast<Id>(id))) visit(*slot);
    }
  }
  /// Nothing is replaced.
  [[nodiscard]] std::size_t replaced() const noexcept { return 0; }
  [[nodiscard]] bool found_once_since(std::size_t) const noexcept { return true; }

  void add_memory(MemoryUsage& usage) const noexcept {
    usage.vectors += rows_.memory_bytes();
    usage.ids += ids_.memory_bytes() + gone_.memory_bytes() + free_.memory_bytes();
  }
  static void add_estimate(MemoryUsage& usage, std::size_t dimensions, std::size_t entries) noexcept {
    Entries<Metric, Rows, Id>::add_estimate(usage, dimensions, entries);
  }

  /// Adds what is wrong: all that Entries verifies when it reads a file. *Cost*: reads all of it.
  void check(CheckReport& report) const {
    if (!are_consistent(gone_, free_, counts_)) {
      add_fault(report, "which slots are gone and free does not fit the counts");
      return;
    }
    const auto table = SlotTable<Id>::of_live(ids_, gone_, counts_.slots, counts_.live);
    if (!table) {
      add_fault(report, "two slots have one id");
    } else if (!table->has_places(places_.data())) {
      add_fault(report, "the table of ids is not that of the ids");
    }
    for (std::size_t i = 0; i < counts_.slots; ++i) {
      if (!rows_.is_sound(to_slot(i))) add_fault(report, "slot ", i, ": no vector is kept like that");
    }
  }

  /// Points at the sections. Errors: std::bad_alloc.
  template <InArchive In>
  [[nodiscard]] bool load(In& in, const SlotCounts& counts) {
    static_assert(In::is_mapped);
    counts_ = counts;
    if (!ids_.load(in, SectionKind::ids, counts.slots)) return false;
    if (!gone_.load(in, SectionKind::gone, counts.slots) || !free_.load(in, SectionKind::free, counts.slots)) {
      return false;
    }
    const std::size_t places = SlotTable<Id>::rows_for(counts.live);
    if (!in.begin(SectionKind::id_table, sizeof(std::uint32_t), places)) return false;
    places_ = {reinterpret_cast<const std::uint32_t*>(in.take(places * sizeof(std::uint32_t))), places};
    return in.end() && rows_.load(in, counts.slots);
  }

 private:
  std::size_t dimensions_;
  SlotCounts counts_{};
  Rows rows_;
  IdsBySlot<Id> ids_;
  SlotSet gone_;
  SlotSet free_;
  std::span<const std::uint32_t> places_{};
};

}  // namespace shoal::inline v0::detail
