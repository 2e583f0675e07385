// Levels, lists and parents: how levels are distributed, that lists are what was written into them, whatever the width
// of their words, and that widening the words in the middle changes nothing.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"
#include <shoal/graph/link_lists.hpp>

namespace shoal {
namespace {

using detail::LinkLists;
using support::links_of;
using support::modelled_base_bytes;
using support::Random;
using support::RowsModel;

/// Limits under which the words of up to 3,000 slots are wide from the start, become so on the way, or stay narrow.
constexpr std::size_t limits[] = {0, 100, 1'537, 3'000, LinkLists::most_narrow_slots};

/// What `sign` writes into a place; every slot below the free place of 2-byte words comes up.
Slot signature(std::size_t slot, unsigned level, std::size_t place) {
  return to_slot(
      static_cast<std::size_t>(detail::mix64(slot * 10'000 + level * 1'000 + place) % LinkLists::most_narrow_slots));
}
/// Fills all places of a slot's lists, and its parent, with what says whose they are.
void sign(LinkLists& lists, std::size_t slot) {
  for (unsigned level = 0; level <= lists.level_of(to_slot(slot)); ++level) {
    for (std::size_t place = 0; place < lists.list_capacity(level); ++place) {
      lists.put(to_slot(slot), level, place, signature(slot, level, place));
    }
  }
  lists.set_parent(to_slot(slot), signature(slot, 0, 999));
}
bool is_signed(const LinkLists& lists, std::size_t slot) {
  for (unsigned level = 0; level <= lists.level_of(to_slot(slot)); ++level) {
    const std::vector<std::size_t> links = links_of(lists, slot, level);
    if (links.size() != lists.list_capacity(level)) return false;
    for (std::size_t place = 0; place < links.size(); ++place) {
      if (to_slot(links[place]) != signature(slot, level, place)) return false;
    }
  }
  return lists.parent(to_slot(slot)) == signature(slot, 0, 999);
}
bool is_empty(const LinkLists& lists, std::size_t slot) {
  for (unsigned level = 0; level <= lists.level_of(to_slot(slot)); ++level) {
    if (lists.count(to_slot(slot), level) != 0) return false;
  }
  return lists.parent(to_slot(slot)) == to_slot(slot);
}

/// Up to a fiftieth: tables of chunks grow by more than they need.
bool is_about(std::size_t bytes, std::size_t estimate) {
  return bytes >= estimate - estimate / 50 && bytes <= estimate + estimate / 50;
}

std::vector<Slot> to_slots(const std::vector<std::size_t>& targets) {
  std::vector<Slot> slots;
  for (const std::size_t target : targets) slots.push_back(to_slot(target));
  return slots;
}

}  // namespace

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
        const unsigned top = lists.new_level(to_slot(i));
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
    if (one.new_level(to_slot(i)) != same.new_level(to_slot(i))) FAIL_CHECK("slot " << i);
    if (one.new_level(to_slot(i)) != other.new_level(to_slot(i))) ++different;
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
    if (lists.new_level(to_slot(i)) > 0 && lists.new_level(to_slot(i + 1)) > 0) ++both;
  }
  const double expected = 50'000.0 / 16;
  CHECK(std::abs(static_cast<double>(both) - expected) <= 5 * std::sqrt(expected * 15 / 16));
}

TEST_CASE("lists hold 2M links on level 0 and M above, begin empty, and end at the last link") {
  for (const std::size_t narrow_slots : {0U, 200U}) {
    for (const std::size_t M : {2U, 3U, 16U}) {
      LinkLists lists(M, 1, narrow_slots);
      CHECK(lists.list_capacity(0) == 2 * M);
      CHECK(lists.list_capacity(1) == M);
      CHECK(lists.list_capacity(5) == M);
      lists.reserve(200);
      for (std::size_t i = 0; i < 200; ++i) lists.add(to_slot(i));
      for (std::size_t i = 0; i < 200; ++i) {
        for (unsigned level = 0; level <= lists.level_of(to_slot(i)); ++level) {
          for (std::size_t used = 0; used <= lists.list_capacity(level); ++used) {
            REQUIRE(lists.count(to_slot(i), level) == used);
            if (used < lists.list_capacity(level)) lists.put(to_slot(i), level, used, Slot{3});
          }
        }
      }
    }
  }
}

