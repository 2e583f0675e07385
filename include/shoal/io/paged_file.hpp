#pragma once
// An open file whose pages are read through a cache: what it has of rows is a RowSource.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "shoal/core/error.hpp"
#include "shoal/core/lock.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/core/row_source.hpp"
#include "shoal/core/slot.hpp"
#include "shoal/io/page_cache.hpp"

#if SHOAL_HAS_THREADS
#include <atomic>
#endif

namespace shoal::inline v0::detail {

/// Counts that many threads add to.
class PageCounts {
 public:
  void add(std::uint64_t hits, std::uint64_t misses) noexcept {
    hits_ += hits;
    misses_ += misses;
  }
  [[nodiscard]] std::uint64_t hits() const noexcept { return hits_; }
  [[nodiscard]] std::uint64_t misses() const noexcept { return misses_; }

 private:
#if SHOAL_HAS_THREADS
  std::atomic<std::uint64_t> hits_{0};
  std::atomic<std::uint64_t> misses_{0};
#else
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
#endif
};

/// *Threads*: any number read at once. What cannot be read comes as zeros, is counted, and the error is kept.
template <class File>
class PagedFile {
 public:
  /// `most_bytes`: of this file in the cache. Errors: std::bad_alloc.
  PagedFile(const File& file, std::uint64_t file_bytes, PageCache& cache, std::size_t most_bytes, PageCounts& counts)
      : file_(file), file_bytes_(file_bytes), cache_(cache), counts_(counts), table_(cache, file_bytes, most_bytes) {}

  /// Reads that failed until now, and the last error.
  [[nodiscard]] std::uint64_t failures() const noexcept {
    return lock_([&] { return failures_; });
  }
  [[nodiscard]] std::optional<Error> last_error() const {
    return lock_([&] { return error_; });
  }

  /// Rows of `stride` bytes from `offset` on.
  class Rows final : public RowSource {
   public:
    /// `may_evict`: pages of it drive others out of the cache; else they take room that is free.
    Rows(const PagedFile& file, std::uint64_t offset, std::size_t stride, bool may_evict) noexcept
        : file_(file), offset_(offset), stride_(stride), may_evict_(may_evict) {}

    void copy(std::span<const Slot> rows, std::byte* out) const noexcept override {
      constexpr std::size_t most = 64;
      for (; !rows.empty(); rows = rows.subspan(std::min(most, rows.size())), out += most * stride_) {
        copy_some(rows.first(std::min(most, rows.size())), out);
      }
    }
    void copy(Slot row, std::span<std::byte> out) const noexcept override {
      file_.read(offset_of(row), out, may_evict_);
    }
    void prefetch(Slot row) const noexcept override { file_.announce(offset_of(row), stride_); }

   private:
    /// All that are to be read are announced before the first is waited for.
    void copy_some(std::span<const Slot> rows, std::byte* out) const noexcept {
      std::array<std::uint8_t, 64> missing;
      std::size_t count = 0;
      std::uint64_t hits = 0;
      for (const Slot row : rows) file_.prefetch(offset_of(row), stride_);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (file_.copy_cached(offset_of(rows[i]), {out + i * stride_, stride_}, hits)) continue;
        missing[count++] = static_cast<std::uint8_t>(i);
      }
      file_.counts_.add(hits, 0);
      for (std::size_t i = 1; i < count; ++i) {
        const std::uint64_t offset = offset_of(rows[missing[i]]);
        if (offset / page_bytes != offset_of(rows[missing[i - 1]]) / page_bytes) file_.announce(offset, stride_);
      }
      for (std::size_t i = 0; i < count; ++i) {
        file_.read(offset_of(rows[missing[i]]), {out + missing[i] * stride_, stride_}, may_evict_);
      }
    }
    [[nodiscard]] std::uint64_t offset_of(Slot row) const noexcept { return offset_ + to_index(row) * stride_; }

    const PagedFile& file_;
    std::uint64_t offset_;
    std::size_t stride_;
    bool may_evict_;
  };

 private:
  static constexpr std::size_t page_bytes = PageCache::page_bytes;

