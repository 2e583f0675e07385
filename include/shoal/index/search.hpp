#pragma once
// One search: from a vector that was admitted to the neighbours that are returned. How a structure finds candidates is
// its own; how many are asked of it, which are accepted, and by which distances they are told apart is here.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/core/slot.hpp"
#include "shoal/index/neighbor.hpp"
#include "shoal/index/options.hpp"
#include "shoal/index/structure.hpp"
#include "shoal/storage/storage.hpp"

namespace shoal::inline v0::detail {

/// Memory of a search, which the next one finds again.
template <VectorRows Rows>
struct SearchScratch {
  explicit SearchScratch(const Rows& rows) : query(rows) {}
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return query.memory_bytes() + structure.memory_bytes() + input.capacity() * sizeof(float);
  }
  typename Rows::QueryBuffer query;
  StructureScratch structure;
  std::vector<float> input;  // the vector, where the caller's is not one of floats
};

/// One run of a search over `entries` and the structure that finds them.
template <class Id, class Entries, class Structure>
class SearchRun {
 public:
  using Rows = std::remove_cvref_t<decltype(std::declval<const Entries&>().rows())>;

  SearchRun(const Entries& entries, const Structure& structure, SearchScratch<Rows>& scratch) noexcept
      : entries_(entries), structure_(structure), scratch_(scratch) {}

  [[nodiscard]] std::vector<Neighbor<Id>> run(std::span<const float> query, const SearchOptions& options) {
    const std::size_t k = std::min(options.k, entries_.live());
    if (k == 0) return {};
    const std::size_t ef =
        std::min(std::max(options.ef != 0 ? options.ef : std::max<std::size_t>(100, 2 * k), k), structure_.linked());
    const std::size_t found = ranks_found ? std::min(std::max<std::size_t>(20, 2 * k), ef) : k;
    const SearchSize wanted{found, ef};
    const Scorer scorer{&entries_.rows(), entries_.rows().prepare(query, scratch_.query)};
    scratch_.structure.found.clear();
    if (options.filter || hides_some()) {
      find(scorer, wanted, [&](Slot slot) {
        return entries_.is_live(slot) &&
               (!options.filter || options.filter(static_cast<std::uint64_t>(entries_.id_of(slot))));
      });
    } else {
      find(scorer, wanted, AcceptAll{});
    }
    if constexpr (ranks_found) rank(scorer.query);
    return best(k);
  }

 private:
  // Rows that rank what was found are given more of it than is returned, as far as the walk keeps it. Where all rows
  // are compared, they are compared by what ranks.
  static constexpr bool ranks_found = RankedRows<Rows> && Structure::is_walked;
  using Scorer = std::conditional_t<RankedRows<Rows> && !Structure::is_walked, RankScorer<Rows>, RowScorer<Rows>>;

  /// Has the structure slots that are no live entries? Dead ones, or those of a round whose items are being told of.
  [[nodiscard]] bool hides_some() const noexcept {
    return (Structure::is_walked ? entries_.has_dead() : entries_.has_gaps()) ||
           structure_.linked() != entries_.live() + entries_.dead();
  }

  template <class Accept>
  void find(const Scorer& scorer, const SearchSize& wanted, const Accept& accept) {
    const auto before = [this](const Candidate& a, const Candidate& b) { return neighbor(a) < neighbor(b); };
    structure_.search(scorer, wanted, accept, before, scratch_.structure);
  }

  /// The distances of what was found become those that are returned.
  void rank(const typename Rows::Query& query) {
    std::vector<Candidate>& found = scratch_.structure.found;
    std::vector<Slot>& slots = scratch_.structure.walk.fresh;
    std::vector<float>& distances = scratch_.structure.walk.distances;
    slots.resize(std::max(slots.size(), found.size()));
    distances.resize(std::max(distances.size(), found.size()));
    for (std::size_t i = 0; i < found.size(); ++i) slots[i] = found[i].slot;
    entries_.rows().rank(query, std::span<const Slot>(slots).first(found.size()), distances.data());
    for (std::size_t i = 0; i < found.size(); ++i) found[i].distance = distances[i];
  }

  [[nodiscard]] std::vector<Neighbor<Id>> best(std::size_t k) const {
    std::vector<Neighbor<Id>> neighbors;
    neighbors.reserve(scratch_.structure.found.size());
    for (const Candidate& candidate : scratch_.structure.found) neighbors.push_back(neighbor(candidate));
    const auto last = neighbors.begin() + static_cast<std::ptrdiff_t>(std::min(k, neighbors.size()));
    std::partial_sort(neighbors.begin(), last, neighbors.end());
    neighbors.erase(last, neighbors.end());
    return neighbors;
  }

  [[nodiscard]] Neighbor<Id> neighbor(const Candidate& candidate) const {
    return {entries_.id_of(candidate.slot), candidate.distance};
  }

  const Entries& entries_;
  const Structure& structure_;
  SearchScratch<Rows>& scratch_;
};

}  // namespace shoal::inline v0::detail
