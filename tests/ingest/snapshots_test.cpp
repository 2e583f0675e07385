// Snapshots of a DurableIndex: what is opened is what the store holds, whatever became of the snapshots; what could not
// be used is told; and what fails while one is saved leaves the one before.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../io/faults.hpp"
#include "../io/support.hpp"
#include "durable.hpp"
#include "platform.hpp"
#include "shared_store.hpp"
#include "vectors.hpp"
#include <shoal/shoal.hpp>

using namespace ingest_tests;
using io_tests::Bytes;
using io_tests::FaultyFiles;
using io_tests::Folder;
using io_tests::read_bytes;
using io_tests::write_bytes;
using shoal::DurableOptions;
using support::random_items;

namespace {

using Graph = shoal::HnswIndex<>;
using Codes = shoal::HnswIndex<shoal::Cosine, shoal::SQ8>;
using Exact = shoal::BruteForceIndex<shoal::Cosine>;
template <class Index>
using DurableOf = shoal::DurableIndex<Index, SharedStore>;

template <class Index>
Index empty(std::size_t max_elements = 0) {
  if constexpr (std::is_same_v<Index, Exact>) {
    return Index({.dimensions = dimensions, .max_elements = max_elements});
  } else {
    return Index({.dimensions = dimensions, .M = 6, .ef_construction = 40, .max_elements = max_elements});
  }
}

template <class Index, class Files = shoal::detail::SystemFiles>
DurableOf<Index> open(const SharedStore& store, const Folder& folder, Files&& files = {},
                      Index index = empty<Index>()) {
  DurableOptions options;
  options.snapshot = folder.file("index");
  auto opened = DurableOf<Index>::open(std::move(index), store, options, files);
  REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : std::string(opened.error().message())));
  return *std::move(opened);
}

std::vector<Record<Id>> some_records(std::uint64_t seed, std::size_t count, Id first = 0) {
  std::vector<Record<Id>> made;
  for (auto& [id, vector] : random_items(seed, count, dimensions, first)) made.push_back({.id = id, .vector = vector});
  return made;
}

