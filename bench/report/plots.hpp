#pragma once
// Which plots a report has: recall against speed for each data set, build time and memory against the number of
// vectors, speed and build time against threads, recall against rounds of churn, speed against what is cached.

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "churn.hpp"
#include "files.hpp"
#include "growth.hpp"
#include "measure.hpp"
#include "thread_scaling.hpp"

namespace shoal::report {

/// Names of SVGs.
struct Plots {
  std::vector<std::string> of_sets;  // of each set; empty where there is none
  std::vector<std::string> of_measurements;
  std::vector<std::string> of_churn;
  std::vector<std::string> of_files;
  std::vector<std::string> notes;
};

/// Into `folder`, which exists. *Errors*: std::runtime_error for a file that cannot be written.
[[nodiscard]] Plots write_plots(std::span<const SetResult> sets, std::span<const GrowthPoint> growth,
                                std::span<const ThreadCurve> threads, const std::vector<ChurnResult>& churn,
                                const std::vector<FilesResult>& files, const std::filesystem::path& folder);

}  // namespace shoal::report
