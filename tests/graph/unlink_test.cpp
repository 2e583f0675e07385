// Taking slots out of a graph, against a plain loop over all lists.

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

#include "platform.hpp"
#include "support.hpp"
#include <shoal/graph/beam_search.hpp>
#include <shoal/graph/unlink.hpp>

namespace shoal {
namespace {

using detail::Candidate;
using detail::HnswGraph;
using detail::RoundScratch;
using detail::Workers;
using support::faults;
using support::grow;
using support::links_of;
using support::Points;
using support::PointSpace;
using support::Random;
using support::Snapshot;

std::vector<Slot> to_slots(const std::set<std::size_t>& numbers) {
  std::vector<Slot> slots;
  for (const std::size_t number : numbers) slots.push_back(to_slot(number));
  return slots;
}

/// `share` of the slots that are linked, and always the root and the entry point.
std::set<std::size_t> some_of(const HnswGraph& graph, Random& random, double share) {
  std::set<std::size_t> chosen{to_index(graph.root()), to_index(graph.entry())};
  for (std::size_t i = 0; i < graph.size(); ++i) {
    if (graph.is_linked(to_slot(i)) && random.chance(share)) chosen.insert(i);
  }
  return chosen;
}

/// Links slots in rounds of at most `round`.
void link_slots(HnswGraph& graph, const PointSpace& space, std::span<const Slot> slots, std::size_t round,
                RoundScratch& scratch) {
  for (; !slots.empty(); slots = slots.subspan(std::min(round, slots.size()))) {
    link_round(graph, space, slots.first(std::min(round, slots.size())), 40, scratch, Workers());
    REQUIRE(faults(graph) == "");
  }
}

/// What a list becomes when the slots of `gone` go.
std::vector<std::size_t> repaired(const HnswGraph& graph, const Points& points, std::size_t slot, unsigned level,
                                  const std::set<std::size_t>& gone) {
  const std::vector<std::size_t> before = links_of(graph, slot, level);
  if (std::none_of(before.begin(), before.end(), [&](std::size_t to) { return gone.contains(to); })) return before;
  std::set<std::size_t> near;
  for (const std::size_t to : before) {
    near.insert(to);
    if (!gone.contains(to)) continue;
    for (const std::size_t next : links_of(graph, to, level)) near.insert(next);
  }
  std::vector<Candidate> candidates;
  for (const std::size_t to : near) {
    if (to == slot || gone.contains(to)) continue;
    candidates.push_back({support::squared_distance(points[slot], points[to]), to_slot(to)});
  }
  std::sort(candidates.begin(), candidates.end());
  std::vector<std::size_t> links;
  for (const Candidate& each : support::naive_selection(candidates, detail::kept_links(graph.lists(), level), points,
                                                        support::squared_distance)) {
    links.push_back(to_index(each.slot));
  }
  return links;
}

/// All lists, by slot and level, when the slots of `gone` have gone, but for what the tree needs.
std::vector<std::vector<std::vector<std::size_t>>> lists_without(const HnswGraph& graph, const Points& points,
                                                                 const std::set<std::size_t>& gone) {
  std::vector<std::vector<std::vector<std::size_t>>> lists(graph.size());
  for (std::size_t slot = 0; slot < graph.size(); ++slot) {
    for (unsigned level = 0; level <= graph.lists().level_of(to_slot(slot)); ++level) {
      lists[slot].push_back(gone.contains(slot) ? std::vector<std::size_t>()
                                                : repaired(graph, points, slot, level, gone));
    }
  }
  for (std::size_t slot = 0; slot < graph.size(); ++slot) {
    for (unsigned level = 0; level < lists[slot].size(); ++level) {
      for (const std::size_t target : lists[slot][level]) {
        std::vector<std::size_t>& back = lists[target][level];
        if (back.size() >= detail::kept_links(graph.lists(), level)) continue;
        if (std::find(back.begin(), back.end(), slot) == back.end()) back.push_back(slot);
      }
    }
  }
  return lists;
}

struct Quality {
  double links;   // of a list on level 0
  double recall;  // of 10, by a walk that keeps 30
};

Quality quality_of(const HnswGraph& graph, const Points& points, const Points& queries) {
  Quality quality{};
  for (std::size_t slot = 0; slot < graph.size(); ++slot) {
    quality.links += static_cast<double>(graph.lists().count(to_slot(slot), 0)) / static_cast<double>(graph.linked());
  }
  detail::WalkScratch scratch;
  scratch.reserve(graph.size(), 2 * graph.M());
  for (const std::vector<float>& query : queries) {
    const support::PointScorer scorer{&points, &query};
    const Candidate start{detail::score(scorer, graph.entry()), graph.entry()};
    const Candidate seed = detail::descend(graph, start, 0, scorer, scratch);
    scratch.visited.clear();
    scratch.pool.reset(30);
    detail::beam_search(graph, 0, std::span<const Candidate>(&seed, 1), scorer, scratch);
    const std::vector<Candidate> nearest =
        support::exact_nearest(points, query, 10, [&](Slot slot) { return graph.is_linked(slot); });
    for (std::size_t i = 0; i < 10; ++i) {
      const auto is_it = [&](const Candidate& each) { return each.slot == scratch.pool[i].slot; };
      const bool found = std::any_of(nearest.begin(), nearest.end(), is_it);
      quality.recall += found ? 1.0 / (10.0 * static_cast<double>(queries.size())) : 0;
    }
  }
  return quality;
}

}  // namespace

TEST_CASE("lists that led to what went are chosen anew, and their targets link back where there is room") {
  Random random(2101);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 900, 5);
  for (const double share : {0.01, 0.1, 0.5, 0.9}) {
    CAPTURE(share);
    RoundScratch scratch;
    HnswGraph graph = support::graph_of(points, 5);
    const std::set<std::size_t> gone = some_of(graph, random, share);
    const HnswGraph before = graph.clone();
    unlink(graph, PointSpace{&points}, to_slots(gone), scratch, Workers());
    CHECK(faults(graph) == "");
    CHECK(graph.linked() == 900 - gone.size());
    const auto lists = lists_without(before, points, gone);
    for (std::size_t slot = 0; slot < 900; ++slot) {
      CHECK(graph.is_linked(to_slot(slot)) == !gone.contains(slot));
      for (unsigned level = 0; level <= graph.lists().level_of(to_slot(slot)); ++level) {
        if (gone.contains(slot)) {
          CHECK(links_of(graph, slot, level).empty());
          continue;
        }
        const std::vector<std::size_t> links = links_of(graph, slot, level);
        const std::vector<std::size_t>& expected = lists[slot][level];
        if (links == expected) continue;
        // Adoption put links in afterwards, in place of others or behind them.
        CHECK(level == 0);
        REQUIRE(links.size() >= expected.size());
        for (std::size_t i = 0; i < links.size(); ++i) {
          if (i < expected.size() && links[i] == expected[i]) continue;
          CHECK((support::parent_of(graph, links[i]) == slot || support::parent_of(graph, slot) == links[i]));
        }
      }
    }
  }
}

