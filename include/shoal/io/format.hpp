#pragma once
// The header of an index file, and the rules by which sections follow it. docs/file-format.md says the same for people
// who write other programs. All numbers are little-endian.
//
//     0  magic      8E 73 68 6F 61 6C 0D 0A         128  structure  32 bytes of text, zeros behind it
//     8  version    u32, 1                          160  metric     48 bytes of text
//    12  checksum   u32, of the header, this as 0   208  storage    48 bytes of text
//    16  features   u64, none yet                   256  sections   32 bytes each, at most 24:
//    24  file_bytes u64                                    0  kind      u32
//    32  section_count u32                                 4  checksum  u32, of the bytes since the section before
//    36  id_bytes   u32, 1, 2, 4 or 8                      8  offset    u64
//    40  id_signed  u32, 0 or 1                           16  bytes     u64
//    44  zero       u32                                   24  row_bytes u64
//    48  dimensions, M, ef_construction, seed, max_elements, slots, live, free, last_sequence: u64 each
//   120  zero       u64                             1024  the first section begins here or behind zeros
//
// A section of 4,096 bytes or more begins at the next multiple of 4,096, a smaller one at the next multiple of 64; what
// lies between is zero. The file ends with the last section.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "shoal/core/archive.hpp"
#include "shoal/core/error.hpp"
#include "shoal/core/slot.hpp"
#include "shoal/io/crc32c.hpp"

