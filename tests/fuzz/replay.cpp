// Runs a fuzz target over files that were found before, without a fuzzer: `replay FILE|FOLDER...`. So every compiler
// can, and the corpus is a test.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "input.hpp"

namespace {

/// The files that the arguments name, in one order on every system.
std::vector<std::filesystem::path> inputs(int argc, char** argv) {
  std::vector<std::filesystem::path> paths;
  for (int i = 1; i < argc; ++i) {
    if (std::filesystem::is_directory(argv[i])) {
      for (const auto& entry : std::filesystem::directory_iterator(argv[i])) paths.push_back(entry.path());
    } else {
      paths.emplace_back(argv[i]);
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

int main(int argc, char** argv) {
  const auto paths = inputs(argc, argv);
  for (const auto& path : paths) {
    std::fprintf(stderr, "%s\n", path.string().c_str());  // the last one is to blame
    std::ifstream in(path, std::ios::binary);
    if (!in) return 1;
    const std::string chars{std::istreambuf_iterator<char>(in), {}};
    // Of exactly the file's size, so that AddressSanitizer sees its end.
    const auto bytes = std::make_unique<std::uint8_t[]>(chars.size());
    std::copy(chars.begin(), chars.end(), bytes.get());
    (void)LLVMFuzzerTestOneInput(bytes.get(), chars.size());
  }
  std::fprintf(stderr, "%zu inputs\n", paths.size());
  return paths.empty() ? 1 : 0;
}
