#pragma once
// The state of an HNSW graph (Malkov and Yashunin, arXiv 1603.09320): links by level, the entry point, and how many
// slots are linked. The algorithms on it are functions of their own: beam_search.hpp, link_round.hpp, unlink.hpp,
// tree.hpp, check.hpp. Whoever writes over a list or a parent calls `keep_…` first, so that the change can be taken
// back.
//
// One thread changes a graph while others walk over it: from the entry point and the root along links, and along
// nothing else. So what is taken away is first made unreachable for those who begin; then all who had begun are waited
// for (`let_readers_end`); then the counts of slots go back, where they do; then those who may have looked at a count
// are waited for. Only after that may a row or a list be written again.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "shoal/core/archive.hpp"
#include "shoal/core/readers.hpp"
#include "shoal/core/shared.hpp"
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
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(); }
  /// Slots that are linked. A free one has no links, none lead to it, and it can be added again.
  [[nodiscard]] std::size_t linked() const noexcept { return linked_.load(); }
  [[nodiscard]] bool is_linked(Slot slot) const noexcept {
    return to_index(slot) < size() && (linked() == size() || !free_.contains(slot));
  }
  [[nodiscard]] const LinkLists& lists() const noexcept { return lists_; }
  [[nodiscard]] LinkLists& lists() noexcept { return lists_; }

  /// Where a descent starts: a slot on the top level; `no_slot` when none was promoted.
  [[nodiscard]] Slot entry() const noexcept { return entry_.load(); }
  static constexpr Slot no_slot{0xFFFF'FFFFU};
  [[nodiscard]] unsigned top_level() const noexcept { return entry() == no_slot ? 0 : lists_.level_of(entry()); }
  /// The root of the tree, from which every linked slot can be reached on level 0: the first linked slot. Only when
  /// there is one.
  [[nodiscard]] Slot root() const noexcept { return root_.load(); }

  /// Whom to wait for before what was taken away is used again; nobody by default.
  void set_readers(Readers* readers) noexcept { readers_ = readers; }

  /// Makes room for slots below `slots`. Errors: std::bad_alloc, nothing visible changed.
  void reserve(std::size_t slots) {
    if (!lists_.reserve(slots)) return;
    let_readers_end();
    lists_.drop_narrow();
  }

  /// Adds a slot without links: the next one, reserved before, or a free one.
  void add(Slot slot) noexcept {
    if (to_index(slot) == size()) {
      lists_.add(slot);
      size_.store(size() + 1);
    } else {
      free_.erase(slot);
      if (undo_) undo_->log.reuse(slot);
    }
    linked_.store(linked() + 1);
    if (linked() == 1 || slot < root()) root_.store(slot);
  }
  /// Adds the next slot with a level of its own, for graphs that were made elsewhere. Nobody reads.
  /// Errors: std::bad_alloc, nothing visible changed.
  void add_at_level(Slot slot, unsigned level) {
    lists_.add_at_level(slot, level);
    size_.store(size() + 1);
    linked_.store(linked() + 1);
  }
  /// Takes slots back that were added last, when there were `size` slots; nothing ever linked to them, but one may have
  /// been the root. Waits for readers.
  void take_back(std::span<const Slot> slots, std::size_t size) noexcept {
    const auto reused = slots.first(
        static_cast<std::size_t>(std::lower_bound(slots.begin(), slots.end(), to_slot(size)) - slots.begin()));
    for (const Slot slot : reused) set_free(slot);
    find_root();
    remove_from(size);
    let_readers_end();
    for (const Slot slot : reused) clear(slot);
  }

  /// Room to free slots. Errors: std::bad_alloc.
  void reserve_free() { free_.reserve(size()); }
  /// Slots that none lead to any more are free from here on. The entry point and the root move when they are among
  /// them; a root has no parent. Their links remain, for who is there still, until `clear`.
  void free(std::span<const Slot> slots) noexcept {
    for (const Slot slot : slots) set_free(slot);
    find_root();
    if (linked() == 0) {
      entry_.store(no_slot);
    } else {
      lists_.set_parent(root(), root());
      if (!is_linked(entry())) find_entry();
    }
  }
  /// Free slots lose their links. Waits for readers.
  void clear(std::span<const Slot> slots) noexcept {
    let_readers_end();
    for (const Slot slot : slots) clear(slot);
  }

  /// Linked slots move to `to[slot]`, in order, so that none is free; `no_slot` stands for free ones. Gives memory
  /// back. Nobody reads, and no undo log is kept. *Cost*: O(links).
  void renumber(std::span<const Slot> to) noexcept {
    if (entry() != no_slot) entry_.store(to[to_index(entry())]);
    lists_.renumber(to.first(size()), linked(), no_slot);
    root_.store(Slot{0});
    size_.store(linked());
    free_ = SlotSet();
  }

  /// A slot above the top level, or the first one, becomes the entry point. Called after it was linked.
  void promote(Slot slot) noexcept {
    if (entry() == no_slot || lists_.level_of(slot) > top_level()) entry_.store(slot);
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
  void begin_undo() { undo_ = std::make_unique<Undo>(Undo{UndoLog(size(), linked() != size()), size(), entry()}); }
  [[nodiscard]] bool keeps_undo() const noexcept { return undo_ != nullptr; }
  /// Keeps the changes.
  void commit() noexcept { undo_.reset(); }
  /// Takes everything back since `begin_undo`. Waits for readers. *Cost*: O(links).
  void roll_back() noexcept {
    undo_->log.restore(lists_);
    entry_.store(undo_->entry);
    const SlotSet& reused = undo_->log.reused();
    Slot root{0};
    while (to_index(root) < undo_->size && (free_.contains(root) || reused.contains(root))) {
      root = to_slot(to_index(root) + 1);
    }
    root_.store(to_index(root) < undo_->size ? root : Slot{0});
    let_readers_end();  // nobody is at a slot of the batch
    remove_from(undo_->size);
    let_readers_end();  // nor looks for one among those that reach up
    reused.for_each([this](Slot slot) {
      clear(slot);
      set_free(slot);
    });
    undo_.reset();
  }

  /// Writes the graph, without what is needed to take changes back, and without which slots are free: entries do that.
  template <OutArchive Out>
  void save(Out& out) const {
    const State state{static_cast<std::uint32_t>(entry()), static_cast<std::uint32_t>(root()), lists_.word_bytes(), 0};
    out.begin(SectionKind::graph, sizeof(State), 1);
    out.write(&state, sizeof(state));
    lists_.save(out, size());
  }
  /// Reads a graph of `slots` slots, of which those of `free` are, or points at it. It was empty. What comes is not
  /// checked but for where walks begin: `check_graph` does the rest. Errors: std::bad_alloc.
  template <InArchive In>
  [[nodiscard]] bool load(In& in, std::size_t slots, SlotSet free, std::size_t free_count) {
    State state;
    if (!in.begin(SectionKind::graph, sizeof(State), 1) || !in.read(&state, sizeof(state)) || !in.end()) return false;
    const bool is_empty = slots == free_count;
    if (is_empty ? state.entry != to_index(no_slot) || state.root != 0 : state.entry >= slots || state.root >= slots) {
      return in.refuse("entry point ", state.entry, " and root ", state.root, " of ", slots, " slots cannot be");
    }
    if (state.zero != 0) return in.refuse("what has to be zero in the graph is not");
    if (!lists_.load(in, slots, state.word_bytes)) return false;
    free_ = std::move(free);
    size_.store(slots);
    linked_.store(slots - free_count);
    root_.store(Slot{state.root});
    entry_.store(Slot{state.entry});
    return true;
  }

  /// With what is needed to take changes back, if that is kept.
  [[nodiscard]] HnswGraph clone() const {
    HnswGraph copy(M_, lists_.clone());
    copy.size_ = size_;
    copy.linked_ = linked_;
    copy.free_ = free_;
    copy.root_ = root_;
    copy.entry_ = entry_;
    if (undo_) copy.undo_ = std::make_unique<Undo>(*undo_);
    return copy;
  }

 private:
  struct Undo {
    UndoLog log;
    std::size_t size;
    Slot entry;
  };

  /// The section `graph`.
  struct State {
    std::uint32_t entry;       // all ones: none
    std::uint32_t root;        // 0 when no slot is linked
    std::uint32_t word_bytes;  // 2 or 4
    std::uint32_t zero;
  };

  HnswGraph(std::size_t M, LinkLists lists) noexcept : M_(M), lists_(std::move(lists)) {}

  void let_readers_end() noexcept {
    if (readers_ != nullptr) readers_->wait();
  }
  /// Takes back all slots from `size` on.
  void remove_from(std::size_t size) noexcept {
    for (; size_.load() > size; size_.store(size_.load() - 1)) {
      lists_.remove_last(to_slot(size_.load() - 1));
      linked_.store(linked() - 1);
    }
  }
  void set_free(Slot slot) noexcept {
    if (free_.contains(slot)) return;
    free_.insert(slot);
    linked_.store(linked() - 1);
  }
  void clear(Slot slot) noexcept {
    for (unsigned level = 0; level <= lists_.level_of(slot); ++level) lists_.clear_from(slot, level, 0);
    lists_.set_parent(slot, slot);
  }
  void find_root() noexcept {
    Slot root{0};
    while (to_index(root) < size() && !is_linked(root)) root = to_slot(to_index(root) + 1);
    root_.store(to_index(root) < size() ? root : Slot{0});  // when there is none, a reader may look at it still
  }
  /// The first linked slot on the highest level that has one.
  void find_entry() noexcept {
    Slot entry = root();
    unsigned top_level = lists_.level_of(entry);
    lists_.for_each_on(1, [&](Slot slot) {
      if (lists_.level_of(slot) <= top_level || !is_linked(slot)) return;
      entry = slot;
      top_level = lists_.level_of(slot);
    });
    entry_.store(entry);
  }

  std::size_t M_;
  LinkLists lists_;
  Shared<std::size_t> size_{0};
  Shared<std::size_t> linked_{0};
  SlotSet free_;
  Shared<Slot> root_{Slot{0}};
  Shared<Slot> entry_{no_slot};
  std::unique_ptr<Undo> undo_;
  Readers* readers_ = nullptr;
};

}  // namespace shoal::inline v0::detail
