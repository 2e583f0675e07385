// The half of an index that reads, alone: over a structure that can be searched and not changed, it answers as the
// index that it came from.

#include "index_types.hpp"

using namespace index_tests;
using support::random_items;

namespace {

/// What a search needs of a structure, and nothing that changes one.
template <class Structure>
class SearchedAlone {
 public:
  static constexpr bool is_walked = Structure::is_walked;

  explicit SearchedAlone(Structure structure) : structure_(std::move(structure)) {}
  [[nodiscard]] std::size_t linked() const noexcept { return structure_.linked(); }
  template <class Scorer>
  void walk(const Scorer& scorer, std::size_t ef, shoal::detail::WalkScratch& scratch) const requires is_walked {
    structure_.walk(scorer, ef, scratch);
  }
  void check(shoal::CheckReport& report) const { structure_.check(report); }
  void add_stats(shoal::IndexStats& stats) const { structure_.add_stats(stats); }
  void add_memory(shoal::MemoryUsage& usage) const noexcept { structure_.add_memory(usage); }
  void add_estimate_for(shoal::MemoryUsage& usage, std::size_t slots) const noexcept {
    structure_.add_estimate_for(usage, slots);
  }

 private:
  Structure structure_;
};

template <class Structure>
using Reading = shoal::ReadableIndex<shoal::L2Squared, shoal::Float32, std::uint64_t, SearchedAlone<Structure>>;

template <class Structure>
struct Reader : Reading<Structure> {
  using Entries = typename Reading<Structure>::EntriesType;
  Reader(Entries entries, Structure structure)
      : Reading<Structure>(std::move(entries), SearchedAlone<Structure>(std::move(structure))) {}
};

/// An index that hands out copies of what a search reads.
template <class Index>
struct Lender : Index {
  using Index::Index;
  [[nodiscard]] auto reader() const {
    return Reader<std::remove_cvref_t<decltype(this->structure())>>(this->entries().clone(),
                                                                    this->published_structure());
  }
};

using FloatRows = shoal::Float32::Rows<shoal::L2Squared>;
static_assert(shoal::detail::SearchedStructure<SearchedAlone<shoal::detail::HnswStructure>, FloatRows>);
static_assert(!shoal::detail::IndexStructure<SearchedAlone<shoal::detail::HnswStructure>, FloatRows>);

}  // namespace

TEST_CASE_TEMPLATE("what only reads answers as the index that it came from", Index, HnswL2, BruteL2) {
  constexpr std::uint64_t seed = 20'260'301;
  CAPTURE(seed);
  const auto items = random_items(seed, 1'500, dimensions);
  auto index = make_index<Lender<Index>>();
  REQUIRE(index.batch_insert(items));
  for (std::uint64_t id = 0; id < 300; id += 7) REQUIRE(index.erase(id));
  const auto reader = index.reader();
  CHECK(reader.size() == index.size());
  CHECK(reader.check().ok());
  CHECK(reader.stats().live == index.stats().live);
  CHECK(reader.memory_usage().vectors > 0);
  auto context = reader.make_search_context();
  std::vector<std::vector<float>> queries;
  for (const auto& item : random_items(seed + 1, 20, dimensions)) queries.push_back(item.second);
  for (const auto& query : queries) {
    const auto found = index.search(query, 10);
    REQUIRE(found.size() == 10);
    CHECK(reader.search(query, 10) == found);
    const auto again = reader.search(query, {.k = 10}, context);
    CHECK(std::equal(again.begin(), again.end(), found.begin(), found.end()));
    CHECK(reader.search_within(query, found.back().distance) == index.search_within(query, found.back().distance));
  }
  CHECK(reader.batch_search(queries, 5) == index.batch_search(queries, 5));
  CHECK_FALSE(reader.try_search(std::vector<float>(3), 1));
  for (std::uint64_t id = 0; id < 1'600; id += 50) {
    CHECK(reader.contains(id) == index.contains(id));
    CHECK(reader.get(id) == index.get(id));
  }
}
