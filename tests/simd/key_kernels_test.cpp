// A sorted array of keys that takes in what a hop has scored, against an array that is sorted anew.

#include <algorithm>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "levels.hpp"
#include "random.hpp"
#include <shoal/simd/key_kernels.hpp>

namespace shoal {
namespace {

using detail::Key;
using support::Random;

}  // namespace

TEST_CASE("entering keys keeps the smallest in order, on every level, wherever they go") {
  const support::LevelRestored restored;
  for (const simd::Level level : support::levels_here()) {
    REQUIRE(simd::use_level(level));
    CAPTURE(simd::name_of(level));
    Random random(871);
    CAPTURE(random.seed());
    for (const std::size_t capacity : {1U, 2U, 3U, 4U, 5U, 7U, 8U, 9U, 15U, 16U, 17U, 40U, 100U, 128U, 200U, 300U}) {
      CAPTURE(capacity);
      std::vector<Key> keys(simd::key_room(capacity), -7);  // what was there before counts for nothing
      std::vector<Key> expected;
      std::size_t size = 0;
      std::uint32_t next_slot = 0;
      for (int hop = 0; hop < 200; ++hop) {
        const std::size_t count = random.below(hop % 20 == 0 ? 140 : 20);
        std::vector<float> distances(count);
        std::vector<Slot> slots(count);
        for (std::size_t i = 0; i < count; ++i) {
          distances[i] = random.chance(0.1) ? random.uniform(-9, 9) : static_cast<float>(random.below(30));
          if (hop > 100) distances[i] += static_cast<float>(200 - hop);  // they come in at every place
          if (random.chance(0.01)) distances[i] = std::numeric_limits<float>::infinity();  // ruled out
          slots[i] = Slot{next_slot++ * 1'640'531'527U % 0x7FFF'FFFFU};
        }
        const std::vector<Key> before = expected;
        for (std::size_t i = 0; i < count; ++i) {
          if (distances[i] <= std::numeric_limits<float>::max())
            expected.push_back(detail::to_key(distances[i], slots[i]));
        }
        std::sort(expected.begin(), expected.end());
        expected.resize(std::min(expected.size(), capacity));
        const auto entered = simd::enter_nearest(keys.data(), size, capacity, distances.data(), slots.data(), count);
        size = entered.size;
        REQUIRE(size == expected.size());
        REQUIRE(std::equal(expected.begin(), expected.end(), keys.begin()));
        const auto moved = std::mismatch(expected.begin(), expected.end(), before.begin(), before.end()).first;
        if (moved != expected.end()) REQUIRE(entered.lowest <= static_cast<std::size_t>(moved - expected.begin()));
        if (expected == before) REQUIRE(entered.lowest >= size);
      }
    }
  }
}

TEST_CASE("keys are sorted as std::sort does, on every level, few and many, with equal ones") {
  const support::LevelRestored restored;
  for (const simd::Level level : support::levels_here()) {
    REQUIRE(simd::use_level(level));
    CAPTURE(simd::name_of(level));
    Random random(872);
    CAPTURE(random.seed());
    for (const std::size_t count :
         {0U, 1U, 2U, 3U, 4U, 7U, 8U, 9U, 16U, 17U, 100U, 255U, 256U, 257U, 511U, 512U, 513U, 600U}) {
      CAPTURE(count);
      for (int shape = 0; shape < 3; ++shape) {
        std::vector<Key> keys(count), sorted(simd::key_room(count) + 1, 77);
        for (std::size_t i = 0; i < count; ++i) {
          const float distance = shape == 0 ? static_cast<float>(i) : static_cast<float>(random.below(40)) - 20;
          keys[i] = detail::to_key(distance, to_slot(shape == 1 ? random.below(3) : count - i));
        }
        simd::sort_keys(keys.data(), count, sorted.data());
        std::sort(keys.begin(), keys.end());
        REQUIRE(std::equal(keys.begin(), keys.end(), sorted.begin()));
        REQUIRE(sorted.back() == 77);  // nothing beyond the room is written
      }
    }
  }
}

}  // namespace shoal
