// The line that people watch, and the numbers behind it.

#include <chrono>
#include <clocale>
#include <string>

#include <doctest/doctest.h>

#include <shoal/ingest/ingest_progress.hpp>

using shoal::format_progress;
using shoal::IngestProgress;
using namespace std::chrono_literals;

TEST_CASE("the line of an ingestion names both counters, the rate and the time left") {
  IngestProgress progress;
  progress.generated = 45'200;
  progress.persisted = 40'000;
  progress.buffered = 5'200;
  progress.total = 100'000;
  progress.elapsed = std::chrono::nanoseconds(static_cast<std::int64_t>(45'200 / 125.3 * 1e9));
  CHECK(format_progress(progress) == "45.2% | generated 45,200 | persisted 40,000 | 125.3/s | ETA 7m17s");
}

TEST_CASE("what is not known is left out of the line, and what happened is named") {
  IngestProgress progress;
  CHECK(format_progress(progress) == "generated 0 | persisted 0 | 0.0/s");
  progress.generated = 1'234'567;
  progress.elapsed = 1s;
  CHECK(format_progress(progress) == "generated 1,234,567 | persisted 0 | 1,234,567.0/s");
  progress.skipped = 1'000;
  progress.errors = 3;
  CHECK(format_progress(progress) == "generated 1,234,567 | persisted 0 | skipped 1,000 | errors 3 | 1,235,570.0/s");
  progress = {.total = 50};  // a total, but no time has passed
  CHECK(format_progress(progress) == "0.0% | generated 0 | persisted 0 | 0.0/s");
}

TEST_CASE("a hundred percent is said only when all is done, and the time left not then") {
  IngestProgress progress{.generated = 99'999, .total = 100'000};
  CHECK(format_progress(progress).starts_with("99.9% | "));
  progress.skipped = 1;
  progress.elapsed = 1s;
  progress.finished = true;
  CHECK(format_progress(progress) == "100.0% | generated 99,999 | persisted 0 | skipped 1 | 100,000.0/s");
  progress.errors = 7;  // more came than was said
  CHECK(format_progress(progress).starts_with("100.0% | "));
}

TEST_CASE("durations are written in their two largest units") {
  using shoal::detail::as_duration;
  CHECK(as_duration(0s) == "0s");
  CHECK(as_duration(59s) == "59s");
  CHECK(as_duration(60s) == "1m00s");
  CHECK(as_duration(437s) == "7m17s");
  CHECK(as_duration(3'599s) == "59m59s");
  CHECK(as_duration(3'600s) == "1h00m");
  CHECK(as_duration(3'600s + 119s) == "1h01m");
  CHECK(as_duration(86'399s) == "23h59m");
  CHECK(as_duration(86'400s) == "1d00h");
  CHECK(as_duration(100h) == "4d04h");
}

TEST_CASE("the time left follows from the rate, whatever the numbers") {
  IngestProgress progress{.generated = 10, .total = 100, .elapsed = 20s};
  CHECK(progress.rate() == 0.5);
  CHECK(progress.eta() == 180s);
  progress.generated = 0;
  CHECK_FALSE(progress.eta());  // nothing yet to judge by
  progress.generated = 200;
  CHECK(progress.eta() == 0s);
  progress = {.generated = 1, .total = ~std::uint64_t{0}, .elapsed = 100h};
  CHECK(progress.eta() == 1'000'000'000s);
  progress = {.generated = 5, .elapsed = 1s};
  CHECK_FALSE(progress.eta());  // no total
}

TEST_CASE("the line is the same in every locale") {
  const std::string before = std::setlocale(LC_ALL, nullptr);
  for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"}) {
    if (std::setlocale(LC_ALL, name) == nullptr) continue;
    IngestProgress progress{.generated = 12'345, .elapsed = 10s};
    CHECK(format_progress(progress) == "generated 12,345 | persisted 0 | 1,234.5/s");
  }
  std::setlocale(LC_ALL, before.c_str());
}
