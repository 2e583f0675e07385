#include "ingest.hpp"

#include <fmt/core.h>

#include "ingest_store.hpp"
#include "scratch_folder.hpp"
#include "sets.hpp"

namespace shoal::report {

namespace {

constexpr const char* ingest_set = "debian-lsa768";
constexpr std::size_t most_ingest_rows = 20'000;
constexpr std::size_t most_ingest_rows_when_quick = 2'000;

}  // namespace

std::vector<IngestResult> measure_ingest(const rivals::Setup& setup, const Options& options) {
  const datasets::Dataset set =
      set_named(ingest_set, options.quick ? most_ingest_rows_when_quick : most_ingest_rows, options);
  IngestResult result{.set = set.name,
                      .rows = set.base.rows,
                      .dimensions = set.base.cols,
                      .file_system = file_system_of(options.out),
                      .notes = set.notes};
  measure_transactions(set, options, result);
  measure_index_ingest(set, setup, options, result);
  measure_ingest_memory(set, setup, options, result);
  return {result};
}

}  // namespace shoal::report
