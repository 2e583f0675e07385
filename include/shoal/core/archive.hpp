#pragma once
// How a type that owns a part of an index puts it into a file and takes it out again. A file is a row of sections, each
// an array of rows of one size; a type writes its own, and reads them in the same order. What a file is beyond that,
// its header, checksums, and who reads the bytes, is io/; the byte layout is docs/file-format.md.
//
//   write   out.begin(kind, row_bytes, rows); out.write(bytes, n); ...
//   read    if (!in.begin(kind, row_bytes, rows)) return false; in.read(to, n); ...; return in.end();
//
// Errors stay in the archive: after one, writing does nothing and reading gives false. A type that finds what cannot be
// says so with `in.refuse(parts...)`. A mapped archive copies nothing: `in.take(n)` points at bytes that stay there,
// unchecked but for their number, as long as who took them.

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "shoal/core/platform.hpp"

namespace shoal::inline v0 {

/// What a section holds. Numbers stand in files: none is used again for something else. Rows of a user's own storage
/// policy take kinds from `user` on.
enum class SectionKind : std::uint32_t {
  ids = 1,            ///< The id of each slot.
  id_table = 2,       ///< A hash table from ids to slots.
  gone = 3,           ///< A bit for each slot: it has no entry.
  free = 4,           ///< A bit for each slot: it has no links either.
  graph = 5,          ///< Entry point, root, width of links.
  links = 6,          ///< Lists of level 0, by slot.
  parents = 7,        ///< By slot.
  upper = 8,          ///< Which slots reach up, and where their lists are.
  upper_links = 9,    ///< Lists of the levels above 0.
  floats = 10,        ///< Vectors as floats, by slot.
  codes = 11,         ///< Vectors as codes, by slot.
  code_factors = 12,  ///< Scale and squared norm of each code.
  sketch_state = 13,  ///< Whether there are sketches, and the mean they are relative to.
  sketches = 14,      ///< By slot.
  user = 0x10000,
};

/// What to call a section in a message.
[[nodiscard]] constexpr std::string_view describe(SectionKind kind) noexcept {
  switch (kind) {
    case SectionKind::ids: return "ids";
    case SectionKind::id_table: return "id_table";
    case SectionKind::gone: return "gone";
    case SectionKind::free: return "free";
    case SectionKind::graph: return "graph";
    case SectionKind::links: return "links";
    case SectionKind::parents: return "parents";
    case SectionKind::upper: return "upper";
    case SectionKind::upper_links: return "upper_links";
    case SectionKind::floats: return "floats";
    case SectionKind::codes: return "codes";
    case SectionKind::code_factors: return "code_factors";
    case SectionKind::sketch_state: return "sketch_state";
    case SectionKind::sketches: return "sketches";
    case SectionKind::user: break;
  }
  return "user's section";
}

/// - `begin(kind, row_bytes, rows)`: a section of so many rows; `write` gives all its bytes, in order.
// clang-format off
template <class A>
concept OutArchive = requires(A out, SectionKind kind, std::size_t n, const void* bytes) {
  out.begin(kind, n, n);
  out.write(bytes, n);
};
// clang-format on

/// - `begin(kind, row_bytes, rows)`: the next section is this one, and the file has all of it. Only then is it time to
///   allocate.
/// - `rows_of_next(kind, row_bytes)`: how many rows it has, where nothing else says so; 0 when it is another.
/// - `read(to, n)`: its next bytes. Where `is_mapped`, `take(n)` points at them.
/// - `end()`: its bytes were all read, and are those that were written.
/// - `refuse(parts...)`: the section holds what cannot be. Always false.
// clang-format off
template <class A>
concept InArchive = requires(A in, SectionKind kind, std::size_t n, void* to) {
  requires A::is_mapped || !A::is_mapped;
  { in.begin(kind, n, n) } -> std::same_as<bool>;
  { in.rows_of_next(kind, n) } -> std::same_as<std::size_t>;
  { in.read(to, n) } -> std::same_as<bool>;
  { in.end() } -> std::same_as<bool>;
  { in.refuse("text", n) } -> std::same_as<bool>;
};
// clang-format on

namespace detail {

/// Whether files hold numbers as they lie in memory.
inline constexpr bool lies_as_in_files = std::endian::native == std::endian::little;

}  // namespace detail
}  // namespace shoal::inline v0
