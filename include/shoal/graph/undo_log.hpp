#pragma once
// What a batch changed in the lists of slots that were there before it, so that it can be taken back to the last link.
// A list is copied once, before its first change. Only an all-or-nothing batch keeps a log: at most one copy of the
// links that existed when it began, usually far less.

#include <cstddef>
#include <vector>

#include "shoal/core/slot_set.hpp"
#include "shoal/graph/link_lists.hpp"

namespace shoal::inline v0::detail {

class UndoLog {
 public:
  /// For a batch that begins when there are `slots` slots. Errors: std::bad_alloc.
  explicit UndoLog(std::size_t slots) : slots_(slots) { seen_.reserve(slots * levels_seen); }

  /// To be called before a list changes. Errors: std::bad_alloc; then the list must not be changed.
  void keep(const LinkLists& lists, Slot slot, unsigned level) {
    if (to_index(slot) >= slots_) return;
    // Levels above the first few are rare: their lists may be kept more than once, the oldest copy wins.
    const Slot mark = to_slot(to_index(slot) * levels_seen + level);
    if (level < levels_seen && seen_.contains(mark)) return;
    const std::span<const Link> links = lists.links(slot, level);
    entries_.reserve(entries_.size() == entries_.capacity() ? entries_.size() * 2 + 64 : 0);
    if (links_.size() + links.size() > links_.capacity()) links_.reserve(links_.capacity() * 2 + links.size() + 1024);
    if (level < levels_seen) seen_.insert(mark);
    entries_.push_back({slot, level, links_.size(), links.size()});
    links_.insert(links_.end(), links.begin(), links.end());
  }

  /// Puts every list back as it was.
  void restore(LinkLists& lists) const noexcept {
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
      const std::span<Link> places = lists.places(entry->slot, entry->level);
      const auto first = links_.begin() + static_cast<std::ptrdiff_t>(entry->first);
      const auto rest = std::copy_n(first, entry->count, places.begin());
      std::fill(rest, places.end(), Link::none());
    }
  }

 private:
  static constexpr std::size_t levels_seen = 2;

  struct Entry {
    Slot slot;
    unsigned level;
    std::size_t first;
    std::size_t count;
  };

  std::size_t slots_;
  SlotSet seen_;
  std::vector<Entry> entries_;
  std::vector<Link> links_;
};

}  // namespace shoal::inline v0::detail
