// splitmix64 against the numbers of its reference implementation, and that it takes no two values to one.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <shoal/core/hash.hpp>

namespace shoal {
namespace {

using detail::mix64;

constexpr std::uint64_t step = 0x9E37'79B9'7F4A'7C15U;

}  // namespace

TEST_CASE("mix64 gives the sequence of the reference splitmix64") {
  // Vigna, prng.di.unimi.it/splitmix64.c: mix64(seed + i * step) is its i-th output. Seeds 0 and 1234567.
  constexpr std::array<std::uint64_t, 3> of_zero{0xE220'A839'7B1D'CDAFU, 0x6E78'9E6A'A1B9'65F4U,
                                                 0x06C4'5D18'8009'454FU};
  constexpr std::array<std::uint64_t, 5> of_1234567{6457827717110365317U, 3203168211198807973U, 9817491932198370423U,
                                                    4593380528125082431U, 16408922859458223821U};
  for (std::size_t i = 0; i < of_zero.size(); ++i) CHECK(mix64(i * step) == of_zero[i]);
  for (std::size_t i = 0; i < of_1234567.size(); ++i) CHECK(mix64(1'234'567 + i * step) == of_1234567[i]);
  static_assert(mix64(0) == of_zero[0]);
}

TEST_CASE("mix64 takes the first 200,000 numbers and the powers of two to different values") {
  std::vector<std::uint64_t> mixed;
  for (std::uint64_t i = 0; i < 200'000; ++i) mixed.push_back(mix64(i));
  for (int bit = 18; bit < 64; ++bit) mixed.push_back(mix64(std::uint64_t{1} << bit));
  std::sort(mixed.begin(), mixed.end());
  CHECK(std::adjacent_find(mixed.begin(), mixed.end()) == mixed.end());
}

TEST_CASE("one flipped bit of the value flips each bit of mix64 about half the time") {
  // 4,096 coin flips for each pair of bits: 5 standard deviations are 160; 64 * 64 pairs, so one in 2 million passes
  // it.
  for (unsigned in = 0; in < 64; ++in) {
    std::array<int, 64> flips{};
    for (std::uint64_t i = 0; i < 4'096; ++i) {
      std::uint64_t difference = mix64(i * step) ^ mix64((i * step) ^ (std::uint64_t{1} << in));
      for (; difference != 0; difference &= difference - 1)
        ++flips[static_cast<unsigned>(std::countr_zero(difference))];
    }
    for (unsigned out = 0; out < 64; ++out) {
      if (flips[out] < 2'048 - 160 || flips[out] > 2'048 + 160)
        FAIL_CHECK("bit " << in << " to bit " << out << ": " << flips[out]);
    }
  }
}

}  // namespace shoal
