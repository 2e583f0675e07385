// Snapshots of an index over a store in a file: they are of that file's history, and of no other.

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "shoal/shoal.hpp"
#include "support.hpp"

namespace {

using support::Folder;
using support::make_records;
using Index = shoal::HnswIndex<shoal::L2Squared, shoal::SQ8>;
using Durable = shoal::DurableIndex<Index, support::Store>;

Durable open(const Folder& folder) {
  shoal::DurableOptions options;
  options.snapshot = folder.file("store.index");
  auto durable = Durable::open(Index({.dimensions = 3}), support::open_store(folder.file()), options);
  REQUIRE(durable.has_value());
  return *std::move(durable);
}

void check_agrees(const Durable& durable) {
  Index expected({.dimensions = 3});
  auto cursor = durable.store().read_since(0).value();
  while (const auto* change = cursor.next().value()) {
    REQUIRE(expected.insert(change->record.id, change->record.vector));
    REQUIRE(durable.index().get(change->record.id) == expected.get(change->record.id));
  }
  REQUIRE(durable.size() == expected.size());
  REQUIRE(durable.sequence() == durable.store().last_sequence().value());
}

TEST_CASE("an index over a file goes on from its snapshot") {
  const Folder folder;
  {
    auto durable = open(folder);
    REQUIRE(durable.batch_write(make_records(1, 300)));
    REQUIRE(durable.save_snapshot());
    REQUIRE(durable.batch_write(make_records(200, 200, 2)));
    REQUIRE(durable.batch_erase(std::vector{5, 6, 250}));
  }
  const auto durable = open(folder);
  CHECK(durable.open_report().warnings.empty());
  CHECK(durable.open_report().snapshot_sequence == 1);
  CHECK(durable.open_report().replayed == 199 + 3);
  check_agrees(durable);
}

TEST_CASE("a file that is put back to a backup has its snapshots passed over, also when it has gone on") {
  const Folder folder;
  { REQUIRE(open(folder).batch_write(make_records(1, 300))); }
  std::filesystem::copy_file(folder.file(), folder.file("backup.db"));
  {
    auto durable = open(folder);
    REQUIRE(durable.batch_write(make_records(200, 200, 2)));
    REQUIRE(durable.save_snapshot());
  }
  std::filesystem::rename(folder.file("backup.db"), folder.file());
  {
    const auto durable = open(folder);
    REQUIRE(durable.open_report().warnings.size() == 1);
    CHECK(support::contains(durable.open_report().warnings[0].message(), "whose last transaction is 1"));
    check_agrees(durable);
  }
  {
    support::Store store = support::open_store(folder.file());
    for (const int version : {3, 4, 5}) REQUIRE(store.batch_write(make_records(10 * version, 10, version)));
  }
  const auto durable = open(folder);
  REQUIRE(durable.open_report().warnings.size() == 1);
  INFO(durable.open_report().warnings[0].message());
  CHECK(support::contains(durable.open_report().warnings[0].message(), "it has not what transaction 2 did to id 30"));
  check_agrees(durable);
}

}  // namespace
