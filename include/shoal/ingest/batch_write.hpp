#pragma once
// Writing records to whatever takes them: a store, in transactions of so many, with further tries when it fails. The
// result says how many records are durable, and that is always a prefix of those given: what fails is not passed over.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/index/options.hpp"
#include "shoal/ingest/record.hpp"
#include "shoal/ingest/retry.hpp"
#include "shoal/ingest/vector_store.hpp"

namespace shoal::inline v0 {

// clang-format off
/// Writes many records, all or none.
template <class S, class Id>
concept BatchSink = requires(S& sink, std::span<const Record<Id>> records) {
  { sink.batch_write(records) } -> std::same_as<Expected<Committed, Error>>;
};
/// Writes one record.
template <class S, class Id>
concept SingleSink = requires(S& sink, const Record<Id>& record) {
  { sink.write(record) } -> std::same_as<Expected<Committed, Error>>;
};
/// A function that writes many records, all or none.
template <class S, class Id>
concept CallableSink = requires(S& sink, std::span<const Record<Id>> records) {
  { sink(records) } -> std::same_as<Expected<void, Error>>;
};
/// Whatever records can be written to: a store, a DurableIndex, a function.
template <class S, class Id>
concept RecordSink = BatchSink<S, Id> || SingleSink<S, Id> || CallableSink<S, Id>;
// clang-format on

/// What became of records that were to be written. `written` of them, from the front, are durable.
struct WriteReport {
  std::size_t written = 0;
  std::size_t failed = 0;             ///< The rest: not written, or written and taken back.
  std::size_t batches_processed = 0;  ///< Transactions that went through.
  std::uint64_t last_sequence = 0;    ///< Of the last of them; 0: of none, or the sink gives no numbers.
  std::vector<Error> errors{};        ///< Of every try that failed. Unless `ok`, the last one is why it ended.

  [[nodiscard]] bool ok() const noexcept { return failed == 0; }
  /// "wrote N of M records: CAUSE"
  [[nodiscard]] std::string what() const {
    std::string text = "wrote " + std::to_string(written) + " of " + std::to_string(written + failed) + " records";
    if (!ok() && !errors.empty()) (text += ": ") += errors.back().message();
    return text;
  }
};

/// Choices of `batch_write`.
struct BatchWriteOptions {
  std::size_t batch_size = 100;                      ///< Records in a transaction, at most.
  std::size_t batch_bytes = std::size_t{64} << 20U;  ///< Bytes of them, at most, unless one record alone has more.
  RetryPolicy retry{};
  StopToken stop{};  ///< Asked before each transaction and each further try, and while waiting for one.
  IngestClock clock{};
  std::function<void(std::size_t written, std::size_t total)> progress{};  ///< Called after each transaction.
};

namespace detail {

/// Writes `records` as far as one try leads, and adds to `report`.
template <class Id, class Sink>
[[nodiscard]] std::optional<Error> write_once(Sink& sink, std::span<const Record<Id>> records, WriteReport& report) {
  const auto add = [&](const Committed& committed, std::size_t count) {
    report.written += count;
    ++report.batches_processed;
    report.last_sequence = committed.sequence;
  };
  if constexpr (BatchSink<Sink, Id>) {
    auto written = sink.batch_write(records);
    // What is behind the store is in the store.
    if (written || written.error().code() == ErrorCode::behind_store) {
      add(written ? *written : Committed{}, records.size());
    }
    if (!written) return std::move(written.error());
  } else if constexpr (SingleSink<Sink, Id>) {
    for (const Record<Id>& record : records) {
      auto written = sink.write(record);
      if (!written) return std::move(written.error());
      add(*written, 1);
    }
  } else {
    auto written = sink(records);
    if (!written) return std::move(written.error());
    add({}, records.size());
  }
  return std::nullopt;
}

/// Writes `records`, with further tries, and adds to `report` what was written and every error. True: all is written,
/// and nothing is to be said about it.
template <class Id, class Sink>
[[nodiscard]] bool write_with_retry(Sink& sink, std::span<const Record<Id>> records, const RetryPolicy& retry,
                                    const IngestClock& clock, const StopToken& stop, WriteReport& report) {
  for (std::size_t tries = 0;;) {
    const std::size_t before = report.written;
    auto error = write_once(sink, records, report);
    const std::size_t written = report.written - before;
    records = records.subspan(written);
    if (!error) return true;
    const bool may_pass = is_transient(error->code());
    report.errors.push_back(*std::move(error));
    if (written != 0) tries = 0;  // another record is in the way
    if (records.empty() || !may_pass || tries == retry.delays.size() || stop.stop_requested()) return false;
    wait(clock, retry.delays[tries++], stop);
    if (stop.stop_requested()) return false;
  }
}

/// How many records from the front go into one transaction.
template <class Id>
[[nodiscard]] std::size_t batch_length(std::span<const Record<Id>> records, std::size_t most, std::size_t most_bytes) {
  std::size_t bytes = 0;
  std::size_t length = 0;
  while (length < std::min(records.size(), most)) {
    bytes += size_bytes(records[length]);
    if (length > 0 && bytes > most_bytes) break;
    ++length;
  }
  return length;
}

}  // namespace detail

/// Writes records to a store in transactions of `batch_size`, each tried again as `options` say. To a store that has no
/// `batch_write` records are written one by one. What fails for good ends it: nothing behind it is written.
///
/// *Errors*: in the report. *Threads*: as the store's. *Cost*: a transaction syncs the disk once.
template <class Store>
  requires RecordSink<Store, typename Store::id_type>
[[nodiscard]] WriteReport batch_write(Store& store,
                                      std::type_identity_t<std::span<const Record<typename Store::id_type>>> records,
                                      const BatchWriteOptions& options = {}) {
  WriteReport report;
  const std::size_t total = records.size();
  while (report.written < total) {
    if (options.stop.stop_requested()) {
      report.errors.push_back(detail::make_error(ErrorCode::cancelled, "cancelled: a stop was requested"));
      break;
    }
    const auto rest = records.subspan(report.written);
    const auto batch =
        rest.first(detail::batch_length(rest, std::max<std::size_t>(options.batch_size, 1), options.batch_bytes));
    const bool done = detail::write_with_retry(store, batch, options.retry, options.clock, options.stop, report);
    if (options.progress) options.progress(report.written, total);
    if (!done) break;
  }
  report.failed = total - report.written;
  return report;
}

}  // namespace shoal::inline v0
