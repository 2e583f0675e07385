#pragma once
// Index files: how fast they are written and read, beside other libraries and beside the disk; how soon a large one can
// be searched; what searching through a session costs when less and less of the files is cached, and how much memory
// that really takes; and how much memory an index takes after a bulk load. Time on the clock: the disk is what would
// show.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <rivals/registry.hpp>
#include <rivals/rival.hpp>

#include "options.hpp"
#include <datasets/dataset.hpp>

namespace shoal::report {

/// For --only.
inline constexpr const char* files_name = "files";

inline constexpr std::size_t files_ef = 64;

/// One library's files, by round. *Units*: seconds, bytes.
struct SavingCurve {
  std::string name;  // of the library
  std::size_t file_bytes = 0;
  std::vector<double> saved;   // as the library does it
  std::vector<double> synced;  // the same, and until the disk has the file and its name
  std::vector<double> loaded;  // from the cache of the system
};

struct SavingResult {
  std::string set;
  std::size_t rows = 0;
  std::size_t dimensions = 0;
  std::string file_system;
  std::vector<double> raw_write;  // bytes a second: as many bytes as shoal's first file has, written and synced
  std::vector<double> raw_read;   // bytes a second, from the cache of the system
  std::vector<SavingCurve> curves;
};

/// One way to have a file ready, by round. *Units*: seconds.
struct OpeningPoint {
  std::string how;
  std::vector<double> opened;
  std::vector<double> first;    // search after it
  std::vector<double> further;  // each of the hundred after that
};

struct OpeningResult {
  std::string set;
  std::size_t rows = 0;
  std::size_t dimensions = 0;
  std::size_t file_bytes = 0;
  std::vector<OpeningPoint> points;
};

/// Searches over all files in turn, with room for a share of their bytes.
struct SessionPoint {
  double share = 0;
  std::vector<double> qps;  // by round
  double hit_share = 0;     // of pages that were asked for
  double recall = 0;
  std::size_t limit_bytes = 0;
  std::size_t peak_bytes = 0;
};

struct SessionCurve {
  std::string storage;
  std::size_t file_bytes = 0;  // of all files
  std::vector<double> memory;  // QPS of the index itself, by round
  std::vector<double> mapped;  // QPS of the files opened, that is mapped
  double recall = 0;           // of the index itself
  std::vector<SessionPoint> points;
};

/// What the process grows by, beside what the session says. *Units*: bytes.
struct SessionMemory {
  std::string storage;
  std::size_t limit_bytes = 0;     // of both caches
  std::size_t said = 0;            // size_bytes() in the end
  std::ptrdiff_t after_first = 0;  // growth of the resident size after a hundredth of the searches
  std::ptrdiff_t after_all = 0;
  std::size_t searches = 0;
};

/// An index after a bulk load.
struct LoadedMemory {
  std::string storage;
  std::size_t said = 0;      // memory_usage().total()
  std::ptrdiff_t grown = 0;  // the process, by its resident size
};

struct FilesResult {
  std::string set;
  std::size_t rows = 0;
  std::size_t dimensions = 0;
  std::size_t files = 0;
  std::vector<LoadedMemory> loaded{};
  std::vector<SessionCurve> sessions{};
  std::vector<SessionMemory> memory{};
  std::optional<SavingResult> saving{};
  std::optional<OpeningResult> opening{};
  std::vector<std::string> notes{};
};

/// One. Progress goes to stderr. *Errors*: std::runtime_error, when something fails, when a search through a session
/// finds what the index does not, or when a cache has held more than it may.
[[nodiscard]] std::vector<FilesResult> measure_files(const std::vector<rivals::Library>& libraries,
                                                     const rivals::Setup& setup, const Options& options);

/// In files of their own names.
void measure_sessions(const datasets::Dataset& set, const rivals::Setup& setup, const Options& options,
                      FilesResult& result);
[[nodiscard]] SavingResult measure_saving(const std::vector<rivals::Library>& libraries, const rivals::Setup& setup,
                                          const Options& options);
[[nodiscard]] OpeningResult measure_opening(const rivals::Setup& setup, const Options& options);

/// Pure.
[[nodiscard]] std::string files_section(const std::vector<FilesResult>& results);

/// What cannot be believed is no result here: it ends the section.
[[nodiscard]] constexpr bool is_refused(const FilesResult& /*result*/) { return false; }

}  // namespace shoal::report
