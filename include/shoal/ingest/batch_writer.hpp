#pragma once
// BatchWriter: between a producer that makes records one by one and a sink to which writing many at once is cheaper.
// It holds at most a batch, writes it when it is full, and forgets a record only when the sink has said that it is
// durable: what failed is still there, is tried again, and can be taken back.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/index/options.hpp"
#include "shoal/ingest/batch_write.hpp"
#include "shoal/ingest/ingest_progress.hpp"
#include "shoal/ingest/record.hpp"
#include "shoal/ingest/retry.hpp"
#include "shoal/ingest/vector_store.hpp"

namespace shoal::inline v0 {

/// Choices of a BatchWriter. None is needed.
struct BatchWriterOptions {
  std::size_t store_batch_size = 5'000;  ///< Records held, and written at once, at most. 1,000 to 10,000 is usual.
  /// Bytes held at most, as `size_bytes` counts them, but for a record that alone has more.
  std::size_t store_batch_bytes = std::size_t{64} << 20U;
  std::uint64_t total = 0;              ///< Records that will come, for percent and ETA; 0: unknown.
  bool force_all = false;               ///< Write what is unchanged too.
  RetryPolicy retry{};                  ///< How often and when a write that failed is tried again.
  StopToken stop{};                     ///< When it is requested, the buffer is flushed and nothing more is accepted.
  IngestClock clock{};                  ///< Who tells the time.
  std::size_t progress_interval = 100;  ///< An event for each so many records; 0: the last one alone.
  std::function<void(const IngestProgress&)> progress{};
};

/// Why records were not accepted, or not written.
struct IngestError {
  Error cause{ErrorCode::cancelled};
  std::size_t accepted = 0;   ///< Of the records of this call, from the front: they are in the buffer, or written.
  IngestProgress progress{};  ///< The counters at that moment.

  /// "at N generated, M persisted, K buffered: CAUSE"
  [[nodiscard]] std::string what() const {
    std::string text = "at " + std::to_string(progress.generated) + " generated, " +
                       std::to_string(progress.persisted) + " persisted, " + std::to_string(progress.buffered) +
                       " buffered: ";
    return text += cause.message();
  }
};

namespace detail {

template <class Sink>
struct SinkId {
  using type = std::uint64_t;
};
template <class Sink>
  requires requires { typename Sink::id_type; }
struct SinkId<Sink> {
  using type = typename Sink::id_type;
};
template <class Sink>
using SinkIdOf = typename SinkId<std::remove_cvref_t<Sink>>::type;

}  // namespace detail

/// Writes records to `Sink` in batches. An lvalue is written to where it is (`BatchWriter writer(store)`), anything
/// else is moved in.
///
/// A record is *accepted* when `add` has taken it; from then on it is in the buffer until the sink has it. Records are
/// written in the order in which they came; of several with one id the last counts.
///
/// *Threads*: one producer; the sink may be read by others meanwhile. *Cost*: a move for each record, one call of the
/// sink for each batch. *Exceptions*: what the sink or the callback throws comes through; no record is lost by it.
template <class Sink, class Id = detail::SinkIdOf<Sink>>
class BatchWriter {
  using Target = std::remove_reference_t<Sink>;
  static_assert(RecordSink<Target, Id>,
                "shoal: a sink has batch_write(span of const Record<Id>) or write(const Record<Id>&), which return "
                "Expected<Committed, Error>, or it is a function of such a span that returns Expected<void, Error>");
  static constexpr bool knows_content = KnowsContent<Target, Id>;

 public:
  using id_type = Id;

  /// Errors: std::invalid_argument when the buffer has no room for a record (ends the program without exceptions).
  explicit BatchWriter(Sink&& sink, BatchWriterOptions options = {})
      : sink_(std::forward<Sink>(sink)), options_(std::move(options)), begun_(detail::now(options_.clock)) {
    if (options_.store_batch_size == 0) {
      detail::raise<std::invalid_argument>("store_batch_size must be at least 1, got 0");
    }
    progress_.total = options_.total;
  }
  BatchWriter(const BatchWriter&) = delete;
  BatchWriter& operator=(const BatchWriter&) = delete;

