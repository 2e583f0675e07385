#pragma once
// BruteForceIndex: exact nearest neighbours by comparing with everything. For small sets, and as the oracle of the
// other index.

#include <cstddef>
#include <string>
#include <utility>

#include "shoal/index/config.hpp"
#include "shoal/index/flat_structure.hpp"
#include "shoal/index/mapped_index.hpp"
#include "shoal/index/vector_index.hpp"
#include "shoal/storage/float32.hpp"

namespace shoal::inline v0 {

/// An exact index of the same interface and errors as HnswIndex; `SearchOptions::ef` has no effect. Exact with respect
/// to the vectors as kept: under SQ8, the rounded ones. Movable; copied only by `clone()`.
template <class Metric = L2Squared, class Storage = Float32, class Id = std::uint64_t>
class BruteForceIndex : public VectorIndex<Metric, Storage, Id, detail::FlatStructure> {
  using Base = VectorIndex<Metric, Storage, Id, detail::FlatStructure>;

 public:
  /// An empty index. Errors: std::invalid_argument for a value out of its range (ends the program without exceptions;
  /// `create` returns it).
  explicit BruteForceIndex(const BruteForceConfig& config)
      : Base(detail::require_valid(config), detail::FlatStructure()), config_(config) {}

  /// An empty index, or invalid_config or out_of_memory.
  [[nodiscard]] static Expected<BruteForceIndex, Error> create(const BruteForceConfig& config) {
    if (auto fault = detail::find_fault(config)) return Unexpected<Error>(*std::move(fault));
    SHOAL_TRY { return BruteForceIndex(config); }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

  BruteForceIndex(const BruteForceIndex&) = delete;             // clone() copies it
  BruteForceIndex& operator=(const BruteForceIndex&) = delete;  // clone() copies it
  BruteForceIndex(BruteForceIndex&&) = default;
  BruteForceIndex& operator=(BruteForceIndex&&) = default;
  ~BruteForceIndex() = default;

  [[nodiscard]] const BruteForceConfig& config() const noexcept { return config_; }

  /// A copy that shares nothing; from a callback of a batch, of the entries so far. Errors: std::bad_alloc.
  [[nodiscard]] BruteForceIndex clone() const {
    detail::Access::Still still(this->access());
    return BruteForceIndex(config_, this->entries().clone(), this->published_structure());
  }

  /// Writes the index to a file, dead and free slots with it, so that `load` gives the same index, and the same bytes
  /// again. Equal indexes give equal bytes, however many threads built them. From a callback of a batch, the entries so
  /// far. The file is written beside `path` and renamed: at every moment `path` is the old file or the new one, whole.
  /// *Errors*: cannot_open, storage_full, io_error, out_of_memory; what was at `path` is there still, unless the last
  /// step, syncing the folder, was what failed. *Threads*: searches go on, changes wait. *Cost*: about 7 bytes an entry
  /// while it runs.
  template <class Files = detail::SystemFiles>
  [[nodiscard]] Expected<void, Error> save(const std::string& path, const SaveOptions& options = {},
                                           Files&& files = {}) const {
    return Base::save_through(files, path, config_, options);
  }
  /// Reads a file that `save` wrote, whatever its bytes have become: the index is sound, or there is none.
  /// *Errors*: cannot_open, io_error, corrupt, incompatible (another metric, storage, id type or version),
  /// out_of_memory. *Cost*: reads all of it and verifies every link.
  template <class Files = detail::SystemFiles>
  [[nodiscard]] static Expected<BruteForceIndex, Error> load(const std::string& path, const LoadOptions& options = {},
                                                             Files&& files = {}) {
    SHOAL_TRY {
      auto parts = File::template load<typename Base::EntriesType>(files, path);
      if (!parts) return Unexpected<Error>(std::move(parts.error()));
      parts->config.second_writer = options.second_writer;
      return BruteForceIndex(parts->config, std::move(parts->entries), std::move(parts->structure));
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

  /// What `open` gives: an index to search, in a file.
  using Mapped = MappedIndex<Metric, Storage, Id, detail::FlatStructure, BruteForceConfig>;

  /// Maps a file that `save` wrote, to be searched and not changed: ready at once, whatever its size.
  /// *Errors*: cannot_open, io_error, corrupt, incompatible, out_of_memory. *Cost*: a few pages; with `verify`, reads
  /// all.
  template <class Files = detail::SystemFiles>
  [[nodiscard]] static Expected<Mapped, Error> open(const std::string& path, const OpenOptions& options = {},
                                                    Files&& files = {}) {
    return Mapped::open(path, options, files);
  }

  /// What an index of `entries` vectors will own, scratch of searches not counted. Errors: as the constructor's.
  [[nodiscard]] static MemoryUsage estimate_memory(const BruteForceConfig& config, std::size_t entries) {
    (void)detail::require_valid(config);
    detail::require_possible(entries);
    MemoryUsage usage;
    Base::EntriesType::add_estimate(usage, config.dimensions, entries);
    return usage;
  }

 protected:
  /// Of parts that fit each other. What was made elsewhere becomes an index by a class that derives from this one.
  BruteForceIndex(const BruteForceConfig& config, typename Base::EntriesType entries, detail::FlatStructure structure)
      : Base(config, std::move(entries), std::move(structure)), config_(config) {}

 private:
  using File = detail::IndexFile<Metric, Storage, Id, detail::FlatStructure, BruteForceConfig>;

  BruteForceConfig config_;
};

}  // namespace shoal::inline v0