  /// What of a page lies in [offset, offset + bytes), at most `bytes` of it.
  struct Piece {
    std::size_t page;
    std::size_t from;
    std::size_t count;
  };
  [[nodiscard]] static Piece piece_at(std::uint64_t offset, std::size_t bytes) noexcept {
    const auto from = static_cast<std::size_t>(offset % page_bytes);
    return {static_cast<std::size_t>(offset / page_bytes), from, std::min(bytes, page_bytes - from)};
  }

  void prefetch(std::uint64_t offset, std::size_t bytes) const noexcept {
    const Piece piece = piece_at(offset, bytes);
    cache_.prefetch(table_, piece.page, piece.from, bytes);
  }
  /// Copies what is wholly in the cache.
  [[nodiscard]] bool copy_cached(std::uint64_t offset, std::span<std::byte> out, std::uint64_t& hits) const noexcept {
    std::uint64_t pages = 0;
    while (!out.empty()) {
      const Piece piece = piece_at(offset, out.size());
      if (!cache_.copy(table_, piece.page, piece.from, out.first(piece.count))) return false;
      ++pages;
      offset += piece.count;
      out = out.subspan(piece.count);
    }
    hits += pages;
    return true;
  }

  /// Copies by way of the cache: pages that are not there are read, a few that lie together at once.
  void read(std::uint64_t offset, std::span<std::byte> out, bool may_evict) const noexcept {
    constexpr std::size_t most_pages = 4;
    alignas(cache_line_bytes) std::array<std::byte, most_pages * page_bytes> pages;
    while (!out.empty()) {
      const Piece first = piece_at(offset, out.size());
      std::size_t some = first.count;
      if (cache_.copy(table_, first.page, first.from, out.first(some))) {
        counts_.add(1, 0);
      } else {
        std::size_t count = 1;
        while (count < most_pages && some < out.size() && !cache_.has(table_, first.page + count)) {
          some += std::min(page_bytes, out.size() - some);
          ++count;
        }
        const std::uint64_t begin = std::uint64_t{first.page} * page_bytes;
        const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(count * page_bytes, file_bytes_ - begin));
        if (!read_file(begin, {pages.data(), bytes})) {
          std::fill(out.begin(), out.end(), std::byte{0});
          return;
        }
        counts_.add(0, count);
        for (std::size_t i = 0; i < count; ++i) {
          cache_.put(table_, first.page + i,
                     {pages.data() + i * page_bytes, std::min(page_bytes, bytes - i * page_bytes)}, may_evict);
        }
        std::copy_n(pages.data() + first.from, some, out.data());
      }
      offset += some;
      out = out.subspan(some);
    }
  }

  [[nodiscard]] bool read_file(std::uint64_t offset, std::span<std::byte> out) const noexcept {
    const auto fail = [&](const Error* error) {
      lock_([&] {
        ++failures_;
        SHOAL_TRY { error_ = error != nullptr ? *error : Error(ErrorCode::out_of_memory); }
        SHOAL_CATCH_ALL {}
      });
      return false;
    };
    SHOAL_TRY {
      const auto done = read_at(offset, out);
      return done ? true : fail(&done.error());
    }
    SHOAL_CATCH_ALL {}
    return fail(nullptr);
  }
  [[nodiscard]] auto read_at(std::uint64_t offset, std::span<std::byte> out) const {
    if constexpr (requires { requires !File::reads_at_once; }) {
      return lock_([&] { return file_.read_at(offset, out.data(), out.size()); });
    } else {
      return file_.read_at(offset, out.data(), out.size());
    }
  }
  /// Tells the system what will be read, if it has a way to be told.
  void announce(std::uint64_t offset, std::size_t bytes) const noexcept {
    if constexpr (requires { file_.announce(offset, bytes); }) {
      if (!cache_.has(table_, piece_at(offset, bytes).page)) file_.announce(offset, bytes);
    }
  }

  const File& file_;
  std::uint64_t file_bytes_;
  PageCache& cache_;
  PageCounts& counts_;
  mutable PageCache::Table table_;
  Lock lock_;
  mutable std::uint64_t failures_ = 0;
  mutable std::optional<Error> error_;
};

}  // namespace shoal::inline v0::detail
