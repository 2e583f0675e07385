// In place of all measurements of ingestion, where there is no SQLite.

#include "ingest.hpp"

namespace shoal::report {

std::vector<IngestResult> measure_ingest(const rivals::Setup& /*setup*/, const Options& /*options*/) {
  IngestResult result;
  result.notes.emplace_back("left out: this report was built without SQLite (SHOAL_SQLITE)");
  return {result};
}

}  // namespace shoal::report
