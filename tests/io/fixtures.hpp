#pragma once
// Types of index that several files here test, and indexes of at most 16 KB, as files: empty, of one entry, of several
// levels, with erased entries, for each storage.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"
#include "vectors.hpp"
#include <shoal/shoal.hpp>

namespace io_tests {

template <class Metric, class Storage>
using Hnsw = shoal::HnswIndex<Metric, Storage>;
template <class Metric, class Storage>
using Brute = shoal::BruteForceIndex<Metric, Storage>;

/// One of each storage and structure, with ids of several types.
using HnswL2 = shoal::HnswIndex<>;
using HnswCosineSq8 = shoal::HnswIndex<shoal::Cosine, shoal::SQ8, std::int32_t>;
using HnswRefined = shoal::HnswIndex<shoal::InnerProduct, shoal::Refined<shoal::SQ8>>;
using BruteCosine = shoal::BruteForceIndex<shoal::Cosine, shoal::Float32, std::uint16_t>;

/// An empty index with lists that soon are full.
template <class Index>
Index make(std::size_t dimensions, std::size_t max_elements = 0) {
  if constexpr (requires { Index::create(shoal::HnswConfig{}); }) {
    return Index({.dimensions = dimensions, .M = 6, .ef_construction = 40, .seed = 77, .max_elements = max_elements});
  } else {
    return Index({.dimensions = dimensions, .max_elements = max_elements});
  }
}

inline constexpr std::size_t fixture_dimensions = 6;

template <class Index>
Index empty_fixture(std::size_t max_elements = 0) {
  if constexpr (requires { Index::create(shoal::HnswConfig{}); }) {
    return Index({.dimensions = fixture_dimensions, .M = 2, .ef_construction = 16, .max_elements = max_elements});
  } else {
    return Index({.dimensions = fixture_dimensions, .max_elements = max_elements});
  }
}

struct Fixture {
  std::string name;
  Bytes bytes;
};

/// What the fixtures are made of.
template <class Index, class Use>
void for_each_fixture(const Use& use) {
  using Id = typename Index::id_type;
  const auto fill = [](Index& index, std::uint64_t seed, std::size_t count, std::size_t first = 0) {
    for (const auto& [id, vector] : support::random_items(seed, count, fixture_dimensions)) {
      REQUIRE(index.insert(static_cast<Id>((first + id) * 3 % 101), vector));
    }
  };
  auto empty = empty_fixture<Index>();
  use("empty", empty);
  auto one = empty_fixture<Index>(5);
  fill(one, 1, 1);
  use("one entry", one);
  auto levels = empty_fixture<Index>();
  fill(levels, 2, 45);
  use("several levels", levels);
  for (std::size_t i = 0; i < 20; i += 2) REQUIRE(levels.erase(static_cast<Id>(i * 3)));
  use("dead entries", levels);
  REQUIRE(levels.batch_erase(std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 18, 21, 27, 33, 39, 45, 51}));
  fill(levels, 3, 60, 45);
  std::vector<Id> gone;
  for (std::size_t i = 0; i < 50; ++i) gone.push_back(static_cast<Id>((i + 50) * 3 % 101));
  REQUIRE(levels.batch_erase(gone));
  use("free slots", levels);
}

template <class Index>
std::vector<Fixture> fixtures() {
  std::vector<Fixture> all;
  for_each_fixture<Index>([&](const std::string& name, const Index& index) {
    all.push_back({name, bytes_of(index)});
    CAPTURE(name);
    REQUIRE(!all.back().bytes.empty());
    REQUIRE(all.back().bytes.size() <= 16 * 1024);
    const auto report = index.check();
    REQUIRE(report.ok());
  });
  return all;
}

/// The fixture with up to 1,024 bytes behind its header made anything, and right checksums. It has more than a header.
inline Bytes damaged_somewhere(const Fixture& fixture, support::Random& random) {
  Bytes bytes = fixture.bytes;
  const std::size_t first = shoal::detail::header_bytes;
  const std::size_t damaged = std::size_t{1} << random.below(11);
  const std::size_t from = first + random.below(bytes.size() - first);
  const auto kind = random.below(4);
  for (std::size_t i = from; i < std::min(from + damaged, bytes.size()); ++i) {
    const auto byte = static_cast<std::byte>(random.next());
    bytes[i] = kind == 0 ? byte : kind == 1 ? std::byte{0xFF} : kind == 2 ? std::byte{0} : byte & std::byte{0x3F};
  }
  mend_checksums(bytes);
  return bytes;
}

}  // namespace io_tests
