#include "files.hpp"

#include "sets.hpp"

namespace shoal::report {

namespace {

constexpr const char* files_set = "debian-lsa768";
constexpr std::size_t most_session_rows = 20'000;
constexpr std::size_t most_session_rows_when_quick = 2'000;

}  // namespace

std::vector<FilesResult> measure_files(const std::vector<rivals::Library>& libraries, const rivals::Setup& setup,
                                       const Options& options) {
  const datasets::Dataset set =
      set_named(files_set, options.quick ? most_session_rows_when_quick : most_session_rows, options);
  FilesResult result{set.name, set.base.rows, set.base.cols, 0};
  result.notes = set.notes;
  measure_sessions(set, setup, options, result);
  result.saving = measure_saving(libraries, setup, options);
  result.opening = measure_opening(setup, options);
  return {result};
}

}  // namespace shoal::report
