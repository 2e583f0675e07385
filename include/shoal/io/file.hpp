#pragma once
// Files of the operating system, with errors as values: each names the call, the reason and the path. POSIX where it
// is; elsewhere the C library, which can neither sync nor map, so that a file is what a power cut leaves of it, and one
// that is opened is read into memory.
//
// Whoever writes or reads files takes a `Files` as a template parameter, so that tests can put one in its place that
// fails, fills up or dies at any call.

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"

#if defined(__unix__) || defined(__APPLE__)
#define SHOAL_HAS_POSIX_FILES 1
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#else
#define SHOAL_HAS_POSIX_FILES 0
#endif

namespace shoal::inline v0::detail {

/// What `errno` says after `call` failed on `path`. `opening`: the file is missing or forbidden, rather than broken.
[[nodiscard]] SHOAL_COLD inline Error file_error(std::string_view call, const std::string& path, int number,
                                                 bool opening = false) {
  ErrorCode code = opening ? ErrorCode::cannot_open : ErrorCode::io_error;
  if (number == ENOSPC || number == EFBIG) code = ErrorCode::storage_full;
#if defined(EDQUOT)
  if (number == EDQUOT) code = ErrorCode::storage_full;
#endif
  if (number == ENOMEM) code = ErrorCode::out_of_memory;
  if (number == EIO) code = ErrorCode::io_error;
  return make_error(code, call, " failed: ", std::generic_category().message(number), ": ", path);
}

/// The same error, with the path unless it says so already.
[[nodiscard]] SHOAL_COLD inline Error error_at(const std::string& path, const Error& error) {
  if (error.message().ends_with(": " + path)) return error;
  return make_error(error.code(), error.message(), ": ", path);
}

/// Where a file that is to be replaced really lies, and who may read it.
struct ReplacedFile {
  std::string path;
  std::optional<unsigned> mode{};  // POSIX's; nothing: there is no file yet, or no such thing
};

/// The bytes of a file, read-only. They stay where they are when it moves.
class Mapping {
 public:
  using Release = void (*)(const std::byte* bytes, std::size_t size) noexcept;

  Mapping(const std::byte* bytes, std::size_t size, Release release) noexcept
      : bytes_(bytes), size_(size), release_(release) {}
  Mapping(Mapping&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)), size_(other.size_), release_(other.release_) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    std::swap(release_, other.release_);
    return *this;
  }
  ~Mapping() {
    if (bytes_ != nullptr) release_(bytes_, size_);
  }

  [[nodiscard]] const std::byte* bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  const std::byte* bytes_;
  std::size_t size_;
  Release release_;
};

using Done = Expected<void, Error>;

#if SHOAL_HAS_POSIX_FILES

/// An open file. All but `close` repeat what a signal interrupts.
class SystemFile {
 public:
  SystemFile(int descriptor, std::string path) noexcept : descriptor_(descriptor), path_(std::move(path)) {}
  SystemFile(SystemFile&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}
  SystemFile& operator=(SystemFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    path_.swap(other.path_);
    return *this;
  }
  ~SystemFile() {
    if (descriptor_ >= 0) (void)::close(descriptor_);
  }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// Writes behind what was written before.
  [[nodiscard]] Done write(const std::byte* bytes, std::size_t count) {
    return each_piece(
        count, [&](std::size_t at, std::size_t some) { return ::write(descriptor_, bytes + at, some); }, "write");
  }
  /// Writes at the beginning; what is written next comes behind all.
  [[nodiscard]] Done write_first(const std::byte* bytes, std::size_t count) {
    return each_piece(
        count,
        [&](std::size_t at, std::size_t some) {
          return ::pwrite(descriptor_, bytes + at, some, static_cast<off_t>(at));
        },
        "pwrite");
  }
  /// Gives the system leave to begin with what was written up to here. A hint.
  void begin_writeback([[maybe_unused]] std::uint64_t from, [[maybe_unused]] std::uint64_t bytes) const noexcept {
#if defined(__linux__) && defined(SYNC_FILE_RANGE_WRITE)
    const int before = errno;
    (void)::sync_file_range(descriptor_, static_cast<off_t>(from), static_cast<off_t>(bytes), SYNC_FILE_RANGE_WRITE);
    errno = before;
#endif
  }
  [[nodiscard]] Done read_at(std::uint64_t offset, std::byte* bytes, std::size_t count) const {
    std::size_t at = 0;
    while (at < count) {
      const ssize_t got =
          ::pread(descriptor_, bytes + at, std::min(count - at, most_at_once), static_cast<off_t>(offset + at));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Unexpected<Error>(file_error("pread", path_, errno));
      if (got == 0) {
        return Unexpected<Error>(make_error(ErrorCode::corrupt, "expected bytes up to ", offset + count,
                                            ", the file ends before ", offset + at + 1, ": ", path_));
      }
      at += static_cast<std::size_t>(got);
    }
    return {};
  }
  /// Who may read and write it.
  [[nodiscard]] Done set_mode(unsigned mode) {
    if (::fchmod(descriptor_, static_cast<mode_t>(mode)) == 0) return {};
    return Unexpected<Error>(file_error("fchmod", path_, errno));
  }
  /// Tells the system what will be read soon. A hint.
  void announce([[maybe_unused]] std::uint64_t offset, [[maybe_unused]] std::size_t bytes) const noexcept {
#if defined(POSIX_FADV_WILLNEED)
    (void)::posix_fadvise(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(bytes), POSIX_FADV_WILLNEED);
#endif
  }
  [[nodiscard]] Done sync() {
    while (::fsync(descriptor_) != 0) {
      if (errno != EINTR) return Unexpected<Error>(file_error("fsync", path_, errno));
    }
    return {};
  }
  [[nodiscard]] Done close() {
    if (::close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR) {
      return Unexpected<Error>(file_error("close", path_, errno));
    }
    return {};
  }
  [[nodiscard]] Expected<std::uint64_t, Error> size() const {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) return Unexpected<Error>(file_error("fstat", path_, errno));
    if (!S_ISREG(status.st_mode)) {
      return Unexpected<Error>(make_error(ErrorCode::cannot_open, "expected a regular file: ", path_));
    }
    return static_cast<std::uint64_t>(status.st_size);
  }
  /// Its first `bytes`, at least 1.
  [[nodiscard]] Expected<Mapping, Error> map(std::size_t bytes) const {
    void* const address = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor_, 0);
    if (address == MAP_FAILED) return Unexpected<Error>(file_error("mmap", path_, errno));
    return Mapping(
        static_cast<const std::byte*>(address), bytes,
        [](const std::byte* first, std::size_t size) noexcept { (void)::munmap(const_cast<std::byte*>(first), size); });
  }

 private:
  static constexpr std::size_t most_at_once = std::size_t{1} << 30;

  template <class Write>
  [[nodiscard]] Done each_piece(std::size_t count, const Write& write_some, std::string_view call) {
    std::size_t at = 0;
    while (at < count) {
      const ssize_t written = write_some(at, std::min(count - at, most_at_once));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Unexpected<Error>(file_error(call, path_, errno));
      at += static_cast<std::size_t>(written);
    }
    return {};
  }

  int descriptor_;
  std::string path_;
};

