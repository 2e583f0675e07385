#pragma once
// The manifest of a set of shards: a small file that names the files of one save, so that they are opened together or
// not at all. Each save writes files of new names and then puts its manifest in place of the one before, in one step:
// until then the older set is whole, from then on the newer. What a manifest says of a file ties the two together; its
// header's checksum covers, by those of the sections, all of its bytes. All numbers are little-endian.
//
//     0  magic       8E 73 68 6F 61 6C 73 0A        40  tag     32 bytes: 0-9, a-f and '-', zeros behind
//     8  version     u32, 1                         72  zero    to 96
//    12  checksum    u32, of all, this as 0         96  for each shard, by ascending name, 32 bytes:
//    16  file_bytes  u64                                 0  name        u32
//    24  shards      u32, 1 to 4,096                     4  checksum    u32, that of its file's header
//    28  plan        u32, 1: rendezvous                  8  live        u64, entries
//    32  live        u64, entries of all                16  file_bytes  u64
//                                                       24  zero        u64
//
// Shard NAME of the set at PATH lies in the file PATH.TAG.NAME. A tag holds no slash, so a manifest, whoever wrote it,
// leads to no other folder.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/io/crc32c.hpp"
#include "shoal/io/file.hpp"
#include "shoal/io/format.hpp"
#include "shoal/shards/shard_plan.hpp"

namespace shoal::inline v0 {

/// What a manifest says of one shard's file.
struct ShardFileInfo {
  ShardName name = 0;
  std::uint32_t checksum = 0;  ///< Of the header of its file.
  std::uint64_t live = 0;      ///< Entries.
  std::uint64_t file_bytes = 0;
  [[nodiscard]] friend bool operator==(const ShardFileInfo&, const ShardFileInfo&) noexcept = default;
};

/// What a manifest says.
struct ShardSetInfo {
  std::string tag{};                    ///< What tells the files of this save from those of others.
  std::vector<ShardFileInfo> shards{};  ///< By ascending name.
  [[nodiscard]] friend bool operator==(const ShardSetInfo&, const ShardSetInfo&) noexcept = default;

