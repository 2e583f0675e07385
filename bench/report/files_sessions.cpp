// Several files in one session. They are copies of one file: to the session, as many indexes.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "files.hpp"
#include "require.hpp"
#include "scratch_folder.hpp"
#include "search_pass.hpp"
#include "shoal_index.hpp"
#include "stopwatch.hpp"
#include <datasets/recall.hpp>

#if defined(__linux__)
#include <malloc.h>
#include <unistd.h>
#endif

namespace shoal::report {

namespace {

constexpr std::size_t file_count = 8;
constexpr double shares[] = {1.1, 0.5, 0.25, 0.1};  // a little more than all, for what each page costs besides
constexpr std::size_t most_session_rounds = 3;
constexpr std::size_t searches_of_memory = 100'000;
constexpr std::size_t searches_of_memory_when_quick = 2'000;

/// Of the process, in memory now; what the allocator keeps without need is given back first.
std::ptrdiff_t resident_bytes(bool trims = true) {
#if defined(__linux__)
  if (trims) (void)malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  std::ptrdiff_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
#else
  (void)trims;
  return 0;
#endif
}

template <class Storage>
class SessionMeasurement {
 public:
  SessionMeasurement(const datasets::Dataset& set, const rivals::Setup& setup, const Options& options,
                     FilesResult& result)
      : set_(set), setup_(setup), options_(options), result_(result), folder_(options.out) {}

  void run() {
    fmt::print(stderr, "files: {} in a session of {}\n", file_count, storage_name<Storage>);
    const std::ptrdiff_t before = resident_bytes();
    Index<Storage> index(config_of(set_, setup_));
    insert_all(index, set_, ids_of(set_));
    const std::ptrdiff_t grown = resident_bytes(false) - before;
    result_.loaded.push_back({storage_name<Storage>, index.memory_usage().total(), grown});
    require_sound(index, set_);
    for (std::size_t i = 0; i < file_count; ++i) {
      paths_.push_back((folder_.path() / fmt::format("{}.shoal", i)).string());
      require(index.save(paths_.back()));
    }
    for (std::size_t i = 0; i < set_.queries.rows; ++i) expected_.push_back(search(index, i));
    result_.files = file_count;
    measure_speed(index);
    measure_memory();
  }

 private:
  using Found = std::vector<Neighbor<std::uint64_t>>;

  template <class AnyIndex>
  [[nodiscard]] Found search(const AnyIndex& index, std::size_t query) const {
    return index.search(set_.queries.row(query), SearchOptions{.k = k, .ef = files_ef});
  }
  /// Queries in a random order, over the indexes in a random order; what is found is compared.
  template <class Indexes>
  void search_all(const Indexes& indexes, std::size_t count) const {
    std::mt19937 random(20'261'122);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t query = random() % set_.queries.rows;
      if (search(indexes[random() % indexes.size()], query) != expected_[query]) {
        throw std::runtime_error("a file finds what its index does not");
      }
    }
  }
  template <class Indexes>
  [[nodiscard]] double time_all(const Indexes& indexes, std::size_t count) const {
    const WallClock clock;
    search_all(indexes, count);
    return static_cast<double>(count) / clock.seconds();
  }
  [[nodiscard]] double recall() const {
    std::vector<std::vector<std::uint64_t>> found;
    for (const Found& neighbors : expected_) {
      found.emplace_back();
      for (const auto& neighbor : neighbors) found.back().push_back(neighbor.id);
    }
    return datasets::recall_at_k(set_, found, k);
  }
  [[nodiscard]] std::vector<SessionIndex<Index<Storage>>> open_in(Session& session) const {
    std::vector<SessionIndex<Index<Storage>>> handles;
    for (const std::string& path : paths_) handles.push_back(require(session.open<Index<Storage>>(path)));
    return handles;
  }

