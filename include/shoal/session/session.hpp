#pragma once
// Many open index files within two bounds. A session has two caches, and all indexes opened through it share them: one
// of pages of rows and links (io/page_cache.hpp), one of what has to be in memory as a whole (metadata_cache.hpp).

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/index/index_file.hpp"
#include "shoal/index/mapped_index.hpp"
#include "shoal/io/file.hpp"
#include "shoal/io/paged_file.hpp"
#include "shoal/io/reader.hpp"
#include "shoal/session/cache_stats.hpp"
#include "shoal/session/paged_index.hpp"
#include "shoal/session/session_index.hpp"

namespace shoal::inline v0 {

/// How much memory a session may use.
struct SessionConfig {
  std::size_t index_bytes = std::size_t{256} << 20U;    ///< For rows and links, of all indexes together.
  std::size_t metadata_bytes = std::size_t{64} << 20U;  ///< For ids, upper levels and page tables.
  std::size_t index_bytes_per_index = 0;                ///< Of `index_bytes`, for one index; 0: all of it.
  std::size_t metadata_bytes_per_index = 0;             ///< Of `metadata_bytes`, likewise.
  /// How long a search or `open` waits for room among the metadata, when all of it is in use; then it is `busy`.
  std::chrono::milliseconds busy_timeout = std::chrono::seconds(10);

