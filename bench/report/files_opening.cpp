// How long until a large file can be searched.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <fmt/core.h>

#include "files.hpp"
#include "require.hpp"
#include "scratch_folder.hpp"
#include "shoal_index.hpp"
#include "stopwatch.hpp"

#if defined(__linux__)
#include <fcntl.h>
#include <unistd.h>
#endif

namespace shoal::report {

namespace {

constexpr std::size_t opened_rows = 1'000'000;
constexpr std::size_t opened_rows_when_quick = 5'000;
constexpr std::size_t opened_dimensions = 128;
constexpr std::size_t opened_ef_construction = 16;
constexpr std::size_t opened_queries = 101;
constexpr std::size_t most_opening_rounds = 3;

/// Asks the system to forget what it has of a file, which the disk has and nobody maps.
void forget(const std::filesystem::path& path) {
#if defined(__linux__)
  if (const int file = ::open(path.c_str(), O_RDONLY); file >= 0) {
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
  }
#else
  (void)path;
#endif
}

using Opened = Index<Float32>;

/// Opens by `open`, which gives an index or a handle, then searches once, then for the other queries.
template <class Open>
void measure(const datasets::Dataset& set, const Open& open, OpeningPoint& point) {
  const SearchOptions options{.k = k, .ef = files_ef};
  const WallClock opening;
  const auto index = open();
  point.opened.push_back(opening.seconds());
  const WallClock first;
  std::size_t found = index.search(set.queries.row(0), options).size();
  point.first.push_back(first.seconds());
  const WallClock further;
  for (std::size_t i = 1; i < set.queries.rows; ++i) found += index.search(set.queries.row(i), options).size();
  point.further.push_back(further.seconds() / static_cast<double>(set.queries.rows - 1));
  if (found != k * set.queries.rows) throw std::runtime_error("a file finds too little");
}

}  // namespace

OpeningResult measure_opening(const rivals::Setup& setup, const Options& options) {
  const std::size_t rows = options.at_most(options.quick ? opened_rows_when_quick : opened_rows);
  const ScratchFolder folder(options.out);
  const auto path = folder.path() / "opened.shoal";
  const datasets::Dataset set = make_set(rows, opened_dimensions, opened_queries);
  OpeningResult result{set.name, set.base.rows, set.base.cols, 0, {}};
  {
    fmt::print(stderr, "files: {} vectors of {} dimensions, to be opened\n", rows, opened_dimensions);
    HnswConfig config = config_of(set, setup);
    config.ef_construction = opened_ef_construction;
    Opened index(config);
    insert_all(index, set, ids_of(set), {.threads = 0});
    require(index.save(path.string()));
    result.file_bytes = static_cast<std::size_t>(std::filesystem::file_size(path));
  }
  const auto open = [&] { return require(Opened::open(path.string())); };
  const auto open_verified = [&] { return require(Opened::open(path.string(), {.verify = true})); };
  const auto load = [&] { return require(Opened::load(path.string())); };
  const SessionConfig bounds{.index_bytes = std::size_t{64} << 20U, .metadata_bytes = std::size_t{64} << 20U};
  Session session(bounds);
  const auto open_in_session = [&] { return require(session.open<Opened>(path.string())); };
  for (const bool cached : {true, false}) {
    const std::string where = cached ? "" : ", from the disk";
    const std::size_t at = result.points.size();
    for (const char* how : {"open", "open with verify", "Session::open, 64 + 64 MB", "load"}) {
      result.points.push_back({how + where, {}, {}, {}});
    }
    for (std::size_t round = 0; round < std::min(most_opening_rounds, options.search_rounds()); ++round) {
      const auto turn = [&](std::size_t which, const auto& how) {
        if (!cached) forget(path);
        measure(set, how, result.points[at + which]);
      };
      turn(0, open);
      turn(1, open_verified);
      session = Session(bounds);
      turn(2, open_in_session);
      turn(3, load);
    }
  }
  return result;
}

}  // namespace shoal::report
