#pragma once
// One search: from a vector that was admitted to the neighbours that are returned. There are two ways:
//
//   walk    over the structure, keeping so many candidates that enough of them pass; what does not pass is dropped
//           after it, so the walk is the same with a filter and without
//   scan    every slot that passes, where so few do that a walk would see more than that; and where a walk came back
//           with too few, as it does when what passes is nowhere near
//
// So a filter costs time, never results. An entry passes when it is live, and the caller's filter accepts it. The
// index may be changed meanwhile by another thread: see docs/concurrency.md.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/core/hash.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/core/slot.hpp"
#include "shoal/core/slot_set.hpp"
#include "shoal/index/neighbor.hpp"
#include "shoal/index/options.hpp"
#include "shoal/index/scan.hpp"
#include "shoal/index/structure.hpp"
#include "shoal/storage/storage.hpp"

namespace shoal::inline v0::detail {

/// Memory of a search, which the next one finds again.
template <VectorRows Rows, class Id>
struct SearchScratch {
  explicit SearchScratch(const Rows& rows) : query(rows) {}
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return query.memory_bytes() + walk.memory_bytes() + found.capacity() * sizeof(Candidate) +
           input.capacity() * sizeof(float) + neighbors.capacity() * sizeof(Neighbor<Id>) +
           listed.capacity() * sizeof(Slot) + members.memory_bytes();
  }
  typename Rows::QueryBuffer query;
  WalkScratch walk;
  std::vector<Candidate> found;         // what passed, in no order
  std::vector<float> input;             // the vector, where the caller's is not one of floats
  std::vector<Neighbor<Id>> neighbors;  // the result
  std::vector<Slot> listed;             // of the ids that the caller lists, each once
  SlotSet members;                      // the same; empty between searches
};

/// One run of a search over `entries` and the structure that finds them.
template <class Id, class Entries, class Structure>
class SearchRun {
 public:
  using Rows = std::remove_cvref_t<decltype(std::declval<const Entries&>().rows())>;
  using Neighbors = std::span<const Neighbor<Id>>;

  SearchRun(const Entries& entries, const Structure& structure, SearchScratch<Rows, Id>& scratch) noexcept
      : entries_(entries), structure_(structure), scratch_(scratch) {}

  /// The k nearest that pass, in `scratch.neighbors`. Errors: std::bad_alloc; what a filter throws.
  Neighbors nearest(std::span<const float> query, const SearchOptions& options) {
    filter_ = &options.filter;
    among_ = options.among;
    const std::size_t k = std::min(options.k, entries_.live());
    const std::size_t ef = std::max(options.ef != 0 ? options.ef : std::max<std::size_t>(100, 2 * k), k);
    const Scorer scorer{&entries_.rows(), entries_.rows().prepare(query, scratch_.query)};
    // What is overwritten meanwhile may be found twice, under its old vector and its new one.
    for (std::size_t tries = 0; tries < 4; ++tries) {
      const std::size_t replaced = entries_.replaced();
      find(scorer, {ranks_found ? std::min(std::max<std::size_t>(20, 2 * k), ef) : k, ef}, true);
      if constexpr (ranks_found) rank(scorer.query);
      take_best(k);
      if (entries_.found_once_since(replaced) || !drop_repeated()) break;
    }
    return scratch_.neighbors;
  }

  /// All that pass and are no farther than `radius`, as far as walks find them, in `scratch.neighbors`. A walk finds
  /// nearly all of the nearest third of what it keeps: each keeps twice as many as the one before, until two thirds are
  /// beyond the radius. Errors: as nearest.
  Neighbors within(std::span<const float> query, float radius, const WithinOptions& options) {
    filter_ = &options.filter;
    among_ = options.among;
    const std::size_t most = options.most != 0 ? options.most : std::numeric_limits<std::size_t>::max();
    const Scorer scorer{&entries_.rows(), entries_.rows().prepare(query, scratch_.query)};
    const std::size_t replaced = entries_.replaced();
    std::size_t first = options.ef != 0 ? options.ef : 200;
    if constexpr (!Structure::is_walked) first = most;  // comparing with all is exact at once
    for (std::size_t ef = first;; ef *= 2) {
      const std::size_t live = entries_.live();
      ef = std::min(ef, live);
      find(scorer, {ef, ef}, ef < live);
      if constexpr (ranks_found) rank(scorer.query);
      take_best(scratch_.found.size());
      std::vector<Neighbor<Id>>& neighbors = scratch_.neighbors;
      const std::size_t seen = neighbors.size();
      const auto beyond = std::upper_bound(neighbors.begin(), neighbors.end(), radius,
                                           [](float limit, const Neighbor<Id>& n) { return limit < n.distance; });
      const auto inside = static_cast<std::size_t>(beyond - neighbors.begin());
      if (Structure::is_walked && ef < live && seen >= ef && 3 * std::min(inside, most) > ef) continue;
      neighbors.erase(beyond, neighbors.end());
      if (!entries_.found_once_since(replaced)) drop_repeated();
      if (neighbors.size() > most)
        neighbors.erase(neighbors.begin() + static_cast<std::ptrdiff_t>(most), neighbors.end());
      return neighbors;
    }
  }

