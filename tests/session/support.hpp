#pragma once
// Indexes of one type for the tests of sessions, saved to a folder.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "../io/support.hpp"
#include "vectors.hpp"
#include <shoal/shoal.hpp>

namespace session_tests {

template <class Metric, class Storage>
using IndexOf = shoal::HnswIndex<Metric, Storage>;
using Index = shoal::HnswIndex<>;
using Handle = shoal::SessionIndex<Index>;
using Found = std::vector<shoal::Neighbor<std::uint64_t>>;

inline Index make_index(std::uint64_t seed, std::size_t count, std::size_t dimensions = 16) {
  Index index({.dimensions = dimensions, .M = 8, .ef_construction = 40});
  REQUIRE(index.batch_insert(support::random_items(seed, count, dimensions)));
  return index;
}
inline std::vector<std::vector<float>> make_queries(std::size_t count, std::size_t dimensions = 16) {
  std::vector<std::vector<float>> queries;
  for (auto& [id, query] : support::random_items(4'711, count, dimensions)) queries.push_back(std::move(query));
  return queries;
}

/// An index that was saved, and what it finds.
struct Saved {
  Index index;
  std::string path;
  std::vector<std::vector<float>> queries;
  std::vector<Found> answers{};

  Saved(std::string where, std::uint64_t seed, std::size_t count, std::size_t dimensions = 16)
      : index(make_index(seed, count, dimensions)), path(std::move(where)), queries(make_queries(20, dimensions)) {
    REQUIRE(index.save(path));
    for (const auto& query : queries) answers.push_back(index.search(query, 10));
  }
};

inline Handle open(shoal::Session& session, const Saved& saved) {
  auto handle = session.open<Index>(saved.path);
  REQUIRE_MESSAGE(handle.has_value(), std::string(handle ? "" : handle.error().message()));
  return *handle;
}

/// Bytes of metadata that a session counts for it.
inline std::size_t metadata_of(const std::string& path) {
  shoal::Session session;
  const auto handle = session.open<Index>(path);
  REQUIRE(handle);
  return session.stats().metadata.bytes;
}

}  // namespace session_tests
