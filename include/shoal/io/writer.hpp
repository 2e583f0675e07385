#pragma once
// Writes the sections of an index file, in order, then the header that says where they are. Small pieces are gathered,
// large ones go to the file as they lie in memory. The header comes last: until then the file begins with zeros, and is
// none.

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "shoal/core/archive.hpp"
#include "shoal/io/file.hpp"
#include "shoal/io/format.hpp"

namespace shoal::inline v0::detail {

/// Models OutArchive. `File`: a SystemFile, or what stands for it.
template <class File>
class FileWriter {
 public:
  /// Errors: std::bad_alloc.
  explicit FileWriter(File& file) : file_(file) { buffer_.reserve(buffer_bytes); }

  void begin(SectionKind kind, std::size_t row_bytes, std::size_t rows) {
    if (!head_) return start(kind, row_bytes, rows);
    end_section();
    start(kind, row_bytes, rows);
  }
  void write(const void* data, std::size_t count) {
    if (failure_ || count == 0) return;
    Section& section = head_->sections[head_->section_count - 1];
    section.checksum = crc32c(section.checksum, data, count);
    put(data, count);
  }
  /// Writes the header. *Errors*: the first that there was.
  [[nodiscard]] Done finish(const IndexFileInfo& info) {
    if (head_) end_section();
    flush();
    if (failure_) return Unexpected<Error>(*std::move(failure_));
    if (!head_) head_.emplace();
    head_->info = info;
    head_->info.file_bytes = end_;
    const HeaderBytes header = to_bytes(*head_);
    return file_.write_first(header.data(), header.size());
  }

 private:
  static constexpr std::size_t buffer_bytes = std::size_t{256} << 10;
  static constexpr std::uint64_t writeback_bytes = std::uint64_t{8} << 20;

  void start(SectionKind kind, std::size_t row_bytes, std::size_t rows) {
    if (!head_) {
      head_.emplace();
      put_zeros(header_bytes);
    }
    assert(head_->section_count < most_sections);
    const std::uint64_t bytes = std::uint64_t{row_bytes} * rows;
    Section& section = head_->sections[head_->section_count++];
    section = {kind, 0, section_offset(end_, bytes), bytes, row_bytes};
    section.checksum = crc_of_zeros(section.offset - end_);
    put_zeros(static_cast<std::size_t>(section.offset - end_));
  }
  void end_section() {
    assert(failure_ ||
           end_ == head_->sections[head_->section_count - 1].offset + head_->sections[head_->section_count - 1].bytes);
  }
  [[nodiscard]] static std::uint32_t crc_of_zeros(std::uint64_t count) noexcept {
    const std::array<std::byte, 4'096> zeros{};
    return crc32c(0, zeros.data(), static_cast<std::size_t>(count));
  }
  void put_zeros(std::size_t count) {
    const std::array<std::byte, 4'096> zeros{};
    put(zeros.data(), count);
  }
  void put(const void* data, std::size_t count) {
    if (failure_) return;
    const auto* bytes = static_cast<const std::byte*>(data);
    end_ += count;
    if (buffer_.size() + count > buffer_bytes) flush();
    if (count > buffer_bytes / 2) return write_out(bytes, count);
    buffer_.insert(buffer_.end(), bytes, bytes + count);
  }
  void flush() {
    write_out(buffer_.data(), buffer_.size());
    buffer_.clear();
  }
  void write_out(const std::byte* bytes, std::size_t count) {
    if (failure_ || count == 0) return;
    if (auto done = file_.write(bytes, count); !done) {
      failure_ = std::move(done.error());
      return;
    }
    written_ += count;
    if (written_ - begun_ < writeback_bytes) return;
    file_.begin_writeback(begun_, written_ - begun_);
    begun_ = written_;
  }

  File& file_;
  std::optional<FileHead> head_;
  std::vector<std::byte> buffer_;
  std::uint64_t end_ = 0;  // of what was put
  std::uint64_t written_ = 0;
  std::uint64_t begun_ = 0;  // up to here the system was told to write
  std::optional<Error> failure_;
};

}  // namespace shoal::inline v0::detail
