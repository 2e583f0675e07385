#pragma once
// The entries of an index: encoded rows, their ids, and which slots have none. A slot is *live*; or *dead*: its entry
// was erased or replaced, and the structure may lead over it still; or *free*: neither, and it can be taken again.
//
// Putting one in has two steps: `stage` validates an item and writes it into a free row, where nothing can see it, and
// reserves what `publish` will need; `publish` makes it an entry and cannot fail.
//
// One thread changes entries while others ask which slots are live, and what is in them: what a slot holds does not
// change while it is live, nor after that until readers have ended (index/reclaim.hpp).

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/core/lock.hpp"
#include "shoal/core/shared.hpp"
#include "shoal/core/slot_set.hpp"
#include "shoal/graph/check.hpp"
#include "shoal/index/draft.hpp"
#include "shoal/index/id_map.hpp"
#include "shoal/index/memory_usage.hpp"
#include "shoal/index/options.hpp"
#include "shoal/index/vector_input.hpp"
#include "shoal/storage/storage.hpp"

namespace shoal::inline v0::detail {

/// Can the index's id type hold an id as it came?
template <class Id, class Value>
[[nodiscard]] constexpr bool fits(Value value) noexcept {
  static_assert(std::is_integral_v<Value> && !std::is_same_v<Value, bool>, "shoal: an id must be an integer");
  const auto id = static_cast<Id>(value);
  return (id < Id{}) == (value < Value{}) && static_cast<Value>(id) == value;
}

/// Converts an id as it came to the index's id type; one that does not fit is an error.
template <class Id, class Value>
[[nodiscard]] Expected<Id, Error> to_id(Value value) {
  static_assert(std::is_integral_v<Value> && !std::is_same_v<Value, bool>,
                "shoal: the first part of a batch item must be an integer id");
  if (fits<Id>(value)) return static_cast<Id>(value);
  return Unexpected<Error>(make_error(ErrorCode::id_out_of_range, "expected an id that fits the index's id type of ",
                                      sizeof(Id) * 8, std::is_signed_v<Id> ? " signed" : " unsigned", " bits, got ",
                                      value));
}

/// How many slots a file has, of each kind.
struct SlotCounts {
  std::size_t slots;
  std::size_t live;
  std::size_t free;
};

/// Do the sets agree with the counts? A free slot is gone.
[[nodiscard]] inline bool are_consistent(const SlotSet& gone, const SlotSet& free, const SlotCounts& counts) noexcept {
  bool all_gone = true;
  free.for_each([&](Slot slot) { all_gone &= gone.contains(slot); });
  return all_gone && gone.is_below(counts.slots) && gone.count() == counts.slots - counts.live &&
         free.count() == counts.free;
}

template <class Metric, VectorRows Rows, class Id>
class Entries {
 public:
  Entries(std::size_t dimensions, std::size_t max_elements) : Entries(dimensions, max_elements, Rows(dimensions)) {}
  /// The same over rows that are more than `Rows(dimensions)` and hold nothing yet.
  Entries(std::size_t dimensions, std::size_t max_elements, Rows rows)
      : dimensions_(dimensions), max_elements_(max_elements), rows_(std::move(rows)) {}

