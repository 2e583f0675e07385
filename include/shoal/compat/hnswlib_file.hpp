#pragma once
// Files of hnswlib's HierarchicalNSW, as versions 0.6 to 0.8 write them on processors of 64 bits: numbers least byte
// first, no checksum, nothing that tells one from any other file.
//
//   header    96 bytes: offset of the list, room, points, bytes of an element, offsets of label and point, top level
//             and entry point (4 bytes each), places above level 0, places on level 0, M, mult, ef_construction
//   elements  [ list of level 0: count u16, mark u8, 0, links u32 x 2M ][ point ][ label u64 ]  for each
//   above     [ bytes u32 ][ lists of levels 1, 2, ...: count u32, links u32 x M ]              for each
//
// Source: `saveIndex` and `loadIndex` of hnswlib's hnswalg.h. What a file says is bounded here by the bytes that it
// has, before anything is allocated for it; links are bounded where they are read (import_hnswlib.hpp).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "shoal/core/archive.hpp"
#include "shoal/core/error.hpp"
#include "shoal/core/slot.hpp"
#include "shoal/graph/hnsw_graph.hpp"
#include "shoal/io/file.hpp"
#include "shoal/io/format.hpp"

namespace shoal::inline v0::detail {

struct HnswlibHead {
  static constexpr std::size_t bytes = 96;
  static constexpr std::uint32_t no_entry = 0xFFFF'FFFFU;
  static constexpr std::size_t label_bytes = 8;
  /// Levels beyond what hnswlib's generator can come to.
  static constexpr std::size_t most_levels = 64;

  std::uint64_t room = 0;  // points that hnswlib made room for
  std::uint64_t count = 0;
  std::uint64_t M = 0;
  std::uint64_t ef_construction = 0;
  std::uint64_t point_bytes = 0;
  std::uint32_t top_level = no_entry;
  std::uint32_t entry = no_entry;

  [[nodiscard]] std::size_t list_bytes() const noexcept { return static_cast<std::size_t>(2 * M + 1) * 4; }
  [[nodiscard]] std::size_t upper_list_bytes() const noexcept { return static_cast<std::size_t>(M + 1) * 4; }
  [[nodiscard]] std::size_t element_bytes() const noexcept {
    return list_bytes() + static_cast<std::size_t>(point_bytes) + label_bytes;
  }
  /// Where the lists above level 0 begin.
  [[nodiscard]] std::uint64_t upper_at() const noexcept { return bytes + count * element_bytes(); }
};

/// Errors: corrupt, when no file of hnswlib has such a header and so many bytes; incompatible, when it has, and shoal
/// has no graph like it.
[[nodiscard]] inline Expected<HnswlibHead, Error> parse_hnswlib_head(std::span<const std::byte> bytes,
                                                                     std::uint64_t file_bytes) {
  if (bytes.size() < HnswlibHead::bytes) {
    return corrupt("expected a header of ", HnswlibHead::bytes, " bytes, the file has ", file_bytes);
  }
  const auto number = [&](std::size_t at) { return get<std::uint64_t>(bytes, at); };
  HnswlibHead head;
  head.room = number(8);
  head.count = number(16);
  head.top_level = get<std::uint32_t>(bytes, 48);
  head.entry = get<std::uint32_t>(bytes, 52);
  head.M = number(72);
  head.ef_construction = number(88);
  const std::uint64_t element_bytes = number(24), label_at = number(32), point_at = number(40);
  // No product below comes near 2^64 once M and the element are this small.
  constexpr std::uint64_t most_M = 10'000;
  if (number(0) != 0 || head.M == 0 || head.M > most_M || number(56) != head.M || number(64) != 2 * head.M ||
      point_at != head.list_bytes() || label_at < point_at ||
      element_bytes > std::numeric_limits<std::uint32_t>::max() || element_bytes < HnswlibHead::label_bytes ||
      label_at != element_bytes - HnswlibHead::label_bytes) {
    return corrupt("header: expected an index of hnswlib, its offsets and sizes cannot be");
  }
  head.point_bytes = label_at - point_at;
  if (head.count > max_slots || head.count > (file_bytes - HnswlibHead::bytes) / (element_bytes + 4)) {
    return corrupt("header: ", head.count, " elements of ", element_bytes, " bytes do not fit a file of ", file_bytes);
  }
  const bool is_empty = head.count == 0;
  if (is_empty ? head.entry != HnswlibHead::no_entry : head.entry >= head.count) {
    return corrupt("header: entry point ", head.entry, " of ", head.count, " elements cannot be");
  }
  if (is_empty ? head.top_level != HnswlibHead::no_entry : head.top_level > HnswlibHead::most_levels) {
    return corrupt("header: top level ", head.top_level, " cannot be");
  }
  return head;
}

/// Reads a file from one end to the other, a piece at a time.
template <class File>
class FileCursor {
 public:
  /// Errors: std::bad_alloc.
  FileCursor(const File& file, std::uint64_t at, std::uint64_t end) : file_(file), at_(at), end_(end) {
    buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(end - at, 64 * 1024)));
  }

  [[nodiscard]] std::uint64_t left() const noexcept { return end_ - at_ + (filled_ - used_); }
  /// The next bytes. Errors: corrupt when there are not so many; io_error.
  [[nodiscard]] Done read(std::span<std::byte> out) {
    if (out.size() > left()) return corrupt("expected ", out.size(), " more bytes, the file has ", left());
    while (!out.empty()) {
      if (used_ == filled_) {
        if (auto done = fill(); !done) return done;
      }
      const std::size_t some = std::min(out.size(), filled_ - used_);
      std::memcpy(out.data(), buffer_.data() + used_, some);
      used_ += some;
      out = out.subspan(some);
    }
    return {};
  }
  /// Errors: as read's.
  [[nodiscard]] Expected<std::uint32_t, Error> read_number() {
    std::array<std::byte, 4> bytes;
    if (auto done = read(bytes); !done) return Unexpected<Error>(std::move(done.error()));
    return get<std::uint32_t>(bytes, 0);
  }
  /// Errors: corrupt when there are not so many.
  [[nodiscard]] Done skip(std::uint64_t count) {
    if (count > left()) return corrupt("expected ", count, " more bytes, the file has ", left());
    const auto some = static_cast<std::size_t>(std::min<std::uint64_t>(count, filled_ - used_));
    used_ += some;
    at_ += count - some;
    return {};
  }

 private:
  [[nodiscard]] Done fill() {
    filled_ = static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), end_ - at_));
    used_ = 0;
    auto done = file_.read_at(at_, buffer_.data(), filled_);
    at_ += filled_;
    return done;
  }

  const File& file_;
  std::uint64_t at_;  // of what is read next into the buffer
  std::uint64_t end_;
  std::vector<std::byte> buffer_;
  std::size_t filled_ = 0;
  std::size_t used_ = 0;
};

