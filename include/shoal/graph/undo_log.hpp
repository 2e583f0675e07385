#pragma once
// What a batch changed in what was there before it, so that it can be taken back to the last link. Links that were
// only appended need no copy: they lead to slots of the batch, and are cut off. A list that is written over, and a
// parent that changes, are copied first.

#include <cstddef>
#include <vector>

#include "shoal/core/slot_set.hpp"
#include "shoal/graph/link_lists.hpp"

namespace shoal::inline v0::detail {

class UndoLog {
 public:
  /// For a batch that begins when there are `slots` slots, some of them free perhaps. Errors: std::bad_alloc.
  UndoLog(std::size_t slots, bool some_free) : slots_(slots) {
    if (some_free) reused_.reserve(slots);
  }

  /// A slot that was free belongs to the batch.
  void reuse(Slot slot) noexcept { reused_.insert(slot); }
  [[nodiscard]] const SlotSet& reused() const noexcept { return reused_; }
  /// Does a slot belong to the batch?
  [[nodiscard]] bool is_new(Slot slot) const noexcept { return to_index(slot) >= slots_ || reused_.contains(slot); }

  /// To be called before a list is written over. Errors: std::bad_alloc; then the list must not be changed.
  void keep_list(const LinkLists& lists, Slot slot, unsigned level) {
    if (is_new(slot)) return;
    const std::size_t count = lists.count(slot, level);
    if (lists_.size() == lists_.capacity()) lists_.reserve(lists_.size() * 2 + 64);
    if (links_.size() + count > links_.capacity()) links_.reserve(links_.capacity() * 2 + count + 1024);
    lists_.push_back({slot, level, links_.size(), count});
    lists.for_each(slot, level, [&](Slot target) { links_.push_back(target); });
  }

  /// To be called before a parent changes. Errors: std::bad_alloc; then the parent must not be changed.
  void keep_parent(const LinkLists& lists, Slot slot) {
    if (!is_new(slot)) parents_.push_back({slot, lists.parent(slot)});
  }

  /// Puts everything back as it was; slots that were free have no links again. *Cost*: O(links of the graph).
  void restore(LinkLists& lists) const noexcept {
    for (auto kept = lists_.rbegin(); kept != lists_.rend(); ++kept) {
      lists.assign(kept->slot, kept->level, std::span<const Slot>(links_).subspan(kept->first, kept->count));
    }
    for (auto kept = parents_.rbegin(); kept != parents_.rend(); ++kept) lists.set_parent(kept->slot, kept->parent);
    for (std::size_t i = 0; i < slots_; ++i) {
      for (unsigned level = 0; level <= lists.level_of(to_slot(i)); ++level) {
        std::size_t earlier = 0;
        if (!is_new(to_slot(i))) {
          lists.for_each(to_slot(i), level, [&](Slot target) { earlier += is_new(target) ? 0 : 1; });
        }
        lists.clear_from(to_slot(i), level, earlier);
      }
      if (is_new(to_slot(i))) lists.set_parent(to_slot(i), to_slot(i));
    }
  }

 private:
  struct List {
    Slot slot;
    unsigned level;
    std::size_t first;
    std::size_t count;
  };
  struct Parent {
    Slot slot;
    Slot parent;
  };

  std::size_t slots_;
  SlotSet reused_;
  std::vector<List> lists_;
  std::vector<Slot> links_;
  std::vector<Parent> parents_;
};

}  // namespace shoal::inline v0::detail
