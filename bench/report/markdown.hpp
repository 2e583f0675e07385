#pragma once
// The report as Markdown, from what was measured.

#include <string>
#include <vector>

#include "churn.hpp"
#include "files.hpp"
#include "filters.hpp"
#include "growth.hpp"
#include "ingest.hpp"
#include "latency.hpp"
#include "measure.hpp"
#include "plots.hpp"
#include "targets.hpp"

namespace shoal::report {

struct Report {
  std::vector<std::string> environment;
  std::vector<rivals::Library> libraries;
  std::vector<std::string> notes;  // what is missing, and why
  rivals::Setup setup;
  std::size_t rounds = 0;
  std::vector<SetResult> sets;
  std::vector<Target> targets;
  std::vector<GrowthPoint> growth;
  std::vector<ChurnResult> churn;
  std::vector<FilterResult> filters;
  std::vector<LatencyResult> latency;
  std::vector<FilesResult> files;
  std::vector<IngestResult> ingest;
};

/// The targets, the summary, the table of each set and the sections.
[[nodiscard]] std::string tables(const Report& report);

/// The whole page, with the plots.
[[nodiscard]] std::string page(const Report& report, const Plots& plots);

}  // namespace shoal::report