  /// For a program that writes indexes and only looks at them now and then.
  [[nodiscard]] static constexpr SessionConfig bulk_load() noexcept {
    return {.index_bytes = std::size_t{16} << 20U, .metadata_bytes = std::size_t{8} << 20U};
  }
  /// For a program that serves queries.
  [[nodiscard]] static constexpr SessionConfig query() noexcept {
    return {.index_bytes = std::size_t{512} << 20U,
            .metadata_bytes = std::size_t{64} << 20U,
            .index_bytes_per_index = std::size_t{128} << 20U,
            .metadata_bytes_per_index = std::size_t{32} << 20U};
  }
};

/// Opens any number of index files and searches them within the memory of its configuration, however large they are.
/// What was used longest ago goes first. The bounds hold at every moment.
///
/// In the bounds is everything that grows with the files: pages with what is kept about them, ids, upper levels,
/// factors of codes, page tables, and the working memory of one search for each index. Not in them: the open files (a
/// descriptor and about 2 KB each), and while they run, for each further search of one index at the same time a byte a
/// slot and 0.15 MB, and what a search for thousands of entries keeps of them. Pages come from the cache of the system,
/// which keeps what it likes of the files; that is memory it can take back.
///
/// *Threads*: any number. Movable; indexes that are open stay open. What was moved from may be destroyed or assigned
/// to, nothing else.
class Session {
 public:
  /// *Errors*: std::invalid_argument for bounds that are too small (ends the program without exceptions; `create`
  /// returns it); std::bad_alloc.
  explicit Session(const SessionConfig& config = {}) : Session(require_valid(config), Checked{}) {}
  /// *Errors*: invalid_config, out_of_memory.
  [[nodiscard]] static Expected<Session, Error> create(const SessionConfig& config) {
    if (auto fault = find_fault(config)) return Unexpected<Error>(*std::move(fault));
    SHOAL_TRY { return Session(config, Checked{}); }
    SHOAL_CATCH_BAD_ALLOC {}
    SHOAL_TRY {
      return Unexpected<Error>(detail::make_error(ErrorCode::out_of_memory,
                                                  "no room to keep account of the pages of index_bytes, which is ",
                                                  config.index_bytes));
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

  Session(Session&&) noexcept = default;
  Session& operator=(Session&& other) noexcept {
    Session taken(std::move(other));
    std::swap(taken.config_, config_);
    taken.caches_.swap(caches_);
    return *this;
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  /// Everything cached goes, what is in use when it is not any more.
  ~Session() {
    if (caches_ == nullptr) return;
    caches_->metadata.close();
    caches_->pages.close();
  }

  /// Opens a file that `save` wrote. *Index*: the type that was saved. A file that is open already, and has not been
  /// replaced by another since, is the same index and finds what is cached of it; with `verify`, if it was verified.
  /// *Errors*: cannot_open, io_error, incompatible, out_of_memory; corrupt: the header, or what is read now: ids, upper
  /// levels, factors; with `verify` any other byte whose checksum tells; capacity_exceeded: its metadata alone is more
  /// than the bound; busy: no room within `busy_timeout`, or from inside a search of another index and no room for
  /// both. *Cost*: reads the metadata, 1 to 3 % of an index of 768 dimensions; with `verify` all.
  template <class Index, class Files = detail::SystemFiles>
  [[nodiscard]] Expected<SessionIndex<Index, typename std::remove_reference_t<Files>::File>, Error> open(
      const std::string& path, const OpenOptions& options = {}, Files&& files = {}) {
    using File = typename std::remove_reference_t<Files>::File;
    using Opened = detail::IndexInSession<Index, File>;
    const auto refuse = [&](const Error& error) { return Unexpected<Error>(detail::error_at(path, error)); };
    SHOAL_TRY {
      auto file = files.open(path);
      if (!file) return Unexpected<Error>(std::move(file.error()));
      const auto head = detail::read_header(*file);
      if (!head) return refuse(head.error());
      if (auto fault = Opened::Paged::IndexFileType::find_unfit(head->info)) return refuse(*fault);
      if (options.verify) {
        if (auto fault = detail::find_wrong_checksum(*file, *head)) return refuse(*fault);
      }
      const auto dimensions = static_cast<std::size_t>(head->info.dimensions);
      const std::size_t most_index = within(config_.index_bytes_per_index, config_.index_bytes);
      const std::uint64_t wanted = Opened::bytes_for(*head, dimensions, *caches_, most_index);
      const std::size_t most = within(config_.metadata_bytes_per_index, config_.metadata_bytes);
      if (wanted > most) {
        return refuse(detail::make_error(ErrorCode::capacity_exceeded, "expected an index with at most ", most,
                                         " bytes of metadata, it has ", wanted));
      }
      // The same file: of that name, with the same header, and so with the same checksums of everything. But that one
      // may have other bytes than they say, and the one of that name now be a good copy: who verifies gets what was.
      const auto is_same = [&, header = detail::to_bytes(*head)](const detail::MetadataCache::File& other) {
        if (other.type() != Opened::type_tag()) return false;
        const auto& opened = static_cast<const Opened&>(other);
        return !opened.has_failed() && (opened.is_verified() || !options.verify) && opened.path() == path &&
               detail::to_bytes(opened.head()) == header;
      };
      auto opened = std::static_pointer_cast<Opened>(caches_->metadata.find_or_add(is_same, [&] {
        return std::make_shared<Opened>(path, *std::move(file), *head, *caches_, most_index, dimensions,
                                        options.verify);
      }));
      if (auto use = caches_->metadata.use(*opened); !use) return Unexpected<Error>(std::move(use.error()));
      return SessionIndex<Index, File>(caches_, std::move(opened));
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

  [[nodiscard]] const SessionConfig& config() const noexcept { return config_; }
  [[nodiscard]] SessionStats stats() const noexcept {
    const detail::PageCache::Counts pages = caches_->pages.counts();
    return {{caches_->counts.hits(), caches_->counts.misses(), pages.evictions, pages.bytes, pages.peak_bytes,
             pages.limit_bytes},
            caches_->metadata.stats()};
  }
  /// Bytes that both caches use now.
  [[nodiscard]] std::size_t size_bytes() const noexcept {
    const SessionStats now = stats();
    return now.index.bytes + now.metadata.bytes;
  }

 private:
  struct Checked {};
  Session(const SessionConfig& config, Checked)
      : config_(config),
        caches_(
            std::make_shared<detail::SessionCaches>(config.index_bytes, config.metadata_bytes, config.busy_timeout)) {}

  [[nodiscard]] static std::size_t within(std::size_t each, std::size_t all) noexcept {
    return each == 0 ? all : std::min(each, all);
  }
  [[nodiscard]] static std::optional<Error> find_fault(const SessionConfig& config) {
    constexpr std::size_t least = std::size_t{64} * 1024;
    const auto too_small = [&](std::string_view what, std::size_t bytes) {
      return detail::make_error(ErrorCode::invalid_config, "expected ", what, " of at least ", least,
                                " bytes, without which nothing would be cached, got ", bytes);
    };
    if (config.index_bytes < least) return too_small("index_bytes", config.index_bytes);
    if (config.metadata_bytes < least) return too_small("metadata_bytes", config.metadata_bytes);
    if (config.index_bytes_per_index != 0 && config.index_bytes_per_index < least) {
      return too_small("index_bytes_per_index (0: no limit)", config.index_bytes_per_index);
    }
    if (config.metadata_bytes_per_index != 0 && config.metadata_bytes_per_index < least) {
      return too_small("metadata_bytes_per_index (0: no limit)", config.metadata_bytes_per_index);
    }
    return std::nullopt;
  }
  static const SessionConfig& require_valid(const SessionConfig& config) {
    if (const auto fault = find_fault(config)) {
      detail::raise<std::invalid_argument>(std::string(fault->message()).c_str());
    }
    return config;
  }

  SessionConfig config_;
  std::shared_ptr<detail::SessionCaches> caches_;
};

}  // namespace shoal::inline v0
