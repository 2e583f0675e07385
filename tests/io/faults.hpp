#pragma once
// The system's files, failing on request: the k-th operation, once or from then on; at the end of so much room on the
// disk; or by the death of the program. It remembers what was done in which order.

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "shoal/io/file.hpp"

namespace io_tests {

class FaultyFiles {
  using SystemFile = shoal::detail::SystemFile;

 public:
  static constexpr int exit_status_of_death = 86;

  class File {
   public:
    File(FaultyFiles& files, SystemFile file) : files_(&files), file_(std::move(file)) {}
    [[nodiscard]] const std::string& path() const noexcept { return file_.path(); }
    [[nodiscard]] shoal::detail::Done write(const std::byte* bytes, std::size_t count) {
      if (auto failure = files_->step("write")) {
        (void)file_.write(bytes, count / 2);  // half of it came that far
        return shoal::Unexpected<shoal::Error>(*failure);
      }
      const std::size_t fits = std::min(count, files_->room);
      files_->room -= fits;
      if (auto done = file_.write(bytes, fits); !done || fits == count) return done;
      return shoal::Unexpected<shoal::Error>(shoal::detail::file_error("write", path(), ENOSPC));
    }
    [[nodiscard]] shoal::detail::Done write_first(const std::byte* bytes, std::size_t count) {
      if (auto failure = files_->step("write_first")) {
        (void)file_.write_first(bytes, count / 2);
        return shoal::Unexpected<shoal::Error>(*failure);
      }
      return file_.write_first(bytes, count);
    }
    void begin_writeback(std::uint64_t from, std::uint64_t bytes) const noexcept { file_.begin_writeback(from, bytes); }
    [[nodiscard]] shoal::detail::Done read_at(std::uint64_t offset, std::byte* bytes, std::size_t count) const {
      if (auto failure = files_->step("read")) return shoal::Unexpected<shoal::Error>(*failure);
      return file_.read_at(offset, bytes, count);
    }
    [[nodiscard]] shoal::detail::Done sync() {
      if (auto failure = files_->step("sync")) return shoal::Unexpected<shoal::Error>(*failure);
      return {};  // tests have no time
    }
    [[nodiscard]] shoal::detail::Done close() {
      if (auto failure = files_->step("close")) return shoal::Unexpected<shoal::Error>(*failure);
      return file_.close();
    }
    [[nodiscard]] shoal::Expected<std::uint64_t, shoal::Error> size() const {
      if (auto failure = files_->step("size")) return shoal::Unexpected<shoal::Error>(*failure);
      return file_.size();
    }
    [[nodiscard]] shoal::Expected<shoal::detail::Mapping, shoal::Error> map(std::size_t bytes) const {
      if (auto failure = files_->step("map")) return shoal::Unexpected<shoal::Error>(*failure);
      return file_.map(bytes);
    }

   private:
    FaultyFiles* files_;
    SystemFile file_;
  };

  std::size_t allowed = ~std::size_t{0};  // operations that still succeed
  bool forever = false;                   // all after it fail too, or it alone
  bool dies = false;
  std::size_t room = ~std::size_t{0};  // bytes that can still be written
  bool failed = false;
  std::vector<std::string> log{};

  [[nodiscard]] shoal::Expected<std::optional<File>, shoal::Error> create(const std::string& path) {
    if (auto failure = step("create")) return shoal::Unexpected<shoal::Error>(*failure);
    auto file = files_.create(path);
    if (!file) return shoal::Unexpected<shoal::Error>(file.error());
    if (!*file) return std::optional<File>();
    return std::optional<File>(File(*this, *std::move(*file)));
  }
  [[nodiscard]] shoal::Expected<File, shoal::Error> open(const std::string& path) {
    if (auto failure = step("open")) return shoal::Unexpected<shoal::Error>(*failure);
    auto file = files_.open(path);
    if (!file) return shoal::Unexpected<shoal::Error>(file.error());
    return File(*this, *std::move(file));
  }
  [[nodiscard]] shoal::detail::Done rename(const std::string& from, const std::string& to) {
    if (auto failure = step("rename")) return shoal::Unexpected<shoal::Error>(*failure);
    return files_.rename(from, to);
  }
  void remove(const std::string& path) noexcept {
    log.emplace_back("remove");
    files_.remove(path);
  }
  [[nodiscard]] bool is_missing(const std::string& path) noexcept { return files_.is_missing(path); }
  [[nodiscard]] shoal::detail::Done sync_folder(const std::string& folder) {
    if (auto failure = step("sync_folder")) return shoal::Unexpected<shoal::Error>(*failure);
    return files_.sync_folder(folder);
  }
  [[nodiscard]] std::uint64_t program() const noexcept { return files_.program(); }

 private:
  std::optional<shoal::Error> step(const char* operation) {
    log.emplace_back(operation);
    if (allowed == ~std::size_t{0}) return std::nullopt;
    if (allowed > 0) {
      --allowed;
      return std::nullopt;
    }
    failed = true;
    if (dies) _exit(exit_status_of_death);
    if (!forever) allowed = ~std::size_t{0};
    return shoal::Error(shoal::ErrorCode::io_error, operation);
  }

  shoal::detail::SystemFiles files_{};
};

}  // namespace io_tests
