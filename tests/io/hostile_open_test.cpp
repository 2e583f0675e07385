// Damaged files that are opened where they lie. With `verify` they are refused as `load` refuses them. Without, only
// the header is looked at, and whatever the rest holds, nothing that is asked of the index may read outside of the
// file: AddressSanitizer sees its end, since these are files in memory of exactly their size.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "fixtures.hpp"

using namespace io_tests;
using shoal::ErrorCode;

namespace {

template <class Index>
auto open_bytes(const Bytes& bytes, bool verify) {
  MemoryFiles files;
  files.files["index"] = bytes;
  return Index::open("index", {.verify = verify}, files);
}

/// Asks for everything that can be asked. What comes out may be wrong.
template <class Mapped>
void ask_all(const Mapped& index) {
  const std::vector<float> query{1, -1, 0.5F, 2, 0, 1};
  if (index.dimensions() != fixture_dimensions) {
    (void)index.try_search(std::vector<float>(index.dimensions(), 1.0F), 3);
    return;
  }
  (void)index.search(query, 3);
  (void)index.search(query, index.size() + 1);
  (void)index.search(query, {.k = 4, .filter = [](std::uint64_t id) { return id % 2 == 0; }});
  const std::vector<std::uint64_t> some{0, 3, 6, 9, 77};
  (void)index.search(query, {.k = 4, .among = some});
  (void)index.search_within(query, 5.0F);
  for (int id = 0; id < 101; id += 5) {
    (void)index.contains(id);
    (void)index.get(id);
  }
  (void)index.stats();
  (void)index.check();
}

}  // namespace

TEST_CASE_TEMPLATE("a file that is damaged in any byte is not opened when it is verified", Index, HnswL2, HnswCosineSq8,
                   HnswRefined, BruteCosine) {
  for (const Fixture& fixture : fixtures<Index>()) {
    CAPTURE(fixture.name);
    REQUIRE(open_bytes<Index>(fixture.bytes, true));
    for (std::size_t size = 0; size < fixture.bytes.size(); ++size) {
      const Bytes bytes(fixture.bytes.begin(), fixture.bytes.begin() + static_cast<std::ptrdiff_t>(size));
      for (const bool verify : {false, true}) {  // where the file ends is in the header
        const auto index = open_bytes<Index>(bytes, verify);
        REQUIRE(!index);
        REQUIRE(index.error().code() == ErrorCode::corrupt);
      }
    }
    Bytes longer = fixture.bytes;
    longer.push_back(std::byte{0});
    REQUIRE(!open_bytes<Index>(longer, false));
    for (std::size_t at = 0; at < fixture.bytes.size(); ++at) {
      CAPTURE(at);
      Bytes bytes = fixture.bytes;
      for (unsigned bit = 0; bit < 8; ++bit) {
        bytes[at] = fixture.bytes[at] ^ static_cast<std::byte>(1U << bit);
        const auto index = open_bytes<Index>(bytes, true);
        REQUIRE(!index);
        REQUIRE(index.error().code() == ErrorCode::corrupt);
      }
    }
  }
}

TEST_CASE_TEMPLATE("whatever an opened file holds, no answer is looked for outside of it", Index, HnswL2, HnswCosineSq8,
                   HnswRefined, BruteCosine) {
  for (const Fixture& fixture : fixtures<Index>()) {
    CAPTURE(fixture.name);
    std::size_t opened = 0, sound = 0;
    for (std::size_t at = 0; at < fixture.bytes.size(); ++at) {
      CAPTURE(at);
      std::vector<std::byte> others{std::byte{0}, std::byte{0xFF}, fixture.bytes[at] ^ std::byte{0x80}};
      others.push_back(fixture.bytes[at] ^ static_cast<std::byte>(1U << (at % 8)));
      for (const std::byte other : others) {
        if (other == fixture.bytes[at]) continue;
        Bytes bytes = fixture.bytes;
        bytes[at] = other;
        mend_checksums(bytes);
        const auto index = open_bytes<Index>(bytes, false);
        if (index) {
          ++opened;
          ask_all(*index);
        } else {
          REQUIRE((index.error().code() == ErrorCode::corrupt || index.error().code() == ErrorCode::incompatible));
        }
        const auto verified = open_bytes<Index>(bytes, true);
        if (verified) {
          ++sound;
          REQUIRE(verified->check().ok());
        }
      }
    }
    CHECK(opened > 100);
    if (fixture.name != "empty") CHECK(sound < opened);
  }
}

TEST_CASE_TEMPLATE("nor when much of it is anything", Index, HnswL2, HnswCosineSq8, HnswRefined, BruteCosine) {
  support::Random random(2'026);
  const auto all = fixtures<Index>();
  for (std::size_t round = 0; round < 3'000; ++round) {
    CAPTURE(round);
    const Fixture& fixture = all[round % all.size()];
    if (fixture.bytes.size() == shoal::detail::header_bytes) continue;
    const Bytes bytes = damaged_somewhere(fixture, random);
    const auto index = open_bytes<Index>(bytes, false);
    if (index) ask_all(*index);
  }
}

TEST_CASE("nor when sketches are anything") {
  // Too large for every byte: a sample of those of the two sections.
  constexpr std::size_t dimensions = 256;
  HnswL2 index({.dimensions = dimensions, .M = 4, .ef_construction = 16});
  std::vector<support::Item> items;
  for (auto& vector : support::clustered_vectors(6, 1'100, dimensions, 5))
    items.emplace_back(items.size(), std::move(vector));
  REQUIRE(index.batch_insert(items));
  const Bytes good = bytes_of(index);
  std::size_t first = 0, state = 0, size = 0;
  for (std::size_t i = 0; i < 24; ++i) {
    using namespace shoal::detail;
    const std::size_t at = table_at + i * table_row;
    const auto kind = static_cast<shoal::SectionKind>(get<std::uint32_t>(good, at));
    if (kind == shoal::SectionKind::sketch_state) state = static_cast<std::size_t>(get<std::uint64_t>(good, at + 8));
    if (kind != shoal::SectionKind::sketches) continue;
    first = static_cast<std::size_t>(get<std::uint64_t>(good, at + 8));
    size = static_cast<std::size_t>(get<std::uint64_t>(good, at + 16));
  }
  REQUIRE(state != 0);
  REQUIRE(size > 1'100 * dimensions / 8);
  support::Random random(7);
  std::size_t opened = 0;
  for (std::size_t round = 0; round < 60; ++round) {
    CAPTURE(round);
    Bytes bytes = good;
    if (round < 20) {
      bytes[state + random.below(4 + 4 * dimensions)] = static_cast<std::byte>(random.next() | 0x70);
    } else {
      for (std::size_t i = 0; i < 2'000; ++i) bytes[first + random.below(size)] = static_cast<std::byte>(random.next());
    }
    mend_checksums(bytes);
    const auto mapped = open_bytes<HnswL2>(bytes, false);
    if (mapped) {
      ++opened;
      for (std::size_t i = 0; i < 5; ++i) REQUIRE(mapped->search(items[i].second, 10).size() == 10);
    }
    const auto loaded = load_bytes<HnswL2>(bytes);
    if (loaded) REQUIRE(loaded->search(items[0].second, 10).size() == 10);
    if (round >= 20) REQUIRE(!loaded);
  }
  CHECK(opened >= 40);
}