/// The operating system's files.
struct SystemFiles {
  using File = SystemFile;

  /// A new file to write to; nothing when there is one of that name.
  [[nodiscard]] Expected<std::optional<File>, Error> create(const std::string& path) {
    std::string name = path;  // copied before there is anything to lose
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0) return std::optional<File>(File(descriptor, std::move(name)));
    if (errno == EEXIST) return std::optional<File>();
    return Unexpected<Error>(file_error("open", path, errno, true));
  }
  /// To read. Does not wait for what is no regular file; its `size` is an error.
  [[nodiscard]] Expected<File, Error> open(const std::string& path) {
    std::string name = path;
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return Unexpected<Error>(file_error("open", path, errno, true));
    return File(descriptor, std::move(name));
  }
  /// Where a file of that name has to be put: behind a symbolic link, what it leads to. Errors: cannot_open, also for
  /// what is no regular file, and for a link that leads to nothing.
  [[nodiscard]] Expected<ReplacedFile, Error> find_replaced(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
      if (errno == ENOENT) return ReplacedFile{path};
      return Unexpected<Error>(file_error("lstat", path, errno, true));
    }
    ReplacedFile replaced{path};
    if (S_ISLNK(status.st_mode)) {
      struct Free {
        void operator()(char* text) const noexcept { std::free(text); }
      };
      const std::unique_ptr<char, Free> real(::realpath(path.c_str(), nullptr));
      if (real == nullptr || ::stat(real.get(), &status) != 0) {
        return Unexpected<Error>(file_error("realpath", path, errno, true));
      }
      replaced.path = real.get();
    }
    if (!S_ISREG(status.st_mode)) {
      return Unexpected<Error>(make_error(ErrorCode::cannot_open, "expected a regular file: ", path));
    }
    constexpr unsigned permissions = 0777;  // not those to run as another user
    replaced.mode = status.st_mode & permissions;
    return replaced;
  }
  /// In one step; what had the name `to` is no more.
  [[nodiscard]] Done rename(const std::string& from, const std::string& to) {
    if (std::rename(from.c_str(), to.c_str()) == 0) return {};
    return Unexpected<Error>(file_error("rename", to, errno));
  }
  void remove(const std::string& path) noexcept { (void)::unlink(path.c_str()); }
  /// Is nothing of that name there? What cannot be looked at is.
  [[nodiscard]] bool is_missing(const std::string& path) noexcept {
    return ::access(path.c_str(), F_OK) != 0 && errno == ENOENT;
  }
  /// What was renamed in the folder stays so. File systems that cannot say so are believed.
  [[nodiscard]] Done sync_folder(const std::string& folder) {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return Unexpected<Error>(file_error("open", folder, errno));
    int failure = 0;
    while (::fsync(descriptor) != 0 && (failure = errno) == EINTR) failure = 0;
    (void)::close(descriptor);
    if (failure != 0 && failure != EINVAL && failure != ENOTSUP) {
      return Unexpected<Error>(file_error("fsync", folder, failure));
    }
    return {};
  }
  /// Tells this program from others.
  [[nodiscard]] std::uint64_t program() const noexcept { return static_cast<std::uint64_t>(::getpid()); }
};

