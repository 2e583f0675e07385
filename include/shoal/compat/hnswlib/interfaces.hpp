#pragma once
// The interfaces of hnswlib, by its names and in its namespace: what a space, a filter, a stop condition and an
// algorithm are. Programs derive from these, so signatures are those of hnswlib 0.8; what 0.6.2 has is a part of them.
// Everything behind them is shoal's.

#include <cstddef>
#include <queue>
#include <string>
#include <utility>
#include <vector>

namespace hnswlib {

/// The caller's number for a point.
using labeltype = std::size_t;
/// A point's place in the index: what shoal calls a slot. It changes when the point is given other data.
using tableint = unsigned int;

/// Says which labels a search may return.
class BaseFilterFunctor {
 public:
  /// May be asked for any point, several times, from several threads.
  virtual bool operator()(labeltype /*label*/) { return true; }
  virtual ~BaseFilterFunctor() = default;

  BaseFilterFunctor() = default;
  BaseFilterFunctor(const BaseFilterFunctor&) = default;
  BaseFilterFunctor& operator=(const BaseFilterFunctor&) = default;
};

/// Decides when a search ends (`HierarchicalNSW::searchStopConditionClosest`). One serves one search.
///
/// `candidate_dist`: of a point that the walk came to, or whose links it would follow next. `worst_dist`: of the
/// farthest point that is kept; the largest number while none is.
template <class dist_t>
class BaseSearchStopCondition {
 public:
  virtual void add_point_to_result(labeltype label, const void* datapoint, dist_t dist) = 0;
  /// The farthest point that is kept goes.
  virtual void remove_point_from_result(labeltype label, const void* datapoint, dist_t dist) = 0;
  virtual bool should_stop_search(dist_t candidate_dist, dist_t worst_dist) = 0;
  virtual bool should_consider_candidate(dist_t candidate_dist, dist_t worst_dist) = 0;
  /// Asked after each point that was kept, until it says no.
  virtual bool should_remove_extra() = 0;
  /// Takes away what shall not be returned. *Shape*: nearest first.
  virtual void filter_results(std::vector<std::pair<dist_t, labeltype>>& candidates) = 0;
  virtual ~BaseSearchStopCondition() = default;

  BaseSearchStopCondition() = default;
  BaseSearchStopCondition(const BaseSearchStopCondition&) = default;
  BaseSearchStopCondition& operator=(const BaseSearchStopCondition&) = default;
};

/// The distance of two points; the last argument is the space's `get_dist_func_param()`.
template <class dist_t>
using DISTFUNC = dist_t (*)(const void*, const void*, const void*);

/// What points are, and how far from each other. It outlives the indexes over it.
template <class dist_t>
class SpaceInterface {
 public:
  /// Bytes of a point.
  virtual std::size_t get_data_size() = 0;
  virtual DISTFUNC<dist_t> get_dist_func() = 0;
  /// Handed to each call; by custom the number of dimensions, a `size_t`.
  virtual void* get_dist_func_param() = 0;
  virtual ~SpaceInterface() = default;

  SpaceInterface() = default;
  SpaceInterface(const SpaceInterface&) = default;
  SpaceInterface& operator=(const SpaceInterface&) = default;
};

/// What an exact and an approximate search have in common.
template <class dist_t>
class AlgorithmInterface {
 public:
  virtual void addPoint(const void* datapoint, labeltype label, bool replace_deleted = false) = 0;

  /// The k nearest, the farthest on top.
  virtual std::priority_queue<std::pair<dist_t, labeltype>> searchKnn(
      const void* query, std::size_t k, BaseFilterFunctor* isIdAllowed = nullptr) const = 0;

  /// The same, nearest first.
  virtual std::vector<std::pair<dist_t, labeltype>> searchKnnCloserFirst(
      const void* query, std::size_t k, BaseFilterFunctor* isIdAllowed = nullptr) const {
    auto farthest_first = searchKnn(query, k, isIdAllowed);
    std::vector<std::pair<dist_t, labeltype>> result(farthest_first.size());
    for (auto place = result.rbegin(); place != result.rend(); ++place) {
      *place = farthest_first.top();
      farthest_first.pop();
    }
    return result;
  }

  virtual void saveIndex(const std::string& location) = 0;
  virtual ~AlgorithmInterface() = default;

  AlgorithmInterface() = default;
  AlgorithmInterface(const AlgorithmInterface&) = delete;
  AlgorithmInterface& operator=(const AlgorithmInterface&) = delete;
};

/// Orders pairs by their first part, the largest first.
template <class T>
class pairGreater {
 public:
  bool operator()(const T& a, const T& b) const { return a.first > b.first; }
};

}  // namespace hnswlib
