// kill -9 at any moment: shoal-ingest is fed through a pipe, its acknowledgements are read, and it is killed after a
// random number of them and a random while of computing. Then the store must hold every acknowledged record, whole
// batches alone, and what an index of the store finds must be what an index of those records finds. The next round goes
// on with the same store, until all records are in; then it starts anew.
//
// SHOAL_KILLS says how many kills (30), SHOAL_KILL_SEED where they come from.
//
// What this cannot show: that a commit was synced. What a killed process wrote is with the operating system, synced or
// not; tests/sqlite/fault_test.cpp cuts the power instead.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "process.hpp"
#include "random.hpp"
#include "shoal/ingest/durable_index.hpp"
#include "shoal/shoal.hpp"
#include "support.hpp"

namespace {

constexpr std::size_t dimensions = 8;
constexpr std::size_t batch_size = 40;
constexpr std::size_t records = 25 * batch_size + 17;
constexpr std::size_t queries = 50;
constexpr std::size_t k = 10;

using Index = shoal::HnswIndex<>;
using Found = std::vector<std::vector<shoal::Neighbor<std::uint64_t>>>;

std::size_t number_from_environment(const char* name, std::size_t otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

/// Ids are scattered over all 64 bits; the vector and the metadata follow from the id.
std::uint64_t id_of(std::size_t number) { return shoal::detail::mix64(number); }

std::vector<float> vector_of(std::uint64_t id) {
  support::Random random(id);
  std::vector<float> vector(dimensions);
  // Few digits, so that a line holds the vector exactly.
  for (float& value : vector) value = static_cast<float>(random.below(2048)) / 64 - 16;
  return vector;
}

std::string metadata_of(std::uint64_t id) { return R"({"tag":")" + std::to_string(id % 1000) + R"("})"; }

std::string line_of(std::size_t number) {
  const std::uint64_t id = id_of(number);
  std::string line = R"({"id":)" + std::to_string(id) + R"(,"vector":[)";
  for (const float value : vector_of(id)) line += std::to_string(value) + ",";
  line.back() = ']';
  return line + R"(,"metadata":)" + metadata_of(id) + "}\n";
}

const std::string& all_lines() {
  static const std::string lines = [] {
    std::string text;
    for (std::size_t i = 0; i < records; ++i) text += line_of(i);
    return text;
  }();
  return lines;
}

Found search_all(const Index& index) {
  Found found;
  for (std::size_t i = 0; i < queries; ++i) {
    found.push_back(index.search(vector_of(i), {.k = k, .ef = k}));
  }
  return found;
}

/// Whether the store holds the first records, whole batches of them; returns how many there are.
std::size_t check_store(const std::string& path) {
  REQUIRE(support::Shell(path)("PRAGMA integrity_check") == "ok;");
  const auto changes = support::changes_since(support::open_store(path, {.read_only = true}), 0);
  REQUIRE((changes.size() % batch_size == 0 || changes.size() == records));
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto& record = changes[i].record;
    REQUIRE(changes[i].sequence == i / batch_size + 1);
    REQUIRE(record.id == id_of(i));
    REQUIRE(record.vector == vector_of(record.id));
    REQUIRE(record.metadata == metadata_of(record.id));
  }
  return changes.size();
}

/// Whether the index that is opened finds what an index of the first `count` records finds.
void check_index(const std::string& path, std::size_t count) {
  auto durable = shoal::DurableIndex<Index, support::Store>::open(Index({.dimensions = dimensions}),
                                                                  support::open_store(path, {.read_only = true}));
  REQUIRE(durable.has_value());
  REQUIRE(durable->size() == count);
  REQUIRE(durable->index().check().ok());
  std::vector<std::pair<std::uint64_t, std::vector<float>>> items;
  for (std::size_t i = 0; i < count; ++i) items.emplace_back(id_of(i), vector_of(id_of(i)));
  Index plain({.dimensions = dimensions});
  REQUIRE(plain.batch_insert(items).has_value());
  REQUIRE(search_all(durable->index()) == search_all(plain));
}

/// "persisted N" -> N.
std::size_t acknowledged(const std::string& line) {
  REQUIRE(line.rfind("persisted ", 0) == 0);
  return std::stoul(line.substr(10));
}

/// A run from where the store stands, which is killed somewhere, unless it ends before. True: it was killed.
bool run_and_kill(const std::string& path, std::size_t& stored, support::Random& random) {
  std::vector<std::string> arguments{
      path, "-", "--acknowledge", "--quiet", "--store-batch-size", std::to_string(batch_size)};
  if (random.below(4) == 0) arguments.emplace_back("--build");
  support::Process process(arguments, path + ".err");
  std::thread feeder([&process] {
    process.write(all_lines());
    process.end_input();
  });
  // Half of all kills follow at once on an acknowledgement, where a wrong one would be found out.
  const std::size_t wanted = random.below(8);
  const std::size_t spins = random.below(2) == 0 ? 0 : random.below(3'000'000);
  std::size_t count = 0;
  bool has_ended = false;
  for (std::size_t i = 0; i < wanted && !has_ended; ++i) {
    const std::string line = process.read_line();
    has_ended = line.empty();
    if (!has_ended) count = acknowledged(line);
  }
  std::atomic<std::size_t> spin = 0;
  while (spin < spins) ++spin;
  if (!has_ended) process.signal(SIGKILL);
  for (std::string line = process.read_line(); !line.empty(); line = process.read_line()) count = acknowledged(line);
  const int code = process.wait();
  feeder.join();
  CAPTURE(code);
  CAPTURE(support::read_file(path + ".err"));
  REQUIRE((code == -SIGKILL || code == 0));
  CAPTURE(stored);
  CAPTURE(count);
  const std::size_t promised = stored + count;
  std::size_t found = 0;
  if (std::filesystem::exists(path) && std::filesystem::file_size(path) != 0) {
    // Killed before the tables were there, it is an empty database.
    if (support::Shell(path)("SELECT count(*) FROM sqlite_master") != "0;") found = check_store(path);
  }
  CHECK(found >= promised);
  CHECK(found <= std::min(promised + batch_size, records));  // one commit more, whose acknowledgement did not come
  if (code == 0) CHECK(promised == records);
  REQUIRE((found >= promised && found <= promised + batch_size));
  stored = found;
  return code != 0;
}

TEST_CASE("a run that is killed at any moment keeps all that it acknowledged, in whole batches") {
  const support::IgnoreBrokenPipes ignore;
#ifdef SHOAL_TESTS_OF_FEWER_TYPES
  constexpr std::size_t usual_kills = 8;
#else
  constexpr std::size_t usual_kills = 30;
#endif
  const std::size_t kills = number_from_environment("SHOAL_KILLS", usual_kills);
  const std::size_t seed = number_from_environment("SHOAL_KILL_SEED", 18);
  support::Random random(seed);
  CAPTURE(seed);
  MESSAGE("seed ", seed, ", ", kills, " kills");
  std::size_t killed = 0;
  std::size_t completed = 0;
  std::size_t after_nothing = 0;
  while (killed < kills) {
    const support::Folder folder;
    const std::string path = folder.file();
    std::size_t stored = 0;
    while (stored < records && killed < kills) {
      CAPTURE(killed);
      const std::size_t before = stored;
      if (run_and_kill(path, stored, random)) ++killed;
      if (stored == before) ++after_nothing;
      if (stored != 0) check_index(path, stored);
    }
    if (stored == records) ++completed;
  }
  MESSAGE(completed, " stores came to their end, ", after_nothing, " runs wrote nothing");
  if (kills >= 30) CHECK(completed > 0);
}

}  // namespace
