// Few transactions against many: records that arrive 50 at a time, buffered by a BatchWriter or written as they come;
// and 100 records at once, in one transaction or in one each. With the syncs that this disk makes, and with syncs of
// 2.5 ms, as on the disk that the targets come from.

#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>

#include <faulty_vfs.hpp>
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "ingest_store.hpp"
#include "scratch_folder.hpp"
#include "stopwatch.hpp"

namespace shoal::report {

namespace {

constexpr const char* disk_name = "shoal-report";
constexpr std::chrono::microseconds slow_sync{2'500};
constexpr std::size_t arriving_records = 100'000;
constexpr std::size_t arriving_records_when_quick = 10'000;
constexpr std::size_t arriving_at_once = 50;
constexpr std::size_t hundred_records = 100;
constexpr std::size_t hundreds_of_round = 20;  // times that they are written
constexpr std::size_t hundreds_of_round_when_quick = 5;

int sync_data(int file) {
#if defined(_POSIX_SYNCHRONIZED_IO) && _POSIX_SYNCHRONIZED_IO > 0
  return ::fdatasync(file);
#else
  return ::fsync(file);
#endif
}

/// What this disk takes to sync 4 KB that were written to a file, which grows to 4 MB and is then written again: as a
/// write-ahead log does.
std::vector<double> measure_fdatasync(const std::filesystem::path& folder) {
  constexpr std::size_t block = 4096;
  constexpr std::size_t blocks = 1024;
  constexpr std::size_t syncs = 200;
  const ScratchFolder scratch(folder);
  const int file = ::open((scratch.path() / "synced").c_str(), O_RDWR | O_CREAT, 0600);
  if (file < 0) throw std::system_error(errno, std::generic_category(), "fdatasync");
  std::array<char, block> bytes{};
  std::vector<double> seconds;
  bool is_well = true;
  for (std::size_t i = 0; i < syncs && is_well; ++i) {
    bytes.fill(static_cast<char>(i));
    is_well = ::pwrite(file, bytes.data(), block, static_cast<off_t>(i % blocks * block)) == off_t{block};
    const WallClock clock;
    is_well = is_well && sync_data(file) == 0;
    seconds.push_back(clock.seconds());
  }
  const int error = errno;
  ::close(file);
  if (!is_well) throw std::system_error(error, std::generic_category(), "fdatasync");
  return seconds;
}

/// A file layer that counts syncs, and makes them as slow as is wanted.
class CountingDisk {
 public:
  void use(const std::optional<double>& sync_seconds) {
    vfs_.set_sync_cost(sync_seconds ? slow_sync : std::chrono::microseconds(0));
  }

  /// Runs `work` and adds to `way` the time it took. Gives how many syncs were made.
  template <class Work>
  std::int64_t time(WriteWay& way, const Work& work) {
    const std::int64_t before = vfs_.sync_count();
    const WallClock clock;
    work();
    way.seconds.push_back(clock.seconds());
    return vfs_.sync_count() - before;
  }

 private:
  support::FaultyVfs vfs_{disk_name};
};

/// Takes turns: what went first goes second next time.
template <class First, class Second>
void take_turns(std::size_t round, const First& first, const Second& second) {
  if (round % 2 == 1) second();
  first();
  if (round % 2 == 0) second();
}

std::array<WriteComparison, 2> here_and_slow(std::size_t records) {
  WriteComparison here;
  here.records = records;
  WriteComparison slow = here;
  slow.sync_seconds = std::chrono::duration<double>(slow_sync).count();
  return {here, slow};
}

/// A producer that makes records 50 at a time.
template <class Take>
void arrive(const datasets::Dataset& set, std::size_t count, const Take& take) {
  std::vector<Record<>> records;
  for (std::size_t first = 0; first < count; first += arriving_at_once) {
    records.clear();
    for (std::size_t id = first; id < std::min(first + arriving_at_once, count); ++id) {
      records.push_back(record_of(set, id));
    }
    take(records);
  }
}

class ArrivingRecords {
 public:
  ArrivingRecords(const datasets::Dataset& set, const Options& options, CountingDisk& disk)
      : set_(set),
        options_(options),
        disk_(disk),
        count_(options.at_most(options.quick ? arriving_records_when_quick : arriving_records)) {}

  [[nodiscard]] std::vector<WriteComparison> run() {
    auto comparisons = here_and_slow(count_);
    const std::size_t rounds = options_.search_rounds();
    for (std::size_t round = 0; round < rounds; ++round) {
      fmt::print(stderr, "ingest: buffered or not, round {} of {}\n", round + 1, rounds);
      for (WriteComparison& comparison : comparisons) {
        disk_.use(comparison.sync_seconds);
        take_turns(
            round, [&] { write_buffered(comparison.few, rounds); }, [&] { write_at_once(comparison.many, rounds); });
      }
    }
    return {comparisons.begin(), comparisons.end()};
  }

 private:
  void write_buffered(WriteWay& way, std::size_t rounds) {
    const std::size_t batch_size = BatchWriterOptions().store_batch_size;
    write(way, rounds, (count_ + batch_size - 1) / batch_size, [&](IngestStore& store) {
      BatchWriter writer(store);
      arrive(set_, count_, [&](std::vector<Record<>>& records) {
        for (Record<>& record : records) {
          if (const auto added = writer.add(std::move(record)); !added) throw std::runtime_error(added.error().what());
        }
      });
      if (const auto finished = writer.finish(); !finished) throw std::runtime_error(finished.error().what());
    });
  }

  void write_at_once(WriteWay& way, std::size_t rounds) {
    write(way, rounds, (count_ + arriving_at_once - 1) / arriving_at_once, [&](IngestStore& store) {
      arrive(set_, count_, [&](std::vector<Record<>>& records) {
        if (const auto written = store.batch_write(records); !written) {
          throw std::runtime_error(std::string(written.error().message()));
        }
      });
    });
  }

  template <class Work>
  void write(WriteWay& way, std::size_t rounds, std::size_t transactions, const Work& work) {
    const ScratchFolder folder(options_.out);
    IngestStore store = open_store(folder.path(), set_, disk_name);
    const std::int64_t syncs = disk_.time(way, [&] { work(store); });
    require_stored(store, set_, count_, transactions);
    way.transactions = static_cast<double>(transactions);
    way.syncs += static_cast<double>(syncs) / static_cast<double>(rounds);
  }

  const datasets::Dataset& set_;
  const Options& options_;
  CountingDisk& disk_;
  std::size_t count_;
};

/// A store that takes 100 records, again and again.
class HundredsWriter {
 public:
  HundredsWriter(const datasets::Dataset& set, const std::filesystem::path& folder, CountingDisk& disk,
                 std::size_t batch_size, WriteWay& way)
      : set_(set), folder_(folder), store_(open_store(folder_.path(), set, disk_name)), disk_(disk), way_(way) {
    options_.batch_size = batch_size;
  }

  void write() {
    std::vector<Record<>> records;
    for (std::size_t i = 0; i < hundred_records; ++i) records.push_back(record_of(set_, written_ + i));
    WriteReport report;
    syncs_ += disk_.time(way_, [&] { report = batch_write(store_, records, options_); });
    if (!report.ok() || !report.errors.empty()) throw std::runtime_error(report.what());
    transactions_ += report.batches_processed;
    written_ += hundred_records;
  }

  void finish() {
    require_stored(store_, set_, written_, transactions_);
    const auto times = static_cast<double>(written_) / static_cast<double>(hundred_records);
    way_.transactions = static_cast<double>(transactions_) / times;
    way_.syncs = static_cast<double>(syncs_) / times;
  }

 private:
  const datasets::Dataset& set_;
  ScratchFolder folder_;
  IngestStore store_;
  CountingDisk& disk_;
  WriteWay& way_;
  BatchWriteOptions options_;
  std::size_t written_ = 0;
  std::size_t transactions_ = 0;
  std::int64_t syncs_ = 0;
};

std::vector<WriteComparison> write_hundreds(const datasets::Dataset& set, const Options& options, CountingDisk& disk) {
  const std::size_t times =
      options.search_rounds() * (options.quick ? hundreds_of_round_when_quick : hundreds_of_round);
  auto comparisons = here_and_slow(hundred_records);
  for (WriteComparison& comparison : comparisons) {
    fmt::print(stderr, "ingest: {} records, {} times\n", hundred_records, times);
    disk.use(comparison.sync_seconds);
    HundredsWriter few(set, options.out, disk, hundred_records, comparison.few);
    HundredsWriter many(set, options.out, disk, 1, comparison.many);
    for (std::size_t i = 0; i < times; ++i) {
      take_turns(
          i, [&] { few.write(); }, [&] { many.write(); });
    }
    few.finish();
    many.finish();
  }
  return {comparisons.begin(), comparisons.end()};
}

}  // namespace

void measure_transactions(const datasets::Dataset& set, const Options& options, IngestResult& result) {
  result.fdatasync = measure_fdatasync(options.out);
  CountingDisk disk;
  result.arriving = ArrivingRecords(set, options, disk).run();
  result.hundred = write_hundreds(set, options, disk);
}

}  // namespace shoal::report
