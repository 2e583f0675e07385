// Searches while another thread changes the index, and changes from many threads. Run under ThreadSanitizer by
// `./dev tsan`; what a search may see of a change is said in docs/concurrency.md.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <numeric>
#include <set>
#include <span>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "index_types.hpp"
#include "vectors.hpp"
#include <shoal/shoal.hpp>

#if SHOAL_HAS_THREADS

namespace {

using namespace index_tests;
using shoal::ErrorCode;
using shoal::OnDuplicate;
using support::Random;
using Vectors = std::vector<std::vector<float>>;

#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t operations = 40'000;  // the races are the thread sanitizer's to find
#else
constexpr std::size_t operations = 200'000;
#endif

/// The vector that `id` has in its `version`: known without asking anyone.
std::vector<float> vector_of(const Vectors& centres, std::uint64_t id, std::uint64_t version) {
  Random random(id * 1'000 + version);
  std::vector<float> vector = centres[random.below(centres.size())];
  for (float& value : vector) value += 0.5F * random.normal();
  return vector;
}

template <class Neighbors>
bool is_sorted_and_distinct(const Neighbors& found) {
  std::set<std::uint64_t> ids;
  for (const auto& neighbor : found) ids.insert(neighbor.id);
  return ids.size() == found.size() && std::is_sorted(found.begin(), found.end());
}

/// One of the threads of the mix. Some ids are its own, so that it knows at every moment which of them are in; others
/// are everybody's, so that threads meet.
template <class Index>
struct Mixer {
  Index& index;
  const Vectors& centres;
  std::size_t number;
  std::map<std::uint64_t, std::uint64_t> own{};  // id -> version
  std::size_t faults = 0;

  static constexpr std::uint64_t common_ids = 500;
  [[nodiscard]] std::uint64_t own_id(Random& random) const { return 10'000 * (number + 1) + random.below(600); }

  void expect(bool holds) { faults += holds ? 0 : 1; }

  void search(Random& random) {
    if (!own.empty() && random.below(4) == 0) {  // what this thread put in is there
      auto some = own.lower_bound(own_id(random));
      if (some == own.end()) some = own.begin();
      const auto vector = vector_of(centres, some->first, some->second);
      const auto found = index.search(vector, {.k = 5, .ef = 64});
      expect(is_sorted_and_distinct(found));
      for (const auto& neighbor : found) expect(neighbor.id < 10'000 || mine_is_in(neighbor.id));
      expect(index.contains(some->first));
    } else {
      const auto found = index.search(vector_of(centres, random.below(100'000), 0), {.k = 10, .ef = 32});
      expect(is_sorted_and_distinct(found));
      for (const auto& neighbor : found) expect(neighbor.id < 10'000 || mine_is_in(neighbor.id));
    }
  }
  /// Of this thread's own ids, only those that are in may be found.
  [[nodiscard]] bool mine_is_in(std::uint64_t id) const { return id / 10'000 != number + 1 || own.contains(id); }

  void insert_batch(Random& random, std::size_t count) {
    std::vector<support::Item> items;
    std::set<std::uint64_t> ids;
    while (items.size() < count) {
      const bool is_own = random.below(4) != 0;
      const std::uint64_t id = is_own ? own_id(random) : random.below(common_ids);
      if (!ids.insert(id).second) continue;
      const std::uint64_t version = random.below(100);
      items.emplace_back(id, vector_of(centres, id, version));
      if (is_own) own[id] = version;
    }
    const auto inserted = index.batch_insert(items, shoal::NoProgress{}, {.on_duplicate = OnDuplicate::overwrite});
    expect(inserted.has_value());
  }
  void erase(Random& random) {
    if (random.below(4) == 0) {
      const auto erased = index.erase(random.below(common_ids));
      expect(erased || erased.error().code() == ErrorCode::id_not_found);
      return;
    }
    const std::uint64_t id = own_id(random);
    const bool was_in = own.erase(id) != 0;
    expect(index.erase(id).has_value() == was_in);
    expect(!index.contains(id));
  }
  void upsert(Random& random) {
    const std::uint64_t id = random.below(2) == 0 ? own_id(random) : random.below(common_ids);
    const std::uint64_t version = random.below(100);
    expect(index.upsert(id, vector_of(centres, id, version)).has_value());
    if (id >= 10'000) own[id] = version;
    const auto vector = index.get(id);
    expect(id < 10'000 ? true : vector.has_value());
  }

  void run(std::size_t count) {
    Random random(77 + number);
    for (std::size_t done = 0; done < count;) {
      // Of a hundred operations: 60 searches, 25 insertions by batches of 4 to 13, 10 erasures, 5 upserts.
      const std::size_t dice = random.below(1'559);
      if (dice < 1'200) {
        search(random);
        ++done;
      } else if (dice < 1'259) {
        const std::size_t size = 4 + random.below(10);
        insert_batch(random, size);
        done += size;
      } else if (dice < 1'459) {
        erase(random);
        ++done;
      } else {
        upsert(random);
        ++done;
      }
    }
  }
};

template <class Index>
double recall(const Index& index, const Vectors& queries) {
  std::size_t hits = 0, wanted = 0;
  for (const auto& query : queries) {
    const auto exact = index.search(query, {.k = 10, .ef = index.size()});
    for (const auto& neighbor : index.search(query, {.k = 10, .ef = 50})) {
      hits += neighbor.distance <= exact.back().distance ? 1 : 0;
    }
    wanted += exact.size();
  }
  return static_cast<double>(hits) / static_cast<double>(wanted);
}

}  // namespace

TEST_CASE_TEMPLATE("eight threads search, insert batches, erase and upsert: nothing is lost, and the graph is sound",
                   Index, HnswL2, HnswL2Sq8, BruteL2) {
  constexpr std::size_t threads = 8;
  const Vectors centres = support::clustered_vectors(1, 100, dimensions, 100);
  // Clusters here have 38 entries. A walk that keeps fewer misses some of its own cluster, and recall is then a matter
  // of luck: at ef_construction 32 it is 0.2 points below a build that compares with all, 0.9 in one run of a hundred.
  const auto make = [] {
    if constexpr (std::is_same_v<Index, BruteL2>) {
      return Index({.dimensions = dimensions});
    } else {
      return Index({.dimensions = dimensions, .M = 4, .ef_construction = 100});
    }
  };
  auto index = make();
  std::vector<Mixer<Index>> mixers;
  for (std::size_t i = 0; i < threads; ++i) mixers.push_back({index, centres, i});
  const std::size_t share = operations / threads / (std::is_same_v<Index, HnswL2> ? 1 : 10);
  {
    std::vector<std::thread> running;
    for (auto& mixer : mixers) running.emplace_back(&Mixer<Index>::run, &mixer, share);
    for (auto& thread : running) thread.join();
  }
  std::size_t owned = 0;
  for (auto& mixer : mixers) {
    CHECK(mixer.faults == 0);
    owned += mixer.own.size();
    for (const auto& [id, version] : mixer.own) {
      REQUIRE(index.contains(id));
      if constexpr (!std::is_same_v<Index, HnswL2Sq8>) CHECK(*index.get(id) == vector_of(centres, id, version));
    }
  }
  const auto report = index.check();
  CHECK_MESSAGE(report.ok(), report.unreachable, " unreachable, ", report.faults.empty() ? "" : report.faults.front());
  CHECK(index.size() >= owned);
  CHECK(index.size() <= owned + Mixer<Index>::common_ids);

  // As good as the same entries put in by one thread at once.
  if constexpr (std::is_same_v<Index, HnswL2>) {
    Vectors queries;
    for (std::uint64_t i = 0; i < 600; ++i) queries.push_back(vector_of(centres, 1'000'000 + i, 0));
    auto serial = make();
    std::vector<support::Item> items;
    for (const auto& neighbor : index.search(queries[0], {.k = index.size(), .ef = index.size()})) {
      items.emplace_back(neighbor.id, *index.get(neighbor.id));
    }
    REQUIRE(items.size() == index.size());
    REQUIRE(serial.batch_insert(items));
    const double expected = recall(serial, queries), found = recall(index, queries);
    MESSAGE("recall ", found, ", of a serial build ", expected, ", ", index.size(), " entries");
    CHECK(found >= expected - 0.005);
  }
}

TEST_CASE_TEMPLATE("what a batch wrote that is taken back is written again only when nobody reads it", Index, HnswL2,
                   BruteL2) {
  // The vector of an id says whose it is, so that a reader knows a row that is another's.
  const auto vector_with = [](std::uint64_t id, float version) {
    std::vector<float> vector(dimensions, version);
    vector[0] = static_cast<float>(id);
    return vector;
  };
  auto index = make_index<Index>();
  std::vector<support::Item> kept;
  for (std::uint64_t id = 0; id < 60; ++id) kept.emplace_back(id, vector_with(id, 0));
  REQUIRE(index.batch_insert(kept));
  REQUIRE(index.batch_erase(iota(40, 20)));  // some slots are used again
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> faults{0}, reads{0};
  std::vector<std::thread> readers;
  for (std::uint64_t number = 0; number < 3; ++number) {
    readers.emplace_back([&, number] {
      for (std::uint64_t n = number; !stop || reads < 300; ++n, ++reads) {
        const auto vector = index.get(n % 100);
        if (vector && (*vector)[0] != static_cast<float>(n % 100)) ++faults;
        if (!vector && n % 100 < 40) ++faults;
        const auto found =
            index.search(vector_with(n % 100, 1), {.k = 8, .filter = [](std::uint64_t id) { return id % 3 != 0; }});
        faults += is_sorted_and_distinct(found) ? 0 : 1;
        faults += is_sorted_and_distinct(index.search(vector_with(n % 100, 1), 8)) ? 0 : 1;
      }
    });
  }
  for (std::size_t round = 0; round < 150; ++round) {
    std::vector<support::Item> items;
    for (std::uint64_t id = 20; id < 100; ++id) items.emplace_back(id, vector_with(id, static_cast<float>(round % 7)));
    const bool is_kept = round % 3 == 2;
    const auto inserted = index.batch_insert(
        items, [&](std::size_t done, std::size_t total) { return is_kept || done != total - round % 5; },
        {.on_duplicate = OnDuplicate::overwrite, .atomicity = shoal::Atomicity::all_or_nothing});
    CHECK(inserted.has_value() == is_kept);
    if (is_kept) CHECK(index.batch_erase(iota(40, 60)));
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  CHECK(faults == 0);
  CHECK(index.size() == 40);
  CHECK(index.check().ok());
}

TEST_CASE("all entries go and come again while others search") {
  auto index = make_index<HnswL2>();
  const auto items = support::random_items(31, 80, dimensions);
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> faults{0}, reads{0};
  std::vector<std::thread> readers;
  for (int number = 0; number < 3; ++number) {
    readers.emplace_back([&] {
      for (std::size_t n = 0; !stop || reads < 100; ++n, ++reads) {
        faults += is_sorted_and_distinct(index.search(items[n % 80].second, 5)) ? 0 : 1;
      }
    });
  }
  for (int round = 0; round < 200; ++round) {
    CHECK(index.batch_insert(items));
    CHECK(index.batch_erase(iota(0, 80)));
    if (round % 10 == 0) CHECK(index.compact());
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  CHECK(faults == 0);
  CHECK(index.check().ok());
}

TEST_CASE("queries of a batch on the caller's executor do not hold a writer up that shuts searches out") {
  auto index = make_index<HnswL2>();
  const auto items = support::random_items(32, 200, dimensions);
  REQUIRE(index.batch_insert(items));
  std::vector<float> queries;
  for (const auto& [id, vector] : items) queries.insert(queries.end(), vector.begin(), vector.end());
  // An executor whose threads search the index themselves before they do their part.
  const shoal::Executor busy_with_searches = [&](std::size_t count, const std::function<void(std::size_t)>& task) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        for (std::size_t n = 0; n < 20; ++n) (void)index.search(items[n].second, 3);
        task(i);
      });
    }
    for (auto& thread : threads) thread.join();
  };
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) CHECK(index.compact());
  });
  for (int round = 0; round < 10; ++round) {
    const auto found = index.batch_search(queries, {.k = 3, .threads = 3, .executor = busy_with_searches});
    CHECK(found.size() == items.size());
  }
  stop = true;
  writer.join();
}

#endif
