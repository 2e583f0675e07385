#pragma once
// A handle of an index that a session has open.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/index/batch_search.hpp"
#include "shoal/index/neighbor.hpp"
#include "shoal/index/options.hpp"
#include "shoal/index/vector_input.hpp"
#include "shoal/io/file.hpp"
#include "shoal/session/paged_index.hpp"

namespace shoal::inline v0 {

/// An index file to search, through the caches of its session. It finds what the index that was saved finds, by the
/// same search. A handle is two pointers: it is copied, passed between threads and kept for as long as anyone likes.
/// Dropping the last one drops nothing that is cached; after the session is gone, everything is `cannot_open`.
///
/// *Errors* of everything: those of reading the file (io_error, corrupt: it was cut off), and then there is no result;
/// busy: no room for the metadata within the session's `busy_timeout`, or at once inside a search of another index.
/// What of the file a search reads is not verified but bounded: bytes that were damaged may make results wrong, never
/// anything else (`OpenOptions::verify` compares the checksums). *Threads*: any number at once. *Cost*: as of the
/// index, and for each page that is not in the cache a read of the file.
template <class Index, class SystemFileType = detail::SystemFile>
class SessionIndex {
 public:
  using id_type = typename Index::id_type;
  using Neighbors = std::vector<Neighbor<id_type>>;

  /// As the index's own.
  template <VectorInput Query>
  [[nodiscard]] Expected<Neighbors, Error> try_search(const Query& query, const SearchOptions& options) const {
    return with_index([&](const auto& index) { return index.try_search(query, options); });
  }
  template <VectorInput Query>
  [[nodiscard]] Expected<Neighbors, Error> try_search(const Query& query, std::size_t k) const {
    return with_index([&](const auto& index) { return index.try_search(query, k); });
  }
  template <VectorInput Query>
  [[nodiscard]] Expected<Neighbors, Error> try_search_within(const Query& query, float radius,
                                                             const WithinOptions& options = {}) const {
    return with_index([&](const auto& index) { return index.try_search_within(query, radius, options); });
  }
  template <QueriesInput Queries>
  [[nodiscard]] Expected<std::vector<Neighbors>, Error> try_batch_search(const Queries& queries,
                                                                         const SearchOptions& options) const {
    return with_index([&](const auto& index) { return index.try_batch_search(queries, with_helpers(options)); });
  }
  template <QueriesInput Queries>
  [[nodiscard]] Expected<void, Error> try_batch_search(const Queries& queries, const SearchOptions& options,
                                                       std::span<id_type> ids, std::span<float> distances) const {
    return with_index(
        [&](const auto& index) { return index.try_batch_search(queries, with_helpers(options), ids, distances); });
  }

  /// As those with `try_`, but a bad query throws std::invalid_argument, and what the file or the session failed at
  /// std::runtime_error (ends the program without exceptions).
  template <VectorInput Query>
  [[nodiscard]] Neighbors search(const Query& query, const SearchOptions& options) const {
    return value_or_raise(try_search(query, options));
  }
  template <VectorInput Query>
  [[nodiscard]] Neighbors search(const Query& query, std::size_t k) const {
    return value_or_raise(try_search(query, k));
  }
  template <VectorInput Query>
  [[nodiscard]] Neighbors search_within(const Query& query, float radius, const WithinOptions& options = {}) const {
    return value_or_raise(try_search_within(query, radius, options));
  }
  template <QueriesInput Queries>
  [[nodiscard]] std::vector<Neighbors> batch_search(const Queries& queries, const SearchOptions& options) const {
    return value_or_raise(try_batch_search(queries, options));
  }
  template <QueriesInput Queries>
  [[nodiscard]] std::vector<Neighbors> batch_search(const Queries& queries, std::size_t k) const {
    return batch_search(queries, SearchOptions{.k = k});
  }
  template <QueriesInput Queries>
  void batch_search(const Queries& queries, const SearchOptions& options, std::span<id_type> ids,
                    std::span<float> distances) const {
    value_or_raise(try_batch_search(queries, options, ids, distances));
  }
  template <std::integral IdValue>
  [[nodiscard]] bool contains(IdValue id) const {
    return value_or_raise(try_contains(id));
  }
  template <std::integral IdValue>
  [[nodiscard]] std::optional<std::vector<float>> get(IdValue id) const {
    return value_or_raise(try_get(id));
  }

  template <std::integral IdValue>
  [[nodiscard]] Expected<bool, Error> try_contains(IdValue id) const {
    return with_index([&](const auto& index) { return Expected<bool, Error>(index.contains(id)); });
  }
  /// The vector as kept; nothing when the id is not in.
  template <std::integral IdValue>
  [[nodiscard]] Expected<std::optional<std::vector<float>>, Error> try_get(IdValue id) const {
    using Result = Expected<std::optional<std::vector<float>>, Error>;
    return with_index([&](const auto& index) -> Result {
      SHOAL_TRY { return index.get(id); }
      SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
    });
  }

  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(info().live); }
  [[nodiscard]] std::size_t dimensions() const noexcept { return static_cast<std::size_t>(info().dimensions); }
  /// What the header says.
  [[nodiscard]] const IndexFileInfo& info() const noexcept { return file_->head().info; }
  [[nodiscard]] const std::string& path() const noexcept { return file_->path(); }

 private:
  friend class Session;
  using File = detail::IndexInSession<Index, SystemFileType>;

  SessionIndex(std::shared_ptr<detail::SessionCaches> caches, std::shared_ptr<File> file) noexcept
      : caches_(std::move(caches)), file_(std::move(file)) {}

  /// What `f` gives, unless the file could not be read meanwhile.
  template <class F>
  [[nodiscard]] auto with_index(const F& f) const -> decltype(f(std::declval<const typename File::Paged&>())) {
    SHOAL_TRY {
      auto use = caches_->metadata.use(*file_);
      if (!use) return Unexpected<Error>(std::move(use.error()));
      const std::uint64_t failures = file_->pages().failures();
      auto result = f(file_->index());
      if (result && file_->pages().failures() != failures) {
        file_->note_failure();
        return Unexpected<Error>(file_->pages().last_error().value_or(Error(ErrorCode::io_error)));
      }
      return result;
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }
  /// The same options, with a filter that may be called by other threads, for this one. Errors: std::bad_alloc.
  [[nodiscard]] static SearchOptions with_helpers(const SearchOptions& options) {
    SearchOptions helped = options;
    if (!options.filter) return helped;
    helped.filter = [&filter = options.filter](std::uint64_t id) {
      const detail::MetadataCache::Help help;
      return filter(id);
    };
    return helped;
  }
  template <class T>
  static T value_or_raise(Expected<T, Error> result) {
    if (!result) {
      const std::string message(result.error().message());
      switch (result.error().code()) {
        case ErrorCode::out_of_memory: detail::raise_bad_alloc();
        case ErrorCode::dimension_mismatch:
        case ErrorCode::not_finite:
        case ErrorCode::norm_too_large:
        case ErrorCode::zero_vector: detail::raise<std::invalid_argument>(message.c_str());
        default: detail::raise<std::runtime_error>(message.c_str());
      }
    }
    if constexpr (!std::is_void_v<T>) return *std::move(result);
  }

  std::shared_ptr<detail::SessionCaches> caches_;
  std::shared_ptr<File> file_;
};

}  // namespace shoal::inline v0
