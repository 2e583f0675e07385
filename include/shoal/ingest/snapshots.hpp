#pragma once
// Snapshots of an index that follows a store: index files that know up to which transaction they hold everything, so
// that opening reads one and what is newer, and does not link all records again. The store stays the truth: a snapshot
// that is damaged, of another setup, or not of this store is passed over with a warning.
//
// There are two files, path.1 and path.2, written turn by turn. The one that is written is never the newest that is
// known to be good, and takes its name when it is whole and on the disk. So at every moment, whatever fails, the newest
// or the one before is there, if there ever was one.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/index/index_file.hpp"
#include "shoal/ingest/follower.hpp"
#include "shoal/ingest/vector_store.hpp"
#include "shoal/io/file.hpp"
#include "shoal/io/reader.hpp"

namespace shoal::inline v0 {

/// What `DurableIndex::open` found.
struct OpenReport {
  std::string snapshot{};               ///< The file that was used; empty: none.
  std::uint64_t snapshot_sequence = 0;  ///< The transaction up to which it held everything.
  std::size_t replayed = 0;             ///< Records and erasures that were taken from the store.
  std::vector<Error> warnings{};        ///< Why snapshots that are there were passed over, each with its path.
};

namespace detail {

/// What of an index was chosen: that of a snapshot has to be the same. `second_writer` is not in files.
template <class Config>
[[nodiscard]] std::optional<Error> find_difference(const Config& wanted, const Config& got) {
  std::optional<Error> fault;
  const auto compare = [&](std::string_view name, std::uint64_t expected, std::uint64_t found) {
    if (expected == found || fault) return;
    fault = make_error(ErrorCode::incompatible, "expected ", name, " ", expected, ", the file has ", found);
  };
  compare("dimensions", wanted.dimensions, got.dimensions);
  if constexpr (requires { wanted.M; }) {
    compare("M", wanted.M, got.M);
    compare("ef_construction", wanted.ef_construction, got.ef_construction);
    compare("seed", wanted.seed, got.seed);
  }
  compare("max_elements", wanted.max_elements, got.max_elements);
  return fault;
}

/// Is a vector kept the same way twice? Floats that were scaled to norm 1 may differ in their last bits by processor.
[[nodiscard]] inline bool is_same_vector(const std::vector<float>& a, const std::vector<float>& b) noexcept {
  double difference = 0;
  double squared_norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double component = a[i];
    difference += (component - b[i]) * (component - b[i]);
    squared_norm += component * component;
  }
  return difference <= 1e-10 * squared_norm;
}

/// Whether an index that says it holds all transactions up to `sequence` holds what the store has kept of the latest of
/// them: a hundred changes or more, or all there are; a hundred of them by vector. A store that was put back to an
/// older copy and went on from there has others, and so has another store. *Errors*: incompatible; those of reading the
/// store.
template <class Index, VectorStore Store>
[[nodiscard]] std::optional<Error> find_disagreement(const Index& index, const Store& store, std::uint64_t sequence) {
  constexpr std::size_t enough = 100;
  const auto other = [](const Change<typename Index::id_type>& change) {
    return make_error(ErrorCode::incompatible, "expected a snapshot of this store, it has not what transaction ",
                      change.sequence, " did to id ", change.record.id);
  };
  // The vectors of the store as this index keeps them.
  auto kept = Index::create(index.config());
  if (!kept) return std::move(kept.error());
  for (std::uint64_t back = 1;; back *= 2) {
    const std::uint64_t since = sequence > back ? sequence - back : 0;
    auto cursor = store.read_since(since);
    if (!cursor) return std::move(cursor.error());
    std::size_t changes = 0;
    for (;; ++changes) {
      auto next = cursor->next();
      if (!next) return std::move(next.error());
      if (*next == nullptr || (*next)->sequence > sequence) break;
      const auto& change = **next;
      if (index.contains(change.record.id) == change.erased) return other(change);
      if (change.erased || kept->size() >= enough || kept->contains(change.record.id)) continue;
      if (!kept->insert(change.record.id, change.record.vector) ||
          !is_same_vector(*kept->get(change.record.id), *index.get(change.record.id))) {
        return other(change);
      }
    }
    if (changes >= enough || since == 0) return std::nullopt;
  }
}

/// The two files, and which is the newest. `Files`: SystemFiles, or what stands for it.
class Snapshots {
 public:
  /// Has the follower go on from the newest snapshot that is good and of its store, and says in `report` which that is.
  /// Where there is none, index and store are as they were. *Errors*: cancelled, store_busy; that of asking the store
  /// where it is.
  template <class Index, class Store, class Files>
  [[nodiscard]] Expected<void, Error> open_newest(Files& files, Follower<Index, Store>& follower, OpenReport& report) {
    const auto last = follower.store().last_sequence();
    if (!last) return Unexpected<Error>(last.error());
    auto found = find(files, follower.options().snapshot, report);
    if (found[0] && found[1] && found[0]->sequence < found[1]->sequence) std::swap(found[0], found[1]);
    for (const auto& snapshot : found) {
      if (!snapshot) continue;
      auto replayed = go_on_from(files, *snapshot, follower, *last);
      if (replayed) {
        newest_ = snapshot->which;
        report.snapshot = snapshot->path;
        report.snapshot_sequence = snapshot->sequence;
        report.replayed = *replayed;
        return {};
      }
      // Neither says anything of the snapshot.
      const ErrorCode code = replayed.error().code();
      if (code == ErrorCode::cancelled || code == ErrorCode::store_busy) {
        return Unexpected<Error>(std::move(replayed.error()));
      }
      warn(report, snapshot->path, replayed.error());
    }
    return {};
  }