TEST_CASE("when three quarters went bit by bit, lists and recall are about those of a graph built of the rest") {
  Random random(2105);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 4'000, 16);
  const Points queries = support::random_points(random, 200, 16);
  const PointSpace space{&points};
  RoundScratch scratch;
  HnswGraph graph = support::graph_of(points, 8);
  while (graph.linked() > 1'000) {
    std::set<std::size_t> gone = some_of(graph, random, 0.0625);
    unlink(graph, space, to_slots(gone), scratch, Workers());
    REQUIRE(faults(graph) == "");
  }
  Points rest;
  for (std::size_t slot = 0; slot < graph.size(); ++slot) {
    if (graph.is_linked(to_slot(slot))) rest.push_back(points[slot]);
  }
  const Quality eroded = quality_of(graph, points, queries);
  const Quality fresh = quality_of(support::graph_of(rest, 8), rest, queries);
  CAPTURE(fresh.links);
  CAPTURE(fresh.recall);
  CHECK(eroded.links > 0.9 * fresh.links);
  CHECK(eroded.recall > fresh.recall - 0.02);  // without links back it is 0.05 to 0.07 less
}

TEST_CASE("the outcome is the same on any number of workers, and when the executor gives up" *
          support::needs_exceptions()) {
  Random random(2102);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 1'500, 5);
  const HnswGraph graph = support::graph_of(points, 6);
  const std::vector<Slot> gone = to_slots(some_of(graph, random, 0.2));
  HnswGraph expected = graph.clone();
  RoundScratch scratch;
  unlink(expected, PointSpace{&points}, gone, scratch, Workers());
  const Executor backwards = [](std::size_t count, const std::function<void(std::size_t)>& task) {
    for (std::size_t i = count; i-- > 0;) task(i);
  };
  const Executor gives_up = [](std::size_t, const std::function<void(std::size_t)>&) {
    support::raise(std::runtime_error("no thread to be had"));
  };
  for (const Workers& workers : {Workers(2), Workers(7), Workers(3, backwards), Workers(3, gives_up)}) {
    HnswGraph again = graph.clone();
    RoundScratch fresh;
    unlink(again, PointSpace{&points}, gone, fresh, workers);
    CHECK(Snapshot(again) == Snapshot(expected));
    CHECK(faults(again) == "");
  }
}

TEST_CASE("slots go and come again, until none is left, and the graph is sound at each step") {
  Random random(2103);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 400, 4);
  const PointSpace space{&points};
  RoundScratch scratch;
  HnswGraph graph = support::graph_of(points, 4);
  for (int round = 0; round < 30; ++round) {
    CAPTURE(round);
    const std::set<std::size_t> gone = some_of(graph, random, round % 5 == 4 ? 1.0 : random.unit());
    const bool all = gone.size() == graph.linked();
    unlink(graph, space, to_slots(gone), scratch, Workers());
    REQUIRE(faults(graph) == "");
    REQUIRE((graph.linked() == 0) == all);
    std::set<std::size_t> back;
    for (const std::size_t slot : gone) {
      if (all || random.chance(0.7)) back.insert(slot);
    }
    link_slots(graph, space, to_slots(back), 64, scratch);
  }
}

TEST_CASE("what is linked into free slots can be taken back") {
  Random random(2104);
  CAPTURE(random.seed());
  const Points points = support::random_points(random, 600, 4);
  const PointSpace space{&points};
  RoundScratch scratch;
  HnswGraph graph(4, 7);
  grow(graph, space, 500, scratch);
  std::set<std::size_t> gone = some_of(graph, random, 0.3);
  unlink(graph, space, to_slots(gone), scratch, Workers());
  graph.reserve(600);
  for (std::size_t slot = 500; slot < 600; ++slot) gone.insert(slot);
  const Snapshot before(graph);
  const std::size_t linked = graph.linked();
  const std::vector<Slot> slots = to_slots(gone);
  for (const std::size_t round : {1U, 50U, 1'000U}) {
    CAPTURE(round);
    graph.begin_undo();
    link_slots(graph, space, slots, round, scratch);
    REQUIRE(graph.linked() == 600);
    graph.roll_back();
    REQUIRE(Snapshot(graph) == before);
    REQUIRE(graph.linked() == linked);
    REQUIRE(faults(graph) == "");
  }
}

}  // namespace shoal
