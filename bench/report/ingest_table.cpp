// What can be said of ingestion: pure functions.

#include <numeric>

#include <fmt/core.h>

#include "ingest.hpp"
#include "markdown_table.hpp"
#include "statistics.hpp"

namespace shoal::report {

namespace {

constexpr double most_buffered_time = 0.5;      // of that of unbuffered writing
constexpr double least_hundred_speed = 83;      // 100 records in one transaction, where a sync lasts 2.5 ms
constexpr double least_ingest_speed = 0.90;     // of that of batch_insert
constexpr double most_growth_of_memory = 1.05;  // of 20 batches against two
constexpr std::size_t usual_batch_size = 5'000;

std::string duration_text(double seconds) {
  return seconds < 1 ? three_digits(1e3 * seconds) + " ms" : three_digits(seconds) + " s";
}

std::string duration_cell(const std::vector<double>& seconds) {
  return seconds.empty() ? "-" : duration_text(median(seconds));
}

std::string megabytes_text(double bytes) { return three_digits(bytes / 1e6) + " MB"; }

/// "as here", "2.5 ms"
std::string sync_text(const WriteComparison& comparison) {
  return comparison.sync_seconds ? fmt::format("{:g} ms", 1e3 * *comparison.sync_seconds) : "as here";
}

/// "1", "1.1"
std::string count_text(double count) { return count < 1e3 ? fmt::format("{:.3g}", count) : with_commas(count); }

double sum_of(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

void add_comparisons(std::string& text, const std::string& name, const std::vector<WriteComparison>& comparisons) {
  for (const WriteComparison& comparison : comparisons) {
    const WriteWay& few = comparison.few;
    const WriteWay& many = comparison.many;
    if (few.seconds.empty() || many.seconds.empty()) continue;
    text += table_row({fmt::format("{} {}", with_commas(comparison.records), name), sync_text(comparison),
                       count_text(few.transactions), count_text(few.syncs), duration_cell(few.seconds),
                       count_text(many.transactions), count_text(many.syncs), duration_cell(many.seconds),
                       fmt::format("{:.1f}x", median(ratios(many.seconds, few.seconds))),
                       fmt::format("{:.1f}x", sum_of(many.seconds) / sum_of(few.seconds))});
  }
}

std::string write_table(const IngestResult& result) {
  std::string text = table_heading({"records", "a sync", "few transactions", "syncs", "time", "many transactions",
                                    "syncs", "time", "few are faster by", "by all rounds together"});
  add_comparisons(text, "arriving 50 at a time", result.arriving);
  add_comparisons(text, "at once", result.hundred);
  if (result.fdatasync.empty()) return text;
  return text + fmt::format("\nA sync after a write of 4 KB takes {} here, 99 of 100 at most {}.\n",
                            duration_text(median(result.fdatasync)), duration_text(quantile(result.fdatasync, 0.99)));
}

/// "4.45 s (0.91x)": the speed against that of the index alone.
std::string ingest_cell(const IndexIngest& index, const std::vector<double>& seconds) {
  if (seconds.empty()) return "-";
  const std::string time = duration_cell(seconds);
  return index.alone.size() == seconds.size() ? fmt::format("{} ({:.2f}x)", time, median(ratios(index.alone, seconds)))
                                              : time;
}

std::string index_table(const IngestResult& result) {
  if (result.index.empty()) return "";
  std::string text = "\n" + table_heading({"index", "batch_insert alone", "written", "written, link_behind", "opened"});
  for (const IndexIngest& index : result.index) {
    text += table_row({fmt::format("{}, {} thread{}", index.storage, index.threads, index.threads == 1 ? "" : "s"),
                       duration_cell(index.alone), ingest_cell(index, index.linked), ingest_cell(index, index.behind),
                       ingest_cell(index, index.opened)});
  }
  if (result.reading.empty()) return text;
  return text + fmt::format("\nTo read all records of the store, and nothing else, takes {}.\n",
                            duration_cell(result.reading));
}

std::string peak_text(const MemoryPeak& peak) {
  return fmt::format("{} + {}", megabytes_text(peak.allocated), megabytes_text(peak.sqlite));
}

std::string memory_table(const IngestResult& result) {
  std::string text;
  if (result.store_memory) {
    const StoreMemory& store = *result.store_memory;
    text += "\n" + table_heading({"memory, without an index", "peak of two batches", "peak of all", "growth"});
    text += table_row({fmt::format("{} records, {} a batch", with_commas(store.records), with_commas(store.batch_size)),
                       peak_text(store.first_two), peak_text(store.all),
                       fmt::format("{:.2f}x", store.all.total() / store.first_two.total())});
  }
  if (result.index_memory.empty()) return text;
  text += "\n" + table_heading({"memory, into an index", "peak", "the index", "beyond it"});
  for (const IndexMemory& index : result.index_memory) {
    text += table_row({index.storage + (index.link_behind ? ", link_behind" : ""), peak_text(index.peak),
                       megabytes_text(index.index_bytes), megabytes_text(index.peak.total() - index.index_bytes)});
  }
  return text;
}

Target comparison_target(const char* name, const IngestResult& result, const WriteComparison& comparison) {
  return {.name = fmt::format("{}, a sync {}", name, sync_text(comparison)),
          .data = result.set,
          .remark = fmt::format("{} and {} transactions", count_text(comparison.few.transactions),
                                count_text(comparison.many.transactions))};
}

}  // namespace

std::string ingest_section(const std::vector<IngestResult>& results) {
  std::string text;
  for (const IngestResult& result : results) {
    if (result.rows == 0) {
      text += "### Ingestion\n\n" + notes_text(result.notes) + "\n";
      continue;
    }
    text += fmt::format("### Ingestion: {}, {}, on {}\n\n", result.set, size_text(result.rows, result.dimensions),
                        result.file_system);
    text += write_table(result) + index_table(result) + memory_table(result);
    text +=
        "\nTime on the clock. In parentheses the speed against batch_insert alone. Memory: through operator new + by "
        "SQLite's own account.\n";
    text += notes_text(result.notes) + "\n";
  }
  return text;
}

std::vector<Target> ingest_targets(const std::vector<IngestResult>& results) {
  std::vector<Target> targets;
  for (const IngestResult& result : results) {
    for (const WriteComparison& comparison : result.arriving) {
      Target target = comparison_target("time of buffered over unbuffered writing", result, comparison);
      target.is_lower_better = true;
      target.floor = most_buffered_time;
      target.reached = figure_of(ratios(comparison.few.seconds, comparison.many.seconds));
      targets.push_back(std::move(target));
    }
    for (const WriteComparison& comparison : result.hundred) {
      Target target = comparison_target("100 records in one transaction over one each", result, comparison);
      if (comparison.sync_seconds) target.floor = least_hundred_speed;
      target.reached = figure_of(ratios(comparison.many.seconds, comparison.few.seconds));
      targets.push_back(std::move(target));
    }
    for (const IndexIngest& index : result.index) {
      Target target{.name = "ingestion over batch_insert, " + index.storage, .data = result.set};
      if (index.threads == 1) target.floor = least_ingest_speed;
      target.reached = figure_of(ratios(index.alone, index.behind));
      target.remark = fmt::format("link_behind, {} thread{}", index.threads, index.threads == 1 ? "" : "s");
      targets.push_back(std::move(target));
    }
    if (result.store_memory) {
      const StoreMemory& memory = *result.store_memory;
      Target target{.name = "peak of a long ingestion over that of two batches", .data = result.set};
      target.is_lower_better = true;
      if (memory.batch_size == usual_batch_size) target.floor = most_growth_of_memory;
      target.reached = figure_of({memory.all.total() / memory.first_two.total()});
      target.remark =
          fmt::format("{} records, {} a batch", with_commas(memory.records), with_commas(memory.batch_size));
      targets.push_back(std::move(target));
    }
  }
  return targets;
}

}  // namespace shoal::report