  /// Saves the index over the older snapshot. *Errors*: those of the index's `save`, and the newest is what it was.
  template <class Index, class Store, class Files>
  [[nodiscard]] Expected<void, Error> save(Files& files, const Follower<Index, Store>& follower) {
    const std::uint64_t sequence = follower.sequence();
    if (sequence == 0) return {};  // nothing is in, or nobody could say what
    const std::size_t which = newest_ == std::size_t{0} ? 1 : 0;
    auto saved = follower.index().save(path_of(follower.options().snapshot, which), {.last_sequence = sequence}, files);
    if (saved) newest_ = which;
    return saved;
  }

 private:
  struct Snapshot {
    std::size_t which;
    std::string path;
    std::uint64_t sequence;
  };

  [[nodiscard]] static std::string path_of(const std::string& path, std::size_t which) {
    return path + (which == 0 ? ".1" : ".2");
  }

  static void warn(OpenReport& report, const std::string& path, const Error& error) {
    report.warnings.push_back(make_error(error.code(), "the snapshot ", path, " was passed over: ", error.message()));
  }

  /// The files that are there and begin as they should.
  template <class Files>
  [[nodiscard]] static std::array<std::optional<Snapshot>, 2> find(Files& files, const std::string& path,
                                                                   OpenReport& report) {
    std::array<std::optional<Snapshot>, 2> found;
    for (const std::size_t which : {std::size_t{0}, std::size_t{1}}) {
      std::string name = path_of(path, which);
      if (files.is_missing(name)) continue;
      const auto file = files.open(name);
      if (!file) {
        warn(report, name, file.error());
        continue;
      }
      const auto head = read_header(*file);
      if (!head) {
        warn(report, name, head.error());
        continue;
      }
      found[which] = Snapshot{which, std::move(name), head->info.last_sequence};
    }
    return found;
  }

  /// The number of changes that were newer. After an error index and sequence are as they were.
  template <class Index, class Store, class Files>
  [[nodiscard]] static Expected<std::size_t, Error> go_on_from(Files& files, const Snapshot& snapshot,
                                                               Follower<Index, Store>& follower, std::uint64_t last) {
    const auto refuse = [](Error error) { return Unexpected<Error>(std::move(error)); };
    if (snapshot.sequence == 0) {
      return refuse(make_error(ErrorCode::incompatible,
                               "expected a file that save_snapshot() wrote, it has no number of "
                               "a transaction"));
    }
    if (snapshot.sequence > last) {
      return refuse(make_error(ErrorCode::incompatible, "expected a snapshot of this store, whose last transaction is ",
                               last, ", it has transaction ", snapshot.sequence));
    }
    const auto config = follower.index().config();
    auto loaded = Index::load(snapshot.path, {.second_writer = config.second_writer}, files);
    if (!loaded) return refuse(std::move(loaded.error()));
    if (auto fault = find_difference(config, loaded->config())) return refuse(*std::move(fault));
    if (auto fault = find_disagreement(*loaded, follower.store(), snapshot.sequence)) return refuse(*std::move(fault));

    Index given = follower.begin_with(*std::move(loaded), snapshot.sequence);
    auto replayed = follower.catch_up(0, follower.options().opening);
    auto fault = replayed ? find_wrong_count(follower) : std::optional<Error>(std::move(replayed.error()));
    if (!fault) return replayed;
    (void)follower.begin_with(std::move(given), 0);
    return refuse(*std::move(fault));
  }

  /// Whether the index has as many entries as its store. Cannot be said while others write to that.
  template <class Index, class Store>
  [[nodiscard]] static std::optional<Error> find_wrong_count(const Follower<Index, Store>& follower) {
    const auto count = follower.store().count();
    if (!count) return count.error();
    const auto last = follower.store().last_sequence();
    if (!last) return last.error();
    if (*last != follower.sequence() || *count == follower.index().size()) return std::nullopt;
    return make_error(ErrorCode::incompatible, "expected a snapshot of this store, which has ", *count,
                      " records, with what is newer it has ", follower.index().size());
  }

  std::optional<std::size_t> newest_;  // of which it is known
};

}  // namespace detail
}  // namespace shoal::inline v0
