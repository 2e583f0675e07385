#pragma once
// Reads an index file to be searched through a cache: what leads to rows (ids, upper levels, factors) is read into
// memory and its checksums compared; rows and lists of level 0 stay in the file. Nothing that stays is verified here.

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "shoal/core/archive.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/io/crc32c.hpp"
#include "shoal/io/format.hpp"
#include "shoal/io/page_cache.hpp"
#include "shoal/io/paged_file.hpp"
#include "shoal/io/reader.hpp"

namespace shoal::inline v0::detail {

/// Is a section of the kind read page by page? What a user's rows are is not known: they are read whole.
[[nodiscard]] constexpr bool is_paged(SectionKind kind) noexcept {
  switch (kind) {
    case SectionKind::links:
    case SectionKind::parents:
    case SectionKind::floats:
    case SectionKind::codes:
    case SectionKind::sketches: return true;
    default: return false;
  }
}

/// What of a file is in memory for good, and the sources of the rest. It does not move.
template <class File>
struct PagedSections {
  struct FreeBytes {
    void operator()(std::byte* bytes) const noexcept { ::operator delete (bytes, std::align_val_t{cache_line_bytes}); }
  };
  std::vector<std::unique_ptr<std::byte, FreeBytes>> whole{};
  std::deque<typename PagedFile<File>::Rows> rows{};

  /// Bytes that the sections of such a file take in memory.
  [[nodiscard]] static std::uint64_t bytes_for(const FileHead& head) noexcept {
    std::uint64_t sum = 0, end = header_bytes;
    for (std::size_t i = 0; i < head.section_count; ++i) {
      const Section& section = head.sections[i];
      if (!is_paged(section.kind)) sum += section.offset - end + section.bytes + cache_line_bytes;
      end = section.offset + section.bytes;
    }
    return sum;
  }
};

/// Models InArchive; says where rows come from that are not in memory.
template <class File>
class PagedReader : public MemoryReader {
 public:
  PagedReader(const File& file, const FileHead& head, const PagedFile<File>& pages, PagedSections<File>& sections)
      : MemoryReader(head), file_(file), pages_(pages), sections_(sections) {
    for (std::size_t i = 0; i < head.section_count; ++i) has_codes_ |= head.sections[i].kind == SectionKind::codes;
  }

  /// Errors: std::bad_alloc.
  [[nodiscard]] bool begin(SectionKind kind, std::size_t row_bytes, std::size_t rows) {
    if (!SectionReader::begin(kind, row_bytes, rows)) return false;
    source_ = nullptr;
    if (!is_paged(kind)) return read_whole();
    if (rows == 0) return true;
    // Floats beside codes are read by few: they must not drive codes out of the cache.
    const bool may_evict = kind != SectionKind::floats || !has_codes_;
    source_ = &sections_.rows.emplace_back(pages_, section().offset, row_bytes, may_evict);
    return true;
  }
  /// Of the section that was begun; null when it is in memory, or empty.
  [[nodiscard]] const RowSource* source() const noexcept { return source_; }

 private:
  /// With what lies before it, which its checksum covers.
  [[nodiscard]] bool read_whole() {
    const auto before = static_cast<std::size_t>(section().offset - end_before());
    const auto bytes = static_cast<std::size_t>(section().bytes);
    const std::size_t aligned = (before + cache_line_bytes - 1) / cache_line_bytes * cache_line_bytes;
    sections_.whole.reserve(sections_.whole.size() + 1);
    auto* const memory =
        static_cast<std::byte*>(::operator new (aligned + bytes + 1, std::align_val_t{cache_line_bytes}));
    sections_.whole.emplace_back(memory);
    std::byte* const first = memory + (aligned - before);
    if (auto done = file_.read_at(end_before(), first, before + bytes); !done) {
      error_ = std::move(done.error());
      return false;
    }
    const std::uint32_t checksum = crc32c(0, first, before + bytes);
    if (checksum != section().checksum) {
      error_ = wrong_checksum(section(), checksum);
      return false;
    }
    begin_at(memory + aligned);
    return true;
  }

  const File& file_;
  const PagedFile<File>& pages_;
  PagedSections<File>& sections_;
  bool has_codes_ = false;
  const RowSource* source_ = nullptr;
};

}  // namespace shoal::inline v0::detail
