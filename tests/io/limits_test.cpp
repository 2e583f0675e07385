// Files that ask for more than there is, or say what cannot be, each with its checksums right: F1 and F2 of what goes
// wrong in libraries like this one. They are refused before anything is allocated for them: this file replaces operator
// new for its program.

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "counting_new.hpp"
#include "fixtures.hpp"
#include "platform.hpp"

using namespace io_tests;
using shoal::ErrorCode;
using support::random_items;

namespace {

using Index = shoal::HnswIndex<>;
constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

Bytes some_file(bool has_erased = false) {
  Index index({.dimensions = 4, .M = 4});
  REQUIRE(index.batch_insert(random_items(7, 200, 4)));
  if (has_erased) {
    for (int id = 0; id < 30; ++id) REQUIRE(index.erase(id));
  }
  return bytes_of(index);
}

/// Bytes that a load of it allocates at most, beside the file itself.
std::size_t peak_of_load(const Bytes& bytes) {
  MemoryFiles files;
  files.files["index"] = bytes;
  auto& counts = support::allocation_counts();
  counts.forget_peak();
  const std::size_t before = counts.live_bytes;
  const auto loaded = Index::load("index", {}, files);
  REQUIRE(!loaded);
  REQUIRE(loaded.error().code() == ErrorCode::corrupt);
  return counts.peak_bytes - before;
}

/// Where the table says that the section of a kind begins.
std::size_t section_at(const Bytes& bytes, std::uint32_t kind) {
  using namespace shoal::detail;
  for (std::size_t i = 0; i < get<std::uint32_t>(bytes, 32); ++i) {
    const std::size_t at = table_at + i * table_row;
    if (get<std::uint32_t>(bytes, at) == kind) return static_cast<std::size_t>(get<std::uint64_t>(bytes, at + 8));
  }
  FAIL("no such section");
  return 0;
}

/// Changes a number, mends the checksums, and expects a refusal that says `part`.
template <class Number>
void expect_refused(Bytes bytes, std::size_t at, Number value, const std::string& part) {
  CAPTURE(at);
  shoal::detail::put(bytes, at, value);
  mend_checksums(bytes);
  for (const auto& error :
       {load_bytes<Index>(bytes), [&] {
          MemoryFiles files;
          files.files["index"] = bytes;
          auto opened = Index::open("index", {.verify = true}, files);
          REQUIRE(!opened);
          return shoal::Expected<Index, shoal::Error>(shoal::Unexpected<shoal::Error>(opened.error()));
        }()}) {
    REQUIRE(!error);
    CHECK(error.error().code() == ErrorCode::corrupt);
    CHECK_MESSAGE(error.error().message().find(part) != std::string::npos, std::string(error.error().message()));
  }
}

}  // namespace

