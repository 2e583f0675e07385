#pragma once
// Sets of shards for tests, and what they are held against: indexes that are built alone.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "../io/support.hpp"
#include "vectors.hpp"
#include <shoal/shoal.hpp>

namespace shard_tests {

using Hnsw = shoal::HnswIndex<>;
using HnswCosineSq8 = shoal::HnswIndex<shoal::Cosine, shoal::SQ8, std::int32_t>;
using Brute = shoal::BruteForceIndex<>;
using Found = std::vector<shoal::Neighbor<std::uint64_t>>;

inline constexpr std::size_t dimensions = 12;

template <class Index>
auto make_config(std::size_t max_elements = 0) {
  typename shoal::ShardedIndex<Index>::Config config;
  config.dimensions = dimensions;
  config.max_elements = max_elements;
  if constexpr (requires { config.M; }) {
    config.M = 6;
    config.ef_construction = 40;
  }
  return config;
}

template <class Index>
shoal::ShardedIndex<Index> make_shards(std::size_t count, std::size_t max_elements = 0) {
  auto made = shoal::ShardedIndex<Index>::create(make_config<Index>(max_elements), *shoal::ShardPlan::of_count(count));
  REQUIRE(made);
  return *std::move(made);
}

/// Each shard alone, from the same items cut at the same places.
template <class Index>
std::vector<Index> build_alone(const shoal::ShardPlan& plan, const std::vector<support::Item>& items) {
  std::vector<Index> alone;
  for (std::size_t shard = 0; shard < plan.size(); ++shard) {
    Index& index = alone.emplace_back(make_config<Index>());
    const std::size_t block = plan.size() * shoal::detail::shard_block_items(dimensions);
    for (std::size_t first = 0; first < items.size(); first += block) {
      std::vector<support::Item> own;
      for (std::size_t i = first; i < std::min(first + block, items.size()); ++i) {
        if (plan.shard_of(items[i].first) == shard) own.push_back(items[i]);
      }
      REQUIRE(index.batch_insert(own));
    }
  }
  return alone;
}

inline std::vector<std::vector<float>> make_queries(std::size_t count) {
  std::vector<std::vector<float>> queries;
  for (auto& [id, query] : support::random_items(4'711, count, dimensions)) queries.push_back(std::move(query));
  return queries;
}

/// first, first + 1, ..., count of them.
inline std::vector<std::uint64_t> iota(std::uint64_t first, std::size_t count) {
  std::vector<std::uint64_t> ids(count);
  for (std::size_t i = 0; i < count; ++i) ids[i] = first + i;
  return ids;
}

/// The ids that are in, by each way to ask.
template <class Shards>
std::vector<std::uint64_t> ids_in(const Shards& shards) {
  std::vector<std::uint64_t> ids, found;
  for (std::size_t i = 0; i < shards.shards().size(); ++i) {
    for (const auto id : shards.shards()[i].ids()) {
      REQUIRE(shards.plan().shard_of(id) == i);
      REQUIRE(shards.contains(id));
      ids.push_back(static_cast<std::uint64_t>(id));
    }
  }
  std::sort(ids.begin(), ids.end());
  if (!ids.empty()) {
    const std::vector<float> query(dimensions, 0.1F);
    for (const auto& neighbor : shards.search(query, ids.size() + 5))
      found.push_back(static_cast<std::uint64_t>(neighbor.id));
    std::sort(found.begin(), found.end());
    REQUIRE(found == ids);
  }
  REQUIRE(shards.size() == ids.size());
  return ids;
}

}  // namespace shard_tests
