#pragma once
// Reads an index file: its header, which is checked against the size of the file before anything is allocated, then
// its sections in order. FileReader copies a section and compares its checksum; MappedReader points at it, and leaves
// the checksums to `find_wrong_checksum`, for whoever wants to read the whole file.

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "shoal/core/archive.hpp"
#include "shoal/io/file.hpp"
#include "shoal/io/format.hpp"

namespace shoal::inline v0::detail {

/// Errors: as parse_header's; io_error.
template <class File>
[[nodiscard]] Expected<FileHead, Error> read_header(const File& file) {
  const auto size = file.size();
  if (!size) return Unexpected<Error>(size.error());
  HeaderBytes bytes;
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(*size, bytes.size()));
  if (auto done = file.read_at(0, bytes.data(), count); !done) return Unexpected<Error>(std::move(done.error()));
  return parse_header(std::span(bytes).first(count), *size);
}

[[nodiscard]] SHOAL_COLD inline Error wrong_checksum(const Section& section, std::uint32_t checksum) {
  return make_error(ErrorCode::corrupt, "section ", describe(section.kind), ": the header says that its checksum is ",
                    section.checksum, ", its bytes have ", checksum);
}

/// What both readers share: which section is next, and what went wrong.
class SectionReader {
 public:
  explicit SectionReader(const FileHead& head) noexcept : head_(&head) {}

  [[nodiscard]] std::size_t rows_of_next(SectionKind kind, std::size_t row_bytes) const noexcept {
    if (next_ == head_->section_count || head_->sections[next_].kind != kind) return 0;
    return static_cast<std::size_t>(head_->sections[next_].bytes / row_bytes);
  }
  [[nodiscard]] bool begin(SectionKind kind, std::size_t row_bytes, std::size_t rows) {
    if (error_) return false;
    if (next_ == head_->section_count || head_->sections[next_].kind != kind) {
      error_ = make_error(ErrorCode::corrupt, "expected section ", describe(kind), " after ", next_, " others");
      return false;
    }
    const Section& section = head_->sections[next_];
    if (section.row_bytes != row_bytes || section.bytes / row_bytes != rows) {
      error_ = make_error(ErrorCode::corrupt, "section ", describe(kind), ": expected ", rows, " rows of ", row_bytes,
                          " bytes, got ", section.bytes, " bytes in rows of ", section.row_bytes);
      return false;
    }
    ++next_;
    return true;
  }
  template <class... Parts>
  bool refuse(const Parts&... parts) {
    if (!error_) error_ = make_error(ErrorCode::corrupt, parts...);
    return false;
  }
  /// The first error; also when there are more sections than were asked for.
  [[nodiscard]] std::optional<Error> take_error() {
    if (!error_ && next_ != head_->section_count) refuse("a section more than expected");
    return std::move(error_);
  }

 protected:
  [[nodiscard]] const Section& section() const noexcept { return head_->sections[next_ - 1]; }
  /// Where the section before ends.
  [[nodiscard]] std::uint64_t end_before() const noexcept {
    return next_ == 1 ? header_bytes : head_->sections[next_ - 2].offset + head_->sections[next_ - 2].bytes;
  }

  const FileHead* head_;
  std::size_t next_ = 0;
  std::optional<Error> error_;
};

/// Models InArchive. `File`: a SystemFile, or what stands for it.
template <class File>
class FileReader : public SectionReader {
 public:
  static constexpr bool is_mapped = false;

  FileReader(const File& file, const FileHead& head) noexcept : SectionReader(head), file_(file) {}

  [[nodiscard]] bool begin(SectionKind kind, std::size_t row_bytes, std::size_t rows) {
    if (!SectionReader::begin(kind, row_bytes, rows)) return false;
    checksum_ = 0;
    at_ = end_before();
    std::array<std::byte, 4'096> between;
    return read(between.data(), static_cast<std::size_t>(section().offset - at_));
  }
  [[nodiscard]] bool read(void* to, std::size_t count) {
    if (error_) return false;
    assert(count <= section().offset + section().bytes - at_);
    auto* bytes = static_cast<std::byte*>(to);
    if (auto done = fetch(bytes, count); !done) {
      error_ = std::move(done.error());
      return false;
    }
    checksum_ = crc32c(checksum_, bytes, count);
    at_ += count;
    return true;
  }
  [[nodiscard]] bool end() {
    if (error_) return false;
    assert(at_ == section().offset + section().bytes);
    if (checksum_ == section().checksum) return true;
    error_ = wrong_checksum(section(), checksum_);
    return false;
  }

