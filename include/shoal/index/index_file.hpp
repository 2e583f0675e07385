#pragma once
// Index files: what of an index goes into one (io/ says how it lies there), and what is asked of one before an index is
// made of it. A file is as good as any other bytes from outside: checksums find accidents, and whatever they say, ids,
// rows and links are verified as `check()` would. docs/file-format.md is the format.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/index/config.hpp"
#include "shoal/index/entries.hpp"
#include "shoal/io/reader.hpp"
#include "shoal/io/replace_file.hpp"
#include "shoal/io/writer.hpp"

namespace shoal::inline v0 {

/// How an index is saved.
struct SaveOptions {
  std::uint64_t last_sequence = 0;  ///< Of a durable store: the last transaction that the index has.
};

/// How an index is loaded.
struct LoadOptions {
  SecondWriter second_writer = SecondWriter::waits;  ///< Not in the file: HnswConfig.
};

/// What the header of an index file says, for who does not know what is in it. *Errors*: cannot_open, io_error,
/// corrupt, incompatible. Nothing but the header is looked at.
[[nodiscard]] inline Expected<IndexFileInfo, Error> read_index_file_info(const std::string& path) {
  SHOAL_TRY {
    detail::SystemFiles files;
    const auto file = files.open(path);
    if (!file) return Unexpected<Error>(file.error());
    auto head = detail::read_header(*file);
    if (!head) return Unexpected<Error>(detail::error_at(path, head.error()));
    return std::move(head->info);
  }
  SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
}

namespace detail {

inline void describe_config(const HnswConfig& config, IndexFileInfo& info) noexcept {
  info.dimensions = config.dimensions;
  info.M = config.M;
  info.ef_construction = config.ef_construction;
  info.seed = config.seed;
  info.max_elements = config.max_elements;
}
inline void describe_config(const BruteForceConfig& config, IndexFileInfo& info) noexcept {
  info.dimensions = config.dimensions;
  info.max_elements = config.max_elements;
}

/// Errors: corrupt, when it cannot have been that of an index.
template <class Config>
[[nodiscard]] Expected<Config, Error> config_of(const IndexFileInfo& info) {
  constexpr std::uint64_t most = std::numeric_limits<std::size_t>::max();
  if (info.dimensions > most || info.M > most || info.ef_construction > most || info.max_elements > most) {
    return corrupt("header: a number of the configuration is too large");
  }
  Config config;
  config.dimensions = static_cast<std::size_t>(info.dimensions);
  config.max_elements = static_cast<std::size_t>(info.max_elements);
  if constexpr (requires { config.M; }) {
    config.M = static_cast<std::size_t>(info.M);
    config.ef_construction = static_cast<std::size_t>(info.ef_construction);
    config.seed = info.seed;
  } else if (info.M != 0 || info.ef_construction != 0 || info.seed != 0) {
    return corrupt("header: M, ef_construction or seed of an index without a graph is not 0");
  }
  if (const auto fault = find_fault(config)) return corrupt("header: ", fault->message());
  return config;
}

/// Whether indexes can be saved: what the static_asserts below ask for.
template <class Metric, class Storage, class Id>
inline constexpr bool can_be_saved =
    lies_as_in_files&& is_file_name(NameOf<Metric>::value) && is_file_name(NameOf<Storage>::value) &&
    SavedRows<typename Storage::template Rows<Metric>, FileWriter<SystemFile>, FileReader<SystemFile>>;

/// The kinds of index that files tell apart, and the codes to read and write one.
template <class Metric, class Storage, class Id, class Structure, class Config>
struct IndexFile {
  using Rows = typename Storage::template Rows<Metric>;

  static_assert(is_file_name(NameOf<Metric>::value),
                "shoal: an index is saved and loaded only if its metric has a name: static constexpr std::string_view "
                "name = \"...\", of 1 to 31 printable letters");
  static_assert(is_file_name(NameOf<Storage>::value),
                "shoal: an index is saved and loaded only if its storage policy has a name: static constexpr "
                "std::string_view name = \"...\", of 1 to 31 printable letters");
  static_assert(SavedRows<Rows, FileWriter<SystemFile>, FileReader<SystemFile>> &&
                    SavedRows<Rows, FileWriter<SystemFile>, MappedReader>,
                "shoal: an index is saved and loaded only if the rows of its storage policy model SavedRows "
                "(save, load, is_sound): docs/extending.md");

