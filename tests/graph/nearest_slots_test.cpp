// The nearest of a stream against sorting all of it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"
#include <shoal/graph/nearest_slots.hpp>

namespace shoal {
namespace {

using detail::Candidate;
using detail::NearestSlots;
using support::Random;

std::vector<Candidate> nearest_by_sorting(std::vector<Candidate> all, std::size_t wanted) {
  std::sort(all.begin(), all.end());
  all.resize(std::min(all.size(), wanted), Candidate{});
  return all;
}

std::vector<Candidate> taken(NearestSlots& nearest) {
  std::vector<Candidate> sorted;
  std::vector<detail::Key> keys;
  nearest.take(keys, sorted);
  return sorted;
}

void shuffle(std::vector<Candidate>& stream, Random& random) {
  for (std::size_t i = stream.size(); i > 1; --i) std::swap(stream[i - 1], stream[random.below(i)]);
}

}  // namespace

TEST_CASE("the nearest of a stream are what sorting all of it gives, whatever its length, ties and order") {
  Random random(1701);
  CAPTURE(random.seed());
  NearestSlots nearest;  // kept from one stream to the next
  for (int round = 0; round < 1'000; ++round) {
    const std::size_t wanted = 1 + random.below(round % 2 == 0 ? 4 : 50);
    const std::size_t different = 1 + random.below(round % 3 == 0 ? 5 : 10'000);  // few distances: most tie
    std::vector<Candidate> stream;
    for (std::size_t i = random.below(300); i > 0; --i) {
      stream.push_back({static_cast<float>(random.below(different)) - 2, to_slot(i)});
    }
    CAPTURE(round);
    CAPTURE(wanted);
    const std::vector<Candidate> expected = nearest_by_sorting(stream, wanted);
    for (int order = 0; order < 3; ++order) {
      if (order == 0) std::sort(stream.begin(), stream.end());
      if (order == 1) std::reverse(stream.begin(), stream.end());
      if (order == 2) shuffle(stream, random);
      nearest.reset(wanted);
      for (const Candidate& candidate : stream) nearest.offer(candidate.distance, candidate.slot);
      CHECK(support::same(taken(nearest), expected));
    }
  }
}

TEST_CASE("of slots at one distance the lowest are kept, in whatever order they come") {
  Random random(1702);
  CAPTURE(random.seed());
  NearestSlots nearest;
  for (int round = 0; round < 200; ++round) {
    std::vector<Candidate> stream;
    for (std::size_t i = 0; i < 100; ++i) stream.push_back({3, to_slot(i)});
    shuffle(stream, random);
    nearest.reset(7);
    for (const Candidate& candidate : stream) nearest.offer(candidate.distance, candidate.slot);
    const std::vector<Candidate> found = taken(nearest);
    REQUIRE(found.size() == 7);
    for (std::size_t i = 0; i < 7; ++i) CHECK(found[i].slot == to_slot(i));
  }
}

TEST_CASE("infinite distances are kept while nothing nearer comes, and the largest numbers before them") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  NearestSlots nearest;
  nearest.reset(2);
  for (std::size_t i = 0; i < 9; ++i) nearest.offer(infinity, to_slot(i));
  nearest.offer(std::numeric_limits<float>::max(), to_slot(9));
  const std::vector<Candidate> found = taken(nearest);
  REQUIRE(found.size() == 2);
  CHECK(found[0].slot == to_slot(9));
  CHECK(found[1].slot == to_slot(0));
}

TEST_CASE("nothing is left of the stream before after a reset") {
  NearestSlots nearest;
  nearest.reset(2);
  for (std::size_t i = 0; i < 20; ++i) nearest.offer(1, to_slot(i));
  nearest.reset(3);
  CHECK(taken(nearest).empty());
  nearest.reset(3);
  nearest.offer(1'000, to_slot(50));  // farther than everything before
  CHECK(taken(nearest).size() == 1);
}

TEST_CASE("what is kept aside is among those taken, however many nearer ones come later, and once") {
  NearestSlots nearest;
  nearest.reset(10);
  for (std::size_t i = 0; i < 100; ++i) nearest.offer(static_cast<float>(1'000 + i), to_slot(i));
  nearest.keep_aside();
  for (std::size_t i = 100; i < 115; ++i) nearest.offer(static_cast<float>(i), to_slot(i));
  const auto found = taken(nearest);
  REQUIRE(found.size() >= 20);
  for (std::size_t i = 0; i < 10; ++i) CHECK(found[i].slot == to_slot(100 + i));
  for (std::size_t i = 0; i < 10; ++i) CHECK(found[10 + i].slot == to_slot(i));
  nearest.reset(10);
  for (std::size_t i = 0; i < 5; ++i) nearest.offer(static_cast<float>(i), to_slot(i));
  nearest.keep_aside();
  CHECK(taken(nearest).size() == 5);
}

TEST_CASE("the smallest keys come to the front, however many there are and however they lie") {
  Random random(1640);
  CAPTURE(random.seed());
  for (const std::size_t size : {1U, 2U, 24U, 25U, 26U, 100U, 400U, 1'000U}) {
    for (int shape = 0; shape < 4; ++shape) {
      std::vector<detail::Key> keys(size);
      for (std::size_t i = 0; i < size; ++i) {
        const std::uint64_t order = shape == 0 ? i : shape == 1 ? size - i : random.below(shape == 2 ? 5 : 1'000'000);
        keys[i] = static_cast<detail::Key>((order << 32) | i);
      }
      std::vector<detail::Key> sorted = keys;
      std::sort(sorted.begin(), sorted.end());
      for (const std::size_t count : {std::size_t{0}, std::size_t{1}, size / 2, size - 1, size}) {
        std::vector<detail::Key> copy = keys;
        CHECK(detail::keep_smallest(copy, count, 0) == count);
        std::sort(copy.begin(), copy.begin() + static_cast<std::ptrdiff_t>(count));
        CHECK(std::equal(copy.begin(), copy.begin() + static_cast<std::ptrdiff_t>(count), sorted.begin()));
        std::sort(copy.begin(), copy.end());
        CHECK(copy == sorted);
      }
    }
  }
}

TEST_CASE("a key sorts as its distance and slot do, and gives them back") {
  const std::vector<float> distances{-3e38F, -2.5F, -1e-40F, 0.0F, 1e-40F, 1.0F, 1.0000001F, 3e38F};
  detail::Key before = detail::least_key;
  for (const float distance : distances) {
    for (const std::size_t slot : {std::size_t{0}, std::size_t{1}, std::size_t{70'000}, max_slots - 1}) {
      const detail::Key key = detail::to_key(distance, to_slot(slot));
      CHECK(key > before);
      CHECK(key % 2 == 0);
      CHECK(detail::distance_of(key) == distance);
      CHECK(detail::slot_of(key | 1) == to_slot(slot));
      before = key;
    }
  }
  CHECK(before < detail::no_key);
}

TEST_CASE("twice as many candidates as wanted are room for any stream") {
  NearestSlots nearest;
  CHECK(nearest.memory_bytes() == 0);
  nearest.reset(100);
  const std::size_t bytes = nearest.memory_bytes();
  CHECK(bytes == (200 + 2 * NearestSlots::most_aside) * sizeof(detail::Key));
  for (std::size_t i = 0; i < 10'000; ++i) nearest.offer(static_cast<float>(10'000 - i), to_slot(i));
  CHECK(taken(nearest).size() == 100);
  CHECK(nearest.memory_bytes() == bytes);
}

}  // namespace shoal