  [[nodiscard]] std::uint64_t live() const noexcept {
    std::uint64_t sum = 0;
    for (const ShardFileInfo& shard : shards) sum += shard.live;
    return sum;
  }
};

namespace detail {

inline constexpr std::array<unsigned char, 8> manifest_magic = {0x8E, 's', 'h', 'o', 'a', 'l', 's', '\n'};
inline constexpr std::size_t manifest_head_bytes = 96;
inline constexpr std::size_t manifest_row_bytes = 32;
inline constexpr std::size_t manifest_tag_at = 40;
inline constexpr std::size_t manifest_tag_bytes = 32;
inline constexpr std::uint32_t rendezvous_plan = 1;

[[nodiscard]] inline std::string shard_path(const std::string& path, std::string_view tag, ShardName name) {
  return path + "." + std::string(tag) + "." + std::to_string(name);
}

[[nodiscard]] inline std::vector<std::byte> to_bytes(const ShardSetInfo& set) {
  std::vector<std::byte> bytes(manifest_head_bytes + set.shards.size() * manifest_row_bytes);
  std::memcpy(bytes.data(), manifest_magic.data(), manifest_magic.size());
  put(bytes, 8, std::uint32_t{1});
  put(bytes, 16, std::uint64_t{bytes.size()});
  put(bytes, 24, static_cast<std::uint32_t>(set.shards.size()));
  put(bytes, 28, rendezvous_plan);
  put(bytes, 32, set.live());
  std::memcpy(bytes.data() + manifest_tag_at, set.tag.data(), std::min(set.tag.size(), manifest_tag_bytes - 1));
  std::size_t at = manifest_head_bytes;
  for (const ShardFileInfo& shard : set.shards) {
    put(bytes, at, shard.name);
    put(bytes, at + 4, shard.checksum);
    put(bytes, at + 8, shard.live);
    put(bytes, at + 16, shard.file_bytes);
    at += manifest_row_bytes;
  }
  put(bytes, checksum_at, header_checksum(bytes));
  return bytes;
}

[[nodiscard]] inline bool is_zero(std::span<const std::byte> bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

/// Nothing where it is no tag.
[[nodiscard]] inline std::optional<std::string> get_tag(std::span<const std::byte> bytes) {
  std::string tag;
  while (tag.size() < bytes.size() && bytes[tag.size()] != std::byte{0}) {
    const auto letter = static_cast<char>(bytes[tag.size()]);
    const bool is_fit = (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f') || letter == '-';
    if (!is_fit) return std::nullopt;
    tag.push_back(letter);
  }
  if (tag.empty() || tag.size() == bytes.size() || !is_zero(bytes.subspan(tag.size()))) return std::nullopt;
  return tag;
}

/// Errors: corrupt, incompatible; std::bad_alloc.
[[nodiscard]] inline Expected<ShardSetInfo, Error> parse_manifest(std::span<const std::byte> bytes) {
  if (bytes.size() < manifest_magic.size() ||
      std::memcmp(bytes.data(), manifest_magic.data(), manifest_magic.size()) != 0) {
    return corrupt("expected the manifest of a set of shards, it begins otherwise");
  }
  if (bytes.size() < manifest_head_bytes) {
    return corrupt("expected a manifest of at least ", manifest_head_bytes, " bytes, it has ", bytes.size());
  }
  if (const auto checksum = header_checksum(bytes); get<std::uint32_t>(bytes, checksum_at) != checksum) {
    return corrupt("manifest: it says that its checksum is ", get<std::uint32_t>(bytes, checksum_at),
                   ", its bytes have ", checksum);
  }
  const auto version = get<std::uint32_t>(bytes, 8), plan = get<std::uint32_t>(bytes, 28);
  if (version != 1 || plan != rendezvous_plan) {
    return Unexpected<Error>(make_error(ErrorCode::incompatible, "expected a manifest of version 1 and plan ",
                                        rendezvous_plan, ", it has version ", version, ", plan ", plan));
  }
  const auto count = std::size_t{get<std::uint32_t>(bytes, 24)};
  if (count == 0 || count > ShardPlan::most_shards || get<std::uint64_t>(bytes, 16) != bytes.size() ||
      bytes.size() != manifest_head_bytes + count * manifest_row_bytes) {
    return corrupt("manifest: ", count, " shards in ", bytes.size(), " bytes cannot be");
  }
  auto tag = get_tag(bytes.subspan(manifest_tag_at, manifest_tag_bytes));
  const std::size_t tag_end = manifest_tag_at + manifest_tag_bytes;
  if (!tag || !is_zero(bytes.subspan(tag_end, manifest_head_bytes - tag_end))) {
    return corrupt("manifest: its tag, or what has to be zero, is not");
  }
  ShardSetInfo set{*std::move(tag), {}};
  std::uint64_t live = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = manifest_head_bytes + i * manifest_row_bytes;
    const ShardFileInfo shard{get<std::uint32_t>(bytes, at), get<std::uint32_t>(bytes, at + 4),
                              get<std::uint64_t>(bytes, at + 8), get<std::uint64_t>(bytes, at + 16)};
    if ((i > 0 && shard.name <= set.shards.back().name) || shard.live > max_slots ||
        get<std::uint64_t>(bytes, at + 24) != 0) {
      return corrupt("manifest: shard ", i, " (", shard.name, ") is out of order or cannot be");
    }
    live += shard.live;
    set.shards.push_back(shard);
  }
  if (live != get<std::uint64_t>(bytes, 32)) {
    return corrupt("manifest: its shards have ", live, " entries, expected ", get<std::uint64_t>(bytes, 32));
  }
  return set;
}

/// Errors: cannot_open, io_error, corrupt; std::bad_alloc.
template <class Files>
[[nodiscard]] Expected<std::vector<std::byte>, Error> read_manifest_bytes(Files& files, const std::string& path) {
  const auto file = files.open(path);
  if (!file) return Unexpected<Error>(file.error());
  const auto size = file->size();
  if (!size) return Unexpected<Error>(size.error());
  constexpr std::uint64_t most = manifest_head_bytes + ShardPlan::most_shards * manifest_row_bytes;
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min(*size, most + 1)));
  if (auto done = file->read_at(0, bytes.data(), bytes.size()); !done)
    return Unexpected<Error>(std::move(done.error()));
  return bytes;
}

/// Errors: as the two above.
template <class Files>
[[nodiscard]] Expected<ShardSetInfo, Error> read_manifest(Files& files, const std::string& path) {
  const auto bytes = read_manifest_bytes(files, path);
  if (!bytes) return Unexpected<Error>(bytes.error());
  auto set = parse_manifest(*bytes);
  if (!set) return Unexpected<Error>(error_at(path, set.error()));
  return set;
}

}  // namespace detail

/// What the manifest at `path` says. *Errors*: cannot_open, io_error, corrupt, incompatible, out_of_memory. The shards'
/// files are not looked at.
[[nodiscard]] inline Expected<ShardSetInfo, Error> read_shard_set_info(const std::string& path) {
  SHOAL_TRY {
    detail::SystemFiles files;
    return detail::read_manifest(files, path);
  }
  SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
}

}  // namespace shoal::inline v0