 private:
  // Rows that rank what was found are given more of it than is returned, as far as the walk keeps it. Where all rows
  // are compared, they are compared by what ranks.
  static constexpr bool ranks_found = RankedRows<Rows> && Structure::is_walked;
  using Scorer = std::conditional_t<RankedRows<Rows> && !Structure::is_walked, RankScorer<Rows>, RowScorer<Rows>>;

  /// What a search wants: the `k` best, from a walk that keeps `ef`, at least k.
  struct Wanted {
    std::size_t k;
    std::size_t ef;
  };

  [[nodiscard]] bool passes(Slot slot) const {
    return entries_.is_live(slot) && (!*filter_ || (*filter_)(static_cast<std::uint64_t>(entries_.id_of(slot))));
  }

  /// Leaves the best that pass in `scratch.found`. `walks`: a walk comes first, whatever it costs, where all pass.
  void find(const Scorer& scorer, const Wanted& wanted, bool walks) {
    scratch_.found.clear();
    if (wanted.k == 0) return;
    const auto slots = entries_.slots();
    if (among_) return find_listed(scorer, wanted);
    const auto every_slot = [slots](const auto& offer) {
      for (std::size_t i = 0; i < slots; ++i) offer(to_slot(i));
    };
    const auto accept = [this](Slot slot) { return passes(slot); };
    if constexpr (!Structure::is_walked) return scan(scorer, wanted.k, accept, every_slot);
    const auto linked = static_cast<double>(std::max<std::size_t>(structure_.linked(), 1));
    if (!*filter_) {
      const double share = std::min(1.0, static_cast<double>(entries_.live()) / linked);
      return find_passing(scorer, wanted, accept, every_slot, share, walks ? no_limit : linked);
    }
    const double share = share_that_passes(slots);
    constexpr double asking = 0.125;  // what asking a filter costs beside a distance
    find_passing(scorer, wanted, accept, every_slot, share, linked * (asking + share));
  }

  /// The caller lists the ids.
  void find_listed(const Scorer& scorer, const Wanted& wanted) {
    struct Emptied {
      SearchScratch<Rows, Id>& scratch;
      ~Emptied() {
        for (const Slot slot : scratch.listed) scratch.members.erase(slot);
        scratch.listed.clear();
      }
    } emptied{scratch_};
    const std::size_t slots = entries_.slots();  // those that come later have no room in `members`
    scratch_.listed.reserve(std::min(among_->size(), slots));
    scratch_.members.reserve(slots);
    entries_.find_each(*among_, [this, slots](Slot slot) {
      if (to_index(slot) >= slots || scratch_.members.contains(slot)) return;
      scratch_.members.insert(slot);
      scratch_.listed.push_back(slot);
    });
    const auto listed_slots = [this](const auto& offer) {
      for (const Slot slot : scratch_.listed) offer(slot);
    };
    const auto count = static_cast<double>(scratch_.listed.size());
    const auto accept = [this](Slot slot) { return scratch_.members.contains(slot) && passes(slot); };
    const double share = count / static_cast<double>(std::max<std::size_t>(structure_.linked(), 1));
    find_passing(scorer, wanted, accept, listed_slots, std::min(1.0, share), count);
  }

  static constexpr double no_limit = std::numeric_limits<double>::max();

  /// `share`: of linked slots, that may pass. `scan_cost`: of comparing with all that pass; in distances, as all costs.
  template <class Accept, class Every>
  void find_passing(const Scorer& scorer, const Wanted& wanted, const Accept& accept, const Every& every, double share,
                    double scan_cost) {
    if constexpr (Structure::is_walked) {
      constexpr double hop_cost = 16;   // the links of a hop that were not seen before
      constexpr std::size_t spare = 8;  // what passes is not spread evenly
      const std::size_t linked = std::max<std::size_t>(structure_.linked(), 1);  // a walk keeps one at least
      double ef = static_cast<double>(wanted.ef);
      if (share < 1) ef = ef / std::max(share, 1e-9) + spare;
      while (hop_cost * ef <= scan_cost) {
        const std::size_t kept = ef < static_cast<double>(linked) ? static_cast<std::size_t>(ef) : linked;
        structure_.walk(scorer, kept, scratch_.walk);
        if (take_passing(wanted.k, share < 1 ? std::max(wanted.k, wanted.ef / 2) : wanted.k, accept)) return;
        if (kept == linked) return;
        ef *= 4;
        if (scan_cost == no_limit) scan_cost = static_cast<double>(linked);
      }
    }
    scan(scorer, wanted.k, accept, every);
  }