/// Writes a graph whose slots are all linked, with `point(slot)`, `label(slot)` and `is_deleted(slot)` of each.
/// `file`: new and empty. Errors: storage_full, io_error; std::bad_alloc.
template <class File, class Point, class Label, class IsDeleted>
[[nodiscard]] Done write_hnswlib(File& file, HnswlibHead head, const HnswGraph& graph, const Point& point,
                                 const Label& label, const IsDeleted& is_deleted) {
  if constexpr (!lies_as_in_files) return Unexpected<Error>(numbers_differ());
  constexpr std::size_t piece_bytes = 256 * 1024;
  std::vector<std::byte> piece;
  const auto flush = [&](std::size_t least) -> Done {
    if (piece.size() < least) return {};
    auto done = file.write(piece.data(), piece.size());
    piece.clear();
    return done;
  };
  const auto append = [&](auto value) {
    piece.resize(piece.size() + sizeof(value));
    put(std::span(piece).last(sizeof(value)), 0, value);
  };
  std::vector<Slot> targets(2 * graph.M());
  // hnswlib has the farthest first.
  const auto append_list = [&](Slot slot, unsigned level, std::uint32_t mark) {
    const std::size_t count = graph.lists().read(slot, level, targets.data());
    append(static_cast<std::uint32_t>(count) | mark);
    for (std::size_t i = count; i > 0; --i) append(static_cast<std::uint32_t>(targets[i - 1]));
    piece.resize(piece.size() + (graph.lists().list_capacity(level) - count) * 4);
  };

  head.count = graph.size();
  const bool is_empty = head.count == 0;
  append(std::uint64_t{0});
  append(head.room);
  append(head.count);
  append(std::uint64_t{head.element_bytes()});
  append(std::uint64_t{head.element_bytes() - HnswlibHead::label_bytes});
  append(std::uint64_t{head.list_bytes()});
  append(is_empty ? HnswlibHead::no_entry : std::uint32_t{graph.top_level()});
  append(is_empty ? HnswlibHead::no_entry : static_cast<std::uint32_t>(graph.entry()));
  append(head.M);
  append(2 * head.M);
  append(head.M);
  append(bit_cast<std::uint64_t>(1 / std::log(static_cast<double>(head.M))));
  append(head.ef_construction);
  for (std::size_t i = 0; i < graph.size(); ++i) {
    const Slot slot = to_slot(i);
    append_list(slot, 0, is_deleted(slot) ? std::uint32_t{1} << 16 : 0);
    const std::span<const std::byte> bytes(point(slot), static_cast<std::size_t>(head.point_bytes));
    piece.insert(piece.end(), bytes.begin(), bytes.end());
    append(std::uint64_t{label(slot)});
    if (auto done = flush(piece_bytes); !done) return done;
  }
  for (std::size_t i = 0; i < graph.size(); ++i) {
    const unsigned levels = graph.lists().level_of(to_slot(i));
    append(static_cast<std::uint32_t>(levels * head.upper_list_bytes()));
    for (unsigned level = 1; level <= levels; ++level) append_list(to_slot(i), level, 0);
    if (auto done = flush(piece_bytes); !done) return done;
  }
  return flush(1);
}

}  // namespace shoal::inline v0::detail
