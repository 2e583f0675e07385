#pragma once
// Saving and opening a set of shards: one file for each, and a manifest that makes them a set (manifest.hpp says what
// holds at every moment). The steps stand apart, because shards may be saved by programs of their own:
//
//   save   one:  claim_tag     each: save_shard     one: commit_set, or, where any failed, each: discard_shard
//   open   one:  read_manifest each: open_shard

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/io/file.hpp"
#include "shoal/io/reader.hpp"
#include "shoal/io/replace_file.hpp"
#include "shoal/shards/manifest.hpp"
#include "shoal/shards/shard_plan.hpp"

namespace shoal::inline v0::detail {

[[nodiscard]] inline std::string to_hexadecimal(std::uint64_t number) {
  std::array<char, 16> digits;
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr};
}

/// A tag that no set had: of the program, the time and a count. The file of the shard `first` is there from now on,
/// empty. Errors: as Files'.
template <class Files>
[[nodiscard]] Expected<std::string, Error> claim_tag(Files& files, const std::string& path, ShardName first) {
  const auto now = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  const std::string begin = to_hexadecimal(files.program() & 0xFFFF'FFFFU) + "-" + to_hexadecimal(now) + "-";
  for (std::uint32_t tries = 0;; ++tries) {
    std::string tag = begin + to_hexadecimal(tries);
    tag.resize(std::min(tag.size(), manifest_tag_bytes - 1));
    auto file = files.create(shard_path(path, tag, first));
    if (!file) return Unexpected<Error>(std::move(file.error()));
    if (!*file) continue;
    if (auto done = (*file)->close(); !done) {
      files.remove(shard_path(path, tag, first));
      return Unexpected<Error>(std::move(done.error()));
    }
    return tag;
  }
}

/// What a manifest would say of the file of a shard. Errors: as Files'; corrupt, incompatible.
template <class Files>
[[nodiscard]] Expected<ShardFileInfo, Error> describe_shard(Files& files, const std::string& path, ShardName name) {
  const auto file = files.open(path);
  if (!file) return Unexpected<Error>(file.error());
  const auto head = read_header(*file);
  if (!head) return Unexpected<Error>(error_at(path, head.error()));
  return ShardFileInfo{name, header_checksum(to_bytes(*head)), head->info.live, head->info.file_bytes};
}

/// Makes the file, empty, for those who may read a file of that mode. Errors: as Files'.
template <class Files>
[[nodiscard]] Done make_readable_as(Files& files, const std::string& path, std::optional<unsigned> mode) {
  if constexpr (requires(typename Files::File & file) { file.set_mode(0U); }) {
    if (!mode) return {};
    auto made = files.create(path);
    if (!made) return Unexpected<Error>(std::move(made.error()));
    if (*made) return (*made)->set_mode(*mode);
    auto claimed = files.open(path);
    if (!claimed) return Unexpected<Error>(std::move(claimed.error()));
    return claimed->set_mode(*mode);
  }
  return {};
}

/// `where`: of the manifest. Errors: as the index's `save`; then nothing of the file is left.
template <class Index, class Files, class Options>
[[nodiscard]] Expected<ShardFileInfo, Error> save_shard(Files& files, const ReplacedFile& where, const std::string& tag,
                                                        ShardName name, const Index& index, const Options& options) {
  const std::string file = shard_path(where.path, tag, name);
  const auto save = [&]() -> Expected<ShardFileInfo, Error> {
    if (auto made = make_readable_as(files, file, where.mode); !made) return Unexpected<Error>(std::move(made.error()));
    if (auto saved = index.save(file, options, files); !saved) return Unexpected<Error>(std::move(saved.error()));
    return describe_shard(files, file, name);
  };
  auto info = save();
  if (!info) files.remove(file);
  return info;
}

template <class Files>
void discard_shard(Files& files, const std::string& path, const std::string& tag, ShardName name) noexcept {
  SHOAL_TRY { files.remove(shard_path(path, tag, name)); }
  SHOAL_CATCH_ALL {}  // it stays, and nothing looks at it
}

/// The tag of the set that is at `path`, and its names; nothing where there is none that can be read.
template <class Files>
[[nodiscard]] std::optional<ShardSetInfo> find_set(Files& files, const std::string& path) {
  auto set = read_manifest(files, path);
  if (!set) return std::nullopt;
  return *std::move(set);
}

/// Makes the files of `set`, which are there, the set at `path`. Errors: as Files'. `is_placed` tells whether the new
/// manifest is in its place all the same, for then its files must stay: what failed was making that last.
template <class Files>
[[nodiscard]] Done commit_set(Files& files, const std::string& path, const ShardSetInfo& set, bool& is_placed) {
  is_placed = false;
  const std::vector<std::byte> bytes = to_bytes(set);
  auto done = replace_file(files, path, [&](auto& file) { return file.write(bytes.data(), bytes.size()); });
  is_placed = true;  // until it is known not to be: a file too many does no harm, one too few does
  if (done) return done;
  const auto there = read_manifest_bytes(files, path);
  is_placed = there ? *there == bytes : there.error().code() != ErrorCode::cannot_open;
  return done;
}

/// Is the file of this shard the one that the manifest names? Errors: corrupt, when it is not; as Files'.
template <class Files>
[[nodiscard]] Done verify_shard(Files& files, const std::string& path, const ShardFileInfo& expected) {
  const auto came = describe_shard(files, path, expected.name);
  if (!came) return Unexpected<Error>(came.error());
  if (*came == expected) return {};
  return Unexpected<Error>(make_error(ErrorCode::corrupt, "expected the file that was saved with the manifest, of ",
                                      expected.live, " entries, ", expected.file_bytes, " bytes and checksum ",
                                      expected.checksum, ", got ", came->live, " entries, ", came->file_bytes,
                                      " bytes and checksum ", came->checksum, ": ", path));
}

/// Does every id of a shard belong there? Errors: corrupt; std::bad_alloc.
template <class Index>
[[nodiscard]] Done verify_ids(const Index& index, const ShardPlan& plan, std::size_t shard, const std::string& path) {
  for (const auto id : index.ids()) {
    if (const std::size_t other = plan.shard_of(id); other != shard) {
      return Unexpected<Error>(make_error(ErrorCode::corrupt, "expected ids of shard ", plan.names()[shard], ", id ",
                                          id, " is of shard ", plan.names()[other], ": ", path));
    }
  }
  return {};
}

/// The plan of a manifest, which was verified. Errors: std::bad_alloc.
[[nodiscard]] inline Expected<ShardPlan, Error> plan_of(const ShardSetInfo& set) {
  std::vector<ShardName> names;
  for (const ShardFileInfo& shard : set.shards) names.push_back(shard.name);
  return ShardPlan::of_names(std::move(names));
}

/// One shard of a set, by `open_file(path)`: Index::load or Index::open. `verify`: reads its ids too. Errors: as
/// open_file's; corrupt.
template <class Files, class OpenFile>
[[nodiscard]] auto open_shard(Files& files, const std::string& path, const ShardSetInfo& set, const ShardPlan& plan,
                              std::size_t shard, bool verify, const OpenFile& open_file) -> decltype(open_file(path)) {
  const std::string file = shard_path(path, set.tag, set.shards[shard].name);
  if (auto done = verify_shard(files, file, set.shards[shard]); !done)
    return Unexpected<Error>(std::move(done.error()));
  auto index = open_file(file);
  if (!index) return index;
  if (verify) {
    if (auto done = verify_ids(*index, plan, shard, file); !done) return Unexpected<Error>(std::move(done.error()));
  }
  return index;
}

}  // namespace shoal::inline v0::detail
