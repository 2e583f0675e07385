#pragma once
// HnswIndex: approximate nearest neighbours by a hierarchical navigable small world graph (Malkov and Yashunin,
// arXiv 1603.09320).

#include <cstddef>
#include <utility>
#include <vector>

#include "shoal/graph/check.hpp"
#include "shoal/index/config.hpp"
#include "shoal/index/hnsw_structure.hpp"
#include "shoal/index/vector_index.hpp"
#include "shoal/storage/float32.hpp"

namespace shoal::inline v0 {

/// Counts of one level of the graph.
struct LevelStats {
  std::size_t slots = 0;  ///< Slots that reach the level.
  std::size_t links = 0;  ///< Links on it.
};

/// Counts of an index.
struct IndexStats {
  std::size_t live = 0;              ///< Entries that can be found.
  std::size_t dead = 0;              ///< Slots whose entry was overwritten: still walked over, never returned.
  std::vector<LevelStats> levels{};  ///< From level 0 up.
};

/// The index. Movable; copied only by `clone()`.
///
/// *Threads*: see VectorIndex. *Source*: arXiv 1603.09320, Algorithms 1, 2, 4, 5; what differs is said in graph/.
template <class Metric = L2Squared, class Storage = Float32, class Id = std::uint64_t>
class HnswIndex : public VectorIndex<Metric, Storage, Id, detail::HnswStructure> {
  using Base = VectorIndex<Metric, Storage, Id, detail::HnswStructure>;

 public:
  /// An empty index. Errors: std::invalid_argument for a value out of its range (ends the program without exceptions;
  /// `create` returns it).
  explicit HnswIndex(const HnswConfig& config)
      : Base(detail::require_valid(config).dimensions, config.max_elements,
             detail::HnswStructure(detail::require_valid(config))),
        config_(config) {}

  /// An empty index, or invalid_config or out_of_memory.
  [[nodiscard]] static Expected<HnswIndex, Error> create(const HnswConfig& config) {
    if (auto fault = detail::find_fault(config)) return Unexpected<Error>(*std::move(fault));
    SHOAL_TRY { return HnswIndex(config); }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

  [[nodiscard]] const HnswConfig& config() const noexcept { return config_; }

  /// A copy that shares nothing. Errors: std::bad_alloc.
  [[nodiscard]] HnswIndex clone() const {
    detail::AccessCheck::Read read(this->access());
    return HnswIndex(config_, this->entries().clone(), this->structure().clone());
  }

  /// Verifies every invariant of the graph and counts the slots that cannot be reached. *Cost*: O(links).
  [[nodiscard]] CheckReport check() const {
    detail::AccessCheck::Read read(this->access());
    CheckReport report = detail::check_graph(this->structure().graph());
    this->entries().check(report);
    if (this->structure().size() != this->entries().slots()) {
      detail::add_fault(report, "the graph has ", this->structure().size(), " slots, the entries have ",
                        this->entries().slots());
    }
    return report;
  }

  /// Counts. *Cost*: O(links).
  [[nodiscard]] IndexStats stats() const {
    detail::AccessCheck::Read read(this->access());
    const detail::HnswGraph& graph = this->structure().graph();
    IndexStats stats;
    stats.live = this->entries().live();
    stats.dead = this->entries().slots() - stats.live;
    stats.levels.resize(graph.size() == 0 ? 0 : graph.top_level() + 1);
    for (std::size_t i = 0; i < graph.size(); ++i) {
      for (unsigned level = 0; level <= graph.lists().level_of(to_slot(i)); ++level) {
        stats.levels[level].slots += 1;
        stats.levels[level].links += graph.lists().links(to_slot(i), level).size();
      }
    }
    return stats;
  }

  /// What an index of `entries` vectors will own, scratch of searches not counted. Levels are random: the upper links
  /// are their expected number. Errors: as the constructor's.
  [[nodiscard]] static MemoryUsage estimate_memory(const HnswConfig& config, std::size_t entries) {
    (void)detail::require_valid(config);
    MemoryUsage usage;
    Base::EntriesType::add_estimate(usage, config.dimensions, entries);
    detail::HnswStructure::add_estimate(usage, config, entries);
    return usage;
  }

 private:
  HnswIndex(const HnswConfig& config, typename Base::EntriesType entries, detail::HnswStructure structure)
      : Base(std::move(entries), std::move(structure)), config_(config) {}

  HnswConfig config_;
};

}  // namespace shoal::inline v0