  /// Tries once more to write what is buffered. Whether it could, only `finish` tells.
  ~BatchWriter() {
    if (buffer_.empty()) return;
    SHOAL_TRY {
      WriteReport report;
      (void)detail::write_with_retry(sink_, std::span<const Record<Id>>(buffer_), RetryPolicy{{}}, options_.clock,
                                     options_.stop, report);
    }
    SHOAL_CATCH_ALL {}
  }

  /// Accepts a record, or skips it where the sink has it with the same content hash; writes the buffer when that made
  /// it full. A record that was not accepted is as it was.
  ///
  /// *Errors*: not accepted: what the sink finds wrong with the record; `cancelled` after a stop was requested (the
  /// buffer was flushed); an error of the sink while the buffer is full; out_of_memory. Accepted (`accepted` is 1): the
  /// buffer is full and could not be written; `behind_store`: what was written could not be linked.
  [[nodiscard]] Expected<void, IngestError> add(Record<Id>&& record) { return take(std::move(record)); }
  [[nodiscard]] Expected<void, IngestError> add(const Record<Id>& record) { return take(record); }

  /// Accepts records one after the other, up to the first that is not.
  template <std::ranges::input_range Records>
    requires std::convertible_to<std::ranges::range_reference_t<Records>, Record<Id>>
  [[nodiscard]] Expected<void, IngestError> add_all(Records&& records) {
    std::size_t accepted = 0;
    for (auto&& record : records) {
      auto added = take(std::forward<decltype(record)>(record));
      if (!added) {
        added.error().accepted += accepted;
        return added;
      }
      ++accepted;
    }
    return {};
  }

  /// Counts a record that the producer could not make, as one with an error.
  void count_error() {
    ++progress_.errors;
    report_if_due();
  }

  /// Writes what is buffered. *Errors*: the sink's; what was not written stays buffered.
  [[nodiscard]] Expected<void, IngestError> flush() {
    if (auto failure = write_buffer()) return fail(*std::move(failure), 0);
    return {};
  }

  /// Flushes, and reports the last event, with which `persisted` has reached `generated`. Not needed for more than
  /// that: further records may be added. *Errors*: as of `flush`; may be called again.
  [[nodiscard]] Expected<IngestProgress, IngestError> finish() {
    auto failure = write_buffer();
    IngestProgress last = progress();
    last.finished = !failure;
    report(last);
    if (failure) return Unexpected<IngestError>(IngestError{*std::move(failure), 0, last});
    return last;
  }

  /// The counters now.
  [[nodiscard]] IngestProgress progress() const {
    IngestProgress progress = progress_;
    progress.buffered = buffer_.size();
    progress.elapsed = detail::now(options_.clock) - begun_;
    return progress;
  }

  /// What is accepted and not yet durable, in order.
  [[nodiscard]] std::span<const Record<Id>> buffered() const noexcept { return buffer_; }

  /// Gives up the buffer: its records are the caller's now, and count as errors.
  [[nodiscard]] std::vector<Record<Id>> take_buffered() noexcept {
    progress_.errors += buffer_.size();
    progress_.generated -= buffer_.size();
    ids_.clear();
    buffered_bytes_ = 0;
    return std::exchange(buffer_, {});
  }

  [[nodiscard]] Target& sink() noexcept { return sink_; }
  [[nodiscard]] const Target& sink() const noexcept { return sink_; }

 private:
  template <class R>
  Expected<void, IngestError> take(R&& record) {
    if (options_.stop.stop_requested()) {
      if (auto failure = write_buffer(); failure && !is_written(*failure)) return fail(*std::move(failure), 0);
      return fail(detail::make_error(ErrorCode::cancelled, "cancelled: a stop was requested"), 0);
    }
    if (auto fault = find_fault(record)) {
      ++progress_.errors;
      report_if_due();
      return fail(*std::move(fault), 0);
    }
    if (is_unchanged(record)) {
      ++progress_.skipped;
      report_if_due();
      return {};
    }
    const std::size_t bytes = size_bytes(record);
    std::optional<Error> failure;
    if (is_full() || (!buffer_.empty() && bytes > options_.store_batch_bytes - buffered_bytes_)) {
      failure = write_buffer();
      if (failure && !is_written(*failure)) return fail(*std::move(failure), 0);
    }
    SHOAL_TRY { keep(std::forward<R>(record)); }
    SHOAL_CATCH_BAD_ALLOC { return fail(Error(ErrorCode::out_of_memory), 0); }
    buffered_bytes_ += bytes;
    ++progress_.generated;
    if (is_full()) {
      if (auto later = write_buffer()) failure = std::move(later);
    }
    report_if_due();
    if (failure) return fail(*std::move(failure), 1);
    return {};
  }