  [[nodiscard]] std::size_t dimensions() const noexcept { return dimensions_; }
  [[nodiscard]] std::size_t max_elements() const noexcept { return max_elements_; }
  [[nodiscard]] const Rows& rows() const noexcept { return rows_; }
  /// Entries that can be found.
  [[nodiscard]] std::size_t live() const noexcept { return live_.load(); }
  /// Slots used: live, dead or free.
  [[nodiscard]] std::size_t slots() const noexcept { return slots_.load(); }
  [[nodiscard]] std::size_t dead() const noexcept { return slots() - live() - free_count_; }
  [[nodiscard]] std::size_t free() const noexcept { return free_count_; }
  [[nodiscard]] bool is_live(Slot slot) const noexcept { return to_index(slot) < slots() && !gone_.contains(slot); }
  /// Of a slot that was found to be live since the caller began.
  [[nodiscard]] Id id_of(Slot slot) const noexcept { return ids_[to_index(slot)]; }
  [[nodiscard]] std::optional<Slot> find(Id id) const noexcept {
    return table_lock_([&] { return table_.find(id, ids_); });
  }
  /// Calls visit(slot) for each of the ids, as numbers without sign, that is there.
  template <class Visit>
  void find_each(std::span<const std::uint64_t> ids, const Visit& visit) const {
    constexpr std::size_t at_once = 64;  // a writer may get in between
    for (; !ids.empty(); ids = ids.subspan(std::min(at_once, ids.size()))) {
      table_lock_([&] {
        for (const std::uint64_t id : ids.first(std::min(at_once, ids.size()))) {
          if (static_cast<std::uint64_t>(static_cast<Id>(id)) != id) continue;
          if (const auto slot = table_.find(static_cast<Id>(id), ids_)) visit(*slot);
        }
      });
    }
  }
  /// Changes whenever an entry is replaced; odd while a search may find it under two slots.
  [[nodiscard]] std::size_t replaced() const noexcept { return replacements_.load(); }
  /// Can nothing have been found twice since `replaced` gave `before`?
  [[nodiscard]] bool found_once_since(std::size_t before) const noexcept {
    return before % 2 == 0 && replaced() == before;
  }

  /// Makes room for `entries` in all. Errors: std::bad_alloc, nothing visible changed.
  void reserve(std::size_t entries) {
    reserve_slots(entries);
    reserve_table(entries);
  }

  /// Room for a vector that has to be converted or scaled. Errors: std::bad_alloc.
  void reserve_input() { input_.reserve(dimensions_); }

  /// What `stage` did. A duplicate was not staged: `is_staged` says whether its id came before in this round.
  enum class Staged : std::uint8_t { taken, passed_over, duplicate };

  /// A vector that is fit to be kept, in `input_` or where it came from. What the caller's vector throws comes through.
  template <VectorInput V>
  [[nodiscard]] Expected<std::span<const float>, Error> admit(V&& vector) {
    return admit_vector<Metric>(std::forward<V>(vector), dimensions_, input_);
  }

  /// Writes an admitted vector into the next free slot. Errors: capacity_exceeded; std::bad_alloc. Then nothing was
  /// staged.
  [[nodiscard]] Expected<Staged, Error> stage(Id id, std::span<const float> vector, OnDuplicate on_duplicate) {
    const Slot slot = next_slot();
    const std::size_t next = to_index(slot);
    const bool is_new = !find(id) && !is_staged(id);
    if (!is_new) {
      if (on_duplicate == OnDuplicate::skip) return Staged::passed_over;
      if (on_duplicate == OnDuplicate::fail) return Staged::duplicate;
      gone_.reserve(std::max(next + 1, slots()));
      const std::size_t replacing = staged() - staged_new_ + 1;  // this item and those staged before
      if (keeps_undo_ && replacing > replaced_.capacity()) replaced_.reserve(2 * replacing);
    }
    const std::size_t live_then = live() + staged_new_ + (is_new ? 1 : 0);
    if (max_elements_ != 0 && live_then > max_elements_) {
      return Unexpected<Error>(make_error(ErrorCode::capacity_exceeded, "expected at most max_elements = ",
                                          max_elements_, " entries, id ", id, " would be one more"));
    }
    if (next >= max_slots) {
      return Unexpected<Error>(
          make_error(ErrorCode::capacity_exceeded, "expected at most ", max_slots, " slots, all are used"));
    }
    reserve_slots(next + 1);
    reserve_table(live_then);
    staged_table_.reserve(staged() + 1, ids_);
    if (round_.size() == round_.capacity()) round_.reserve(2 * round_.size() + 64);
    ids_[next] = id;
    rows_.write(slot, vector);
    draft_.write(slot, vector);
    round_.push_back(slot);
    if (is_new) ++staged_new_;
    staged_table_.put(slot, ids_);
    return Staged::taken;
  }

