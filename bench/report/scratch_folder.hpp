#pragma once
// A folder for files that are measured: new, empty, and gone with all that is in it when its object goes.

#include <filesystem>
#include <string>

namespace shoal::report {

class ScratchFolder {
 public:
  /// In `parent`, which is there. *Errors*: std::system_error.
  explicit ScratchFolder(const std::filesystem::path& parent);
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// What `folder` lies on: "ext4", "tmpfs"; "an unknown file system" where /proc/self/mounts does not tell.
[[nodiscard]] std::string file_system_of(const std::filesystem::path& folder);

}  // namespace shoal::report
