#pragma once
// The indexes that every promise is tested on.

#include <algorithm>
#include <iterator>
#include <span>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include "vectors.hpp"
#include <shoal/shoal.hpp>

namespace index_tests {

using HnswL2 = shoal::HnswIndex<shoal::L2Squared, shoal::Float32>;
using HnswL2Sq8 = shoal::HnswIndex<shoal::L2Squared, shoal::SQ8>;
using HnswCosine = shoal::HnswIndex<shoal::Cosine, shoal::Float32>;
using HnswProductSq8 = shoal::HnswIndex<shoal::InnerProduct, shoal::SQ8>;
using HnswRefined = shoal::HnswIndex<shoal::L2Squared, shoal::Refined<shoal::SQ8>>;
using BruteL2 = shoal::BruteForceIndex<shoal::L2Squared, shoal::Float32>;
using BruteCosineSq8 = shoal::BruteForceIndex<shoal::Cosine, shoal::SQ8>;
using BruteCosineRefined = shoal::BruteForceIndex<shoal::Cosine, shoal::Refined<shoal::SQ8>>;

inline constexpr std::size_t dimensions = 12;

template <class Index>
Index make_index(std::size_t max_elements = 0) {
  if constexpr (requires { Index::create(shoal::HnswConfig{}); }) {
    return Index({.dimensions = dimensions, .M = 4, .ef_construction = 32, .max_elements = max_elements});
  } else {
    return Index({.dimensions = dimensions, .max_elements = max_elements});
  }
}

/// A source that can be read only once, as an istream is; it counts what was taken from it.
struct Stream {
  std::span<const support::Item> items;
  std::size_t taken = 0;
  struct Iterator {
    using difference_type = std::ptrdiff_t;
    using value_type = support::Item;
    Stream* stream = nullptr;
    const support::Item& operator*() const { return stream->items[stream->taken - 1]; }
    Iterator& operator++() {
      ++stream->taken;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return stream->taken > stream->items.size(); }
  };
  Iterator begin() {
    ++taken;
    return {this};
  }
  std::default_sentinel_t end() const { return {}; }
};

/// The ids in an index, by asking for each below `bound`.
template <class Index>
std::vector<std::uint64_t> ids_in(const Index& index, std::uint64_t bound) {
  std::vector<std::uint64_t> ids;
  for (std::uint64_t id = 0; id < bound; ++id) {
    if (index.contains(id)) ids.push_back(id);
  }
  return ids;
}

/// first, first + 1, ..., count of them.
inline std::vector<std::uint64_t> iota(std::uint64_t first, std::size_t count) {
  std::vector<std::uint64_t> ids(count);
  for (std::size_t i = 0; i < count; ++i) ids[i] = first + i;
  return ids;
}

/// Everything that can be searched: all ids of an exhaustive search, sorted.
template <class Index>
std::vector<std::uint64_t> searchable_ids(const Index& index) {
  std::vector<std::uint64_t> ids;
  std::vector<float> query(index.dimensions(), 0.5F);
  for (const auto& neighbor : index.search(query, 1'000'000)) ids.push_back(neighbor.id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

/// The index holds exactly these ids, in all ways of asking.
template <class Index>
void check_holds(const Index& index, std::vector<std::uint64_t> expected, std::uint64_t bound) {
  std::sort(expected.begin(), expected.end());
  CHECK(index.size() == expected.size());
  CHECK(ids_in(index, bound) == expected);
  CHECK(searchable_ids(index) == expected);
  const shoal::CheckReport report = index.check();
  CHECK_MESSAGE(report.ok(), (report.faults.empty() ? "" : report.faults.front()), " unreachable ", report.unreachable);
}

/// Two indexes answer alike, distances to the last bit, to walks that keep `ef`. Narrow walks take the same way only
/// in the same graph.
template <class Index>
void check_same(const Index& a, const Index& b, std::uint64_t bound, std::size_t ef = 8) {
  CHECK(ids_in(a, bound) == ids_in(b, bound));
  support::Random random(7);
  for (int i = 0; i < 20; ++i) {
    const auto query = support::random_vector(random, a.dimensions());
    CHECK(a.search(query, {.k = 7, .ef = ef}) == b.search(query, {.k = 7, .ef = ef}));
  }
}

/// Two indexes have the same entries, and find them all. Their graphs may differ: rounds were cut at other places.
template <class Index>
void check_same_entries(const Index& a, const Index& b, std::uint64_t bound) {
  check_same(a, b, bound, 1'000);
}

}  // namespace index_tests

// Under sanitizers each type takes three times as long to compile and to run: there one for each storage and structure,
// with all metrics among them, has to do.
#ifdef SHOAL_TESTS_OF_FEWER_TYPES
#define ALL_INDEXES \
  index_tests::HnswL2, index_tests::HnswProductSq8, index_tests::HnswRefined, index_tests::BruteCosineRefined
#else
#define ALL_INDEXES                                                                                  \
  index_tests::HnswL2, index_tests::HnswL2Sq8, index_tests::HnswCosine, index_tests::HnswProductSq8, \
      index_tests::HnswRefined, index_tests::BruteL2, index_tests::BruteCosineSq8, index_tests::BruteCosineRefined
#endif
