#pragma once
// The state of an HNSW graph (Malkov and Yashunin, arXiv 1603.09320): links by level, the entry point, and how many
// slots are linked. The algorithms on it are functions of their own: beam_search.hpp, insert.hpp, check.hpp. All
// changes of a list go through `edit`, so that an all-or-nothing batch can take them back.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "shoal/graph/link_lists.hpp"
#include "shoal/graph/undo_log.hpp"

namespace shoal::inline v0::detail {

class HnswGraph {
 public:
  HnswGraph(std::size_t M, std::uint64_t seed) noexcept : M_(M), lists_(M, seed) {}

  [[nodiscard]] std::size_t M() const noexcept { return M_; }
  /// Slots that are linked: 0 .. size() - 1.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const LinkLists& lists() const noexcept { return lists_; }

  /// Where a descent starts. Only when size() > 0.
  [[nodiscard]] Slot entry() const noexcept { return entry_; }
  [[nodiscard]] unsigned top_level() const noexcept { return top_level_; }
  /// The root of the tree of child links: from it, every slot can be reached on level 0.
  [[nodiscard]] static constexpr Slot root() noexcept { return Slot{0}; }

  /// Makes room for slots below `slots`. Errors: std::bad_alloc, nothing visible changed.
  void reserve(std::size_t slots) { lists_.reserve(slots); }

  /// Adds the next slot, reserved before, without links.
  Slot add() noexcept {
    const Slot slot = to_slot(size_++);
    lists_.add(slot);
    return slot;
  }

  /// A slot above the top level becomes the entry point. Called after it was linked.
  void promote(Slot slot) noexcept {
    const unsigned level = lists_.level_of(slot);
    if (size_ > 1 && level <= top_level_) return;
    entry_ = slot;
    top_level_ = level;
  }

  /// The places of a list, to be changed. Errors: std::bad_alloc while a log is kept, else none.
  [[nodiscard]] std::span<Link> edit(Slot slot, unsigned level) {
    if (undo_) undo_->log.keep(lists_, slot, level);
    return lists_.places(slot, level);
  }

  /// From here on changes can be taken back. Errors: std::bad_alloc.
  void begin_undo() { undo_ = std::make_unique<Undo>(Undo{UndoLog(size_), size_, entry_, top_level_}); }
  /// Keeps the changes.
  void commit() noexcept { undo_.reset(); }
  /// Takes everything back since `begin_undo`.
  void roll_back() noexcept {
    undo_->log.restore(lists_);
    while (size_ > undo_->size) lists_.remove_last(to_slot(--size_));
    entry_ = undo_->entry;
    top_level_ = undo_->top_level;
    undo_.reset();
  }

  [[nodiscard]] HnswGraph clone() const {
    HnswGraph copy(M_, lists_.clone());
    copy.size_ = size_;
    copy.entry_ = entry_;
    copy.top_level_ = top_level_;
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