TEST_CASE("F1: numbers of a header that ask for more than the file has are refused before anything is allocated") {
  const Bytes good = some_file();
  const std::size_t usual = 300'000;  // what a file of this size may take: chunks are rounded up
  for (const std::size_t at : std::vector<std::size_t>{24, 32, 48, 56, 64, 80, 88, 96, 104}) {
    for (const std::uint64_t value : {most, most / 2, std::uint64_t{1} << 32, std::uint64_t{0x7FFF'FFFF},
                                      std::uint64_t{65'536}, std::uint64_t{512}, std::uint64_t{0}}) {
      CAPTURE(at);
      CAPTURE(value);
      Bytes bytes = good;
      const bool is_narrow = at == 32;
      if (is_narrow) {
        shoal::detail::put(bytes, at, static_cast<std::uint32_t>(value));
      } else {
        shoal::detail::put(bytes, at, value);
      }
      if (bytes == good) continue;
      if (at == 80 && (value == 0 || value >= 200)) continue;    // another max_elements is as good
      if (at == 64 && value >= 1 && value <= 100'000) continue;  // and so is another ef_construction
      mend_checksums(bytes);
      CHECK(peak_of_load(bytes) < usual);
    }
  }
  for (std::size_t section = 0; section < 10; ++section) {
    for (const std::size_t field : std::vector<std::size_t>{8, 16, 24}) {
      for (const std::uint64_t value : {most, most - 63, most / 2 + 1, std::uint64_t{1} << 34, std::uint64_t{0}}) {
        CAPTURE(section);
        CAPTURE(field);
        Bytes bytes = good;
        shoal::detail::put(bytes, 256 + 32 * section + field, value);
        if (bytes == good) continue;
        mend_checksums(bytes);
        CHECK(peak_of_load(bytes) < usual);
      }
    }
  }
}

TEST_CASE("F1: a file of 90 bytes that asks for 16 GB is refused") {
  Bytes bytes = some_file();
  bytes.resize(90);
  shoal::detail::put(bytes, 88, std::uint16_t{0xFFFF});
  CHECK(peak_of_load(bytes) < 20'000);
}

TEST_CASE("F1: memory that runs out while a file is loaded is an error, wherever it does" *
          support::needs_exceptions()) {
  MemoryFiles files;
  files.files["index"] = some_file(true);
  std::size_t failures = 0;
  for (std::size_t allowed = 0;; ++allowed) {
    CAPTURE(allowed);
    bool failed = false;
    const auto loaded = [&] {
      const support::FailingAllocations failing(allowed);
      auto result = Index::load("index", {}, files);
      failed = support::FailingAllocations::stop();
      return result;
    }();
    if (!failed) {
      CHECK(loaded);
      break;
    }
    ++failures;
    REQUIRE(!loaded);
    REQUIRE(loaded.error().code() == ErrorCode::out_of_memory);
  }
  CHECK(failures > 10);
}

TEST_CASE("memory that runs out while an index is saved is an error, and the old file is intact" *
          support::needs_exceptions()) {
  Index index({.dimensions = 4, .M = 4});
  REQUIRE(index.batch_insert(random_items(7, 200, 4)));
  const Folder folder;
  const std::string path = folder.file();
  REQUIRE(index.save(path));
  const Bytes before = read_bytes(path);
  for (std::size_t allowed = 0;; ++allowed) {
    CAPTURE(allowed);
    bool failed = false;
    const auto saved = [&] {
      const support::FailingAllocations failing(allowed);
      auto result = index.save(path, {.last_sequence = 1});
      failed = support::FailingAllocations::stop();
      return result;
    }();
    if (!failed) {
      CHECK(saved);
      break;
    }
    REQUIRE(!saved);
    REQUIRE(saved.error().code() == ErrorCode::out_of_memory);
    REQUIRE(folder.file_count() == 1);
    REQUIRE(read_bytes(path) == before);
  }
}

TEST_CASE("F2: a link, entry point, root, level, id or flag that cannot be is refused, and the message says which") {
  const Bytes good = some_file(true);
  REQUIRE(load_bytes<Index>(good));
  const std::size_t links = section_at(good, 6), graph = section_at(good, 5), parents = section_at(good, 7),
                    upper = section_at(good, 8), ids = section_at(good, 1), gone = section_at(good, 3),
                    floats = section_at(good, 10);
  expect_refused(good, links, std::uint16_t{5'000}, "link to slot 5000 of 200");
  expect_refused(good, links, std::uint16_t{0}, "link to itself");
  expect_refused(good, links + 2, shoal::detail::get<std::uint16_t>(good, links), "two links to one slot");
  expect_refused(good, links, std::uint16_t{0xFFFF}, "behind a free place");
  expect_refused(good, graph, std::uint32_t{200}, "entry point 200");
  expect_refused(good, graph, std::uint32_t{0xFFFF'FFFF}, "entry point");
  expect_refused(good, graph, std::uint32_t{1}, "entry point is slot 1");  // which is not on the top level
  expect_refused(good, graph + 4, std::uint32_t{1}, "parent");
  expect_refused(good, graph + 8, std::uint32_t{3}, "links of 3 bytes");
  expect_refused(good, graph + 12, std::uint32_t{1}, "zero");
  expect_refused(good, parents + 2 * 10, std::uint16_t{150}, "expected an earlier slot");
  expect_refused(good, upper + 8, std::uint32_t{25}, "reach up");
  expect_refused(good, upper, std::uint32_t{250}, "reach up");
  expect_refused(good, upper + 4, std::uint32_t{1}, "reach up");
  expect_refused(good, ids + 8 * 150, shoal::detail::get<std::uint64_t>(good, ids + 8 * 151), "one id");
  expect_refused(good, ids + 8 * 150, std::uint64_t{12'345}, "table of ids");
  expect_refused(good, gone, std::uint64_t{0}, "gone and free");
  expect_refused(good, floats + 16 * 100, std::uint32_t{0x7FC0'0000}, "slot 100");  // NaN
  expect_refused(good, floats + 16 * 100, std::uint32_t{0x7F00'0000}, "slot 100");  // 1.7e38
  expect_refused(good, 40, std::uint32_t{2}, "id type");                            // a bool of 2
  expect_refused(good, 48, std::uint64_t{0}, "dimensions");
  expect_refused(good, 56, std::uint64_t{1}, "M must be");
}
