// Damaged files opened through a session: refused, or answered from without a look outside of what was read. The files
// are in memory, of exactly their size; sanitizers see the rest.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "../io/fixtures.hpp"

using namespace io_tests;
using shoal::ErrorCode;

namespace {

constexpr std::size_t stride = 3;  // every third byte

/// Opens them in a session with few pages. Gives whether they could be opened, after `use(handle)`.
template <class Index, class Use>
bool open_bytes(const Bytes& bytes, bool verify, const Use& use) {
  MemoryFiles files;
  files.files["index"] = bytes;
  shoal::Session session({.index_bytes = std::size_t{64} << 10U});
  const auto handle = session.open<Index>("index", {.verify = verify}, files);
  if (handle) {
    use(*handle);
  } else {
    REQUIRE((handle.error().code() == ErrorCode::corrupt || handle.error().code() == ErrorCode::incompatible ||
             handle.error().code() == ErrorCode::capacity_exceeded));
    REQUIRE(session.size_bytes() == 0);
  }
  const shoal::SessionStats stats = session.stats();
  REQUIRE(stats.metadata.peak_bytes <= stats.metadata.limit_bytes);
  return handle.has_value();
}

/// Asks for everything that can be asked. What comes out may be wrong.
template <class Handle>
void ask_all(const Handle& handle) {
  const std::vector<float> query(handle.dimensions(), 0.5F);
  (void)handle.try_search(query, 3);
  (void)handle.try_search(query, handle.size() + 1);
  (void)handle.try_search(query, {.k = 4, .filter = [](std::uint64_t id) { return id % 2 == 0; }});
  const std::vector<std::uint64_t> some{0, 3, 6, 9, 77};
  (void)handle.try_search(query, {.k = 4, .among = some});
  (void)handle.try_search_within(query, 5.0F);
  (void)handle.try_batch_search(std::vector<std::vector<float>>{query, query}, {.k = 2});
  for (int id = 0; id < 101; id += 5) {
    (void)handle.try_contains(id);
    (void)handle.try_get(id);
  }
}
constexpr auto ask = [](const auto& handle) { ask_all(handle); };
constexpr auto ask_nothing = [](const auto&) {};

}  // namespace

TEST_CASE_TEMPLATE("a file that was cut off, or is damaged and verified, is not opened", Index, HnswL2, HnswRefined) {
  for (const Fixture& fixture : fixtures<Index>()) {
    CAPTURE(fixture.name);
    REQUIRE(open_bytes<Index>(fixture.bytes, true, ask));
    for (std::size_t size = 0; size < fixture.bytes.size(); size += size < 1'100 ? stride : 1 + stride * 10) {
      const Bytes bytes(fixture.bytes.begin(), fixture.bytes.begin() + static_cast<std::ptrdiff_t>(size));
      REQUIRE(!open_bytes<Index>(bytes, false, ask_nothing));
    }
    Bytes bytes = fixture.bytes;
    bytes.pop_back();
    REQUIRE(!open_bytes<Index>(bytes, false, ask_nothing));
    bytes = fixture.bytes;
    bytes.push_back(std::byte{0});
    REQUIRE(!open_bytes<Index>(bytes, false, ask_nothing));
    for (std::size_t at = 0; at < fixture.bytes.size(); at += stride) {
      CAPTURE(at);
      for (const std::byte other : {std::byte{0}, std::byte{0xFF}, fixture.bytes[at] ^ std::byte{0x10}}) {
        if (other == fixture.bytes[at]) continue;
        bytes = fixture.bytes;
        bytes[at] = other;
        REQUIRE(!open_bytes<Index>(bytes, true, ask_nothing));
      }
    }
  }
}

TEST_CASE_TEMPLATE("whatever a file holds, no answer is looked for outside of it", Index, HnswL2, HnswRefined) {
  for (const Fixture& fixture : fixtures<Index>()) {
    CAPTURE(fixture.name);
    for (const bool mends : {false, true}) {
      std::size_t opened = 0;
      for (std::size_t at = mends ? 0 : shoal::detail::header_bytes; at < fixture.bytes.size(); at += stride) {
        CAPTURE(at);
        for (const std::byte other :
             {std::byte{0}, std::byte{0xFF}, fixture.bytes[at] ^ static_cast<std::byte>(1U << (at % 8))}) {
          if (other == fixture.bytes[at]) continue;
          Bytes bytes = fixture.bytes;
          bytes[at] = other;
          if (mends) mend_checksums(bytes);
          opened += open_bytes<Index>(bytes, false, ask) ? 1 : 0;
        }
      }
      if (fixture.name != "empty") CHECK(opened > 20);
    }
  }
}

TEST_CASE_TEMPLATE("nor when much of it is anything", Index, HnswL2, HnswRefined) {
  support::Random random(2'026);
  const auto all = fixtures<Index>();
  std::size_t opened = 0;
  for (std::size_t round = 0; round < 3'000 / stride; ++round) {
    CAPTURE(round);
    const Fixture& fixture = all[round % all.size()];
    if (fixture.bytes.size() == shoal::detail::header_bytes) continue;
    const Bytes bytes = damaged_somewhere(fixture, random);
    opened += open_bytes<Index>(bytes, false, ask) ? 1 : 0;
  }
  CHECK(opened > 100 / stride);
}
