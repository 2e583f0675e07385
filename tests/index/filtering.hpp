#pragma once
// The oracle of searches that not everything passes: a search for everything, of which what passes is kept; so
// distances are equal to the last bit.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "index_types.hpp"

namespace index_tests {

using Passing = std::function<bool(std::uint64_t)>;

/// As `make_index`, with lists long enough for recall.
template <class Index>
Index filled_index(const std::vector<support::Item>& items) {
  auto index = [] {
    if constexpr (requires { Index::create(shoal::HnswConfig{}); }) {
      return Index({.dimensions = dimensions, .M = 8, .ef_construction = 48});
    } else {
      return Index({.dimensions = dimensions});
    }
  }();
  REQUIRE(index.batch_insert(items));
  return index;
}

/// Does it compare with everything?
template <class Index>
inline constexpr bool is_exact = !requires {
  Index::create(shoal::HnswConfig{});
};

/// Everything that passes, nearest first.
template <class Index>
auto all_passing(const Index& index, const std::vector<float>& query, const Passing& passes) {
  auto all = index.search(query, index.size());
  REQUIRE(all.size() == index.size());
  std::erase_if(all, [&](const auto& neighbor) { return !passes(static_cast<std::uint64_t>(neighbor.id)); });
  return all;
}

template <class Neighbors>
bool ids_are_distinct(const Neighbors& found) {
  std::set<std::uint64_t> ids;
  for (const auto& neighbor : found) ids.insert(static_cast<std::uint64_t>(neighbor.id));
  return ids.size() == found.size();
}

template <class Neighbors>
Neighbors first_of(Neighbors all, std::size_t k) {
  all.resize(std::min(k, all.size()), {});
  return all;
}

/// The promises on every result, of which `all` is the oracle: everything that passes. Gives how many are as near as
/// the exact ones.
template <class Neighbors>
std::size_t check_filtered(const Neighbors& found, const Neighbors& all, std::size_t k) {
  REQUIRE(found.size() == std::min(k, all.size()));
  CHECK(ids_are_distinct(found));
  CHECK(std::is_sorted(found.begin(), found.end()));
  const auto passes = [&](const auto& neighbor) { return std::binary_search(all.begin(), all.end(), neighbor); };
  CHECK(std::all_of(found.begin(), found.end(), passes));
  return static_cast<std::size_t>(std::count_if(found.begin(), found.end(), [&](const auto& neighbor) {
    return neighbor.distance <= all[found.size() - 1].distance;
  }));
}

/// Ids below `bound` of which so many in a thousand pass, spread evenly.
inline Passing share_of(std::uint64_t per_mille) {
  return [per_mille](std::uint64_t id) { return shoal::detail::mix64(id + 99) % 1'000 < per_mille; };
}

inline std::vector<std::uint64_t> ids_below(std::uint64_t bound, const Passing& passes) {
  std::vector<std::uint64_t> ids;
  for (std::uint64_t id = bound; id-- > 0;) {
    if (passes(id)) ids.push_back(id);
  }
  return ids;
}

}  // namespace index_tests
