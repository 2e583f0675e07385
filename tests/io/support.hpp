#pragma once
// Files for tests: a folder that goes when the test ends, files that are bytes in memory, and files that fail.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "shoal/index/index_file.hpp"
#include "shoal/io/file.hpp"
#include "shoal/io/format.hpp"

namespace io_tests {

using Bytes = std::vector<std::byte>;

/// A folder of its own, removed with all that is in it.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "shoal-io-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) shoal::detail::raise_bad_alloc();
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string file(const std::string& name = "index.shoal") const { return path_ + "/" + name; }
  [[nodiscard]] std::size_t file_count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::string path_;
};

inline Bytes read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> chars{std::istreambuf_iterator<char>(in), {}};
  Bytes bytes(chars.size());
  if (!chars.empty()) std::memcpy(bytes.data(), chars.data(), chars.size());
  return bytes;
}
inline void write_bytes(const std::string& path, const Bytes& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// Files in memory. What is mapped is a copy of exactly the file's size, so that AddressSanitizer sees its end.
class MemoryFiles {
 public:
  class File {
   public:
    File(MemoryFiles& files, std::string path) : files_(&files), path_(std::move(path)) {}
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] shoal::detail::Done write(const std::byte* bytes, std::size_t count) {
      Bytes& all = files_->files[path_];
      all.insert(all.end(), bytes, bytes + count);
      return {};
    }
    [[nodiscard]] shoal::detail::Done write_first(const std::byte* bytes, std::size_t count) {
      Bytes& all = files_->files[path_];
      all.resize(std::max(all.size(), count));
      std::copy(bytes, bytes + count, all.begin());
      return {};
    }
    void begin_writeback(std::uint64_t, std::uint64_t) const noexcept {}
    [[nodiscard]] shoal::detail::Done read_at(std::uint64_t offset, std::byte* bytes, std::size_t count) const {
      const Bytes& all = files_->files[path_];
      if (offset + count > all.size()) return shoal::detail::corrupt("the file ended");
      std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(offset), count, bytes);
      return {};
    }
    [[nodiscard]] shoal::detail::Done sync() { return {}; }
    [[nodiscard]] shoal::detail::Done close() { return {}; }
    [[nodiscard]] shoal::Expected<std::uint64_t, shoal::Error> size() const {
      return std::uint64_t{files_->files[path_].size()};
    }
    [[nodiscard]] shoal::Expected<shoal::detail::Mapping, shoal::Error> map(std::size_t count) const {
      constexpr std::align_val_t alignment{64};
      auto* const copy = static_cast<std::byte*>(::operator new(count, alignment));
      std::copy_n(files_->files[path_].begin(), count, copy);
      return shoal::detail::Mapping(copy, count, [](const std::byte* first, std::size_t) noexcept {
        ::operator delete(const_cast<std::byte*>(first), alignment);
      });
    }

   private:
    MemoryFiles* files_;
    std::string path_;
  };

  std::map<std::string, Bytes> files{};

  [[nodiscard]] shoal::Expected<std::optional<File>, shoal::Error> create(const std::string& path) {
    if (!files.try_emplace(path).second) return std::optional<File>();
    return std::optional<File>(File(*this, path));
  }
  [[nodiscard]] shoal::Expected<File, shoal::Error> open(const std::string& path) {
    if (!files.contains(path)) return shoal::Unexpected<shoal::Error>(shoal::Error(shoal::ErrorCode::cannot_open));
    return File(*this, path);
  }
  [[nodiscard]] shoal::detail::Done rename(const std::string& from, const std::string& to) {
    files[to] = std::move(files[from]);
    files.erase(from);
    return {};
  }
  void remove(const std::string& path) noexcept { files.erase(path); }
  [[nodiscard]] shoal::detail::Done sync_folder(const std::string&) { return {}; }
  [[nodiscard]] std::uint64_t program() const noexcept { return 1; }
};

/// What an index is as a file.
template <class Index>
Bytes bytes_of(const Index& index, const shoal::SaveOptions& options = {}) {
  MemoryFiles files;
  const auto saved = index.save("index", options, files);
  return saved ? files.files.at("index") : Bytes();
}
template <class Index>
shoal::Expected<Index, shoal::Error> load_bytes(Bytes bytes) {
  MemoryFiles files;
  files.files["index"] = std::move(bytes);
  return Index::load("index", {}, files);
}

/// Makes all checksums right again, as whoever wants to do harm would. Offsets that make no sense are left alone.
inline void mend_checksums(Bytes& bytes) {
  using namespace shoal::detail;
  if (bytes.size() < header_bytes) return;
  std::uint64_t end = header_bytes;
  const std::size_t count = std::min<std::size_t>(get<std::uint32_t>(bytes, 32), most_sections);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = table_at + i * table_row;
    const auto offset = get<std::uint64_t>(bytes, at + 8), length = get<std::uint64_t>(bytes, at + 16);
    if (offset < end || offset > bytes.size() || length > bytes.size() - offset) break;
    put(bytes, at + 4, crc32c(0, bytes.data() + end, static_cast<std::size_t>(offset + length - end)));
    end = offset + length;
  }
  put(bytes, checksum_at, header_checksum(std::span(bytes).first(header_bytes)));
}

}  // namespace io_tests
