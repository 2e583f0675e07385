// The table from ids to slots against a hash map, with every way in and out.

#include <unordered_map>

#include <doctest/doctest.h>

#include "vectors.hpp"
#include <shoal/index/id_map.hpp>

using shoal::Slot;
using shoal::detail::IdsBySlot;
using shoal::detail::SlotTable;

TEST_CASE("100,000 random insertions, replacements and erasures give what a hash map gives") {
  constexpr std::size_t slots = 4000;
  support::Random random(17);
  IdsBySlot<std::uint64_t> ids;
  ids.reserve(slots);
  SlotTable<std::uint64_t> table;
  std::unordered_map<std::uint64_t, std::size_t> model;
  for (int step = 0; step < 100'000; ++step) {
    // Few distinct ids, in runs, so that they crowd each other in the table.
    const std::uint64_t id = random.below(900) * (step % 2 == 0 ? 1 : 1'000'003);
    if (random.below(3) != 0) {
      const std::size_t slot = random.below(slots);
      if (table.find(ids[slot], ids) == shoal::to_slot(slot)) continue;  // in use under another id
      ids[slot] = id;
      table.reserve(table.size() + 1, ids);
      const auto before = table.put(shoal::to_slot(slot), ids);
      const auto entry = model.find(id);
      REQUIRE(before.has_value() == (entry != model.end()));
      if (before) REQUIRE(shoal::to_index(*before) == entry->second);
      model[id] = slot;
    } else if (model.contains(id)) {
      table.erase(id, ids);
      model.erase(id);
    }
    REQUIRE(table.size() == model.size());
    if (step % 100 == 0) {
      for (std::uint64_t asked = 0; asked < 900; ++asked) {
        for (const std::uint64_t factor : {std::uint64_t{1}, std::uint64_t{1'000'003}}) {
          const auto found = table.find(asked * factor, ids);
          const auto entry = model.find(asked * factor);
          REQUIRE(found.has_value() == (entry != model.end()));
          if (found) REQUIRE(shoal::to_index(*found) == entry->second);
        }
      }
    }
  }
}

TEST_CASE("the table keeps a quarter of its places free, and its estimate is its size") {
  IdsBySlot<std::uint32_t> ids;
  SlotTable<std::uint32_t> table;
  CHECK(!table.find(7, ids));
  for (std::size_t count = 1; count < 3000; ++count) {
    ids.reserve(count);
    ids[count - 1] = static_cast<std::uint32_t>(count);
    table.reserve(count, ids);
    table.put(shoal::to_slot(count - 1), ids);
    REQUIRE(table.memory_bytes() >= count * 4 / 3 * sizeof(std::uint32_t));
    REQUIRE(table.memory_bytes() == SlotTable<std::uint32_t>::estimate_bytes(count));
  }
}
