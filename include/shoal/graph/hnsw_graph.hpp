#pragma once
// The state of an HNSW graph (Malkov and Yashunin, arXiv 1603.09320): links by level, the entry point, and how many
// slots are linked. The algorithms on it are functions of their own: beam_search.hpp, link_round.hpp, tree.hpp,
// check.hpp. Whoever writes over a list or a parent calls `keep_…` first, so that the change can be taken back.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "shoal/graph/link_lists.hpp"
#include "shoal/graph/undo_log.hpp"

namespace shoal::inline v0::detail {

class HnswGraph {
 public:
  HnswGraph(std::size_t M, std::uint64_t seed, std::size_t narrow_slots = LinkLists::most_narrow_slots) noexcept
      : M_(M), lists_(M, seed, narrow_slots) {}

  [[nodiscard]] std::size_t M() const noexcept { return M_; }
  /// Slots that have lists: 0 .. size() - 1.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const LinkLists& lists() const noexcept { return lists_; }
  [[nodiscard]] LinkLists& lists() noexcept { return lists_; }

  /// Where a descent starts. Only when something was promoted.
  [[nodiscard]] Slot entry() const noexcept { return entry_; }
  [[nodiscard]] unsigned top_level() const noexcept { return top_level_; }
  /// The root of the tree: from it, every slot can be reached on level 0.
  [[nodiscard]] static constexpr Slot root() noexcept { return Slot{0}; }

  /// Makes room for slots below `slots`. Errors: std::bad_alloc, nothing visible changed.
  void reserve(std::size_t slots) { lists_.reserve(slots); }

  /// Adds the next slot, reserved before, without links.
  Slot add() noexcept {
    const Slot slot = to_slot(size_++);
    lists_.add(slot);
    return slot;
  }
  /// Takes back the last slots; nothing links to them.
  void remove_last(std::size_t count) noexcept {
    for (; count > 0; --count) lists_.remove_last(to_slot(--size_));
  }

  /// A slot above the top level, or the first one, becomes the entry point. Called after it was linked.
  void promote(Slot slot) noexcept {
    const unsigned level = lists_.level_of(slot);
    if (slot != root() && level <= top_level_) return;
    entry_ = slot;
    top_level_ = level;
  }

  /// To be called before a list is written over; appending to it needs no call.
  /// Errors: std::bad_alloc while a log is kept, else none.
  void keep_list(Slot slot, unsigned level) {
    if (undo_) undo_->log.keep_list(lists_, slot, level);
  }
  /// To be called before a parent changes. Errors: as keep_list.
  void keep_parent(Slot slot) {
    if (undo_) undo_->log.keep_parent(lists_, slot);
  }

  /// From here on changes can be taken back. Errors: std::bad_alloc.
  void begin_undo() { undo_ = std::make_unique<Undo>(Undo{UndoLog(size_), size_, entry_, top_level_}); }
  /// Keeps the changes.
  void commit() noexcept { undo_.reset(); }
  /// Takes everything back since `begin_undo`. *Cost*: O(links).
  void roll_back() noexcept {
    undo_->log.restore(lists_);
    remove_last(size_ - undo_->size);
    entry_ = undo_->entry;
    top_level_ = undo_->top_level;
    undo_.reset();
  }

  /// With what is needed to take changes back, if that is kept.
  [[nodiscard]] HnswGraph clone() const {
    HnswGraph copy(M_, lists_.clone());
    copy.size_ = size_;
    copy.entry_ = entry_;
    copy.top_level_ = top_level_;
    if (undo_) copy.undo_ = std::make_unique<Undo>(*undo_);
    return copy;
  }

 private:
  struct Undo {
    UndoLog log;
    std::size_t size;
    Slot entry;
    unsigned top_level;
  };

  HnswGraph(std::size_t M, LinkLists lists) noexcept : M_(M), lists_(std::move(lists)) {}

  std::size_t M_;
  LinkLists lists_;
  std::size_t size_ = 0;
  Slot entry_{0};
  unsigned top_level_ = 0;
  std::unique_ptr<Undo> undo_;
};

}  // namespace shoal::inline v0::detail
