#pragma once
// What the tests of compat/ share: points, exact neighbours by scalar loops in double, recall.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "vectors.hpp"
#include <shoal/compat/hnswlib.hpp>

namespace compat_tests {

using hnswlib::labeltype;

/// `count` vectors of `dimensions` floats, one after the other, in [-1, 1).
inline std::vector<float> random_points(std::uint64_t seed, std::size_t count, std::size_t dimensions) {
  support::Random random(seed);
  std::vector<float> points(count * dimensions);
  for (float& value : points) value = random.uniform();
  return points;
}

using Distance = std::function<double(const float*, const float*, std::size_t)>;

inline double squared_l2(const float* a, const float* b, std::size_t dimensions) {
  double sum = 0;
  for (std::size_t i = 0; i < dimensions; ++i) sum += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
  return sum;
}
inline double one_minus_dot(const float* a, const float* b, std::size_t dimensions) {
  double sum = 0;
  for (std::size_t i = 0; i < dimensions; ++i) sum += double{a[i]} * b[i];
  return 1 - sum;
}

/// The labels of the k nearest of the points that pass; the label of a point is its position.
template <class Passes>
std::set<labeltype> nearest(const std::vector<float>& points, std::size_t dimensions, const float* query, std::size_t k,
                            const Distance& distance, const Passes& passes) {
  std::vector<std::pair<double, labeltype>> all;
  for (std::size_t i = 0; i * dimensions < points.size(); ++i) {
    if (passes(i)) all.emplace_back(distance(query, points.data() + i * dimensions, dimensions), i);
  }
  std::sort(all.begin(), all.end());
  std::set<labeltype> labels;
  for (std::size_t i = 0; i < std::min(k, all.size()); ++i) labels.insert(all[i].second);
  return labels;
}

/// The share of the k nearest that `search(query)`, a range of (distance, label), finds.
template <class Search, class Passes>
double recall_of(const std::vector<float>& points, const std::vector<float>& queries, std::size_t dimensions,
                 std::size_t k, const Distance& distance, const Search& search, const Passes& passes) {
  std::size_t found = 0, wanted = 0;
  for (std::size_t at = 0; at < queries.size(); at += dimensions) {
    const auto truth = nearest(points, dimensions, queries.data() + at, k, distance, passes);
    for (const auto& result : search(queries.data() + at)) found += truth.count(result.second);
    wanted += truth.size();
  }
  return static_cast<double>(found) / static_cast<double>(wanted);
}
template <class Search>
double recall_of(const std::vector<float>& points, const std::vector<float>& queries, std::size_t dimensions,
                 std::size_t k, const Distance& distance, const Search& search) {
  return recall_of(points, queries, dimensions, k, distance, search, [](labeltype) { return true; });
}

/// Adds all, under their positions as labels.
template <class Algorithm>
void add_all(Algorithm& algorithm, const std::vector<float>& points, std::size_t dimensions) {
  for (std::size_t i = 0; i * dimensions < points.size(); ++i) algorithm.addPoint(points.data() + i * dimensions, i);
}

/// What `f` throws as a std::runtime_error; "" when it throws nothing.
template <class F>
std::string error_of(const F& f) {
  try {
    f();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace compat_tests
