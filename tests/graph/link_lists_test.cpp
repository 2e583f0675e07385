// Links, levels and lists: what a link holds, how levels are distributed, and that lists stay where and what they are.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "random.hpp"
#include <shoal/graph/link_lists.hpp>

namespace shoal {
namespace {

using detail::Link;
using detail::LinkLists;
using support::Random;

static_assert(Link::none().is_none() && !Link::none().is_child());
static_assert(Link::to(Slot{0}).slot() == Slot{0} && !Link::to(Slot{0}).is_none() && !Link::to(Slot{0}).is_child());
static_assert(Link::to(Slot{5}, true) != Link::to(Slot{5}) && Link::to(Slot{5}) == Link::to(Slot{5}, false));

/// Fills all places of a slot's lists with links that say whose they are.
void sign(LinkLists& lists, std::size_t slot) {
  for (unsigned level = 0; level <= lists.level_of(to_slot(slot)); ++level) {
    std::size_t place = 0;
    for (Link& link : lists.places(to_slot(slot), level)) link = Link::to(to_slot(slot * 1000 + level * 100 + place++));
  }
}
bool is_signed(const LinkLists& lists, std::size_t slot) {
  for (unsigned level = 0; level <= lists.level_of(to_slot(slot)); ++level) {
    const std::span<const Link> links = lists.links(to_slot(slot), level);
    if (links.size() != lists.list_capacity(level)) return false;
    for (std::size_t place = 0; place < links.size(); ++place) {
      if (links[place] != Link::to(to_slot(slot * 1000 + level * 100 + place))) return false;
    }
  }
  return true;
}
bool is_empty(const LinkLists& lists, std::size_t slot) {
  for (unsigned level = 0; level <= lists.level_of(to_slot(slot)); ++level) {
    if (!lists.links(to_slot(slot), level).empty()) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("a link gives back its slot and its mark, up to the last slot there can be") {
  Random random(1001);
  CAPTURE(random.seed());
  std::vector<std::size_t> slots{0, 1, 2, 0x3FFF'FFFF, 0x4000'0000, max_slots - 1};
  for (int i = 0; i < 1'000; ++i) slots.push_back(random.below(max_slots));
  for (const std::size_t slot : slots) {
    for (const bool child : {false, true}) {
      const Link link = Link::to(to_slot(slot), child);
      if (link.slot() != to_slot(slot) || link.is_child() != child || link.is_none()) {
        FAIL_CHECK("slot " << slot << (child ? ", child" : ""));
      }
      if (link == Link::to(to_slot(slot), !child) || link == Link::none())
        FAIL_CHECK("slot " << slot << " equals another");
    }
  }
}

TEST_CASE("the slots that reach level l are a share of M^-l, within five standard deviations") {
  // Malkov and Yashunin, section 4.1. 100,000 independent slots: the number is binomial.
  constexpr std::size_t slots = 100'000;
  for (const std::size_t M : {2U, 3U, 5U, 16U, 48U, 512U}) {
    for (const std::uint64_t seed : {0x5EEDULL, 0ULL, 1ULL, 0xFFFF'FFFF'FFFF'FFFFULL}) {
      CAPTURE(M);
      CAPTURE(seed);
      const LinkLists lists(M, seed);
      std::vector<std::size_t> reaching(LinkLists::max_level + 1);
      unsigned highest = 0;
      for (std::size_t i = 0; i < slots; ++i) {
        const unsigned top = lists.level_of(to_slot(i));
        highest = std::max(highest, top);
        if (top > LinkLists::max_level) break;
        for (unsigned level = 0; level <= top; ++level) ++reaching[level];
      }
      CHECK(highest <= LinkLists::max_level);
      CHECK(reaching[0] == slots);
      double share = 1;
      for (unsigned level = 1; level <= LinkLists::max_level; ++level) {
        share /= static_cast<double>(M);
        const double expected = slots * share;
        if (expected < 1) break;
        CAPTURE(level);
        CHECK(std::abs(static_cast<double>(reaching[level]) - expected) <= 5 * std::sqrt(expected * (1 - share)));
      }
    }
  }
}

TEST_CASE("the same seed gives the same levels, and another seed others") {
  const LinkLists one(4, 42);
  const LinkLists same(4, 42);
  const LinkLists other(4, 43);
  std::size_t different = 0;
  for (std::size_t i = 0; i < 10'000; ++i) {
    if (one.level_of(to_slot(i)) != same.level_of(to_slot(i))) FAIL_CHECK("slot " << i);
    if (one.level_of(to_slot(i)) != other.level_of(to_slot(i))) ++different;
  }
  // Levels of two independent hashes differ with probability 1 - (3/4)^2 - ... = 0.4; half of that is 40 deviations
  // off.
  CHECK(different > 2'000);
}

TEST_CASE("levels do not depend on the slots around: neighbouring slots are independent") {
  // Both of two neighbours reach level 1 with probability 1/M^2: binomial over 50,000 disjoint pairs, five deviations.
  const LinkLists lists(4, 7);
  std::size_t both = 0;
  for (std::size_t i = 0; i < 100'000; i += 2) {
    if (lists.level_of(to_slot(i)) > 0 && lists.level_of(to_slot(i + 1)) > 0) ++both;
  }
  const double expected = 50'000.0 / 16;
  CHECK(std::abs(static_cast<double>(both) - expected) <= 5 * std::sqrt(expected * 15 / 16));
}

TEST_CASE("lists hold 2M links on level 0 and M above, begin empty, and end at the last link") {
  for (const std::size_t M : {2U, 3U, 16U}) {
    LinkLists lists(M, 1);
    CHECK(lists.list_capacity(0) == 2 * M);
    CHECK(lists.list_capacity(1) == M);
    CHECK(lists.list_capacity(5) == M);
    lists.reserve(200);
    for (std::size_t i = 0; i < 200; ++i) lists.add(to_slot(i));
    for (std::size_t i = 0; i < 200; ++i) {
      for (unsigned level = 0; level <= lists.level_of(to_slot(i)); ++level) {
        const std::span<Link> places = lists.places(to_slot(i), level);
        REQUIRE(places.size() == lists.list_capacity(level));
        for (std::size_t used = 0; used <= places.size(); ++used) {
          REQUIRE(lists.links(to_slot(i), level).size() == used);
          if (used < places.size()) places[used] = Link::to(Slot{3}, used % 2 == 0);
        }
      }
    }
  }
}

TEST_CASE("every list is its own, and reserving in any steps gives the same lists") {
  constexpr std::size_t slots = 3'000;
  Random random(1002);
  CAPTURE(random.seed());
  for (const std::size_t M : {2U, 5U, 16U}) {
    CAPTURE(M);
    for (int way = 0; way < 4; ++way) {
      CAPTURE(way);
      LinkLists lists(M, 99);
      std::size_t reserved = 0;
      std::vector<const Link*> places;
      const auto reserve = [&](std::size_t wanted) {
        lists.reserve(wanted);
        reserved = std::max(reserved, wanted);
      };
      if (way == 0) reserve(slots);
      for (std::size_t i = 0; i < slots; ++i) {
        if (way == 1) reserve(i + 1);
        if (way == 2 && reserved <= i) reserve(i + 1 + random.below(500));
        if (way == 3) reserve(std::max(i + 1, random.below(slots)));  // ahead, and then less than there is
        lists.add(to_slot(i));
        if (!is_empty(lists, i)) FAIL_CHECK("slot " << i << " does not begin empty");
        sign(lists, i);
        places.push_back(lists.base(to_slot(i)));
      }
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < slots; ++i) {
        if (!is_signed(lists, i) || lists.base(to_slot(i)) != places[i]) ++wrong;
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("the last slots can be taken back and added again, and the others' lists stay") {
  constexpr std::size_t slots = 500;
  for (const std::size_t M : {2U, 16U}) {
    CAPTURE(M);
    LinkLists lists(M, 5);
    lists.reserve(slots);
    for (std::size_t i = 0; i < slots; ++i) {
      lists.add(to_slot(i));
      sign(lists, i);
    }
    const std::size_t base_bytes = lists.base_bytes();
    const std::size_t upper_bytes = lists.upper_bytes();
    // Rows of upper lists that were not given back would run out of the room there is.
    for (std::size_t kept = slots; kept-- > 0; kept -= std::min<std::size_t>(kept, 17)) {
      for (std::size_t i = slots; i-- > kept;) lists.remove_last(to_slot(i));
      for (std::size_t i = 0; i < kept; ++i) {
        if (!is_signed(lists, i)) FAIL_CHECK("slot " << i << " changed when " << kept << " were kept");
      }
      for (std::size_t i = kept; i < slots; ++i) {
        lists.add(to_slot(i));
        if (!is_empty(lists, i)) FAIL_CHECK("slot " << i << " came back with links");
        sign(lists, i);
      }
    }
    CHECK(lists.base_bytes() == base_bytes);
    CHECK(lists.upper_bytes() == upper_bytes);
    for (std::size_t i = 0; i < slots; ++i) {
      if (!is_signed(lists, i)) FAIL_CHECK("slot " << i);
    }
  }
}

TEST_CASE("a clone has the same lists and the same room, and shares nothing") {
  LinkLists lists(3, 11);
  lists.reserve(1'000);
  for (std::size_t i = 0; i < 500; ++i) {
    lists.add(to_slot(i));
    sign(lists, i);
  }
  LinkLists copy = lists.clone();
  for (std::size_t i = 0; i < 500; ++i) {
    for (unsigned level = 0; level <= lists.level_of(to_slot(i)); ++level) {
      for (Link& link : lists.places(to_slot(i), level)) link = Link::none();
    }
  }
  const std::size_t upper_bytes = copy.upper_bytes();
  for (std::size_t i = 500; i < 1'000; ++i) {  // without another reserve
    copy.add(to_slot(i));
    sign(copy, i);
  }
  CHECK(copy.upper_bytes() == upper_bytes);
  for (std::size_t i = 0; i < 1'000; ++i) {
    if (!is_signed(copy, i)) FAIL_CHECK("slot " << i);
    if (i < 500 && !is_empty(lists, i)) FAIL_CHECK("slot " << i << " of the original");
  }
}

TEST_CASE("base lists take what was estimated, and upper lists what their mean number takes") {
  for (const std::size_t M : {4U, 16U, 32U}) {
    CAPTURE(M);
    constexpr std::size_t slots = 50'000;
    LinkLists lists(M, 3);
    lists.reserve(slots);
    CHECK(lists.base_bytes() == LinkLists::estimate_base_bytes(M, slots));
    // A slot's number of upper lists has mean 1/(M-1) and variance M/(M-1)^2: five deviations, in bytes of lists. On
    // top a chunk, a table that doubled, and an index array that grew by halves (8 bytes for one slot in M).
    const auto m = static_cast<double>(M);
    const double lists_off = 5 * std::sqrt(slots * m) / (m - 1) * m * sizeof(Link);
    const double slack = ChunkedRows::chunk_bytes + 8 * slots / m + 8 * 100;
    const double off =
        static_cast<double>(lists.upper_bytes()) - static_cast<double>(LinkLists::estimate_upper_bytes(M, slots));
    CHECK(std::abs(off) <= lists_off + slack);
  }
}

}  // namespace shoal
