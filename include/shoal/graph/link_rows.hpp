#pragma once
// The rows that links lie in, in words of one width. A word is a slot, or all ones for a free place: 2 bytes while
// slots are below 65,535, 4 bytes from then on. Which width is in use, and which row is whose, is said in
// link_lists.hpp.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include "shoal/core/chunked_rows.hpp"
#include "shoal/core/slot.hpp"

namespace shoal::inline v0::detail {

template <class Word>
inline constexpr Word free_place = std::numeric_limits<Word>::max();

template <class Word>
[[nodiscard]] Word* link_words(std::byte* row) noexcept {
  return reinterpret_cast<Word*>(row);
}
template <class Word>
[[nodiscard]] const Word* link_words(const std::byte* row) noexcept {
  return reinterpret_cast<const Word*>(row);
}

/// Lists of level 0 by slot, those above it in order of arrival, and the parents by slot.
struct LinkRows {
  LinkRows(std::size_t M, std::size_t word_bytes) noexcept
      : base(2 * M * word_bytes), upper(M * word_bytes), parents(word_bytes) {}

  /// Slots that 2-byte words can tell apart, besides the free place.
  static constexpr std::size_t most_narrow_slots = 0xFFFF;
  [[nodiscard]] static constexpr std::size_t word_bytes(std::size_t slots) noexcept {
    return slots <= most_narrow_slots ? sizeof(std::uint16_t) : sizeof(std::uint32_t);
  }

  [[nodiscard]] std::size_t base_bytes() const noexcept { return base.memory_bytes() + parents.memory_bytes(); }
  [[nodiscard]] static std::size_t estimate_base_bytes(std::size_t M, std::size_t slots) noexcept {
    const std::size_t word = word_bytes(slots);
    return ChunkedRows::estimate_bytes(2 * M * word, slots) + ChunkedRows::estimate_bytes(word, slots);
  }

  /// Errors: std::bad_alloc.
  [[nodiscard]] LinkRows clone() const { return {base.clone(), upper.clone(), parents.clone()}; }

  ChunkedRows base;
  ChunkedRows upper;
  ChunkedRows parents;

 private:
  LinkRows(ChunkedRows b, ChunkedRows u, ChunkedRows p) noexcept
      : base(std::move(b)), upper(std::move(u)), parents(std::move(p)) {}
};

/// The same links in words of another width. Errors: std::bad_alloc.
template <class From, class To>
[[nodiscard]] LinkRows with_other_words(const LinkRows& rows, std::size_t M, std::size_t slots,
                                        std::size_t upper_rows) {
  LinkRows copy(M, sizeof(To));
  const auto copy_rows = [](const ChunkedRows& from, ChunkedRows& to, std::size_t count) {
    to.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      const From* const first = link_words<From>(from[i]);
      std::transform(first, first + from.stride() / sizeof(From), link_words<To>(to[i]),
                     [](From word) { return word == free_place<From> ? free_place<To> : static_cast<To>(word); });
    }
  };
  copy_rows(rows.base, copy.base, slots);
  copy_rows(rows.upper, copy.upper, upper_rows);
  copy_rows(rows.parents, copy.parents, slots);
  return copy;
}

/// A row goes from one place to another, and its links lead where `to` says of each slot.
template <class Word>
void move_links(ChunkedRows& rows, std::size_t from, std::size_t at, std::span<const Slot> to) noexcept {
  Word* const links = link_words<Word>(rows[from]);
  const std::size_t width = rows.stride() / sizeof(Word);
  for (std::size_t i = 0; i < width; ++i) {
    if (links[i] != free_place<Word>) links[i] = static_cast<Word>(to_index(to[links[i]]));
  }
  rows.move(from, at);
}

}  // namespace shoal::inline v0::detail
