#include "ingest.hpp"

#include <cmath>
#include <csignal>
#include <exception>
#include <filesystem>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "acknowledging_sink.hpp"
#include "announced_waits.hpp"
#include "command_line.hpp"
#include "content_hash.hpp"
#include "ingest_options.hpp"
#include "inputs.hpp"
#include "progress_display.hpp"
#include "searchable.hpp"
#include "store.hpp"
#include <datasets/result.hpp>
#include <shoal/ingest/batch_writer.hpp>

namespace shoal::tools {

namespace {

constexpr const char* program = "shoal-ingest";

/// Is it the record that is wrong, rather than the store?
bool is_fault_of_record(ErrorCode code) {
  switch (code) {
    case ErrorCode::dimension_mismatch:
    case ErrorCode::not_finite:
    case ErrorCode::norm_too_large:
    case ErrorCode::zero_vector:
    case ErrorCode::invalid_metadata: return true;
    default: return false;
  }
}

class Ingestion {
 public:
  Ingestion(const IngestOptions& options, const Console& console, Inputs inputs)
      : options_(options), console_(console), inputs_(std::move(inputs)), display_(console, !options.is_quiet) {}

  int run() {
    if (!has_folder()) {
      return fail(
          Error(ErrorCode::cannot_open, datasets::shown(options_.store) + ": cannot be made: there is no such folder"));
    }
    auto store = open();
    if (!store) return end(*ended_);
    if (!*store) return fail(store->error());
    dimensions_ = (*store)->dimensions();
    judge_ = make_judge(options_.metric, dimensions_);
    return end(options_.builds ? write_to_index(**std::move(store)) : write_to(**store));
  }

 private:
  using Clock = std::chrono::steady_clock;

  static double seconds_since(Clock::time_point begun) {
    return std::chrono::duration<double>(Clock::now() - begun).count();
  }

  [[nodiscard]] bool interrupted() const {
    return console_.interrupt != nullptr && console_.interrupt->stop_requested();
  }
  [[nodiscard]] StopToken stop() const { return stop_token(console_.interrupt); }

  // --- reading ---

  /// The next record. Nothing: `ended_` says with which code reading ends. What is bad is reported and counted.
  std::optional<Record<>> read() {
    if (first_) return std::exchange(first_, std::nullopt);
    for (;;) {
      switch (inputs_.next()) {
        case Inputs::Next::end: ended_ = success; return std::nullopt;
        case Inputs::Next::interrupted: ended_ = exit_code(); return std::nullopt;
        case Inputs::Next::vector:
          if (auto record = make_record()) return record;
          report_bad(inputs_.where() + ": expected at most 2^64 ids, got a row beyond the last one");
          break;
        case Inputs::Next::bad: report_bad(inputs_.message()); break;
      }
      ++unread_errors_;
      if (ended_) return std::nullopt;
    }
  }

  std::optional<Record<>> make_record() {
    JsonLine& line = inputs_.line();
    Record<> record;
    if (inputs_.is_row()) {
      const std::uint64_t first = options_.first_id.value_or(0);
      if (rows_ > std::numeric_limits<std::uint64_t>::max() - first) return std::nullopt;
      record.id = first + rows_++;
    } else {
      record.id = *line.id;
    }
    record.vector = std::move(line.vector);
    record.metadata = std::move(line.metadata);
    record.content_hash = std::move(line.content_hash);
    if (record.content_hash.empty()) record.content_hash = content_hash(record.vector, record.metadata);
    return record;
  }

  void report_bad(const std::string& message) {
    display_.message(fmt::format("{}: {}", program, message));
    if (!options_.skips_errors) ended_ = bad_input;
  }

  // --- the store ---

  /// The store that is there, or a new one for the first good record, which is kept for later: what is bad alone makes
  /// no store, which would then refuse what is good. Nothing where there is no such record.
  std::optional<Expected<Store, Error>> open() {
    std::error_code ignored;
    if (std::filesystem::exists(options_.store, ignored)) {
      auto store = open_with(0);
      // What cannot be opened would not be for dimensions, which the error of a store to be made asks for.
      if (!store && store.error().code() == ErrorCode::cannot_open) store = open_with(0, false);
      if (store && options_.dimensions && store->dimensions() != *options_.dimensions) {
        return Unexpected<Error>(
            Error(ErrorCode::incompatible, fmt::format("expected a store of {} dimensions, got one of {}; in {}",
                                                       *options_.dimensions, store->dimensions(), shown_store())));
      }
      // A file may be there and no store in it yet: an empty one, or of a run that was killed when it had just begun.
      if (store || store.error().code() != ErrorCode::invalid_config) return store;
    }
    first_ = read_first();
    if (!first_) return std::nullopt;
    return open_with(first_->vector.size());
  }