#else

class SystemFile {
 public:
  static constexpr bool reads_at_once = false;  // two threads would move each other's place

  SystemFile(std::FILE* file, std::string path) noexcept : file_(file), path_(std::move(path)) {}
  SystemFile(SystemFile&& other) noexcept : file_(std::exchange(other.file_, nullptr)), path_(std::move(other.path_)) {}
  SystemFile& operator=(SystemFile&& other) noexcept {
    std::swap(file_, other.file_);
    path_.swap(other.path_);
    return *this;
  }
  ~SystemFile() {
    if (file_ != nullptr) (void)std::fclose(file_);
  }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] Done write(const std::byte* bytes, std::size_t count) {
    if (std::fwrite(bytes, 1, count, file_) == count) return {};
    return Unexpected<Error>(file_error("fwrite", path_, errno));
  }
  [[nodiscard]] Done write_first(const std::byte* bytes, std::size_t count) {
    if (std::fseek(file_, 0, SEEK_SET) != 0) return Unexpected<Error>(file_error("fseek", path_, errno));
    return write(bytes, count);
  }
  void begin_writeback(std::uint64_t, std::uint64_t) const noexcept {}
  [[nodiscard]] Done read_at(std::uint64_t offset, std::byte* bytes, std::size_t count) const {
    if (std::fseek(file_, static_cast<long>(offset), SEEK_SET) != 0) {
      return Unexpected<Error>(file_error("fseek", path_, errno));
    }
    if (std::fread(bytes, 1, count, file_) == count) return {};
    return Unexpected<Error>(file_error("fread", path_, errno));
  }
  [[nodiscard]] Done sync() {
    if (std::fflush(file_) == 0) return {};
    return Unexpected<Error>(file_error("fflush", path_, errno));
  }
  [[nodiscard]] Done close() {
    if (std::fclose(std::exchange(file_, nullptr)) == 0) return {};
    return Unexpected<Error>(file_error("fclose", path_, errno));
  }
  [[nodiscard]] Expected<std::uint64_t, Error> size() const {
    const long end = std::fseek(file_, 0, SEEK_END) == 0 ? std::ftell(file_) : -1;
    if (end < 0) return Unexpected<Error>(file_error("ftell", path_, errno));
    return static_cast<std::uint64_t>(end);
  }
  [[nodiscard]] Expected<Mapping, Error> map(std::size_t bytes) const {
    auto* const copy = static_cast<std::byte*>(::operator new (bytes, std::align_val_t{4'096}, std::nothrow));
    if (copy == nullptr) return Unexpected<Error>(Error(ErrorCode::out_of_memory));
    Mapping mapping(copy, bytes, [](const std::byte* first, std::size_t) noexcept {
      ::operator delete (const_cast<std::byte*>(first), std::align_val_t{4'096});
    });
    if (auto read = read_at(0, copy, bytes); !read) return Unexpected<Error>(std::move(read.error()));
    return mapping;
  }

 private:
  std::FILE* file_;
  std::string path_;
};

struct SystemFiles {
  using File = SystemFile;

  [[nodiscard]] Expected<std::optional<File>, Error> create(const std::string& path) {
    std::string name = path;  // copied before there is anything to lose
    if (std::FILE* const file = std::fopen(path.c_str(), "wbx"))
      return std::optional<File>(File(file, std::move(name)));
    if (errno == EEXIST) return std::optional<File>();
    return Unexpected<Error>(file_error("fopen", path, errno, true));
  }
  [[nodiscard]] Expected<File, Error> open(const std::string& path) {
    std::string name = path;
    if (std::FILE* const file = std::fopen(path.c_str(), "rb")) return File(file, std::move(name));
    return Unexpected<Error>(file_error("fopen", path, errno, true));
  }
  [[nodiscard]] Done rename(const std::string& from, const std::string& to) {
    if (std::rename(from.c_str(), to.c_str()) == 0) return {};
    (void)std::remove(to.c_str());  // where a name that is taken is refused, it cannot be one step
    if (std::rename(from.c_str(), to.c_str()) == 0) return {};
    return Unexpected<Error>(file_error("rename", to, errno));
  }
  void remove(const std::string& path) noexcept { (void)std::remove(path.c_str()); }
  [[nodiscard]] bool is_missing(const std::string& path) noexcept {
    std::FILE* const file = std::fopen(path.c_str(), "rb");
    if (file == nullptr) return errno == ENOENT;
    (void)std::fclose(file);
    return false;
  }
  [[nodiscard]] Done sync_folder(const std::string&) { return {}; }
  [[nodiscard]] std::uint64_t program() const noexcept { return 0; }
};

#endif

}  // namespace shoal::inline v0::detail