 private:
  /// Small pieces come from a buffer.
  [[nodiscard]] Done fetch(std::byte* to, std::size_t count) {
    std::uint64_t at = at_;
    while (count > 0) {
      if (at >= buffer_at_ && at < buffer_at_ + buffered_) {
        const auto from = static_cast<std::size_t>(at - buffer_at_);
        const std::size_t some = std::min(count, buffered_ - from);
        std::memcpy(to, buffer_.data() + from, some);
        to += some;
        at += some;
        count -= some;
        continue;
      }
      if (count >= buffer_.size()) return file_.read_at(at, to, count);
      const std::uint64_t left = head_->info.file_bytes - at;
      buffered_ = 0;
      buffer_at_ = at;
      const auto some = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer_.size()));
      if (auto done = file_.read_at(at, buffer_.data(), some); !done) return done;
      buffered_ = some;
    }
    return {};
  }

  const File& file_;
  std::uint32_t checksum_ = 0;
  std::uint64_t at_ = 0;
  std::array<std::byte, 16'384> buffer_;
  std::uint64_t buffer_at_ = 0;
  std::size_t buffered_ = 0;
};

/// What the readers share that hand out memory: `take` points at what a section has, in order.
class MemoryReader : public SectionReader {
 public:
  static constexpr bool is_mapped = true;

  [[nodiscard]] const std::byte* take(std::size_t count) noexcept {
    assert(count <= left_);
    left_ -= count;
    return std::exchange(next_, next_ + count);
  }
  [[nodiscard]] bool read(void* to, std::size_t count) noexcept {
    if (error_) return false;
    if (count != 0) std::memcpy(to, take(count), count);
    return true;
  }
  [[nodiscard]] bool end() const noexcept { return !error_; }

 protected:
  using SectionReader::SectionReader;

  /// The section that was begun lies here.
  void begin_at(const std::byte* bytes) noexcept {
    next_ = bytes;
    left_ = static_cast<std::size_t>(section().bytes);
  }

 private:
  const std::byte* next_ = nullptr;
  std::size_t left_ = 0;
};

/// Models InArchive.
class MappedReader : public MemoryReader {
 public:
  /// `bytes`: the whole file, whose header is `head`.
  MappedReader(const std::byte* bytes, const FileHead& head) noexcept : MemoryReader(head), bytes_(bytes) {}

  [[nodiscard]] bool begin(SectionKind kind, std::size_t row_bytes, std::size_t rows) {
    if (!SectionReader::begin(kind, row_bytes, rows)) return false;
    begin_at(bytes_ + section().offset);
    return true;
  }

 private:
  const std::byte* bytes_;
};

/// The same of a file that is read a piece at a time. Errors besides: io_error.
template <class File>
[[nodiscard]] std::optional<Error> find_wrong_checksum(const File& file, const FileHead& head) {
  std::array<std::byte, 16'384> bytes;
  std::uint64_t at = header_bytes;
  for (std::size_t i = 0; i < head.section_count; ++i) {
    const Section& section = head.sections[i];
    std::uint32_t checksum = 0;
    while (at < section.offset + section.bytes) {
      const auto some =
          static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), section.offset + section.bytes - at));
      if (auto done = file.read_at(at, bytes.data(), some); !done) return std::move(done.error());
      checksum = crc32c(checksum, bytes.data(), some);
      at += some;
    }
    if (checksum != section.checksum) return wrong_checksum(section, checksum);
  }
  return std::nullopt;
}

/// *Cost*: reads all of it.
[[nodiscard]] inline std::optional<Error> find_wrong_checksum(const std::byte* bytes, const FileHead& head) {
  std::uint64_t end = header_bytes;
  for (std::size_t i = 0; i < head.section_count; ++i) {
    const Section& section = head.sections[i];
    const std::uint64_t last = section.offset + section.bytes;
    const std::uint32_t checksum = crc32c(0, bytes + end, static_cast<std::size_t>(last - end));
    if (checksum != section.checksum) return wrong_checksum(section, checksum);
    end = last;
  }
  return std::nullopt;
}

}  // namespace shoal::inline v0::detail
