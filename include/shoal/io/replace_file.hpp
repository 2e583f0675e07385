#pragma once
// How a file takes another's place: written beside it, synced, and renamed, so that at every moment and after every
// failure one of the two is there, whole.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "shoal/core/error.hpp"
#include "shoal/io/file.hpp"

namespace shoal::inline v0::detail {

/// Where the file at `path` is to be put. Errors: cannot_open; as Files'.
template <class Files>
[[nodiscard]] Expected<ReplacedFile, Error> find_replaced(Files& files, const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return Unexpected<Error>(make_error(ErrorCode::cannot_open, "expected the path of a file, got ",
                                        path.empty() ? "an empty one" : "one with a zero byte in it"));
  }
  if constexpr (requires { files.find_replaced(path); }) return files.find_replaced(path);
  return ReplacedFile{path};
}

/// Calls write(file) on a new file beside `path`, and puts it in its place when it is whole and on the disk. So `path`
/// is, at every moment and after every failure, what it was or what it is to be; only when the last step fails, that of
/// making the new name last, it may be either after a power cut. A program that is killed meanwhile leaves the new
/// file, named `path` with ".saving-" and numbers behind it; nothing looks at it again. A symbolic link stays one, and
/// who may read the file that was may read the new one. Errors: cannot_open, storage_full, io_error; what `write` gives
/// or throws.
template <class Files, class Write>
[[nodiscard]] Done replace_file(Files& files, const std::string& name, const Write& write) {
  auto replaced = find_replaced(files, name);
  if (!replaced) return Unexpected<Error>(std::move(replaced.error()));
  const std::string& path = replaced->path;
  using File = typename Files::File;
  struct Removed {
    Files& files;
    std::string path{};
    ~Removed() {
      if (!path.empty()) files.remove(path);
    }
  } unfinished{files};
  std::optional<File> file;
  for (std::uint64_t tries = 0; !file; ++tries) {
    std::string beside = path + ".saving-" + std::to_string(files.program()) + "-" + std::to_string(tries);
    auto created = files.create(beside);
    if (!created) return Unexpected<Error>(std::move(created.error()));
    if (!*created) continue;
    file.emplace(*std::move(*created));
    unfinished.path = std::move(beside);
  }
  if constexpr (requires { file->set_mode(0U); }) {
    if (replaced->mode) {
      if (auto done = file->set_mode(*replaced->mode); !done) return done;
    }
  }
  if (auto done = write(*file); !done) return done;
  if (auto done = file->sync(); !done) return done;
  if (auto done = file->close(); !done) return done;
  const std::size_t slash = path.find_last_of('/');  // made now: nothing but the disk may fail from here on
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (auto done = files.rename(unfinished.path, path); !done) return done;
  unfinished.path.clear();
  return files.sync_folder(folder);
}

}  // namespace shoal::inline v0::detail
