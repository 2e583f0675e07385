#pragma once
// shoal's indexes over the points of a hnswlib space, with the parts of them that hnswlib's interface shows and shoal's
// does not: where a point lies, and which slot a label has.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "shoal/compat/hnswlib/points.hpp"
#include "shoal/core/access.hpp"
#include "shoal/index/brute_force_index.hpp"
#include "shoal/index/hnsw_index.hpp"

namespace shoal::inline v0::detail {

/// `Index`: HnswIndex or BruteForceIndex, of points.
template <class Index, class Structure>
class PointIndex : public Index {
 public:
  using Entries = typename Index::EntriesType;
  using Config = std::remove_cvref_t<decltype(std::declval<const Index&>().config())>;

  /// Nothing is in it. `config.dimensions` is the space's. Errors: std::invalid_argument.
  PointIndex(const PointSpace& space, const Config& config)
      : PointIndex(require_valid(config), no_entries(space), Structure(config)) {}
  PointIndex(const Config& config, Entries points, Structure links)
      : Index(config, std::move(points), std::move(links)) {}

  using Index::access;
  using Index::entries;
  using Index::structure;

  /// Of no points, to be filled by who reads them from a file. Errors: std::bad_alloc.
  [[nodiscard]] static Entries no_entries(const PointSpace& space) {
    return Entries(space.dimensions(), 0, PointRows(space));
  }
  /// What stands for a point that begins at `data`.
  [[nodiscard]] std::span<const float> as_vector(const void* data) const noexcept {
    return {static_cast<const float*>(data), this->dimensions()};
  }

  [[nodiscard]] std::optional<Slot> find(hnswlib::labeltype label) const noexcept { return entries().find(label); }
  /// The first live slot from `from` on; the number of slots when there is none.
  [[nodiscard]] std::size_t live_from(std::size_t from) const noexcept {
    while (from < entries().slots() && !entries().is_live(to_slot(from))) ++from;
    return from;
  }
  /// Calls use(bytes) with the point of a label, which stays as it is meanwhile. False when it is not in.
  template <class Use>
  bool with_point(hnswlib::labeltype label, const Use& use) const {
    Access::Read read(access());
    const auto slot = find(label);
    if (!slot) return false;
    use(entries().rows().point(*slot));
    return true;
  }
};

using PointGraphIndex = PointIndex<HnswIndex<PointMetric, PointStorage, hnswlib::labeltype>, HnswStructure>;
using PointFlatIndex = PointIndex<BruteForceIndex<PointMetric, PointStorage, hnswlib::labeltype>, FlatStructure>;

/// What is wrong with a point, if shoal can tell: of floats, as with every vector of shoal's.
[[nodiscard]] inline std::optional<Error> find_fault(const PointSpace& space, const void* point) {
  if (space.kind == PointSpace::Kind::other) return std::nullopt;
  return find_fault<L2Squared>(std::span(static_cast<const float*>(point), space.dimensions()));
}

}  // namespace shoal::inline v0::detail