  void measure_speed(const Index<Storage>& index) {
    SessionCurve curve;
    curve.storage = storage_name<Storage>;
    for (const std::string& path : paths_) curve.file_bytes += std::filesystem::file_size(path);
    curve.recall = recall();
    std::vector<typename Index<Storage>::Mapped> mapped;
    for (const std::string& path : paths_) mapped.push_back(require(Index<Storage>::open(path)));
    std::vector<Session> sessions;
    std::vector<std::vector<SessionIndex<Index<Storage>>>> handles;
    for (const double share : shares) {
      const auto bytes = static_cast<std::size_t>(share * static_cast<double>(curve.file_bytes));
      sessions.emplace_back(SessionConfig{.index_bytes = bytes});
      handles.push_back(open_in(sessions.back()));
      curve.points.push_back({std::min(share, 1.0), {}, 0, curve.recall, bytes, 0});
    }
    const std::size_t count = options_.quick ? 200 : 4'000;
    for (const auto& some : handles) search_all(some, 4 * count);  // until the caches hold what they will
    for (std::size_t round = 0; round < std::min(most_session_rounds, options_.search_rounds()); ++round) {
      curve.memory.push_back(time_memory(index, count));
      curve.mapped.push_back(time_all(mapped, count));
      for (std::size_t i = 0; i < handles.size(); ++i) {
        const CacheStats before = sessions[i].stats().index;
        curve.points[i].qps.push_back(time_all(handles[i], count));
        const CacheStats after = sessions[i].stats().index;
        const auto hits = static_cast<double>(after.hits - before.hits);
        curve.points[i].hit_share = hits / (hits + static_cast<double>(after.misses - before.misses));
        curve.points[i].peak_bytes = after.peak_bytes;
        if (after.peak_bytes > after.limit_bytes) throw std::runtime_error("a cache held more than it may");
      }
    }
    result_.sessions.push_back(std::move(curve));
  }
  [[nodiscard]] double time_memory(const Index<Storage>& index, std::size_t count) const {
    std::mt19937 random(20'261'122);
    const WallClock clock;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t query = random() % set_.queries.rows;
      (void)random();
      if (search(index, query) != expected_[query]) throw std::runtime_error("a search finds other things than before");
    }
    return static_cast<double>(count) / clock.seconds();
  }

  /// 64 + 16 MB, or a quarter of the files where these are small.
  void measure_memory() {
    std::size_t file_bytes = 0;
    for (const std::string& path : paths_) file_bytes += std::filesystem::file_size(path);
    const std::size_t index_bytes = std::min(std::size_t{64} << 20U, std::max(file_bytes / 4, std::size_t{64} << 10U));
    const std::size_t count = options_.quick ? searches_of_memory_when_quick : searches_of_memory;
    const std::ptrdiff_t before = resident_bytes();
    Session session({.index_bytes = index_bytes, .metadata_bytes = std::size_t{16} << 20U});
    const auto handles = open_in(session);
    search_all(handles, count / 100);
    const std::ptrdiff_t after_first = resident_bytes() - before;
    search_all(handles, count - count / 100);
    const SessionStats stats = session.stats();
    if (stats.index.peak_bytes > stats.index.limit_bytes || stats.metadata.peak_bytes > stats.metadata.limit_bytes) {
      throw std::runtime_error("a cache held more than it may");
    }
    result_.memory.push_back({storage_name<Storage>, stats.index.limit_bytes + stats.metadata.limit_bytes,
                              session.size_bytes(), after_first, resident_bytes() - before, count});
  }

  const datasets::Dataset& set_;
  const rivals::Setup& setup_;
  const Options& options_;
  FilesResult& result_;
  ScratchFolder folder_;
  std::vector<std::string> paths_;
  std::vector<Found> expected_;
};

}  // namespace

void measure_sessions(const datasets::Dataset& set, const rivals::Setup& setup, const Options& options,
                      FilesResult& result) {
  SessionMeasurement<Float32>(set, setup, options, result).run();
  SessionMeasurement<SQ8>(set, setup, options, result).run();
  SessionMeasurement<Refined<SQ8>>(set, setup, options, result).run();
}

}  // namespace shoal::report
