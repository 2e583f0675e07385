#pragma once
// The state of an HNSW graph (Malkov and Yashunin, arXiv 1603.09320): links by level, the entry point, and how many
// slots are linked. The algorithms on it are functions of their own: beam_search.hpp, link_round.hpp, tree.hpp,
// check.hpp. Whoever writes over a list or a parent calls `keep_…` first, so that the change can be taken back.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "shoal/core/slot_set.hpp"
#include "shoal/graph/link_lists.hpp"
#include "shoal/graph/undo_log.hpp"

namespace shoal::inline v0::detail {

class HnswGraph {
 public:
  HnswGraph(std::size_t M, std::uint64_t seed, std::size_t narrow_slots = LinkLists::most_narrow_slots) noexcept
      : M_(M), lists_(M, seed, narrow_slots) {}

  [[nodiscard]] std::size_t M() const noexcept { return M_; }
  /// Slots that have lists: 0 .. size() - 1, linked or free.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Slots that are linked. A free one has no links, none lead to it, and it can be added again.
  [[nodiscard]] std::size_t linked() const noexcept { return size_ - free_count_; }
  [[nodiscard]] bool is_linked(Slot slot) const noexcept {
    return to_index(slot) < size_ && (free_count_ == 0 || !free_.contains(slot));
  }
  [[nodiscard]] const LinkLists& lists() const noexcept { return lists_; }
  [[nodiscard]] LinkLists& lists() noexcept { return lists_; }

  /// Where a descent starts. Only when something was promoted.
  [[nodiscard]] Slot entry() const noexcept { return entry_; }
  [[nodiscard]] unsigned top_level() const noexcept { return top_level_; }
  /// The root of the tree, from which every linked slot can be reached on level 0: the first linked slot. Only when
  /// there is one.
  [[nodiscard]] Slot root() const noexcept { return root_; }

  /// Makes room for slots below `slots`. Errors: std::bad_alloc, nothing visible changed.
  void reserve(std::size_t slots) { lists_.reserve(slots); }

  /// Adds a slot without links: the next one, reserved before, or a free one.
  void add(Slot slot) noexcept {
    if (to_index(slot) == size_) {
      lists_.add(slot);
      ++size_;
    } else {
      free_.erase(slot);
      --free_count_;
      if (undo_) undo_->log.reuse(slot);
    }
    if (linked() == 1 || slot < root_) root_ = slot;
  }
  /// Takes slots back that were added last, when there were `size` slots; nothing links to them.
  void take_back(std::span<const Slot> slots, std::size_t size) noexcept {
    for (; size_ > size; --size_) lists_.remove_last(to_slot(size_ - 1));
    for (const Slot slot : slots) {
      if (to_index(slot) >= size) break;
      clear(slot);
      set_free(slot);
    }
    find_root();
  }

  /// Room to free slots. Errors: std::bad_alloc.
  void reserve_free() { free_.reserve(size_); }
  /// Slots that none lead to any more are free from here on, and lose their links. The entry point and the root move
  /// when they are among them; a root has no parent.
  void free(std::span<const Slot> slots) noexcept {
    for (const Slot slot : slots) {
      clear(slot);
      set_free(slot);
    }
    find_root();
    if (linked() == 0) {
      has_entry_ = false;
    } else {
      lists_.set_parent(root_, root_);
      if (!is_linked(entry_)) find_entry();
    }
  }

  /// A slot above the top level, or the first one, becomes the entry point. Called after it was linked.
  void promote(Slot slot) noexcept {
    const unsigned level = lists_.level_of(slot);
    if (has_entry_ && level <= top_level_) return;
    has_entry_ = true;
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

  /// From here on changes can be taken back, but that slots are freed. Errors: std::bad_alloc.
  void begin_undo() {
    undo_ = std::make_unique<Undo>(Undo{UndoLog(size_, free_count_ != 0), size_, entry_, top_level_, has_entry_});
  }
  /// Keeps the changes.
  void commit() noexcept { undo_.reset(); }
  /// Takes everything back since `begin_undo`. *Cost*: O(links).
  void roll_back() noexcept {
    undo_->log.restore(lists_);
    for (; size_ > undo_->size; --size_) lists_.remove_last(to_slot(size_ - 1));
    undo_->log.reused().for_each([this](Slot slot) { set_free(slot); });
    entry_ = undo_->entry;
    top_level_ = undo_->top_level;
    has_entry_ = undo_->has_entry;
    find_root();
    undo_.reset();
  }

  /// With what is needed to take changes back, if that is kept.
  [[nodiscard]] HnswGraph clone() const {
    HnswGraph copy(M_, lists_.clone());
    copy.size_ = size_;
    copy.free_ = free_;
    copy.free_count_ = free_count_;
    copy.root_ = root_;
    copy.has_entry_ = has_entry_;
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
    bool has_entry;
  };

  HnswGraph(std::size_t M, LinkLists lists) noexcept : M_(M), lists_(std::move(lists)) {}

  void set_free(Slot slot) noexcept {
    if (free_.contains(slot)) return;
    free_.insert(slot);
    ++free_count_;
  }
  void clear(Slot slot) noexcept {
    for (unsigned level = 0; level <= lists_.level_of(slot); ++level) lists_.clear_from(slot, level, 0);
    lists_.set_parent(slot, slot);
  }
  void find_root() noexcept {
    root_ = Slot{0};
    while (to_index(root_) < size_ && !is_linked(root_)) root_ = to_slot(to_index(root_) + 1);
  }
  /// The first linked slot on the highest level that has one.
  void find_entry() noexcept {
    entry_ = root_;
    top_level_ = lists_.level_of(root_);
    lists_.for_each_on(1, [this](Slot slot) {
      if (lists_.level_of(slot) <= top_level_ || !is_linked(slot)) return;
      entry_ = slot;
      top_level_ = lists_.level_of(slot);
    });
  }

  std::size_t M_;
  LinkLists lists_;
  std::size_t size_ = 0;
  SlotSet free_;
  std::size_t free_count_ = 0;
  Slot root_{0};
  bool has_entry_ = false;
  Slot entry_{0};
  unsigned top_level_ = 0;
  std::unique_ptr<Undo> undo_;
};

}  // namespace shoal::inline v0::detail