  /// Takes what passed of what a walk found: the k nearest, and what ties with the last of them, for ids decide between
  /// those. Were there as many as `enough`?
  template <class Accept>
  [[nodiscard]] bool take_passing(std::size_t k, std::size_t enough, const Accept& accept) {
    const CandidatePool& pool = scratch_.walk.pool;
    std::vector<Candidate>& found = scratch_.found;
    found.clear();
    std::size_t passed = 0;
    for (std::size_t i = 0; i < pool.size(); ++i) {
      const Candidate candidate = pool[i];
      const bool is_wanted = found.size() < k || candidate.distance == found.back().distance;
      if (!is_wanted && passed >= enough) break;
      if (!accept(candidate.slot)) continue;
      ++passed;
      if (is_wanted) found.push_back(candidate);
    }
    return passed >= enough;
  }

  template <class Accept, class Every>
  void scan(const Scorer& scorer, std::size_t k, const Accept& accept, const Every& every) {
    const auto before = [this](const Candidate& a, const Candidate& b) { return neighbor(a) < neighbor(b); };
    Scan run(scorer, k, before, scratch_.found);
    every([&](Slot slot) {
      if (accept(slot)) run.offer(slot);
    });
    run.end();
  }

  /// A guess at the share of slots that pass, by asking for a few.
  [[nodiscard]] double share_that_passes(std::size_t slots) const {
    constexpr std::size_t asked = 64;
    if (slots == 0) return 1;
    std::size_t passed = 0;
    for (std::size_t i = 0; i < asked; ++i)
      passed += passes(to_slot(static_cast<std::size_t>(mix64(i) % slots))) ? 1 : 0;
    return passed == asked ? 1 : (static_cast<double>(passed) + 0.5) / (asked + 1);
  }

  /// The distances of what was found become those that are returned.
  void rank(const typename Rows::Query& query) {
    std::vector<Candidate>& found = scratch_.found;
    std::vector<Slot>& slots = scratch_.walk.fresh;
    std::vector<float>& distances = scratch_.walk.distances;
    slots.resize(std::max(slots.size(), found.size()));
    distances.resize(std::max(distances.size(), found.size()));
    for (std::size_t i = 0; i < found.size(); ++i) slots[i] = found[i].slot;
    entries_.rows().rank(query, std::span<const Slot>(slots).first(found.size()), distances.data());
    for (std::size_t i = 0; i < found.size(); ++i) found[i].distance = distances[i];
  }

  /// The k best of what was found, in order.
  void take_best(std::size_t k) {
    std::vector<Neighbor<Id>>& neighbors = scratch_.neighbors;
    neighbors.clear();
    neighbors.reserve(scratch_.found.size());
    for (const Candidate& candidate : scratch_.found) neighbors.push_back(neighbor(candidate));
    const auto last = neighbors.begin() + static_cast<std::ptrdiff_t>(std::min(k, neighbors.size()));
    std::partial_sort(neighbors.begin(), last, neighbors.end());
    neighbors.erase(last, neighbors.end());
  }
  /// Of neighbours with one id, the nearest stays. Were there any?
  bool drop_repeated() noexcept {
    std::vector<Neighbor<Id>>& neighbors = scratch_.neighbors;
    using Each = const Neighbor<Id>&;
    std::sort(neighbors.begin(), neighbors.end(),
              [](Each a, Each b) { return a.id < b.id || (a.id == b.id && a < b); });
    const auto end = std::unique(neighbors.begin(), neighbors.end(), [](Each a, Each b) { return a.id == b.id; });
    const bool were_any = end != neighbors.end();
    neighbors.erase(end, neighbors.end());
    std::sort(neighbors.begin(), neighbors.end());
    return were_any;
  }

  [[nodiscard]] Neighbor<Id> neighbor(const Candidate& candidate) const {
    if constexpr (requires { Entries::has_any_distance; }) {
      // What is no number has no place in an order, and what sorts may then look anywhere. Told by its bits.
      const bool is_number =
          (shoal::detail::bit_cast<std::uint32_t>(candidate.distance) & 0x7FFF'FFFFU) <= 0x7F80'0000U;
      const float distance = is_number ? candidate.distance : std::numeric_limits<float>::infinity();
      return {entries_.id_of(candidate.slot), distance};
    }
    return {entries_.id_of(candidate.slot), candidate.distance};
  }

  const Entries& entries_;
  const Structure& structure_;
  SearchScratch<Rows, Id>& scratch_;
  const std::function<bool(std::uint64_t)>* filter_ = nullptr;
  std::optional<std::span<const std::uint64_t>> among_{};
};

}  // namespace shoal::inline v0::detail