TEST_CASE("every list is its own, reserving in any steps gives the same lists, and widening keeps them") {
  constexpr std::size_t slots = 3'000;
  Random random(1002);
  CAPTURE(random.seed());
  for (const std::size_t M : {2U, 5U, 16U}) {
    for (const std::size_t narrow_slots : limits) {
      for (int way = 0; way < 4; ++way) {
        CAPTURE(M);
        CAPTURE(narrow_slots);
        CAPTURE(way);
        LinkLists lists(M, 99, narrow_slots);
        std::size_t reserved = 0;
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
        }
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < slots; ++i) wrong += is_signed(lists, i) ? 0 : 1;
        CHECK(wrong == 0);
      }
    }
  }
}

TEST_CASE("lists do not move while the words keep their width") {
  LinkLists lists(5, 99);
  std::vector<const std::byte*> places;
  for (std::size_t i = 0; i < 3'000; ++i) {
    lists.reserve(i + 1);
    lists.add(to_slot(i));
    places.push_back(lists.base(to_slot(i)));
  }
  std::size_t moved = 0;
  for (std::size_t i = 0; i < places.size(); ++i) moved += lists.base(to_slot(i)) == places[i] ? 0 : 1;
  CHECK(moved == 0);
}

TEST_CASE("what is written into lists in any way is what a vector holds, before and after the words are widened") {
  constexpr std::size_t slots = 40;
  Random random(1003);
  CAPTURE(random.seed());
  for (const std::size_t narrow_slots : {0U, 40U, 60U}) {  // wide; widened halfway; narrow
    CAPTURE(narrow_slots);
    LinkLists lists(3, 17, narrow_slots);
    lists.reserve(slots);
    std::vector<std::vector<std::vector<std::size_t>>> expected(slots);  // by slot and level
    std::vector<std::size_t> parents;
    unsigned highest = 0;
    for (std::size_t i = 0; i < slots; ++i) {
      lists.add(to_slot(i));
      expected[i].resize(lists.level_of(to_slot(i)) + 1);
      parents.push_back(i);
      highest = std::max(highest, lists.level_of(to_slot(i)));
    }
    REQUIRE(highest >= 2);
    for (int step = 0; step < 20'000; ++step) {
      if (step == 10'000) lists.reserve(slots + 1);
      const std::size_t i = random.below(slots);
      const auto level = static_cast<unsigned>(random.below(expected[i].size()));
      std::vector<std::size_t>& list = expected[i][level];
      const std::size_t target = random.chance(0.1) ? LinkLists::most_narrow_slots - 1 : random.below(60'000);
      switch (random.below(4)) {
        case 0: {
          list.resize(random.below(lists.list_capacity(level) + 1));
          for (std::size_t& each : list) each = random.below(LinkLists::most_narrow_slots);
          lists.assign(to_slot(i), level, to_slots(list));
          break;
        }
        case 1: {
          const std::size_t place = random.below(std::min(list.size() + 1, lists.list_capacity(level)));
          if (place == list.size()) list.push_back(0);
          list[place] = target;
          lists.put(to_slot(i), level, place, to_slot(target));
          break;
        }
        case 2: {
          const std::size_t place = random.below(lists.list_capacity(level) + 1);
          list.resize(std::min(place, list.size()));
          lists.clear_from(to_slot(i), level, place);
          break;
        }
        default: {
          parents[i] = random.chance(0.2) ? i : target;
          lists.set_parent(to_slot(i), to_slot(parents[i]));
        }
      }
      std::vector<Slot> read(lists.list_capacity(level), Slot{77});
      const std::size_t count = lists.read(to_slot(i), level, read.data());
      REQUIRE(count == list.size());
      REQUIRE(std::all_of(read.begin() + static_cast<std::ptrdiff_t>(count), read.end(),
                          [](Slot slot) { return slot == Slot{77}; }));
      read.resize(count);
      REQUIRE(read == to_slots(list));
      REQUIRE(links_of(lists, i, level) == list);
      REQUIRE(lists.count(to_slot(i), level) == count);
      REQUIRE(lists.contains(to_slot(i), level, to_slot(target)) ==
              (std::find(list.begin(), list.end(), target) != list.end()));
      REQUIRE(std::all_of(list.begin(), list.end(),
                          [&](std::size_t each) { return lists.contains(to_slot(i), level, to_slot(each)); }));
      REQUIRE(lists.parent(to_slot(i)) == to_slot(parents[i]));
      if (step % 1'000 != 0) continue;
      for (std::size_t slot = 0; slot < slots; ++slot) {
        REQUIRE(lists.parent(to_slot(slot)) == to_slot(parents[slot]));
        for (unsigned each = 0; each < expected[slot].size(); ++each) {
          REQUIRE(links_of(lists, slot, each) == expected[slot][each]);
        }
      }
    }
  }
}

TEST_CASE("wide words hold the last slot there can be, as a link and as a parent") {
  LinkLists lists(2, 1, 0);
  lists.reserve(3);
  for (std::size_t i = 0; i < 3; ++i) lists.add(to_slot(i));
  const std::vector<std::size_t> targets{0xFFFE, 0xFFFF, 0x1'0000, max_slots - 1};
  lists.assign(Slot{1}, 0, to_slots(targets));
  CHECK(links_of(lists, 1) == targets);
  lists.set_parent(Slot{1}, to_slot(0xFFFF));
  lists.set_parent(Slot{2}, to_slot(max_slots - 1));
  CHECK(lists.parent(Slot{1}) == to_slot(0xFFFF));
  CHECK(lists.parent(Slot{2}) == to_slot(max_slots - 1));
  lists.set_parent(Slot{2}, Slot{2});
  CHECK(lists.parent(Slot{2}) == Slot{2});
  CHECK(links_of(lists, 0).empty());
  CHECK(links_of(lists, 2).empty());
}

TEST_CASE("65,535 slots fit narrow words; one more makes them wide, and every link and parent stays") {
  constexpr std::size_t most = 65'535;
  constexpr std::size_t M = 2;
  static_assert(most == LinkLists::most_narrow_slots);
  LinkLists lists(M, 3);
  lists.reserve(most);
  const std::size_t narrow_bytes = lists.base_bytes();
  const std::size_t narrow_upper_bytes = lists.upper_bytes();
  CHECK(is_about(narrow_bytes, LinkLists::estimate_base_bytes(M, most)));
  for (std::size_t i = 0; i < most; ++i) {
    lists.add(to_slot(i));
    sign(lists, i);
  }
  lists.put(Slot{0}, 0, 0, to_slot(most - 1));  // the last one that narrow words can tell from a free place
  lists.set_parent(Slot{0}, to_slot(most - 1));
  lists.clear_from(Slot{1}, 0, 2);
  CHECK(lists.base_bytes() == narrow_bytes);
  lists.reserve(most + 1);
  CHECK(lists.base_bytes() >= 2 * narrow_bytes * 98 / 100);  // tables of chunks need not double
  CHECK(lists.upper_bytes() >= narrow_upper_bytes * 5 / 4);  // the index of the slots that have them does not
  CHECK(links_of(lists, 0)[0] == most - 1);
  CHECK(lists.parent(Slot{0}) == to_slot(most - 1));
  CHECK(lists.count(Slot{1}, 0) == 2);
  std::size_t wrong = 0;
  for (std::size_t i = 2; i < most; ++i) wrong += is_signed(lists, i) ? 0 : 1;
  CHECK(wrong == 0);
  lists.add(to_slot(most));
  CHECK(is_empty(lists, most));
  lists.put(to_slot(most), 0, 0, to_slot(most));
  lists.put(Slot{0}, 0, 1, to_slot(most));  // all ones in 2 bytes
  lists.set_parent(Slot{1}, to_slot(most));
  CHECK(lists.count(Slot{0}, 0) == 2 * M);
  CHECK(lists.contains(Slot{0}, 0, to_slot(most)));
  CHECK(lists.parent(Slot{1}) == to_slot(most));
}

TEST_CASE("for_each_on comes to the slots that reach a level, in order, and no others") {
  LinkLists lists(2, 6);
  lists.reserve(300);
  const auto reaching = [&](unsigned level, std::size_t slots) {
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < slots; ++i) {
      if (lists.level_of(to_slot(i)) >= level) all.push_back(i);
    }
    return all;
  };
  const auto visited = [&](unsigned level) {
    std::vector<std::size_t> all;
    lists.for_each_on(level, [&](Slot slot) { all.push_back(to_index(slot)); });
    return all;
  };
  for (unsigned level = 1; level <= 10; ++level) CHECK(visited(level).empty());
  for (std::size_t i = 0; i < 300; ++i) {
    lists.add(to_slot(i));
    for (unsigned level = 1; level <= 10; ++level) REQUIRE(visited(level) == reaching(level, i + 1));
  }
  REQUIRE(reaching(5, 300).size() >= 2);
  for (std::size_t i = 300; i-- > 0;) {
    lists.remove_last(to_slot(i));
    for (unsigned level = 1; level <= 10; ++level) REQUIRE(visited(level) == reaching(level, i));
  }
}

TEST_CASE("the last slots can be taken back and added again, and the others' lists stay") {
  constexpr std::size_t slots = 500;
  for (const std::size_t narrow_slots : {0U, 1'000U}) {
    for (const std::size_t M : {2U, 16U}) {
      CAPTURE(M);
      LinkLists lists(M, 5, narrow_slots);
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
}

TEST_CASE("a clone has the same lists, parents and room, shares nothing, and widens when the original would") {
  for (const std::size_t narrow_slots : {0U, 700U, 1'000U, 1'200U}) {
    CAPTURE(narrow_slots);
    LinkLists lists(3, 11, narrow_slots);
    lists.reserve(600);
    lists.reserve(1'000);
    for (std::size_t i = 0; i < 500; ++i) {
      lists.add(to_slot(i));
      sign(lists, i);
    }
    LinkLists copy = lists.clone();
    for (std::size_t i = 0; i < 500; ++i) {
      for (unsigned level = 0; level <= lists.level_of(to_slot(i)); ++level) lists.clear_from(to_slot(i), level, 0);
      lists.set_parent(to_slot(i), to_slot(i));
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
    // The copy was made in one step: no table that was outgrown, and no narrow words. Both grow alike from there.
    CHECK(copy.base_bytes() == modelled_base_bytes(3, narrow_slots, {1'000}));
    CHECK(copy.reserve(1'001) == (narrow_slots == 1'000));
    copy.drop_narrow();
    CHECK(copy.base_bytes() == modelled_base_bytes(3, narrow_slots, {1'000, 1'001}));
    lists.reserve(1'001);
    lists.drop_narrow();
    CHECK(lists.base_bytes() == modelled_base_bytes(3, narrow_slots, {600, 1'000, 1'001}));
    for (std::size_t i = 0; i < 1'000; ++i) {
      if (!is_signed(copy, i)) FAIL_CHECK("slot " << i << " after another reserve");
    }
  }
}

TEST_CASE("lists take what their rows and tables take; what is estimated is exact, but for the mean of upper lists") {
  constexpr std::size_t upper_lists_bytes = 12;  // a slot, the first row, and the number of levels
  for (const std::size_t M : {4U, 16U, 32U}) {
    for (const std::size_t slots : {50'000U, 65'535U, 65'536U}) {
      CAPTURE(M);
      CAPTURE(slots);
      LinkLists lists(M, 3);
      lists.reserve(slots);
      CHECK(lists.base_bytes() == LinkLists::estimate_base_bytes(M, slots));
      CHECK(lists.base_bytes() == modelled_base_bytes(M, LinkLists::most_narrow_slots, {slots}));
      const std::size_t word = slots <= 65'535 ? 2 : 4;
      CHECK(lists.base_bytes() >= slots * (2 * M + 1) * word);
      CHECK(is_about(lists.base_bytes(), slots * (2 * M + 1) * word));
      // Above level 0, room is made slot by slot, and estimated for the mean.
      RowsModel rows(M * word), index(upper_lists_bytes), mean_rows(M * word), mean_index(upper_lists_bytes);
      std::size_t row_count = 0, index_count = 0;
      for (std::size_t i = 0; i < slots; ++i) {
        const unsigned levels = lists.new_level(to_slot(i));
        if (levels == 0) continue;
        rows.reserve(row_count += levels);
        index.reserve(++index_count);
      }
      CHECK(lists.upper_bytes() == rows.bytes() + index.bytes());
      mean_rows.reserve(slots / (M - 1));
      mean_index.reserve(slots / M);
      CHECK(LinkLists::estimate_upper_bytes(M, slots) == mean_rows.bytes() + mean_index.bytes());
      // A slot's number of upper lists has mean 1/(M-1) and variance M/(M-1)^2; it has any with probability 1/M. Five
      // deviations.
      const auto m = static_cast<double>(M);
      const auto n = static_cast<double>(slots);
      CHECK(std::abs(static_cast<double>(row_count) - n / (m - 1)) <= 5 * std::sqrt(n * m) / (m - 1));
      CHECK(std::abs(static_cast<double>(index_count) - n / m) <= 5 * std::sqrt(n * (m - 1)) / m);
    }
  }
}

}  // namespace shoal
