#pragma once
// What the graph tests share: spaces of points (models of SlotSpace that need neither metric nor storage), graphs built
// in them or by hand, and a copy of everything a graph holds, to be compared.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "random.hpp"
#include "rows_model.hpp"
#include <shoal/graph/check.hpp>
#include <shoal/graph/link_round.hpp>

namespace support {

using Points = std::vector<std::vector<float>>;

/// Squared Euclidean distance, summed in double and rounded once: the same from either side, 0 between copies.
inline float squared_distance(const std::vector<float>& a, const std::vector<float>& b) noexcept {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
  return static_cast<float>(sum);
}

/// Negated inner product: a point need not be nearest to itself.
inline float negated_dot(const std::vector<float>& a, const std::vector<float>& b) noexcept {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum -= double{a[i]} * double{b[i]};
  return static_cast<float>(sum);
}

using Distance = float (*)(const std::vector<float>&, const std::vector<float>&) noexcept;

struct PointScorer {
  const Points* points;
  const std::vector<float>* query;
  Distance distance = squared_distance;
  std::atomic<std::size_t>* scored = nullptr;  // counts, when not null

  void operator()(std::span<const shoal::Slot> slots, float* out) const noexcept {
    for (const shoal::Slot slot : slots) *out++ = distance((*points)[to_index(slot)], *query);
    if (scored != nullptr) *scored += slots.size();
  }
  void prefetch(shoal::Slot) const noexcept {}
};

struct PointSpace {
  const Points* points;
  Distance distance = squared_distance;
  std::atomic<std::size_t>* scored = nullptr;

  [[nodiscard]] PointScorer scorer_for(shoal::Slot slot) const noexcept {
    return {points, &(*points)[to_index(slot)], distance, scored};
  }
};

/// The same distances, many with many in one call too.
struct BlockPointSpace : PointSpace {
  static constexpr bool has_fast_blocks = true;
  std::atomic<std::size_t>* blocks = nullptr;

  void block_distances(std::span<const shoal::Slot> a, std::span<const shoal::Slot> b, float* out) const noexcept {
    for (std::size_t j = 0; j < b.size(); ++j) {
      const PointScorer scorer = scorer_for(b[j]);
      for (std::size_t i = 0; i < a.size(); ++i) scorer(a.subspan(i, 1), out + i * b.size() + j);
    }
    if (blocks != nullptr) ++*blocks;
  }
};

static_assert(shoal::detail::SlotSpace<PointSpace> && shoal::detail::SlotScorer<PointScorer>);
static_assert(shoal::detail::SlotSpace<BlockPointSpace>);

inline Points random_points(Random& random, std::size_t count, std::size_t dimensions) {
  Points points(count);
  for (auto& point : points) point = random.normal_vector(dimensions);
  return points;
}

// ---- building ------------------------------------------------------------------------------------------------------

/// The `count` slots after those of the graph.
inline std::vector<shoal::Slot> next_slots(const shoal::detail::HnswGraph& graph, std::size_t count) {
  std::vector<shoal::Slot> slots;
  for (std::size_t i = 0; i < count; ++i) slots.push_back(shoal::to_slot(graph.size() + i));
  return slots;
}

/// Links the next `count` points as one round.
template <shoal::detail::SlotSpace Space>
void link_next(shoal::detail::HnswGraph& graph, const Space& space, std::size_t count, std::size_t ef_construction,
               shoal::detail::RoundScratch& scratch, const shoal::detail::Workers& workers) {
  shoal::detail::link_round(graph, space, next_slots(graph, count), ef_construction, scratch, workers);
}

/// Links the points from graph.size() up to `count`, in rounds of at most `round`.
template <shoal::detail::SlotSpace Space>
void grow_in_rounds_of(std::size_t round, shoal::detail::HnswGraph& graph, const Space& space, std::size_t count,
                       shoal::detail::RoundScratch& scratch, std::size_t ef_construction = 40,
                       const shoal::detail::Workers& workers = shoal::detail::Workers()) {
  graph.reserve(count);
  while (graph.size() < count) {
    link_next(graph, space, std::min(round, count - graph.size()), std::max(ef_construction, graph.M()), scratch,
              workers);
  }
}

/// Links the points from graph.size() up to `count` in the rounds of a batch.
template <shoal::detail::SlotSpace Space>
void grow(shoal::detail::HnswGraph& graph, const Space& space, std::size_t count, shoal::detail::RoundScratch& scratch,
          std::size_t ef_construction = 40, const shoal::detail::Workers& workers = shoal::detail::Workers()) {
  while (graph.size() < count) {
    const std::size_t round = shoal::detail::round_size(graph.size());
    grow_in_rounds_of(round, graph, space, std::min(graph.size() + round, count), scratch, ef_construction, workers);
  }
}

/// What `grow` reserves for, one after the other.
inline std::vector<std::size_t> steps_of_growing(std::size_t from, std::size_t count) {
  std::vector<std::size_t> steps;
  while (from < count) steps.push_back(from = std::min(from + shoal::detail::round_size(from), count));
  return steps;
}

inline shoal::detail::HnswGraph graph_of(const Points& points, std::size_t M, std::uint64_t seed = 7,
                                         Distance distance = squared_distance) {
  shoal::detail::HnswGraph graph(M, seed);
  shoal::detail::RoundScratch scratch;
  grow(graph, PointSpace{&points, distance}, points.size(), scratch);
  return graph;
}

/// A graph of `slots` slots without links or parents.
inline shoal::detail::HnswGraph bare_graph(std::size_t slots, std::size_t M, std::uint64_t seed = 7,
                                           std::size_t narrow_slots = shoal::detail::LinkLists::most_narrow_slots) {
  shoal::detail::HnswGraph graph(M, seed, narrow_slots);
  graph.reserve(slots);
  for (std::size_t i = 0; i < slots; ++i) {
    graph.add(shoal::to_slot(i));
    graph.promote(shoal::to_slot(i));
  }
  return graph;
}

inline void set_links(shoal::detail::HnswGraph& graph, std::size_t slot, unsigned level,
                      const std::vector<std::size_t>& targets) {
  std::vector<shoal::Slot> slots;
  for (const std::size_t target : targets) slots.push_back(shoal::to_slot(target));
  graph.lists().assign(shoal::to_slot(slot), level, slots);
}

// ---- looking -------------------------------------------------------------------------------------------------------

/// The targets of a list, in its order.
inline std::vector<std::size_t> links_of(const shoal::detail::LinkLists& lists, std::size_t slot, unsigned level = 0) {
  std::vector<std::size_t> targets;
  lists.for_each(shoal::to_slot(slot), level, [&](shoal::Slot target) { targets.push_back(to_index(target)); });
  return targets;
}
inline std::vector<std::size_t> links_of(const shoal::detail::HnswGraph& graph, std::size_t slot, unsigned level = 0) {
  return links_of(graph.lists(), slot, level);
}
inline std::size_t parent_of(const shoal::detail::HnswGraph& graph, std::size_t slot) {
  return to_index(graph.lists().parent(shoal::to_slot(slot)));
}

/// What the level-0 lists and the parents take that were reserved for in steps. Words are narrow up to `narrow_slots`
/// slots; then wide ones come in their place, with room for as many rows in one step.
inline std::size_t modelled_base_bytes(std::size_t M, std::size_t narrow_slots, const std::vector<std::size_t>& steps) {
  struct Lists {
    Lists(std::size_t places, std::size_t word) : links(places * word), parents(word) {}
    void reserve(std::size_t slots) {
      links.reserve(slots);
      parents.reserve(slots);
    }
    [[nodiscard]] std::size_t bytes() const { return links.bytes() + parents.bytes(); }
    RowsModel links;
    RowsModel parents;
  };
  Lists narrow(2 * M, 2), wide(2 * M, 4);
  bool is_wide = false;
  for (const std::size_t step : steps) {
    if (!is_wide && step > narrow_slots) {
      is_wide = true;
      wide.reserve(narrow.links.capacity());
    }
    (is_wide ? wide : narrow).reserve(step);
  }
  return is_wide ? wide.bytes() : narrow.bytes();
}

/// All lists by slot and level, the parents, the entry point and the top level.
struct Snapshot {
  explicit Snapshot(const shoal::detail::HnswGraph& graph) : entry(graph.entry()), top_level(graph.top_level()) {
    for (std::size_t i = 0; i < graph.size(); ++i) {
      parents.push_back(parent_of(graph, i));
      for (unsigned level = 0; level <= graph.lists().level_of(shoal::to_slot(i)); ++level) {
        lists.push_back(links_of(graph, i, level));
      }
    }
  }
  friend bool operator==(const Snapshot&, const Snapshot&) = default;