namespace shoal::inline v0 {

/// What the header of an index file says.
struct IndexFileInfo {
  std::uint32_t version = 1;
  std::string structure{};  ///< "hnsw" or "flat".
  std::string metric{};     ///< The metric's name, such as "l2_squared".
  std::string storage{};    ///< The storage policy's name, such as "float32".
  std::uint32_t id_bytes = 8;
  bool id_is_signed = false;
  std::uint64_t dimensions = 0;
  std::uint64_t M = 0;                ///< 0 without a graph, as the next two.
  std::uint64_t ef_construction = 0;  ///<
  std::uint64_t seed = 0;             ///<
  std::uint64_t max_elements = 0;
  std::uint64_t slots = 0;          ///< Live, dead and free.
  std::uint64_t live = 0;           ///< Entries.
  std::uint64_t free = 0;           ///<
  std::uint64_t last_sequence = 0;  ///< Of a durable store: the last transaction that the index has.
  std::uint64_t file_bytes = 0;
};

namespace detail {

inline constexpr std::uint32_t format_version = 1;
inline constexpr std::array<unsigned char, 8> format_magic = {0x8E, 's', 'h', 'o', 'a', 'l', '\r', '\n'};
inline constexpr std::size_t header_bytes = 1'024;
inline constexpr std::size_t most_sections = 24;

struct Section {
  SectionKind kind{};
  std::uint32_t checksum = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t row_bytes = 0;
};

/// Where a section of so many bytes begins, behind one that ends at `end`.
[[nodiscard]] constexpr std::uint64_t section_offset(std::uint64_t end, std::uint64_t bytes) noexcept {
  const std::uint64_t alignment = bytes >= 4'096 ? 4'096 : 64;
  return (end + alignment - 1) / alignment * alignment;
}

/// The header and its table.
struct FileHead {
  IndexFileInfo info;
  std::array<Section, most_sections> sections{};
  std::size_t section_count = 0;
};

/// What a number is in a file: its bytes, least first.
template <class T>
void put(std::span<std::byte> bytes, std::size_t at, T value) noexcept {
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes[at + i] = static_cast<std::byte>(value >> (8 * i));
}
template <class T>
[[nodiscard]] T get(std::span<const std::byte> bytes, std::size_t at) noexcept {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(static_cast<T>(bytes[at + i]) << (8 * i));
  return value;
}

/// The places of the numbers from 48 on.
template <class Info, class Visit>
void for_each_number(Info& info, const Visit& visit) {
  std::size_t at = 48;
  for (auto* number : {&info.dimensions, &info.M, &info.ef_construction, &info.seed, &info.max_elements, &info.slots,
                       &info.live, &info.free, &info.last_sequence}) {
    visit(*number, at);
    at += 8;
  }
}

/// Why there are no files where not `lies_as_in_files`.
[[nodiscard]] SHOAL_COLD inline Error numbers_differ() {
  return make_error(ErrorCode::incompatible,
                    "index files hold little-endian numbers, and those of this processor are big-endian");
}

inline constexpr std::size_t checksum_at = 12;
inline constexpr std::size_t table_at = 256;
inline constexpr std::size_t table_row = 32;
struct TextPlace {
  std::size_t at;
  std::size_t bytes;
};
inline constexpr TextPlace structure_place{128, 32}, metric_place{160, 48}, storage_place{208, 48};

[[nodiscard]] inline std::uint32_t header_checksum(std::span<const std::byte> header) noexcept {
  const std::uint32_t zero = 0;
  std::uint32_t crc = crc32c(0, header.data(), checksum_at);
  crc = crc32c(crc, &zero, sizeof(zero));
  return crc32c(crc, header.data() + checksum_at + 4, header.size() - checksum_at - 4);
}

using HeaderBytes = std::array<std::byte, header_bytes>;

[[nodiscard]] inline HeaderBytes to_bytes(const FileHead& head) noexcept {
  HeaderBytes bytes{};
  const auto put_text = [&](const std::string& text, TextPlace place) {
    std::memcpy(bytes.data() + place.at, text.data(), std::min(text.size(), place.bytes - 1));
  };
  std::memcpy(bytes.data(), format_magic.data(), format_magic.size());
  put(bytes, 8, head.info.version);
  put(bytes, 24, head.info.file_bytes);
  put(bytes, 32, static_cast<std::uint32_t>(head.section_count));
  put(bytes, 36, head.info.id_bytes);
  put(bytes, 40, std::uint32_t{head.info.id_is_signed ? 1U : 0U});
  for_each_number(head.info, [&](std::uint64_t number, std::size_t at) { put(bytes, at, number); });
  put_text(head.info.structure, structure_place);
  put_text(head.info.metric, metric_place);
  put_text(head.info.storage, storage_place);
  for (std::size_t i = 0; i < head.section_count; ++i) {
    const std::size_t at = table_at + i * table_row;
    put(bytes, at, static_cast<std::uint32_t>(head.sections[i].kind));
    put(bytes, at + 4, head.sections[i].checksum);
    put(bytes, at + 8, head.sections[i].offset);
    put(bytes, at + 16, head.sections[i].bytes);
    put(bytes, at + 24, head.sections[i].row_bytes);
  }
  put(bytes, checksum_at, header_checksum(bytes));
  return bytes;
}

template <class... Parts>
SHOAL_COLD Unexpected<Error> corrupt(const Parts&... parts) {
  return Unexpected<Error>(make_error(ErrorCode::corrupt, parts...));
}

/// Is there text at the place, and nothing behind it?
[[nodiscard]] inline std::optional<std::string> get_text(std::span<const std::byte> bytes, TextPlace place) {
  std::string text;
  std::size_t i = 0;
  for (; i < place.bytes && bytes[place.at + i] != std::byte{0}; ++i) {
    const auto letter = static_cast<unsigned char>(bytes[place.at + i]);
    if (letter < 0x20 || letter > 0x7E) return std::nullopt;
    text.push_back(static_cast<char>(letter));
  }
  if (i == 0 || i == place.bytes) return std::nullopt;
  for (; i < place.bytes; ++i) {
    if (bytes[place.at + i] != std::byte{0}) return std::nullopt;
  }
  return text;
}

/// Reads a header and checks it by itself and against the size of the file: when this gives one, every section lies in
/// the file, in order and aligned, and the file ends with the last. Errors: corrupt, incompatible; std::bad_alloc.
[[nodiscard]] inline Expected<FileHead, Error> parse_header(std::span<const std::byte> bytes,
                                                            std::uint64_t file_bytes) {
  if (bytes.size() >= format_magic.size() && std::memcmp(bytes.data(), format_magic.data(), format_magic.size()) != 0) {
    return corrupt("expected an index file of shoal, it begins otherwise");
  }
  if (bytes.size() < header_bytes) {
    return corrupt("expected a header of ", header_bytes, " bytes, the file has ", file_bytes);
  }
  if (const auto checksum = header_checksum(bytes); get<std::uint32_t>(bytes, checksum_at) != checksum) {
    return corrupt("header: it says that its checksum is ", get<std::uint32_t>(bytes, checksum_at), ", its bytes have ",
                   checksum);
  }
  FileHead head;
  IndexFileInfo& info = head.info;
  info.version = get<std::uint32_t>(bytes, 8);
  const auto features = get<std::uint64_t>(bytes, 16);
  if (info.version != format_version || features != 0) {
    return Unexpected<Error>(make_error(ErrorCode::incompatible, "expected format version ", format_version,
                                        " without features, the file has version ", info.version, ", features ",
                                        features));
  }
  info.file_bytes = get<std::uint64_t>(bytes, 24);
  if (info.file_bytes != file_bytes) {
    return corrupt("header: expected a file of ", info.file_bytes, " bytes, it has ", file_bytes);
  }
  head.section_count = get<std::uint32_t>(bytes, 32);
  info.id_bytes = get<std::uint32_t>(bytes, 36);
  const auto id_is_signed = get<std::uint32_t>(bytes, 40);
  info.id_is_signed = id_is_signed == 1;
  for_each_number(info, [&](std::uint64_t& number, std::size_t at) { number = get<std::uint64_t>(bytes, at); });
  auto structure = get_text(bytes, structure_place);
  auto metric = get_text(bytes, metric_place);
  auto storage = get_text(bytes, storage_place);
  if (!structure || !metric || !storage) return corrupt("header: a name is not one");
  info.structure = *std::move(structure);
  info.metric = *std::move(metric);
  info.storage = *std::move(storage);
  if (!std::has_single_bit(info.id_bytes) || info.id_bytes > 8 || id_is_signed > 1 ||
      get<std::uint32_t>(bytes, 44) != 0 || get<std::uint64_t>(bytes, 120) != 0) {
    return corrupt("header: the id type, or what has to be zero, is not");
  }
  if (info.slots > max_slots || info.live > info.slots || info.free > info.slots - info.live ||
      (info.max_elements != 0 && info.live > info.max_elements)) {
    return corrupt("header: ", info.live, " entries and ", info.free, " free slots of ", info.slots,
                   ", max_elements = ", info.max_elements, " cannot be");
  }
  if (head.section_count > most_sections) return corrupt("header: ", head.section_count, " sections");
  std::uint64_t end = header_bytes;
  for (std::size_t i = 0; i < most_sections; ++i) {
    const std::size_t at = table_at + i * table_row;
    Section section;
    section.kind = static_cast<SectionKind>(get<std::uint32_t>(bytes, at));
    section.checksum = get<std::uint32_t>(bytes, at + 4);
    section.offset = get<std::uint64_t>(bytes, at + 8);
    section.bytes = get<std::uint64_t>(bytes, at + 16);
    section.row_bytes = get<std::uint64_t>(bytes, at + 24);
    if (i >= head.section_count) {
      if (section.kind != SectionKind{} || section.checksum != 0 || section.offset != 0 || section.bytes != 0 ||
          section.row_bytes != 0) {
        return corrupt("header: something behind its last section");
      }
      continue;
    }
    // `end` is at most file_bytes, so nothing here wraps but an offset that is refused.
    if (section.offset != section_offset(end, section.bytes) || section.offset > file_bytes ||
        section.bytes > file_bytes - section.offset) {
      return corrupt("header: section ", i, " (", describe(section.kind), ") of ", section.bytes, " bytes at ",
                     section.offset, " is out of place");
    }
    if (section.row_bytes == 0 || section.bytes % section.row_bytes != 0) {
      return corrupt("header: section ", i, " (", describe(section.kind), ") of ", section.bytes,
                     " bytes is no whole number of rows");
    }
    end = section.offset + section.bytes;
    head.sections[i] = section;
  }
  if (end != file_bytes) return corrupt("header: sections end at ", end, ", the file at ", file_bytes);
  return head;
}

}  // namespace detail
}  // namespace shoal::inline v0
