// SlotSet and VisitedSet against std::set.

#include <cstddef>
#include <set>

#include <doctest/doctest.h>

#include "random.hpp"
#include <shoal/core/slot_set.hpp>

namespace shoal {
namespace {

using detail::SlotSet;
using detail::VisitedSet;
using support::Random;

}  // namespace

static_assert(to_index(to_slot(0)) == 0 && to_index(to_slot(max_slots)) == max_slots);
static_assert(max_slots == 0x7FFF'FFFFU);

TEST_CASE("a SlotSet does what std::set does over random insertions, removals and growth") {
  Random random(401);
  CAPTURE(random.seed());
  SlotSet set;
  std::set<std::size_t> expected;
  std::size_t room = 0;
  std::size_t wrong = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (random.below(100) == 0) {
      room += random.below(70);
      set.reserve(room);
      set.reserve(room / 2);  // never takes room away
    }
    if (room == 0) continue;
    const std::size_t slot = random.below(room);
    if (random.chance(0.6)) {
      set.insert(to_slot(slot));
      expected.insert(slot);
    } else {
      set.erase(to_slot(slot));
      expected.erase(slot);
    }
    const std::size_t asked = random.below(room + 200);  // slots beyond the room are not in
    if (set.contains(to_slot(asked)) != expected.contains(asked)) ++wrong;
  }
  for (std::size_t slot = 0; slot < room + 200; ++slot) {
    if (set.contains(to_slot(slot)) != expected.contains(slot)) ++wrong;
  }
  CHECK(room > 1'000);
  CHECK(wrong == 0);
}

TEST_CASE("an empty SlotSet contains nothing, not even the last slot there can be") {
  const SlotSet set;
  CHECK_FALSE(set.contains(Slot{0}));
  CHECK_FALSE(set.contains(to_slot(max_slots)));
  CHECK(set.memory_bytes() == 0);
}

TEST_CASE("a VisitedSet tells the first visit from later ones, and forgets all of them when cleared") {
  Random random(402);
  CAPTURE(random.seed());
  VisitedSet set;
  std::size_t room = 0;
  std::size_t wrong = 0;
  for (int round = 0; round < 300; ++round) {
    room += random.below(40);
    set.reserve(room);
    if (room == 0) continue;
    std::set<std::size_t> expected;
    for (std::size_t visit = random.below(2 * room + 1); visit-- > 0;) {
      const std::size_t slot = random.below(room);
      if (set.insert(to_slot(slot)) != expected.insert(slot).second) ++wrong;
    }
    set.clear();
  }
  for (std::size_t slot = 0; slot < room; ++slot) {
    if (!set.insert(to_slot(slot))) ++wrong;
  }
  CHECK(room > 1'000);
  CHECK(wrong == 0);
}

TEST_CASE("a VisitedSet that grows between two visits keeps what was visited") {
  VisitedSet set;
  set.reserve(65);
  CHECK(set.insert(Slot{0}));
  CHECK(set.insert(Slot{63}));
  CHECK(set.insert(Slot{64}));
  set.reserve(100'000);
  CHECK_FALSE(set.insert(Slot{0}));
  CHECK_FALSE(set.insert(Slot{63}));
  CHECK_FALSE(set.insert(Slot{64}));
  CHECK(set.insert(Slot{99'999}));
  set.clear();
  CHECK(set.insert(Slot{63}));
  CHECK(set.insert(Slot{64}));
  CHECK(set.insert(Slot{99'999}));
}

}  // namespace shoal
