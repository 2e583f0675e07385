// The checksum: the examples of its standard, and the instruction against the bits.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "vectors.hpp"
#include <shoal/io/crc32c.hpp>

using shoal::detail::crc32c;
using shoal::detail::crc32c_by_bits;

TEST_CASE("checksums are those of RFC 3720, appendix B.4") {
  std::array<unsigned char, 32> bytes{};
  CHECK(crc32c(0, bytes.data(), 32) == 0x8A91'36AAU);
  bytes.fill(0xFF);
  CHECK(crc32c(0, bytes.data(), 32) == 0x62A8'AB43U);
  for (std::size_t i = 0; i < 32; ++i) bytes[i] = static_cast<unsigned char>(i);
  CHECK(crc32c(0, bytes.data(), 32) == 0x46DD'794EU);
  std::reverse(bytes.begin(), bytes.end());
  CHECK(crc32c(0, bytes.data(), 32) == 0x113F'DB5CU);
  constexpr std::string_view digits = "123456789";
  CHECK(crc32c(0, digits.data(), digits.size()) == 0xE306'9283U);
  CHECK(crc32c(0, nullptr, 0) == 0);
}

TEST_CASE("the instruction and the bits give the same, at any length, alignment, and in pieces") {
  support::Random random(32);
  std::vector<std::byte> bytes(300);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next());
  for (std::size_t from = 0; from < 9; ++from) {
    for (std::size_t count = 0; count + from < 100; ++count) {
      const std::uint32_t by_bits = ~crc32c_by_bits(~0U, bytes.data() + from, count);
      REQUIRE(crc32c(0, bytes.data() + from, count) == by_bits);
      const std::size_t first = count / 3;
      const std::uint32_t before = crc32c(0, bytes.data() + from, first);
      REQUIRE(crc32c(before, bytes.data() + from + first, count - first) == by_bits);
    }
  }
}
