// Files that were damaged, by accident and on purpose: every truncation, every bit, every byte. What a checksum can see
// is refused, always; with the checksums made right again there is an error, or an index in which everything is in
// order. F1 to F4 of what goes wrong in libraries like this one.

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

/// Refused as damaged; the message says something.
template <class Index>
bool is_refused(const Bytes& bytes) {
  const auto index = load_bytes<Index>(bytes);
  return !index && index.error().code() == ErrorCode::corrupt && index.error().message().size() > 10;
}

/// Refused, or an index in which all is in order: it searches, changes, and can be saved again.
template <class Index>
bool is_refused_or_sound(const Bytes& bytes) {
  auto index = load_bytes<Index>(bytes);
  if (!index) {
    const ErrorCode code = index.error().code();
    return code == ErrorCode::corrupt || code == ErrorCode::incompatible;
  }
  if (!index->check().ok()) return false;
  if (index->dimensions() != fixture_dimensions) return true;
  const std::vector<float> query{1, -1, 0.5F, 2, 0, 1};
  const std::size_t live = index->size();
  if (index->search(query, live + 1).size() != live) return false;
  (void)index->search_within(query, 1.0F);
  if (!index->insert(100, query) && index->config().max_elements == 0 && !index->contains(100)) return false;
  (void)index->erase(0);
  return index->check().ok() && !bytes_of(*index).empty();
}

}  // namespace

TEST_CASE_TEMPLATE("a file that was cut off anywhere, or has a byte too many, is refused", Index, HnswL2, HnswCosineSq8,
                   HnswRefined, BruteCosine) {
  for (const Fixture& fixture : fixtures<Index>()) {
    CAPTURE(fixture.name);
    REQUIRE(load_bytes<Index>(fixture.bytes));
    for (std::size_t size = 0; size < fixture.bytes.size(); ++size) {
      CAPTURE(size);
      REQUIRE(
          is_refused<Index>(Bytes(fixture.bytes.begin(), fixture.bytes.begin() + static_cast<std::ptrdiff_t>(size))));
    }
    for (const int last : {0, 1, 0xFF}) {
      Bytes longer = fixture.bytes;
      longer.push_back(static_cast<std::byte>(last));
      REQUIRE(is_refused<Index>(longer));
    }
  }
}

TEST_CASE_TEMPLATE("a file with one bit flipped, or a byte set to 00 or FF, is refused", Index, HnswL2, HnswCosineSq8,
                   HnswRefined, BruteCosine) {
  for (Fixture& fixture : fixtures<Index>()) {
    CAPTURE(fixture.name);
    for (std::size_t at = 0; at < fixture.bytes.size(); ++at) {
      CAPTURE(at);
      const std::byte before = fixture.bytes[at];
      for (unsigned bit = 0; bit < 8; ++bit) {
        fixture.bytes[at] = before ^ static_cast<std::byte>(1U << bit);
        REQUIRE(is_refused<Index>(fixture.bytes));
      }
      for (const std::byte wrong : {std::byte{0}, std::byte{0xFF}}) {
        if (before == wrong) continue;
        fixture.bytes[at] = wrong;
        REQUIRE(is_refused<Index>(fixture.bytes));
      }
      fixture.bytes[at] = before;
    }
  }
}

TEST_CASE_TEMPLATE("with its checksums made right again, a damaged file is refused or a sound index", Index, HnswL2,
                   HnswCosineSq8, HnswRefined, BruteCosine) {
  for (const Fixture& fixture : fixtures<Index>()) {
    CAPTURE(fixture.name);
    for (std::size_t at = 0; at < fixture.bytes.size(); ++at) {
      CAPTURE(at);
      const std::byte before = fixture.bytes[at];
      std::vector<std::byte> others{std::byte{0}, std::byte{0xFF}};
#if defined(SHOAL_TESTS_OF_FEWER_TYPES)
      others.push_back(before ^ static_cast<std::byte>(1U << (at % 8)));
#else
      for (unsigned bit = 0; bit < 8; ++bit) others.push_back(before ^ static_cast<std::byte>(1U << bit));
#endif
      for (const std::byte other : others) {
        if (other == before) continue;
        Bytes bytes = fixture.bytes;
        bytes[at] = other;
        mend_checksums(bytes);
        REQUIRE(is_refused_or_sound<Index>(bytes));
      }
    }
  }
}