  /// Slots that are staged, in order.
  [[nodiscard]] std::span<const Slot> staged_slots() const noexcept {
    return std::span<const Slot>(round_).subspan(published_);
  }
  [[nodiscard]] std::size_t staged() const noexcept { return round_.size() - published_; }
  [[nodiscard]] bool is_staged(Id id) const noexcept { return staged_table_.find(id, ids_).has_value(); }
  /// Slots of the round, published or staged, in order. While undo is kept, of the batch.
  [[nodiscard]] std::span<const Slot> round_slots() const noexcept { return round_; }
  /// How many of them are published.
  [[nodiscard]] std::size_t published() const noexcept { return published_; }
  /// Slots there will be when what is staged is published, and one more.
  [[nodiscard]] std::size_t slots_for_one_more() const noexcept {
    return std::max(slots(), std::min(to_index(next_slot()) + 1, max_slots));
  }

  /// The first staged slot becomes an entry. The entry that had its id before is dead from here on.
  void publish() noexcept {
    const Slot slot = round_[published_++];
    const std::optional<Slot> before = put(slot);
    if (before) count_replacement();  // told before there are two of them
    if (to_index(slot) == slots()) {
      slots_.store(slots() + 1);
    } else {
      gone_.erase(slot);
      free_.erase(slot);
      --free_count_;
    }
    if (!before) {
      --staged_new_;
      return;
    }
    gone_.insert(*before);
    count_replacement();
    if (keeps_undo_) replaced_.push_back({slot, *before});
  }

  /// What was staged is published, or is dropped.
  void end_round() noexcept {
    round_.clear();
    published_ = 0;
    staged_new_ = 0;
    staged_table_.clear();
    if constexpr (SketchedRows<Rows>) rows_.settle(slots());
  }

  /// A batch begins. With `keep_undo`, what is published can be taken back.
  void begin_batch(bool keep_undo) noexcept {
    keeps_undo_ = keep_undo;
    batch_first_ = slots();
  }

  // ---- taking out --------------------------------------------------------------------------------------------------

  /// Room to erase. Errors: std::bad_alloc, nothing changed.
  void reserve_erase() { gone_.reserve(slots()); }
  /// The entry of `id`, for which room was made, is dead from here on; false when there is none.
  bool erase(Id id) noexcept {
    const std::optional<Slot> slot = find(id);
    if (!slot) return false;
    gone_.insert(*slot);
    take_out(id);
    return true;
  }
  /// The dead slots, in order. Errors: std::bad_alloc.
  [[nodiscard]] std::vector<Slot> dead_slots() const {
    std::vector<Slot> dead;
    dead.reserve(this->dead());
    gone_.for_each([&](Slot slot) {
      if (!free_.contains(slot)) dead.push_back(slot);
    });
    return dead;
  }
  /// Room to free slots. Errors: std::bad_alloc, nothing changed.
  void reserve_free() { free_.reserve(slots()); }
  /// Dead slots that the structure has let go are free from here on.
  void free(std::span<const Slot> dead) noexcept {
    for (const Slot slot : dead) free_.insert(slot);
    free_count_ += dead.size();
  }
  /// Where each slot goes when live ones close up, in order; `gone` for the others. Errors: std::bad_alloc.
  [[nodiscard]] std::vector<Slot> closed_up(Slot gone) const {
    std::vector<Slot> to(slots(), gone);
    std::size_t next = 0;
    for (std::size_t i = 0; i < to.size(); ++i) {
      if (is_live(to_slot(i))) to[i] = to_slot(next++);
    }
    return to;
  }
  /// Live slots move to `to[slot]`, in order; none is dead. Gives memory back. Nobody reads.
  void renumber(std::span<const Slot> to, Slot gone) noexcept {
    for (std::size_t i = 0; i < to.size(); ++i) {
      if (to[i] == gone || to_index(to[i]) == i) continue;
      rows_.move(to_slot(i), to[i]);
      ids_[to_index(to[i])] = ids_[i];
    }
    slots_.store(live());
    rows_.shrink(slots());
    ids_.shrink(slots());
    table_lock_([&] { table_.renumber(to, ids_); });
    gone_ = SlotSet();
    free_ = SlotSet();
    free_count_ = 0;
  }