  /// Errors: cannot_open, storage_full, io_error, out_of_memory; incompatible on a processor whose numbers are not
  /// those of files. What was at `path` is there still.
  template <class Files, class Entries>
  [[nodiscard]] static Done save(Files& files, const std::string& path, const SaveOptions& options,
                                 const Config& config, const Entries& entries, const Structure& structure) {
    SHOAL_TRY {
      if constexpr (!lies_as_in_files) return Unexpected<Error>(error_at(path, numbers_differ()));
      return replace_file(files, path, [&](typename Files::File& file) -> Done {
        FileWriter writer(file);
        entries.save(writer);
        structure.save(writer);
        IndexFileInfo info;
        info.structure = Structure::name;
        info.metric = NameOf<Metric>::value;
        info.storage = NameOf<Storage>::value;
        info.id_bytes = sizeof(Id);
        info.id_is_signed = std::is_signed_v<Id>;
        describe_config(config, info);
        info.slots = entries.slots();
        info.live = entries.live();
        info.free = entries.free();
        info.last_sequence = options.last_sequence;
        return writer.finish(info);
      });
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

  template <class Entries>
  struct Parts {
    Config config;
    Entries entries;
    Structure structure;
  };

  /// Errors: cannot_open, io_error, corrupt, incompatible; std::bad_alloc.
  template <class Entries, class Files>
  [[nodiscard]] static Expected<Parts<Entries>, Error> load(Files& files, const std::string& path) {
    const auto file = files.open(path);
    if (!file) return Unexpected<Error>(file.error());
    const auto head = read_header(*file);
    if (!head) return Unexpected<Error>(error_at(path, head.error()));
    FileReader in(*file, *head);
    auto parts = read<Entries>(in, head->info);
    if (!parts) return Unexpected<Error>(error_at(path, parts.error()));
    if (const auto fault = find_fault_of(parts->structure)) return Unexpected<Error>(error_at(path, *fault));
    return parts;
  }

  template <class Entries>
  struct MappedParts {
    Parts<Entries> parts;
    Mapping mapping;
  };

  /// Points into the file; with `verify` all of it is read. Errors: as load's.
  template <class Entries, class Files>
  [[nodiscard]] static Expected<MappedParts<Entries>, Error> open(Files& files, const std::string& path, bool verify) {
    const auto file = files.open(path);
    if (!file) return Unexpected<Error>(file.error());
    const auto head = read_header(*file);
    if (!head) return Unexpected<Error>(error_at(path, head.error()));
    auto mapping = file->map(static_cast<std::size_t>(head->info.file_bytes));
    if (!mapping) return Unexpected<Error>(std::move(mapping.error()));
    if (verify) {
      if (const auto fault = find_wrong_checksum(mapping->bytes(), *head))
        return Unexpected<Error>(error_at(path, *fault));
    }
    MappedReader in(mapping->bytes(), *head);
    auto parts = read<Entries>(in, head->info);
    if (!parts) return Unexpected<Error>(error_at(path, parts.error()));
    if (verify) {
      CheckReport report;
      parts->entries.check(report);
      if (!report.ok()) return Unexpected<Error>(error_at(path, make_error(ErrorCode::corrupt, report.faults.front())));
      if (const auto fault = find_fault_of(parts->structure)) return Unexpected<Error>(error_at(path, *fault));
    }
    return MappedParts<Entries>{std::move(*parts), std::move(*mapping)};
  }

  /// What a reader has of the file, in order. Errors: as load's.
  template <class Entries, class In>
  [[nodiscard]] static Expected<Parts<Entries>, Error> read(In& in, const IndexFileInfo& info) {
    if (auto mismatch = find_mismatch(info)) return Unexpected<Error>(*std::move(mismatch));
    const auto config = config_of<Config>(info);
    if (!config) return Unexpected<Error>(config.error());
    const SlotCounts counts{static_cast<std::size_t>(info.slots), static_cast<std::size_t>(info.live),
                            static_cast<std::size_t>(info.free)};
    Parts<Entries> parts{*config, Entries(config->dimensions, config->max_elements), Structure(*config)};
    const bool has_all = parts.entries.load(in, counts) &&
                         parts.structure.load(in, counts.slots, parts.entries.free_slots(), counts.free);
    auto error = in.take_error();
    if (error) return Unexpected<Error>(*std::move(error));
    assert(has_all);
    static_cast<void>(has_all);
    return parts;
  }
  /// Is a file with this header for another type of index, or one with a number that cannot be?
  [[nodiscard]] static std::optional<Error> find_unfit(const IndexFileInfo& info) {
    if (auto mismatch = find_mismatch(info)) return mismatch;
    const auto config = config_of<Config>(info);
    if (!config) return config.error();
    return std::nullopt;
  }

 private:
  [[nodiscard]] static std::optional<Error> find_mismatch(const IndexFileInfo& info) {
    if constexpr (!lies_as_in_files) return numbers_differ();
    const auto mismatch = [](std::string_view what, const auto& expected, const auto& got) {
      return make_error(ErrorCode::incompatible, "expected an index with ", what, " ", expected, ", the file has ",
                        got);
    };
    if (info.structure != Structure::name) return mismatch("structure", Structure::name, info.structure);
    if (info.metric != NameOf<Metric>::value) return mismatch("metric", NameOf<Metric>::value, info.metric);
    if (info.storage != NameOf<Storage>::value) return mismatch("storage", NameOf<Storage>::value, info.storage);
    if (info.id_bytes != sizeof(Id) || info.id_is_signed != std::is_signed_v<Id>) {
      const auto type = [](bool is_signed, std::size_t bytes) {
        return std::string(is_signed ? "signed" : "unsigned") + " of " + std::to_string(8 * bytes) + " bits";
      };
      return mismatch("ids", type(std::is_signed_v<Id>, sizeof(Id)), type(info.id_is_signed, info.id_bytes));
    }
    return std::nullopt;
  }

  [[nodiscard]] static std::optional<Error> find_fault_of(const Structure& structure) {
    CheckReport report;
    structure.check(report);
    if (report.ok()) return std::nullopt;
    if (report.faults.empty()) {
      return make_error(ErrorCode::corrupt, report.unreachable, " slots cannot be reached");
    }
    return make_error(ErrorCode::corrupt, report.faults.front());
  }
};

}  // namespace detail
}  // namespace shoal::inline v0