  /// The first record that a new store takes. Nothing: as of `read`.
  std::optional<Record<>> read_first() {
    while (auto record = read()) {
      const auto fault = find_fault_without_store(*record);
      if (!fault) return record;
      report_bad_record(record->id, *fault);
      ++unread_errors_;
      if (ended_) break;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Error> find_fault_without_store(const Record<>& record) const {
    const std::size_t wanted = options_.dimensions.value_or(record.vector.size());
    if (record.vector.size() != wanted) {
      return Error(ErrorCode::dimension_mismatch,
                   fmt::format("expected {} components, as --dimensions says, got {}", wanted, record.vector.size()));
    }
    if (auto fault = make_judge(options_.metric, wanted)(record.vector)) return fault;
    return find_fault_of_metadata(record.metadata);
  }

  void report_bad_record(std::uint64_t id, const Error& fault) {
    const bool is_of_store = dimensions_ != 0 && fault.code() == ErrorCode::dimension_mismatch;
    report_bad(fmt::format("{}: id {}: {}{}", inputs_.where(), id, fault.message(),
                           is_of_store ? fmt::format("; the store has {} dimensions", dimensions_) : ""));
  }

  [[nodiscard]] std::string shown_store() const { return datasets::shown(options_.store); }
  /// Of 0 dimensions: the store that is there.
  [[nodiscard]] Expected<Store, Error> open_with(std::size_t dimensions, bool may_create = true) {
    return open_store({options_.store, console_.vfs},
                      {.dimensions = dimensions, .create = may_create, .busy_timeout = options_.busy_timeout},
                      {options_.retry_delays}, waits_, stop());
  }

  /// Is there a folder for the store to be made in? Asked before input is read that then has no place to go.
  [[nodiscard]] bool has_folder() const {
    const auto folder = std::filesystem::path(options_.store).parent_path();
    std::error_code ignored;
    return folder.empty() || std::filesystem::is_directory(folder, ignored);
  }

  /// Reads all there is and writes it to `target`. The exit code.
  template <class Target>
  int write_to(Target& target) {
    AcknowledgingSink<Target> sink(
        target, [this](std::size_t count) { acknowledge(count); },
        [this](const Record<>& record) { return judge_(record.vector); },
        [this](const Expected<Committed, Error>& committed) { waits_.note(committed); });
    BatchWriter writer(sink, writer_options());
    std::optional<IngestError> failure;
    std::uint64_t id = 0;
    while (!ended_ && !failure && !is_output_lost_) {  // reading may wait for ever
      auto record = read();
      for (; unread_errors_ != 0; --unread_errors_) writer.count_error();
      if (!record) break;
      id = record->id;
      auto added = writer.add(*std::move(record));
      if (added) continue;
      IngestError& error = added.error();
      if (error.cause.code() == ErrorCode::cancelled) {
        ended_ = interrupted() ? exit_code() : int{output_lost};
      } else if (error.accepted == 0 && is_fault_of_record(error.cause.code())) {
        report_bad_record(id, error.cause);
      } else {
        failure = std::move(error);
      }
    }
    const bool was_refused = failure && failure->accepted == 0;
    if (!failure) {
      auto finished = writer.finish();
      if (!finished) failure = std::move(finished.error());
    }
    progress_ = writer.progress();
    if (failure) {
      report_lost(failure->cause, writer.buffered(), was_refused ? std::optional(id) : std::nullopt);
      static_cast<void>(writer.take_buffered());  // what was said not to be written is not written any more
      return store_failed;
    }
    if (interrupted()) {
      report_end(console_.interrupt->signal() == SIGINT ? "SIGINT ended it" : "SIGTERM ended it");
    } else if (is_output_lost_) {
      report_end(output_lost_message);
    }
    return is_output_lost_ ? int{output_lost} : ended_.value_or(success);
  }

  /// The same by way of an index, which shows that all can be searched for.
  int write_to_index(Store store) {
    const auto begun = Clock::now();
    auto index =
        make_searchable(std::move(store),
                        {.metric = options_.metric, .threads = options_.threads, .links_behind = true, .stop = stop()});
    if (!index && interrupted()) return exit_code();
    if (!index) return report_lost(index.error());
    const std::size_t found = (*index)->size();
    const double opening_seconds = seconds_since(begun);
    const int code = write_to(**index);
    if (interrupted() || code == store_failed) return code;
    if (auto linked = (*index)->refresh(); !linked) return report_lost(linked.error());
    if (options_.is_quiet) return code;
    display_.finish();
    const bool is_said =
        print_now(console_, fmt::format("index: {} entries, {} of them from before, opened in {:.3f} s\n",
                                        (*index)->size(), found, opening_seconds));
    return is_said || code != success ? code : int{output_lost};
  }

  [[nodiscard]] BatchWriterOptions writer_options() {
    struct Stop {
      const Ingestion* run;
      [[nodiscard]] bool stop_requested() const { return run->is_output_lost_ || run->interrupted(); }
    };
    BatchWriterOptions options;
    options.store_batch_size = options_.store_batch_size;
    options.store_batch_bytes = options_.store_batch_bytes;
    options.total = options_.total.value_or(inputs_.total().value_or(0));
    options.force_all = options_.force_all;
    options.retry.delays = options_.retry_delays;
    options.stop = StopToken(Stop{this});
    options.clock = waits_.clock();
    options.progress_interval = options_.progress_interval.value_or(display_.is_terminal() ? 100 : 5'000);
    options.progress = [this](const IngestProgress& progress) { display_.update(progress); };
    return options;
  }

  /// After each commit: so many more records are durable.
  void acknowledge(std::size_t count) {
    ++transactions_;
    persisted_ += count;
    if (!options_.acknowledges || is_output_lost_) return;
    display_.clear();
    is_output_lost_ = !print_now(console_, fmt::format("persisted {}\n", persisted_));
  }

  // --- the end ---

  void report_end(std::string_view why) {
    display_.message(fmt::format("{}: {}; persisted: {} records of this run", program, why, persisted_));
  }

  /// The store failed for good. Of what was read, `buffered` was accepted and not written; the record of `refused_id`
  /// came behind it. The exit code.
  int report_lost(const Error& cause, std::span<const Record<>> buffered = {},
                  std::optional<std::uint64_t> refused_id = std::nullopt) {
    display_.message(fmt::format("{}: {}", program, cause.message()));
    display_.message(fmt::format("{}: persisted: {} records of this run", program, persisted_));
    const std::size_t lost = buffered.size() + (refused_id ? 1 : 0);
    if (lost == 0) return store_failed;
    const std::uint64_t first = buffered.empty() ? *refused_id : buffered.front().id;
    const std::uint64_t last = refused_id ? *refused_id : buffered.back().id;
    display_.message(fmt::format("{}: not persisted: {} records that were read, the first has id {}, the last id {}{}",
                                 program, lost, first, last,
                                 is_transient(cause.code()) ? "; run it again to write them" : ""));
    return store_failed;
  }
  int fail(const Error& error) { return end(report_lost(error)); }

  [[nodiscard]] int exit_code() const { return exit_code_of_signal(console_.interrupt->signal()); }

  /// The summary, and the exit code.
  int end(int code) {
    if (options_.is_quiet) return code;
    display_.finish();
    const bool is_said = print_now(
        console_, fmt::format("generated {}, persisted {}, skipped {}, errors {}, transactions {}, seconds {:.3f}\n",
                              progress_.generated, progress_.persisted, progress_.skipped,
                              progress_.errors + unread_errors_, transactions_, seconds_since(begun_)));
    if (is_said) return code;
    if (!is_output_lost_) report_end(output_lost_message);
    return code != success ? code : int{output_lost};
  }

  const IngestOptions& options_;
  const Console& console_;
  Inputs inputs_;
  ProgressDisplay display_;
  AnnouncedWaits waits_{console_.clock,
                        [this](const std::string& why) { display_.message(fmt::format("{}: {}", program, why)); }};
  VectorJudge judge_;
  std::size_t dimensions_ = 0;  // of the store; 0: there is none yet
  Clock::time_point begun_ = Clock::now();

  std::optional<Record<>> first_;    // read to learn the dimensions
  std::uint64_t rows_ = 0;           // that were given ids
  std::uint64_t unread_errors_ = 0;  // that the writer was not told of
  std::optional<int> ended_;         // why no more is read

  IngestProgress progress_;
  std::uint64_t persisted_ = 0;
  std::uint64_t transactions_ = 0;
  bool is_output_lost_ = false;
};

}  // namespace

int run_ingest(const std::vector<std::string>& arguments, const Console& console) {
  try {
    const auto options = parse_ingest_options(arguments, console);
    if (!options) return options.error();
    auto inputs = Inputs::open(options->files, options->format, LineKind::record, console);
    if (!inputs) return complain(console, program, inputs.error(), bad_usage);
    if (options->first_id && !inputs->has_rows()) {
      return complain(console, program, "--first-id: expected .npy or .fvecs FILES with it; JSON lines bring their ids",
                      bad_usage);
    }
    if (const auto fault = options->dimensions ? inputs->find_other_width(*options->dimensions) : std::nullopt) {
      return complain(console, program, *fault + " (--dimensions)", bad_usage);
    }
    return Ingestion(*options, console, *std::move(inputs)).run();
  } catch (const std::bad_alloc&) {
    return complain(console, program, "not enough memory; --store-batch-size or --store-batch-bytes takes less",
                    store_failed);
  } catch (const std::exception& error) {
    return complain(console, program, error.what(), store_failed);
  }
}

}  // namespace shoal::tools