/// The index is the one that a batch of the store's content makes: the same entries, kept the same way, each found.
template <class Index>
void check_is_of_store(const DurableOf<Index>& durable, const SharedStore& store) {
  Index expected = empty<Index>();
  const auto all = contents(store);
  REQUIRE(durable.size() == all.size());
  REQUIRE(durable.sequence() == store.last_sequence().value());
  for (const auto& record : all) {
    REQUIRE(expected.insert(record.id, record.vector));
    REQUIRE(durable.index().get(record.id) == expected.get(record.id));
    const auto found = durable.index().search(record.vector, {.k = 2, .ef = 100});
    REQUIRE((found[0].id == record.id || found[1].id == record.id));
  }
  if constexpr (requires { durable.index().check(); }) REQUIRE(durable.index().check().ok());
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Both snapshots are there, of transactions 2 and 3 of a store of 200 records; the newest is index.1.
template <class Index>
struct SavedOf {
  Folder folder;
  SharedStore store{dimensions};

  SavedOf() {
    auto durable = open<Index>(store, folder);
    REQUIRE(durable.batch_write(some_records(1, 150)));
    REQUIRE(durable.batch_erase(std::vector<Id>{3, 4, 5}));
    REQUIRE(durable.save_snapshot());  // .1, of no more use below
    REQUIRE(durable.save_snapshot());
    REQUIRE(durable.batch_write(some_records(2, 50, 1'000)));
    REQUIRE(durable.save_snapshot());
  }
  [[nodiscard]] std::string newest() const { return folder.file("index.1"); }
  [[nodiscard]] std::string previous() const { return folder.file("index.2"); }
};
using Saved = SavedOf<Graph>;

}  // namespace

TEST_CASE_TEMPLATE("an index that is opened from a snapshot is the one of its store", Index, Graph, Codes, Exact) {
  const SavedOf<Index> saved;
  SharedStore store = saved.store;
  {
    const auto durable = open<Index>(store, saved.folder);
    CHECK(durable.open_report().snapshot == saved.newest());
    CHECK(durable.open_report().snapshot_sequence == 3);
    CHECK(durable.open_report().replayed == 0);
    CHECK(durable.open_report().warnings.empty());
    check_is_of_store(durable, store);
    CHECK(io_tests::bytes_of(durable.index(), {.last_sequence = 3}) == read_bytes(saved.newest()));  // link by link
  }
  REQUIRE(store.batch_write(some_records(3, 20, 2'000)));                       // newer
  REQUIRE(store.batch_write(some_records(4, 30, 10)));                          // overwritten
  REQUIRE(store.batch_erase(std::vector<Id>{20, 21, 100, 1'003, 2'004, 777}));  // erased: 3 old, 2 of these, no such id
  REQUIRE(store.batch_write(some_records(5, 2, 100)));                          // and one of them written again
  auto durable = open<Index>(store, saved.folder);
  CHECK(durable.open_report().snapshot_sequence == 3);
  CHECK(durable.open_report().replayed == 19 + 28 + 4 + 2);  // each id once, as it is now
  CHECK(durable.open_report().warnings.empty());
  check_is_of_store(durable, store);
  REQUIRE(durable.batch_write(some_records(6, 20, 3'000)));  // and it goes on
  REQUIRE(durable.erase(Id{3'000}));
  REQUIRE(durable.compact());
  REQUIRE(durable.save_snapshot());
  const auto again = open<Index>(store, saved.folder);
  CHECK(again.open_report().replayed == 0);
  CHECK(again.open_report().snapshot == saved.previous());
  check_is_of_store(again, store);
}

TEST_CASE("without snapshots all is replayed, and there is nothing to warn of") {
  const Folder folder;
  SharedStore store(dimensions);
  REQUIRE(store.batch_write(some_records(1, 30)));
  REQUIRE(store.erase(7));
  const auto durable = open<Graph>(store, folder);
  CHECK(durable.open_report().snapshot.empty());
  CHECK(durable.open_report().replayed == 29);
  CHECK(durable.open_report().warnings.empty());
  CHECK(folder.file_count() == 0);
  check_is_of_store(durable, store);
}

TEST_CASE("snapshots are written turn by turn, and the one before stays as it is") {
  const Folder folder;
  const SharedStore store(dimensions);
  auto durable = open<Graph>(store, folder);
  REQUIRE(durable.save_snapshot());
  CHECK(folder.file_count() == 0);  // before the first transaction there is nothing
  for (std::size_t i = 1; i <= 6; ++i) {
    CAPTURE(i);
    const std::string written = folder.file(i % 2 == 1 ? "index.1" : "index.2");
    const std::string before = folder.file(i % 2 == 1 ? "index.2" : "index.1");
    const Bytes bytes_before = read_bytes(before);
    REQUIRE(durable.batch_write(some_records(i, 20, 100 * i)));
    REQUIRE(durable.save_snapshot());
    CHECK(shoal::read_index_file_info(written)->last_sequence == i);
    CHECK(read_bytes(before) == bytes_before);
    CHECK(folder.file_count() == std::min<std::size_t>(i, 2));
    if (i % 3 == 0) durable = open<Graph>(store, folder);
    CHECK(durable.open_report().snapshot_sequence == i / 3 * 3);
  }
}

TEST_CASE_TEMPLATE("a damaged snapshot is passed over for the one before, and that for the store", Index, Graph,
                   Exact) {
  struct Damage {
    const char* name;
    Bytes (*make)(Bytes);
  };
  const auto as_bytes = [](std::string_view text) {
    Bytes bytes(text.size());
    std::memcpy(bytes.data(), text.data(), text.size());
    return bytes;
  };
  static const Bytes foreign = as_bytes("{\"this\": \"is no index\"}");
  const std::vector<Damage> all = {
      {"empty", [](Bytes) { return Bytes(); }},
      {"cut in the header", [](Bytes bytes) { return bytes.resize(500), bytes; }},
      {"cut", [](Bytes bytes) { return bytes.resize(bytes.size() / 2), bytes; }},
      {"one byte short", [](Bytes bytes) { return bytes.pop_back(), bytes; }},
      {"a byte too many", [](Bytes bytes) { return bytes.push_back(std::byte{0}), bytes; }},
      {"a bit of the header", [](Bytes bytes) { return bytes[112] ^= std::byte{1}, bytes; }},
      {"a bit of the middle", [](Bytes bytes) { return bytes[bytes.size() / 2] ^= std::byte{4}, bytes; }},
      {"a bit at the end", [](Bytes bytes) { return bytes[bytes.size() - 3] ^= std::byte{64}, bytes; }},
      {"foreign", [](Bytes) { return foreign; }},
  };
  for (const Damage& damage : all) {
    CAPTURE(damage.name);
    const SavedOf<Index> saved;
    const Bytes previous = read_bytes(saved.previous());
    write_bytes(saved.newest(), damage.make(read_bytes(saved.newest())));
    auto durable = open<Index>(saved.store, saved.folder);
    const auto& report = durable.open_report();
    CHECK(report.snapshot == saved.previous());
    CHECK(report.snapshot_sequence == 2);
    CHECK(report.replayed == 50);
    REQUIRE(report.warnings.size() == 1);
    CHECK(report.warnings[0].code() == ErrorCode::corrupt);
    CHECK(contains(report.warnings[0].message(), "the snapshot " + saved.newest() + " was passed over: "));
    check_is_of_store(durable, saved.store);

    write_bytes(saved.previous(), damage.make(previous));
    const auto replayed = open<Index>(saved.store, saved.folder);
    CHECK(replayed.open_report().snapshot.empty());
    CHECK(replayed.open_report().snapshot_sequence == 0);
    CHECK(replayed.open_report().replayed == 197);
    REQUIRE(replayed.open_report().warnings.size() == 2);
    CHECK(contains(replayed.open_report().warnings[1].message(), saved.previous()));
    check_is_of_store(replayed, saved.store);

    // The next is saved over the damaged one, and not over the one that was good.
    write_bytes(saved.previous(), previous);
    REQUIRE(durable.save_snapshot());
    CHECK(read_bytes(saved.previous()) == previous);
    const auto mended = open<Index>(saved.store, saved.folder);
    CHECK(mended.open_report().snapshot == saved.newest());
    CHECK(mended.open_report().warnings.empty());
  }
}

TEST_CASE("a snapshot that cannot be read is told of, and one that is missing is not") {
  const Saved saved;
  std::filesystem::remove(saved.newest());
  CHECK(open<Graph>(saved.store, saved.folder).open_report().warnings.empty());
  SUBCASE("a folder") { std::filesystem::create_directory(saved.newest()); }
  SUBCASE("a link to itself") { std::filesystem::create_symlink(saved.newest(), saved.newest()); }
  const auto durable = open<Graph>(saved.store, saved.folder);
  CHECK(durable.open_report().snapshot == saved.previous());
  REQUIRE(durable.open_report().warnings.size() == 1);
  CHECK(durable.open_report().warnings[0].code() == ErrorCode::cannot_open);
}

TEST_CASE("a snapshot of another type or configuration is not used") {
  const Saved saved;
  const Bytes newest = read_bytes(saved.newest());
  const auto refused = [&]<class Index>(Index index, std::string_view what) {
    CAPTURE(what);
    DurableOptions options;
    options.snapshot = saved.folder.file("index");
    const auto durable = DurableOf<Index>::open(std::move(index), saved.store, options);
    REQUIRE(durable);
    const auto& report = durable->open_report();
    CHECK(report.snapshot.empty());
    CHECK(report.replayed == 197);
    REQUIRE(report.warnings.size() == 2);
    for (const auto& warning : report.warnings) {
      CHECK(warning.code() == ErrorCode::incompatible);
      CHECK(contains(warning.message(), what));
    }
    CHECK(durable->size() == 197);
    CHECK(read_bytes(saved.newest()) == newest);
  };
  refused(Graph({.dimensions = dimensions, .M = 7, .ef_construction = 40}), "expected M 7, the file has 6");
  refused(Graph({.dimensions = dimensions, .M = 6, .ef_construction = 41}), "ef_construction");
  refused(Graph({.dimensions = dimensions, .M = 6, .ef_construction = 40, .seed = 1}), "seed");
  refused(Graph({.dimensions = dimensions, .M = 6, .ef_construction = 40, .max_elements = 500}), "max_elements");
  refused(empty<Codes>(), "metric cosine");
  refused(shoal::HnswIndex<shoal::L2Squared, shoal::SQ8>({.dimensions = dimensions}), "storage sq8");
  refused(shoal::BruteForceIndex<>({.dimensions = dimensions}), "structure flat");
}

TEST_CASE("a snapshot of other dimensions is not used") {
  const Saved saved;
  SharedStore store(dimensions + 1);
  for (int i = 0; i < 5; ++i) {
    REQUIRE(store.write({.id = 1, .vector = std::vector<float>(dimensions + 1, 1)}));
  }
  const auto durable =
      open(store, saved.folder, {}, Graph({.dimensions = dimensions + 1, .M = 6, .ef_construction = 40}));
  REQUIRE(durable.open_report().warnings.size() == 2);
  CHECK(contains(durable.open_report().warnings[0].message(), "expected dimensions 9, the file has 8"));
  CHECK(durable.size() == 1);
}

TEST_CASE("a snapshot beyond the store's last transaction is not believed") {
  const Saved saved;
  SharedStore older(dimensions);  // the store as it was before its last transaction, and before the last two
  REQUIRE(older.batch_write(some_records(1, 150)));
  {
    const auto durable = open<Graph>(older, saved.folder);
    CHECK(durable.open_report().snapshot.empty());
    REQUIRE(durable.open_report().warnings.size() == 2);
    CHECK(durable.open_report().warnings[0].code() == ErrorCode::incompatible);
    CHECK(contains(durable.open_report().warnings[0].message(), "whose last transaction is 1, it has transaction 3"));
    check_is_of_store(durable, older);
  }
  REQUIRE(older.batch_erase(std::vector<Id>{3, 4, 5}));
  {
    const auto durable = open<Graph>(older, saved.folder);
    CHECK(durable.open_report().snapshot == saved.previous());
    CHECK(durable.open_report().warnings.size() == 1);
    check_is_of_store(durable, older);
  }
  const auto durable = open<Graph>(SharedStore(dimensions), saved.folder);
  CHECK(durable.open_report().warnings.size() == 2);
  CHECK(durable.size() == 0);
}

TEST_CASE("a snapshot of a store that was put back to an older copy and went on from there is not believed") {
  const Folder folder;
  SharedStore store(dimensions), other(dimensions);
  for (SharedStore* both : {&store, &other}) REQUIRE(both->batch_write(some_records(1, 250)));
  {
    auto durable = open<Graph>(store, folder);
    REQUIRE(durable.batch_write(some_records(2, 5, 1'000)));
    REQUIRE(durable.save_snapshot());
  }
  std::string_view why = "it has not what transaction 2 did to id ";
  SUBCASE("another record") { REQUIRE(other.batch_write(some_records(2, 1, 2'000))); }
  SUBCASE("the same id, another vector") { REQUIRE(other.batch_write(some_records(3, 5, 1'000))); }
  SUBCASE("another vector of an older id") { REQUIRE(other.batch_write(some_records(3, 1, 17))); }
  SUBCASE("an erasure") { REQUIRE(other.erase(17)); }
  SUBCASE("what can be compared lies further back") {
    why = "it has not what transaction 1 did to id ";  // 250 to 269 are of the other history
    other = SharedStore(dimensions);
    REQUIRE(other.batch_write(some_records(1, 270)));
    for (int i = 0; i < 5; ++i) REQUIRE(other.batch_write(some_records(4, 4, 500)));
  }
  SUBCASE("nothing that can be compared is left, but the number is another") {
    why = "expected a snapshot of this store, which has 250 records, with what is newer it has 255";
    REQUIRE(other.batch_write(some_records(2, 1, 2'000)));
    REQUIRE(other.erase(2'000));
  }
  while (other.last_sequence().value() < 4) REQUIRE(other.batch_write(some_records(9, 1, 249)));
  const auto durable = open<Graph>(other, folder);
  CHECK(durable.open_report().snapshot.empty());
  REQUIRE(durable.open_report().warnings.size() == 1);
  CHECK(durable.open_report().warnings[0].code() == ErrorCode::incompatible);
  CHECK(contains(durable.open_report().warnings[0].message(), why));
  check_is_of_store(durable, other);
}

TEST_CASE("a snapshot of whose transaction nothing is left is used all the same") {
  const Folder folder;
  SharedStore store(dimensions);
  REQUIRE(store.batch_write(some_records(1, 50)));
  {
    auto durable = open<Codes>(store, folder);
    REQUIRE(durable.batch_write(some_records(2, 1, 7)));
    REQUIRE(durable.save_snapshot());
  }
  REQUIRE(store.batch_write(some_records(3, 50)));
  const auto durable = open<Codes>(store, folder);
  CHECK(durable.open_report().snapshot_sequence == 2);
  CHECK(durable.open_report().replayed == 50);
  check_is_of_store(durable, store);
}

TEST_CASE("an index file that is no snapshot is not believed") {
  const Folder folder;
  SharedStore store(dimensions);
  REQUIRE(store.batch_write(some_records(1, 50)));
  auto index = empty<Graph>();
  REQUIRE(index.insert(9'999, std::vector<float>(dimensions, 1)));
  REQUIRE(index.save(folder.file("index.2")));
  const auto durable = open<Graph>(store, folder);
  REQUIRE(durable.open_report().warnings.size() == 1);
  CHECK(contains(durable.open_report().warnings[0].message(), "save_snapshot()"));
  check_is_of_store(durable, store);
}

TEST_CASE("what cannot be caught up with from a snapshot is replayed from the store") {
  const Folder folder;
  SharedStore store(dimensions);
  {
    auto durable = open(store, folder, {}, empty<Graph>(10));
    REQUIRE(durable.batch_write(some_records(1, 10)));
    REQUIRE(durable.save_snapshot());
  }
  // Never more than ten; but of id 3 the store tells that it came last, no more that it went first.
  REQUIRE(store.erase(3));
  REQUIRE(store.batch_write(some_records(2, 1, 11)));
  REQUIRE(store.erase(5));
  REQUIRE(store.batch_write(some_records(2, 1, 3)));
  const auto durable = open(store, folder, {}, empty<Graph>(10));
  CHECK(durable.open_report().snapshot.empty());
  REQUIRE(durable.open_report().warnings.size() == 1);
  CHECK(durable.open_report().warnings[0].code() == ErrorCode::capacity_exceeded);
  check_is_of_store(durable, store);
}

TEST_CASE("when any operation of saving fails, that is said, and the snapshot before is there") {
  const Saved saved;
  auto durable = open<Graph>(saved.store, saved.folder);
  REQUIRE(durable.batch_write(some_records(7, 20, 5'000)));
  const Bytes newest = read_bytes(saved.newest());
  const Bytes previous = read_bytes(saved.previous());
  std::size_t operations = 0;
  {
    const Folder folder;
    FaultyFiles files;
    REQUIRE(durable.index().save(folder.file(), {.last_sequence = 4}, files));
    operations = files.log.size();
  }
  REQUIRE(operations > 6);
  for (const bool forever : {false, true}) {
    for (std::size_t allowed = 0; allowed < operations; ++allowed) {
      CAPTURE(allowed);
      FaultyFiles files;
      files.allowed = allowed;
      files.forever = forever;
      const auto failed = durable.save_snapshot(files);
      REQUIRE(files.failed);
      REQUIRE(!failed);
      CHECK(failed.error().code() == ErrorCode::io_error);
      CHECK(read_bytes(saved.newest()) == newest);
      CHECK(saved.folder.file_count() == 2);
      const auto again = open<Graph>(saved.store, saved.folder);
      CHECK(again.open_report().warnings.empty());
      const bool is_last = allowed + 1 == operations;  // the folder could not be synced: it is renamed already
      CHECK(again.open_report().snapshot_sequence == (is_last ? 4 : 3));
      check_is_of_store(again, saved.store);
      if (is_last) write_bytes(saved.previous(), previous);
    }
  }
  REQUIRE(durable.save_snapshot());
  CHECK(read_bytes(saved.newest()) == newest);
  CHECK(open<Graph>(saved.store, saved.folder).open_report().snapshot == saved.previous());
}

TEST_CASE("a program that is killed while it saves leaves snapshots that open" * support::needs_processes()) {
  const Saved saved;
  auto durable = open<Graph>(saved.store, saved.folder);
  REQUIRE(durable.batch_write(some_records(7, 20, 5'000)));
  bool was_killed = true;
  for (std::size_t allowed = 0; was_killed; ++allowed) {
    CAPTURE(allowed);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      FaultyFiles files;
      files.allowed = allowed;
      files.dies = true;
      _exit(durable.save_snapshot(files) ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    was_killed = WEXITSTATUS(status) == FaultyFiles::exit_status_of_death;
    if (!was_killed) REQUIRE(WEXITSTATUS(status) == 0);
    const auto again = open<Graph>(saved.store, saved.folder);
    CHECK(again.open_report().warnings.empty());
    CHECK(again.open_report().snapshot_sequence >= (was_killed ? 3 : 4));
    check_is_of_store(again, saved.store);
  }
}

TEST_CASE("when any operation of opening fails, the other snapshot or the store takes its place") {
  const Saved saved;
  FaultyFiles counting;
  CHECK(open<Graph>(saved.store, saved.folder, counting).open_report().snapshot == saved.newest());
  REQUIRE(counting.log.size() > 8);
  for (const bool forever : {false, true}) {
    for (std::size_t allowed = 0; allowed < counting.log.size(); ++allowed) {
      CAPTURE(allowed);
      FaultyFiles files;
      files.allowed = allowed;
      files.forever = forever;
      const auto durable = open<Graph>(saved.store, saved.folder, files);
      REQUIRE(files.failed);
      CHECK(durable.open_report().snapshot.empty() == forever);
      CHECK(durable.open_report().warnings.size() == (forever ? 2 : 1));
      CHECK(durable.open_report().warnings[0].code() == ErrorCode::io_error);
      check_is_of_store(durable, saved.store);
    }
  }
}

TEST_CASE("what is being linked is in the snapshot") {
  const Folder folder;
  const SharedStore store(dimensions);
  DurableOptions options;
  options.snapshot = folder.file("index");
  options.link_behind = true;
  auto durable = DurableOf<Graph>::open(empty<Graph>(), store, options).value();
  REQUIRE(durable.batch_write(some_records(1, 400)));
  REQUIRE(durable.save_snapshot());
  CHECK(shoal::read_index_file_info(folder.file("index.1"))->live == 400);
  const auto again = open<Graph>(store, folder);
  CHECK(again.open_report().replayed == 0);
  check_is_of_store(again, store);
}

TEST_CASE("a snapshot is not saved where there is nowhere to, nor from inside a call") {
  const Folder folder;
  const SharedStore store(dimensions);
  auto nowhere = DurableOf<Graph>::open(empty<Graph>(), store).value();
  CHECK(nowhere.save_snapshot().error().code() == ErrorCode::invalid_config);

  auto durable = open<Graph>(store, folder);
  const auto items = random_items(1, 40, dimensions);
  std::set<ErrorCode> codes;
  REQUIRE(durable.batch_insert(
      items, [&](std::size_t, std::size_t) { codes.insert(durable.save_snapshot().error().code()); }));
  shoal::SearchOptions options;
  options.filter = [&](std::uint64_t) {
    codes.insert(durable.save_snapshot().error().code());
    return true;
  };
  static_cast<void>(durable.index().search(items[0].second, options));
  CHECK(codes == std::set{ErrorCode::reentrant_mutation});
  CHECK(folder.file_count() == 0);

  DurableOptions missing;
  missing.snapshot = folder.file("no such folder") + "/index";
  auto lost = DurableOf<Graph>::open(empty<Graph>(), store, missing).value();
  CHECK(lost.open_report().warnings.empty());
  CHECK(lost.save_snapshot().error().code() == ErrorCode::cannot_open);
}

TEST_CASE("a store that is busy says nothing of a snapshot") {
  Saved saved;
  saved.store.be_busy_once();
  DurableOptions options;
  options.snapshot = saved.folder.file("index");
  const auto refused = DurableOf<Graph>::open(empty<Graph>(), saved.store, options);
  REQUIRE(!refused);
  CHECK(refused.error().code() == ErrorCode::store_busy);
  const auto durable = open<Graph>(saved.store, saved.folder);
  CHECK(durable.open_report().warnings.empty());
  CHECK(durable.open_report().snapshot == saved.folder.file("index.1"));
  check_is_of_store(durable, saved.store);
}

TEST_CASE("opening from a snapshot can be stopped") {
  const Saved saved;
  SharedStore store = saved.store;
  REQUIRE(store.batch_write(some_records(8, 200, 7'000)));
  FakeTime time;
  DurableOptions options;
  options.snapshot = saved.folder.file("index");
  options.stop = time.stop();
  options.opening = [&](std::size_t done, std::size_t total) {
    CHECK(total == 0);
    time.stopped |= done == 20;
  };
  FaultyFiles files;
  const auto durable = DurableOf<Graph>::open(empty<Graph>(), store, options, files);
  REQUIRE_FALSE(durable);
  CHECK(durable.error().code() == ErrorCode::cancelled);
  CHECK(std::count(files.log.begin(), files.log.end(), "open") == 3);  // two headers, and the newest: no other is tried
}

namespace {
/// L2Squared without a name: an index of it has no files.
struct Nameless {
  static constexpr bool unit_vectors = false;
  static float distance(const float* a, const float* b, std::size_t n) noexcept {
    float sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
  }
};
}  // namespace

TEST_CASE("an index that cannot be saved is opened without snapshots alone") {
  using Index = shoal::HnswIndex<Nameless>;
  static_assert(!Index::can_be_saved && Graph::can_be_saved && Exact::can_be_saved);
  SharedStore store(dimensions);
  REQUIRE(store.batch_write(some_records(1, 20)));
  DurableOptions options;
  CHECK(DurableOf<Index>::open(Index({.dimensions = dimensions}), store, options).value().size() == 20);
  options.snapshot = "index";
  CHECK(DurableOf<Index>::open(Index({.dimensions = dimensions}), store, options).error().code() ==
        ErrorCode::invalid_config);
}

#if SHOAL_HAS_THREADS
TEST_CASE("while a snapshot is saved, searches go on and changes wait") {
  struct SlowFiles : shoal::detail::SystemFiles {
    std::function<void()> before_rename;
    shoal::detail::Done rename(const std::string& from, const std::string& to) {
      before_rename();
      return SystemFiles::rename(from, to);
    }
  };
  const Saved saved;
  auto durable = open<Graph>(saved.store, saved.folder);
  const auto items = random_items(7, 20, dimensions, 5'000);
  SlowFiles files;
  std::thread writer;
  std::size_t found = 0;
  files.before_rename = [&] {
    writer = std::thread([&] { REQUIRE(durable.batch_insert(items)); });
    std::thread searcher([&] { found = durable.index().search(items[0].second, 10).size(); });
    searcher.join();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(durable.store().last_sequence().value() == 3);
  };
  REQUIRE(durable.save_snapshot(files));
  writer.join();
  CHECK(found == 10);
  CHECK(durable.sequence() == 4);
  CHECK(shoal::read_index_file_info(saved.previous())->last_sequence == 3);
}
#endif

TEST_CASE("whatever is done, saved and damaged: what is opened is what the store holds") {
  std::size_t used = 0, passed_over = 0;
  for (std::uint64_t seed = 0; seed < 25; ++seed) {
    CAPTURE(seed);
    support::Random random(seed);
    const Folder folder;
    SharedStore store(dimensions);
    auto durable = open<Graph>(store, folder);
    for (int step = 0; step < 60; ++step) {
      const Id first = random.below(80);
      const auto records = some_records(random.next(), 1 + random.below(15), first);
      std::vector<Id> ids;
      for (const auto& record : records) ids.push_back(record.id);
      switch (random.below(8)) {
        case 0:
        case 1: REQUIRE(durable.batch_write(records)); break;
        case 2: REQUIRE(durable.batch_erase(ids)); break;
        case 3: REQUIRE(store.batch_write(records)); break;  // another program's
        case 4: REQUIRE(store.batch_erase(ids)); break;
        case 5: REQUIRE(durable.save_snapshot()); break;
        case 6: {
          const std::string path = folder.file(random.below(2) == 0 ? "index.1" : "index.2");
          Bytes bytes = read_bytes(path);
          if (bytes.empty() || random.below(2) == 0) break;
          bytes[random.below(bytes.size())] ^= std::byte{16};
          write_bytes(path, bytes);
          break;
        }
        default:
          durable = open<Graph>(store, folder);
          used += durable.open_report().snapshot.empty() ? 0 : 1;
          passed_over += durable.open_report().warnings.size();
          for (const auto& warning : durable.open_report().warnings) REQUIRE(warning.code() == ErrorCode::corrupt);
          check_is_of_store(durable, store);
      }
    }
  }
  CHECK(used > 20);
  CHECK(passed_over > 10);
}