  std::vector<std::vector<std::size_t>> lists;
  std::vector<std::size_t> parents;
  shoal::Slot entry;
  unsigned top_level;
};

/// What check_graph has to say, in one line; empty when the graph is sound.
inline std::string faults(const shoal::detail::HnswGraph& graph) {
  const shoal::CheckReport report = shoal::detail::check_graph(graph);
  std::string text = report.unreachable == 0 ? "" : std::to_string(report.unreachable) + " unreachable; ";
  for (const std::string& fault : report.faults) text += fault + "; ";
  return text;
}

/// The slots nearest to a query among those that pass, nearest first, by comparing with all.
template <class Accept>
std::vector<shoal::detail::Candidate> exact_nearest(const Points& points, const std::vector<float>& query,
                                                    std::size_t count, const Accept& accept) {
  std::vector<shoal::detail::Candidate> all;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (accept(shoal::to_slot(i))) all.push_back({squared_distance(points[i], query), shoal::to_slot(i)});
  }
  std::sort(all.begin(), all.end());
  all.erase(all.begin() + static_cast<std::ptrdiff_t>(std::min(count, all.size())), all.end());
  return all;
}

/// Algorithm 4 of arXiv 1603.09320: keep a candidate when it is nearer to the base than to everything that was kept.
/// The addition of this library: of several copies one is kept. *Shape*: candidates sorted.
inline std::vector<shoal::detail::Candidate> naive_selection(const std::vector<shoal::detail::Candidate>& candidates,
                                                             std::size_t capacity, const Points& points,
                                                             Distance distance) {
  std::vector<shoal::detail::Candidate> kept;
  for (const shoal::detail::Candidate& candidate : candidates) {
    const std::vector<float>& point = points[to_index(candidate.slot)];
    bool keep = kept.size() < capacity;
    for (const shoal::detail::Candidate& other : kept) {
      const float apart = distance(point, points[to_index(other.slot)]);
      if (apart < candidate.distance) keep = false;
      if (candidate.distance == other.distance && apart <= distance(point, point)) keep = false;
    }
    if (keep) kept.push_back(candidate);
  }
  return kept;
}

inline std::vector<shoal::detail::Candidate> contents(const shoal::detail::CandidatePool& pool) {
  std::vector<shoal::detail::Candidate> all;
  for (std::size_t i = 0; i < pool.size(); ++i) all.push_back(pool[i]);
  return all;
}

inline bool same(const std::vector<shoal::detail::Candidate>& a, const std::vector<shoal::detail::Candidate>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.slot == y.slot && x.distance == y.distance; });
}

}  // namespace support
