// The tables and targets of ingestion, on numbers whose answer is known.
#include "ingest.hpp"

#include <doctest/doctest.h>

namespace shoal::report {
namespace {

/// Few take 1, 2 and 10 ms, many a hundred times as long, but ten times in the last round.
WriteComparison comparison_of(std::optional<double> sync_seconds) {
  return {100, sync_seconds, {1, 1.25, {1e-3, 2e-3, 10e-3}}, {100, 103, {0.1, 0.2, 0.1}}};
}

IngestResult one_result() {
  IngestResult result{.set = "made-up", .rows = 20'000, .dimensions = 768, .file_system = "ext4"};
  result.fdatasync = {0.1e-3, 0.2e-3, 0.3e-3};
  return result;
}

Target target_named(const IngestResult& result, const std::string& name) {
  for (const Target& target : ingest_targets({result})) {
    if (target.name == name) return target;
  }
  FAIL("no target " << name);
  return {};
}

TEST_CASE("few transactions stand beside many, with the ratio of a round and that of all time") {
  IngestResult result = one_result();
  result.hundred = {comparison_of({}), comparison_of(2.5e-3)};
  const std::string text = ingest_section({result});
  CHECK(text.find("### Ingestion: made-up, 20,000 x 768, on ext4") != std::string::npos);
  CHECK(text.find("| 100 at once | as here | 1 | 1.25 | 2.00 ms | 100 | 103 | 100 ms | 100.0x | 30.8x |") !=
        std::string::npos);
  CHECK(text.find("| 100 at once | 2.5 ms | 1 | 1.25 |") != std::string::npos);
  CHECK(text.find("A sync after a write of 4 KB takes 0.200 ms here, 99 of 100 at most 0.300 ms.") !=
        std::string::npos);
}

TEST_CASE("the hundredfold transaction has a floor where a sync lasts 2.5 ms, and none on the disk that is there") {
  IngestResult result = one_result();
  result.hundred = {comparison_of({}), comparison_of(2.5e-3)};
  const std::string name = "100 records in one transaction over one each, a sync ";
  CHECK(verdict_of(target_named(result, name + "as here")) == Verdict::none);
  const Target slow = target_named(result, name + "2.5 ms");
  REQUIRE(slow.reached);
  CHECK(slow.reached->median == doctest::Approx(100));
  CHECK(verdict_of(slow) == Verdict::floor);
  result.hundred[1].many.seconds = {0.082, 0.164, 0.82};
  CHECK(verdict_of(target_named(result, name + "2.5 ms")) == Verdict::below);
}

TEST_CASE("buffered writing has a share of the time, and half is enough") {
  IngestResult result = one_result();
  result.arriving = {{100'000, 2.5e-3, {20, 60, {2, 3}}, {2'000, 2'100, {4, 6}}}};
  const std::string name = "time of buffered over unbuffered writing, a sync 2.5 ms";
  const Target target = target_named(result, name);
  CHECK(target.remark == "20 and 2,000 transactions");
  REQUIRE(target.reached);
  CHECK(target.reached->median == doctest::Approx(0.5));
  CHECK(verdict_of(target) == Verdict::floor);
  result.arriving[0].few.seconds = {2.1, 3.1};
  CHECK(verdict_of(target_named(result, name)) == Verdict::below);
}

TEST_CASE("ingestion is a speed against the index alone; on two threads and without link_behind it is information") {
  IngestResult result = one_result();
  result.reading = {0.05, 0.07, 0.06};
  result.index = {{"SQ8", 1, {0.9, 1.8, 0.9}, {1.8, 3.6, 1.8}, {1, 2, 1}, {1, 2, 0.9}}, {"SQ8", 2, {1}, {2}, {4}, {}}};
  const std::string text = ingest_section({result});
  CHECK(text.find("| SQ8, 1 thread | 900 ms | 1.80 s (0.50x) | 1.00 s (0.90x) | 1.00 s (0.90x) |") !=
        std::string::npos);
  CHECK(text.find("| SQ8, 2 threads | 1.00 s | 2.00 s (0.50x) | 4.00 s (0.25x) | - |") != std::string::npos);
  CHECK(text.find("and nothing else, takes 60.0 ms.") != std::string::npos);
  const auto targets = ingest_targets({result});
  REQUIRE(targets.size() == 2);
  CHECK(targets[0].name == "ingestion over batch_insert, SQ8");
  CHECK(verdict_of(targets[0]) == Verdict::floor);
  CHECK(verdict_of(targets[1]) == Verdict::none);
}

TEST_CASE("what is beyond the index is the peak of both accounts without what the index says of itself") {
  IngestResult result = one_result();
  result.store_memory = StoreMemory{100'000, 5'000, {16e6, 4e6}, {17e6, 5e6}};
  result.index_memory = {{"SQ8", true, {60e6, 2e6}, 20e6}};
  const std::string text = ingest_section({result});
  CHECK(text.find("| 100,000 records, 5,000 a batch | 16.0 MB + 4.00 MB | 17.0 MB + 5.00 MB | 1.10x |") !=
        std::string::npos);
  CHECK(text.find("| SQ8, link_behind | 60.0 MB + 2.00 MB | 20.0 MB | 42.0 MB |") != std::string::npos);
  const std::string name = "peak of a long ingestion over that of two batches";
  CHECK(verdict_of(target_named(result, name)) == Verdict::below);
  result.store_memory->batch_size = 50;
  CHECK(verdict_of(target_named(result, name)) == Verdict::none);
}

TEST_CASE("without SQLite there is a note, and no table and no target") {
  IngestResult result;
  result.notes = {"left out"};
  CHECK(ingest_section({result}) == "### Ingestion\n\n(left out)\n\n");
  CHECK(ingest_targets({result}).empty());
  CHECK(ingest_section({}).empty());
}

}  // namespace
}  // namespace shoal::report
