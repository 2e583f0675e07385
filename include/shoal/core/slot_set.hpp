#pragma once
// Sets of slots. SlotSet has a bit for each slot, and may be read while one thread changes it; VisitedSet a byte, with
// the round of a slot's last visit, so that it forgets everything by counting rounds, and is wiped once in 255. Bits,
// and a log of the words that were touched, made a walk over 128-d rows 14 % slower.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "shoal/core/archive.hpp"
#include "shoal/core/growing_array.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/core/shared.hpp"
#include "shoal/core/slot.hpp"

namespace shoal::inline v0::detail {

class SlotSet {
  using Word = std::size_t;  // as wide as can be written whole
  static constexpr std::size_t bits = sizeof(Word) * 8;

 public:
  /// Makes room for slots below `slots`. Errors: std::bad_alloc, nothing changed.
  void reserve(std::size_t slots) {
    const std::size_t words = (slots + bits - 1) / bits;
    words_.reserve(words);
    while (words_.size() < words) words_.push_back(0);
  }
  [[nodiscard]] bool contains(Slot slot) const noexcept {
    return to_index(slot) / bits < words_.size() &&
           ((load_shared(words_[to_index(slot) / bits]) >> (to_index(slot) % bits)) & 1) != 0;
  }
  /// The first member that is `from` or later. *Cost*: O(how far it is / 64).
  [[nodiscard]] std::optional<Slot> first_from(std::size_t from) const noexcept {
    for (std::size_t i = from / bits; i < words_.size(); ++i) {
      const Word below = i == from / bits ? (Word{1} << (from % bits)) - 1 : 0;
      if (const Word word = words_[i] & ~below) {
        return to_slot(i * bits + static_cast<std::size_t>(std::countr_zero(word)));
      }
    }
    return std::nullopt;
  }
  /// Calls visit(slot) for each member, in order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (auto slot = first_from(0); slot; slot = first_from(to_index(*slot) + 1)) visit(*slot);
  }
  void insert(Slot slot) noexcept { write(slot, true); }
  void erase(Slot slot) noexcept { write(slot, false); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return words_.memory_bytes(); }

  /// Writes the members below `slots` as a section: 8 bytes for 64 slots, the lowest slot the lowest bit; no rows when
  /// there are none.
  template <OutArchive Out>
  void save(Out& out, SectionKind kind, std::size_t slots) const {
    const auto first = first_from(0);
    const std::size_t rows = first && to_index(*first) < slots ? rows_for(slots) : 0;
    out.begin(kind, row_bytes, rows);
    for (std::size_t row = 0; row < rows; ++row) {
      std::uint64_t word = 0;
      for (std::size_t i = 0; i < row_bytes / sizeof(Word); ++i) {
        const std::size_t at = row * (row_bytes / sizeof(Word)) + i;
        if (at < words_.size()) word |= std::uint64_t{words_[at]} << (i * bits);
      }
      if (row + 1 == rows && slots % 64 != 0) word &= (std::uint64_t{1} << (slots % 64)) - 1;
      out.write(&word, row_bytes);
    }
  }
  /// Reads it, or points at it. The set was empty. Errors: std::bad_alloc.
  template <InArchive In>
  [[nodiscard]] bool load(In& in, SectionKind kind, std::size_t slots) {
    const std::size_t rows = in.rows_of_next(kind, row_bytes) == 0 ? 0 : rows_for(slots);
    if (!in.begin(kind, row_bytes, rows)) return false;
    if constexpr (In::is_mapped) {
      words_.borrow(reinterpret_cast<const Word*>(in.take(rows * row_bytes)), rows * (row_bytes / sizeof(Word)));
    } else if (rows != 0) {
      reserve(rows * 64);
      if (!in.read(words_.data(), rows * row_bytes)) return false;
    }
    return in.end();
  }
  /// Members; none may be `slots` or later for this to be true of a set that was loaded.
  [[nodiscard]] bool is_below(std::size_t slots) const noexcept { return !first_from(slots); }
  [[nodiscard]] std::size_t count() const noexcept {
    std::size_t count = 0;
    for (std::size_t i = 0; i < words_.size(); ++i) count += static_cast<std::size_t>(std::popcount(words_[i]));
    return count;
  }

 private:
  static constexpr std::size_t row_bytes = 8;
  [[nodiscard]] static constexpr std::size_t rows_for(std::size_t slots) noexcept { return (slots + 63) / 64; }

  void write(Slot slot, bool is_member) noexcept {
    Word& word = words_[to_index(slot) / bits];
    const Word bit = Word{1} << (to_index(slot) % bits);
    store_shared(word, is_member ? word | bit : word & ~bit);
  }

  GrowingArray<Word> words_;
};

class VisitedSet {
 public:
  /// Makes room for slots below `slots`. Errors: std::bad_alloc, nothing changed.
  void reserve(std::size_t slots) {
    if (slots <= marks_.size()) return;
    constexpr std::size_t step = 4'096;
    marks_.resize((std::max(slots, marks_.size() + marks_.size() / 2) + step - 1) / step * step);
  }

  /// Enters slots while the set is not touched otherwise: what it needs for that, to be held in registers.
  class Marks {
   public:
    /// Enters `slot`. True when it was not in before. Without a branch: whether a neighbour was seen cannot be
    /// foretold.
    SHOAL_ALWAYS_INLINE bool insert(Slot slot) const noexcept {
      const bool is_first = marks_[to_index(slot)] != round_;
      marks_[to_index(slot)] = round_;
      return is_first;
    }

   private:
    friend VisitedSet;
    Marks(std::uint8_t* marks, std::uint8_t round) noexcept : marks_(marks), round_(round) {}
    std::uint8_t* marks_;
    std::uint8_t round_;
  };
  [[nodiscard]] Marks marks() noexcept { return {marks_.data(), round_}; }
  bool insert(Slot slot) noexcept { return marks().insert(slot); }

  void clear() noexcept {
    if (++round_ != 0) return;
    std::fill(marks_.begin(), marks_.end(), std::uint8_t{0});
    round_ = 1;
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept { return marks_.capacity(); }

 private:
  std::vector<std::uint8_t> marks_;  // the round in which a slot was entered last, 0 before
  std::uint8_t round_ = 1;
};

}  // namespace shoal::inline v0::detail
