#pragma once
// An index that is searched where it lies in a file. `HnswIndex::open` and `BruteForceIndex::open` give one.

#include <string>
#include <utility>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/index/index_file.hpp"
#include "shoal/index/mapped_entries.hpp"
#include "shoal/index/memory_usage.hpp"
#include "shoal/index/readable_index.hpp"
#include "shoal/io/file.hpp"

namespace shoal::inline v0 {

/// How an index file is opened.
struct OpenOptions {
  bool verify = false;  ///< Read all of the file and refuse what `load` refuses. Else only the header is verified.
};

/// The reading half of an index over a mapped file: it finds what the index that was saved finds, by the same search.
/// Movable.
///
/// Opening reads a few pages, whatever the size, and the system brings in what searches touch; other programs that open
/// the file share the memory. Bytes are not believed: whatever the file holds, no search reads outside of it. But a
/// damaged file that was not verified may give wrong results.
///
/// *Threads*: any number may search. The file may be replaced meanwhile, by `save` or another rename: this index goes
/// on with the one that it opened. It must not be written over or cut off in place: results are undefined then, and
/// where the file ends before what is read, the system ends the program (SIGBUS).
template <class Metric, class Storage, class Id, class Structure, class Config>
class MappedIndex : public ReadableIndex<Metric, Storage, Id, Structure, detail::MappedEntries> {
  using Base = ReadableIndex<Metric, Storage, Id, Structure, detail::MappedEntries>;
  using File = detail::IndexFile<Metric, Storage, Id, Structure, Config>;

 public:
  /// *Errors*: cannot_open, io_error, incompatible, out_of_memory; corrupt, for a header that is damaged, and with
  /// `verify` for any other byte.
  template <class Files = detail::SystemFiles>
  [[nodiscard]] static Expected<MappedIndex, Error> open(const std::string& path, const OpenOptions& options = {},
                                                         Files&& files = {}) {
    SHOAL_TRY {
      auto parts = File::template open<typename Base::EntriesType>(files, path, options.verify);
      if (!parts) return Unexpected<Error>(std::move(parts.error()));
      return MappedIndex(std::move(*parts));
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

  [[nodiscard]] const Config& config() const noexcept { return config_; }

  /// Bytes allocated, by component, and the bytes of the file.
  [[nodiscard]] MemoryUsage memory_usage() const noexcept {
    MemoryUsage usage = Base::memory_usage();
    usage.mapped = mapping_.size();
    return usage;
  }

 private:
  explicit MappedIndex(typename File::template MappedParts<typename Base::EntriesType> parts)
      : Base(std::move(parts.parts.entries), std::move(parts.parts.structure)),
        config_(parts.parts.config),
        mapping_(std::move(parts.mapping)) {}

  Config config_;
  detail::Mapping mapping_;  // what the rest points into
};

}  // namespace shoal::inline v0
