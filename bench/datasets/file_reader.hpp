#pragma once
// Reads a regular file from its beginning to its end and always knows where it is.
//
// The size is taken when the file is opened, so a format can hold every number it reads against the bytes that are
// really there before it allocates. A directory, a pipe or a file that may not be read is refused when it is opened.

#include <cstdint>
#include <cstdio>
#include <memory>

#include <datasets/result.hpp>

namespace shoal::datasets {

class FileReader {
 public:
  /// *Errors*: missing, not a regular file, not readable, empty.
  [[nodiscard]] static Result<FileReader> open(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
  [[nodiscard]] std::uint64_t offset_bytes() const { return offset_bytes_; }
  [[nodiscard]] std::uint64_t remaining_bytes() const { return size_bytes_ - offset_bytes_; }

  /// Fills `bytes` bytes at `to`. *Errors*: the file ends before, or the system cannot read it; `what` says what was
  /// due.
  [[nodiscard]] Result<void> read(void* to, std::size_t bytes, const std::string& what);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  FileReader() = default;

  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::uint64_t size_bytes_ = 0;
  std::uint64_t offset_bytes_ = 0;
};

}  // namespace shoal::datasets