  /// The batch is linked by codes, if there are any for these rows. Errors: std::bad_alloc.
  void begin_draft() { draft_.begin(rows_, dimensions_, slots()); }
  /// The codes to link by, or null.
  [[nodiscard]] auto draft() const noexcept { return draft_.rows(); }

  /// The batch ends, and what was published stays.
  void end_batch() noexcept {
    keeps_undo_ = false;
    draft_.end();
    std::vector<Replaced>().swap(replaced_);
    end_round();
    if (staged_table_.memory_bytes() > 1'024) staged_table_ = {};  // that of a small batch waits for the next
    if (round_.capacity() > 1'024) std::vector<Slot>().swap(round_);
  }
  /// The batch ends, and nothing of it stays. Its slots must not be written before readers have ended, which the
  /// structure's `roll_back` waits for.
  void roll_back() noexcept {
    count_replacement();  // what was replaced comes back
    while (published_ > 0) {
      const Slot slot = round_[--published_];
      if (!replaced_.empty() && replaced_.back().slot == slot) {
        gone_.erase(replaced_.back().before);
        put(replaced_.back().before);
        replaced_.pop_back();
      } else {
        take_out(ids_[to_index(slot)]);
      }
      if (to_index(slot) >= batch_first_) {
        slots_.store(to_index(slot));
      } else {
        gone_.insert(slot);
        free_.insert(slot);
        ++free_count_;
      }
    }
    count_replacement();
    end_batch();
  }

  void add_memory(MemoryUsage& usage) const noexcept {
    usage.vectors += rows_.memory_bytes();
    usage.ids += ids_.memory_bytes() + table_.memory_bytes() + gone_.memory_bytes() + free_.memory_bytes();
    usage.scratch += round_.capacity() * sizeof(Slot) + input_.capacity() * sizeof(float) +
                     staged_table_.memory_bytes() + replaced_.capacity() * sizeof(Replaced) + draft_.memory_bytes();
  }
  static void add_estimate(MemoryUsage& usage, std::size_t dimensions, std::size_t entries) noexcept {
    usage.vectors += Rows::estimate_bytes(dimensions, entries);
    usage.ids += IdsBySlot<Id>::estimate_bytes(entries) + SlotTable<Id>::estimate_bytes(entries);
  }

  /// Adds what is wrong with the way from ids to slots and back.
  void check(CheckReport& report) const {
    std::size_t live = 0;
    for (std::size_t i = 0; i < slots(); ++i) {
      if (gone_.contains(to_slot(i))) continue;
      ++live;
      if (find(ids_[i]) != to_slot(i)) add_fault(report, "slot ", i, ": its id ", ids_[i], " leads elsewhere");
    }
    if (live != table_.size()) add_fault(report, "the id table has ", table_.size(), " entries, expected ", live);
  }

  /// Writes ids, which slots are gone and free, the way from ids to slots, and the rows. Nobody changes them. Errors:
  /// std::bad_alloc.
  template <OutArchive Out>
  void save(Out& out) const {
    ids_.save(out, SectionKind::ids, slots());
    gone_.save(out, SectionKind::gone, slots());
    free_.save(out, SectionKind::free, slots());
    SlotTable<Id>::of_live(ids_, gone_, slots(), live())->save(out);
    rows_.save(out, slots());
  }
  /// Reads them, and believes nothing: every id is found again, every row is one that a vector gives. There were none.
  /// Errors: std::bad_alloc.
  template <InArchive In>
  [[nodiscard]] bool load(In& in, const SlotCounts& counts) {
    if (!ids_.load(in, SectionKind::ids, counts.slots)) return false;
    if (!gone_.load(in, SectionKind::gone, counts.slots) || !free_.load(in, SectionKind::free, counts.slots)) {
      return false;
    }
    if (!are_consistent(gone_, free_, counts))
      return in.refuse("which slots are gone and free does not fit the counts");
    if (!load_table(in, counts) || !rows_.load(in, counts.slots)) return false;
    for (std::size_t i = 0; i < counts.slots; ++i) {
      if (!rows_.is_sound(to_slot(i))) return in.refuse("slot ", i, ": no vector is kept like that");
    }
    free_count_ = counts.free;
    slots_.store(counts.slots);
    live_.store(counts.live);
    return true;
  }
  [[nodiscard]] const SlotSet& free_slots() const noexcept { return free_; }

  [[nodiscard]] Entries clone() const {
    Entries copy(dimensions_, max_elements_);
    copy.rows_ = rows_.clone();
    copy.ids_ = ids_.clone();
    copy.table_ = table_;
    copy.gone_ = gone_;
    copy.free_ = free_;
    copy.free_count_ = free_count_;
    copy.slots_ = slots_;
    copy.live_ = live_;
    return copy;
  }

 private:
  /// Where the next item is staged: a free slot that is not staged, or one that was never used.
  [[nodiscard]] Slot next_slot() const noexcept {
    const std::size_t from = staged() == 0 ? 0 : to_index(round_.back()) + 1;
    if (free_count_ != 0 && from < slots()) {
      if (const auto slot = free_.first_from(from)) return *slot;
    }
    return to_slot(std::max(from, slots()));
  }
  void reserve_slots(std::size_t slots) {
    rows_.reserve(slots);
    draft_.reserve(slots);
    ids_.reserve(slots);
  }

  /// Makes the table from the ids; the file has the same.
  template <InArchive In>
  [[nodiscard]] bool load_table(In& in, const SlotCounts& counts) {
    const std::size_t rows = SlotTable<Id>::rows_for(counts.live);
    if (!in.begin(SectionKind::id_table, sizeof(std::uint32_t), rows)) return false;
    std::vector<std::uint32_t> places(rows);
    if (!in.read(places.data(), rows * sizeof(std::uint32_t)) || !in.end()) return false;
    auto table = SlotTable<Id>::of_live(ids_, gone_, counts.slots, counts.live);
    if (!table) return in.refuse("two slots have one id");
    if (!table->has_places(places.data())) return in.refuse("the table of ids is not that of the ids");
    table_.swap(*table);
    return true;
  }

  // The table is looked up by readers, and changed by one thread: each in a step of its own.
  void reserve_table(std::size_t entries) {
    if (table_.has_room(entries)) return;
    SlotTable<Id> larger = table_.with_room(entries, ids_);  // while readers look into the one there is
    table_lock_([&] { table_.swap(larger); });
  }
  std::optional<Slot> put(Slot slot) noexcept {
    const std::optional<Slot> before = table_lock_([&] { return table_.put(slot, ids_); });
    live_.store(table_.size());
    return before;
  }
  void count_replacement() noexcept { replacements_.store(replacements_.load() + 1); }
  void take_out(Id id) noexcept {
    table_lock_([&] { table_.erase(id, ids_); });
    live_.store(table_.size());
  }

  struct Replaced {
    Slot slot;
    Slot before;
  };

  std::size_t dimensions_;
  std::size_t max_elements_;
  Rows rows_;
  IdsBySlot<Id> ids_;
  SlotTable<Id> table_;
  Lock table_lock_;
  SlotSet gone_;  // slots that are dead or free
  SlotSet free_;
  std::size_t free_count_ = 0;
  Shared<std::size_t> slots_{0};
  Shared<std::size_t> live_{0};  // of the table
  Shared<std::size_t> replacements_{0};

  Draft<Rows> draft_;           // only while a batch runs that wants one
  std::vector<float> input_;    // scratch of admit
  std::vector<Slot> round_;     // slots of the round, or of the batch while undo is kept
  std::size_t published_ = 0;   // of them
  std::size_t staged_new_ = 0;  // staged items whose id is not in the index
  bool keeps_undo_ = false;
  std::size_t batch_first_ = 0;     // slots used when the batch began
  SlotTable<Id> staged_table_;      // items of the round, or of the batch while undo is kept
  std::vector<Replaced> replaced_;  // only while undo is kept, in order
};

}  // namespace shoal::inline v0::detail
