#pragma once
// An index whose rows and links are read through a cache of pages. Types, walk and search are those of an index that is
// mapped; only where its bytes come from differs.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/core/shared.hpp"
#include "shoal/index/index_file.hpp"
#include "shoal/index/mapped_entries.hpp"
#include "shoal/index/mapped_index.hpp"
#include "shoal/index/readable_index.hpp"
#include "shoal/io/page_cache.hpp"
#include "shoal/io/paged_file.hpp"
#include "shoal/io/paged_reader.hpp"
#include "shoal/session/metadata_cache.hpp"

namespace shoal::inline v0::detail {

/// What the indexes of a session share.
struct SessionCaches {
  SessionCaches(std::size_t index_bytes, std::size_t metadata_bytes, MetadataCache::Duration busy_timeout)
      : pages(index_bytes), metadata(metadata_bytes, busy_timeout) {}

  PageCache pages;
  PageCounts counts;
  MetadataCache metadata;
};

template <class Metric, class Storage, class Id, class Structure, class Config>
class PagedIndex : public ReadableIndex<Metric, Storage, Id, Structure, MappedEntries> {
  using Base = ReadableIndex<Metric, Storage, Id, Structure, MappedEntries>;

 public:
  using IndexFileType = IndexFile<Metric, Storage, Id, Structure, Config>;
  using Entries = typename Base::EntriesType;

  /// `scratch_bytes`: of working memory that a search may keep for the next.
  PagedIndex(typename IndexFileType::template Parts<Entries> parts, std::size_t scratch_bytes)
      : Base(std::move(parts.entries), std::move(parts.structure)) {
    Base::limit_scratch(scratch_bytes);
  }
  using Base::keep_one_scratch;
};

/// The paged index for an index, which says what it is by the type of its mapped one.
template <class Mapped>
struct PagedIndexOf;
template <class Metric, class Storage, class Id, class Structure, class Config>
struct PagedIndexOf<MappedIndex<Metric, Storage, Id, Structure, Config>> {
  using Type = PagedIndex<Metric, Storage, Id, Structure, Config>;
};

/// An open index file: the descriptor and the header always, the rest while it is used or there is room.
template <class Index, class SystemFileType>
class IndexInSession final : public MetadataCache::File {
 public:
  using Paged = typename PagedIndexOf<typename Index::Mapped>::Type;

  IndexInSession(std::string path, SystemFileType file, const FileHead& head, SessionCaches& caches,
                 std::size_t most_index_bytes, std::size_t dimensions, bool is_verified)
      : MetadataCache::File(type_tag(),
                            static_cast<std::size_t>(bytes_for(head, dimensions, caches, most_index_bytes))),
        path_(std::move(path)),
        file_(std::move(file)),
        head_(head),
        caches_(caches),
        most_index_bytes_(most_index_bytes),
        is_verified_(is_verified) {}

  [[nodiscard]] static const void* type_tag() noexcept {
    static constexpr char tag = 0;
    return &tag;
  }
  /// What such a file needs in memory: what is read whole, the table of its pages, and the working memory of a search.
  [[nodiscard]] static std::uint64_t bytes_for(const FileHead& head, std::uint64_t dimensions,
                                               const SessionCaches& caches, std::size_t most_index_bytes) noexcept {
    return PagedSections<SystemFileType>::bytes_for(head) +
           PageCache::Table::bytes_for(caches.pages, head.info.file_bytes, most_index_bytes) +
           scratch_bytes_for(head, dimensions) + std::uint64_t{8} * 1024;
  }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const FileHead& head() const noexcept { return head_; }
  /// The checksums of all of it were compared when it was opened.
  [[nodiscard]] bool is_verified() const noexcept { return is_verified_; }
  /// It could not be read, once. Whoever opens a file of its name again gets another.
  [[nodiscard]] bool has_failed() const noexcept { return has_failed_.load(); }
  void note_failure() noexcept { has_failed_.store(true); }
  /// Only while it is in use.
  [[nodiscard]] const Paged& index() const noexcept { return *loaded_->index; }
  [[nodiscard]] const PagedFile<SystemFileType>& pages() const noexcept { return loaded_->pages; }

 private:
  /// Of that, the working memory: a mark for each slot, copies of rows, the query.
  [[nodiscard]] static std::uint64_t scratch_bytes_for(const FileHead& head, std::uint64_t dimensions) noexcept {
    constexpr std::uint64_t copies = 2 * 64 * 1024, small = 8 * 1024, step = 4'096;
    const std::uint64_t marks = (head.info.slots + step - 1) / step * step;
    return marks + 8 * dimensions * sizeof(float) + copies + small;
  }

  struct Loaded {
    Loaded(const IndexInSession& file)
        : pages(file.file_, file.head_.info.file_bytes, file.caches_.pages, file.most_index_bytes_,
                file.caches_.counts) {}
    PagedFile<SystemFileType> pages;
    PagedSections<SystemFileType> sections;
    std::optional<Paged> index;
  };

  [[nodiscard]] std::optional<Error> load() noexcept override {
    SHOAL_TRY {
      auto loaded = std::make_unique<Loaded>(*this);
      PagedReader<SystemFileType> in(file_, head_, loaded->pages, loaded->sections);
      auto parts = Paged::IndexFileType::template read<typename Paged::Entries>(in, head_.info);
      if (!parts) {
        note_failure();
        return error_at(path_, parts.error());
      }
      loaded->index.emplace(std::move(*parts),
                            static_cast<std::size_t>(scratch_bytes_for(head_, head_.info.dimensions)));
      loaded_ = std::move(loaded);
      return std::nullopt;
    }
    SHOAL_CATCH_ALL {}
    return Error(ErrorCode::out_of_memory);
  }
  void unload() noexcept override { loaded_.reset(); }
  void rest() noexcept override { loaded_->index->keep_one_scratch(); }

  std::string path_;
  SystemFileType file_;
  FileHead head_;
  SessionCaches& caches_;
  std::size_t most_index_bytes_;
  bool is_verified_;
  Shared<bool> has_failed_;
  std::unique_ptr<Loaded> loaded_;
};

}  // namespace shoal::inline v0::detail
