// Random operations on an index against a map of what it must hold and exact search over it.
// SHOAL_MODEL_OPERATIONS=1000000 in the environment makes it a long run.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include "index_types.hpp"

using namespace index_tests;

namespace {

constexpr std::uint64_t seed = 20'251'213;
constexpr std::size_t narrow = 6;
constexpr std::uint64_t ids = 700;

/// What an index must hold, kept in the simplest way.
struct Model {
  std::map<std::uint64_t, std::vector<float>> entries;

  [[nodiscard]] std::vector<double> distances(const std::vector<float>& query) const {
    std::vector<double> all;
    for (const auto& [id, vector] : entries) all.push_back(support::squared_l2(vector, query));
    std::sort(all.begin(), all.end());
    return all;
  }
};

template <class Index>
void run(Index index, std::size_t operations, bool exact) {
  if (const char* const wanted_operations = std::getenv("SHOAL_MODEL_OPERATIONS")) {
    operations = std::strtoull(wanted_operations, nullptr, 10);
  }
  support::Random random(seed);
  MESSAGE("seed ", seed, ", ", operations, " operations");
  Model model;
  std::size_t wanted = 0;
  std::size_t hits = 0;
  for (std::size_t done = 0; done < operations;) {
    const std::size_t kind = random.below(100);
    if (kind < 8) {
      const std::uint64_t id = random.below(ids);
      const auto erased = index.erase(id);
      REQUIRE(erased.has_value() == (model.entries.erase(id) == 1));
      if (!erased) REQUIRE(erased.error().code() == shoal::ErrorCode::id_not_found);
      ++done;
    } else if (kind < 12) {
      std::vector<std::uint64_t> unwanted(random.below(random.below(10) == 0 ? 400 : 20));
      for (std::uint64_t& id : unwanted) id = random.below(ids);
      shoal::EraseReport<std::uint64_t> expected;
      for (const std::uint64_t id : unwanted) {
        const bool came_before = std::find(expected.erased.begin(), expected.erased.end(), id) != expected.erased.end();
        const bool is_in = model.entries.erase(id) == 1;
        (is_in ? expected.erased : came_before ? expected.repeated : expected.absent).push_back(id);
      }
      const auto report = index.batch_erase(unwanted, {.threads = 1 + static_cast<unsigned>(random.below(2))});
      REQUIRE(report);
      REQUIRE(report->erased == expected.erased);
      REQUIRE(report->absent == expected.absent);
      REQUIRE(report->repeated == expected.repeated);
      done += unwanted.size() + 1;
    } else if (kind < 16) {
      const std::uint64_t id = random.below(ids);
      std::vector<float> vector(narrow);
      for (float& value : vector) value = static_cast<float>(random.below(1000));
      REQUIRE(index.upsert(id, vector));
      model.entries[id] = vector;
      ++done;
    } else if (kind < 36) {  // a batch, with bad items now and then; each item is an operation
      std::vector<support::Item> items;
      const std::size_t count = random.below(40);
      for (std::size_t i = 0; i < count; ++i) {
        // few distinct values make copies and ties common
        std::vector<float> vector(narrow);
        for (float& value : vector) value = static_cast<float>(random.below(random.below(10) == 0 ? 3 : 1000));
        if (random.below(60) == 0) vector[random.below(narrow)] = std::nanf("");
        items.emplace_back(random.below(ids), std::move(vector));
      }
      const auto mode = static_cast<shoal::OnDuplicate>(random.below(3));
      const auto atomicity = static_cast<shoal::Atomicity>(random.below(4) == 0 ? 1 : 0);
      const std::size_t cancel_at = random.below(20) == 0 ? random.below(count + 1) + 1 : 0;

      Model after = model;
      std::vector<std::uint64_t> in;
      std::optional<shoal::ErrorCode> expected;
      std::size_t failed = 0;
      for (; failed < items.size() && !expected; ++failed) {
        const auto& [id, vector] = items[failed];
        if (std::any_of(vector.begin(), vector.end(), [](float value) { return std::isnan(value); })) {
          expected = shoal::ErrorCode::not_finite;
          break;
        }
        if (after.entries.contains(id) && mode == shoal::OnDuplicate::fail) {
          expected = shoal::ErrorCode::duplicate_id;
          break;
        }
        if (!after.entries.contains(id) || mode == shoal::OnDuplicate::overwrite) {
          after.entries[id] = vector;
          in.push_back(id);
        }
        if (failed + 1 == cancel_at && atomicity == shoal::Atomicity::prefix) {
          expected = shoal::ErrorCode::cancelled;
        }
      }
      if (atomicity == shoal::Atomicity::all_or_nothing && !expected && cancel_at != 0 && cancel_at <= count) {
        expected = shoal::ErrorCode::cancelled;
      }
      if (expected && atomicity == shoal::Atomicity::all_or_nothing) {
        after = model;
        in.clear();
      }

      const auto result =
          index.batch_insert(items, [&](std::size_t completed, std::size_t) { return completed != cancel_at; },
                             {.on_duplicate = mode, .atomicity = atomicity});
      REQUIRE(result.has_value() == !expected);
      if (!expected) {
        REQUIRE(*result == in);
      } else {
        REQUIRE(result.error().cause.code() == *expected);
        REQUIRE(result.error().successful_ids == in);
        if (*expected != shoal::ErrorCode::cancelled) REQUIRE(result.error().failed_index == failed);
      }
      model = std::move(after);
      done += count + 1;
    } else if (kind == 36 && random.below(10) == 0) {
      const auto compacted = index.compact({.threads = 1 + static_cast<unsigned>(random.below(2))});
      REQUIRE(compacted);
      const auto stats = index.stats();
      REQUIRE(stats.dead + stats.free == 0);
      REQUIRE(stats.live == model.entries.size());
      ++done;
    } else if (kind < 64) {
      const std::uint64_t id = random.below(ids);
      const auto entry = model.entries.find(id);
      REQUIRE(index.contains(id) == (entry != model.entries.end()));
      const auto vector = index.get(id);
      REQUIRE(vector.has_value() == (entry != model.entries.end()));
      if (exact && vector) REQUIRE(*vector == entry->second);
      REQUIRE(index.size() == model.entries.size());
      if (random.below(100) == 0) REQUIRE(index.check().ok());
      ++done;
    } else {
      std::vector<float> query(narrow);
      for (float& value : query) value = static_cast<float>(random.below(1000));
      const std::size_t k = random.below(12);
      const std::uint64_t step = random.below(3) == 0 ? random.below(20) + 1 : 1;
      shoal::SearchOptions options{.k = k, .ef = 64};
      if (step != 1) options.filter = [step](std::uint64_t id) { return id % step == 0; };
      std::vector<std::uint64_t> listed(random.below(random.below(2) == 0 ? 10 : 900));
      for (std::uint64_t& id : listed) id = random.below(2 * ids);
      const bool is_listed = random.below(6) == 0;
      if (is_listed) options.among = listed;
      Model passing;
      for (const auto& [id, vector] : model.entries) {
        if (is_listed && std::find(listed.begin(), listed.end(), id) == listed.end()) continue;
        if (id % step == 0) passing.entries.emplace(id, vector);
      }
      const auto truth = passing.distances(query);
      if (random.below(10) == 0 && !truth.empty()) {
        const auto radius = static_cast<float>(truth[random.below(truth.size())] * (1 + 1e-5));
        const auto within = index.search_within(query, radius, {.filter = options.filter, .among = options.among});
        const auto inside = std::upper_bound(truth.begin(), truth.end(), double{radius}) - truth.begin();
        REQUIRE(std::is_sorted(within.begin(), within.end()));
        if (exact) REQUIRE(within.size() <= static_cast<std::size_t>(inside));
        hits += std::min(within.size(), static_cast<std::size_t>(inside));
        wanted += static_cast<std::size_t>(inside);
      }
      const auto found = index.search(query, options);
      REQUIRE(found.size() == std::min(k, truth.size()));
      REQUIRE(std::is_sorted(found.begin(), found.end()));
      for (std::size_t i = 0; i < found.size(); ++i) {
        const auto entry = passing.entries.find(found[i].id);
        REQUIRE(entry != passing.entries.end());
        const double distance = support::squared_l2(entry->second, query);
        if (exact) REQUIRE(found[i].distance == doctest::Approx(distance).epsilon(1e-5));
        hits += distance <= truth[found.size() - 1] * (1 + 1e-5) ? 1U : 0U;
      }
      wanted += found.size();
      ++done;
    }
  }
  const double recall = static_cast<double>(hits) / static_cast<double>(wanted);
  MESSAGE("recall ", recall, " over ", wanted, " neighbours, ", model.entries.size(), " entries at the end");
  CHECK(recall >= (exact ? 0.999 : 0.95));
  if constexpr (requires { index.check(); }) CHECK(index.check().ok());
}

}  // namespace

TEST_CASE("100,000 random operations: the graph over floats holds what a map holds") {
  run(HnswL2({.dimensions = narrow, .M = 8, .ef_construction = 64}), 100'000, true);
}

TEST_CASE("50,000 random operations: the graph over SQ8 holds what a map holds") {
  run(HnswL2Sq8({.dimensions = narrow, .M = 8, .ef_construction = 64}), 50'000, false);
}

TEST_CASE("50,000 random operations: exact search is exact") { run(BruteL2({.dimensions = narrow}), 50'000, true); }
