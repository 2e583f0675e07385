#pragma once
// What the graph tests share: a space of points (a model of SlotSpace that needs neither metric nor storage), graphs
// built in it, and a copy of everything a graph holds, to be compared.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include "random.hpp"
#include <shoal/graph/check.hpp>
#include <shoal/graph/insert.hpp>

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
  std::size_t* scored = nullptr;  // counts, when not null

  void operator()(std::span<const shoal::Slot> slots, float* out) const noexcept {
    for (const shoal::Slot slot : slots) *out++ = distance((*points)[to_index(slot)], *query);
    if (scored != nullptr) *scored += slots.size();
  }
  void prefetch(shoal::Slot) const noexcept {}
};

struct PointSpace {
  const Points* points;
  Distance distance = squared_distance;

  [[nodiscard]] PointScorer scorer_for(shoal::Slot slot) const noexcept {
    return {points, &(*points)[to_index(slot)], distance};
  }
};

static_assert(shoal::detail::SlotSpace<PointSpace> && shoal::detail::SlotScorer<PointScorer>);

inline Points random_points(Random& random, std::size_t count, std::size_t dimensions) {
  Points points(count);
  for (auto& point : points) point = random.normal_vector(dimensions);
  return points;
}

/// Inserts the points from graph.size() up to `count`.
inline void grow(shoal::detail::HnswGraph& graph, const PointSpace& space, std::size_t count,
                 shoal::detail::InsertScratch& scratch, std::size_t ef_construction = 40) {
  const std::size_t kept = std::max(ef_construction, graph.M());
  graph.reserve(count);
  scratch.reserve(count, graph.M(), kept);
  while (graph.size() < count) shoal::detail::insert_next(graph, space, kept, scratch);
}

inline shoal::detail::HnswGraph graph_of(const Points& points, std::size_t M, std::uint64_t seed = 7,
                                         Distance distance = squared_distance) {
  shoal::detail::HnswGraph graph(M, seed);
  shoal::detail::InsertScratch scratch;
  grow(graph, PointSpace{&points, distance}, points.size(), scratch);
  return graph;
}

/// All lists by slot and level, the entry point and the top level.
struct Snapshot {
  explicit Snapshot(const shoal::detail::HnswGraph& graph) : entry(graph.entry()), top_level(graph.top_level()) {
    for (std::size_t i = 0; i < graph.size(); ++i) {
      for (unsigned level = 0; level <= graph.lists().level_of(shoal::to_slot(i)); ++level) {
        const auto links = graph.lists().links(shoal::to_slot(i), level);
        auto& list = lists.emplace_back();
        for (const auto link : links) list.emplace_back(to_index(link.slot()), link.is_child());
      }
    }
  }
  friend bool operator==(const Snapshot&, const Snapshot&) = default;

  std::vector<std::vector<std::tuple<std::size_t, bool>>> lists;
  shoal::Slot entry;
  unsigned top_level;
};

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
