#include "scratch_folder.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

namespace shoal::report {

ScratchFolder::ScratchFolder(const std::filesystem::path& parent) {
  std::string name = (parent / "scratch-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string file_system_of(const std::filesystem::path& folder) {
  std::error_code failed;
  const auto path = std::filesystem::canonical(folder, failed);
  std::string found = "an unknown file system";
  std::ptrdiff_t longest = -1;
  std::ifstream mounts("/proc/self/mounts");
  for (std::string line; !failed && std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string device, place, type;
    fields >> device >> place >> type;
    const std::filesystem::path mount(place);
    const auto parts = std::distance(mount.begin(), mount.end());
    const bool holds = std::mismatch(mount.begin(), mount.end(), path.begin(), path.end()).first == mount.end();
    if (!holds || parts < longest) continue;  // of two in one place the later one is seen
    longest = parts;
    found = type;
  }
  return found;
}

}  // namespace shoal::report