  [[nodiscard]] std::optional<Error> find_fault(const Record<Id>& record) const {
    if constexpr (ValidatesRecords<Target, Id>) return std::as_const(sink_).validate(record);
    return std::nullopt;
  }

  /// Would writing it change nothing? What comes last counts: a record that waits hides what the sink has. Where that
  /// cannot be read, the record is not known to be there.
  [[nodiscard]] bool is_unchanged([[maybe_unused]] const Record<Id>& record) const {
    if constexpr (knows_content) {
      if (options_.force_all || record.content_hash.empty()) return false;
      const auto waiting = std::find(ids_.rbegin(), ids_.rend(), record.id);
      if (waiting != ids_.rend()) {
        return buffer_[static_cast<std::size_t>(ids_.rend() - waiting) - 1].content_hash == record.content_hash;
      }
      const auto known = std::as_const(sink_).content_hash(record.id);
      return known && *known == record.content_hash;
    }
    return false;
  }

  [[nodiscard]] bool is_full() const noexcept {
    return buffer_.size() >= options_.store_batch_size || buffered_bytes_ >= options_.store_batch_bytes;
  }

  /// Into the buffer. Errors: std::bad_alloc, and nothing changed.
  void keep(Record<Id>&& record) {
    if (buffer_.size() == buffer_.capacity()) {
      const std::size_t room = std::min(2 * buffer_.size() + 64, options_.store_batch_size);
      buffer_.reserve(room);
      ids_.reserve(room);
    }
    ids_.push_back(record.id);
    buffer_.push_back(std::move(record));
  }
  void keep(const Record<Id>& record) { keep(Record<Id>(record)); }

  /// Is it an error of records that are durable? There is room for others then.
  [[nodiscard]] static bool is_written(const Error& failure) noexcept {
    return failure.code() == ErrorCode::behind_store;
  }

  /// Writes the buffer; what could not be written stays. Without an error it is empty.
  std::optional<Error> write_buffer() {
    if (buffer_.empty()) return std::nullopt;
    WriteReport report;
    const Settle settle{*this, report};
    const bool done = detail::write_with_retry(sink_, std::span<const Record<Id>>(buffer_), options_.retry,
                                               options_.clock, options_.stop, report);
    if (done) return std::nullopt;
    return report.errors.back();
  }

  /// Forgets what was written, also when the sink throws.
  struct Settle {
    BatchWriter& writer;
    const WriteReport& report;
    ~Settle() {
      writer.progress_.persisted += report.written;
      writer.forget(report.written);
    }
  };

  /// The first `count` records need not be kept any more.
  void forget(std::size_t count) noexcept {
    const auto behind = buffer_.begin() + static_cast<std::ptrdiff_t>(count);
    if (behind == buffer_.end()) {
      buffered_bytes_ = 0;
    } else {
      std::for_each(buffer_.begin(), behind, [&](const Record<Id>& record) { buffered_bytes_ -= size_bytes(record); });
    }
    buffer_.erase(buffer_.begin(), behind);
    ids_.erase(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(count));
  }

  [[nodiscard]] Expected<void, IngestError> fail(Error&& cause, std::size_t accepted) const {
    return Unexpected<IngestError>(IngestError{std::move(cause), accepted, progress()});
  }

  void report_if_due() {
    if (options_.progress_interval == 0 || progress_.processed() - reported_ < options_.progress_interval) return;
    report(progress());
  }
  void report(const IngestProgress& now) {
    reported_ = now.processed();
    if (options_.progress) options_.progress(now);
  }

  Sink sink_;
  BatchWriterOptions options_;
  std::chrono::nanoseconds begun_;
  std::vector<Record<Id>> buffer_;
  std::size_t buffered_bytes_ = 0;
  std::vector<Id> ids_;  // of the buffer
  IngestProgress progress_;
  std::uint64_t reported_ = 0;  // records dealt with at the last event
};

template <class Sink>
BatchWriter(Sink&&) -> BatchWriter<Sink>;
template <class Sink>
BatchWriter(Sink&&, BatchWriterOptions) -> BatchWriter<Sink>;

}  // namespace shoal::inline v0
