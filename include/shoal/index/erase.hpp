#pragma once
// Erasing many: all ids are read before anything changes, each entry goes once, and the report says what became of
// each.

#include <algorithm>
#include <concepts>
#include <ranges>
#include <utility>
#include <vector>

#include "shoal/core/workers.hpp"
#include "shoal/index/entries.hpp"
#include "shoal/index/options.hpp"
#include "shoal/index/reclaim.hpp"

namespace shoal::inline v0::detail {

/// All ids of a range. Errors: id_out_of_range, with the position; std::bad_alloc; what the range throws.
template <class Id, std::ranges::input_range Ids>
[[nodiscard]] Expected<std::vector<Id>, Error> read_ids(Ids&& ids) {
  std::vector<Id> wanted;
  for (auto&& each : ids) {
    const auto id = to_id<Id>(each);
    if (!id) {
      return Unexpected<Error>(make_error(id.error().code(), "item ", wanted.size(), ": ", id.error().message()));
    }
    wanted.push_back(*id);
  }
  return wanted;
}

/// Errors: id_out_of_range, out_of_memory; nothing changed. What the range throws comes through.
template <class Id, class Entries, class Structure, std::ranges::input_range Ids>
[[nodiscard]] Expected<EraseReport<Id>, Error> erase_each(Entries& entries, Structure& structure, Ids&& ids,
                                                          const EraseOptions& options) {
  std::vector<Id> wanted;
  EraseReport<Id> report;
  Workers workers;
  SHOAL_TRY {
    auto read = read_ids<Id>(std::forward<Ids>(ids));
    if (!read) return Unexpected<Error>(std::move(read.error()));
    wanted = *std::move(read);
    report.erased.reserve(wanted.size());
    report.absent.reserve(wanted.size());
    report.repeated.reserve(wanted.size());
    entries.reserve_erase();
    workers = workers_of(options);  // copies the executor
  }
  SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  std::vector<Id>& missing = report.absent;
  for (const Id id : wanted) (entries.erase(id) ? report.erased : missing).push_back(id);
  wanted = report.erased;  // fits where it was
  std::sort(wanted.begin(), wanted.end());
  std::erase_if(missing, [&](Id id) {
    const bool was_there = std::binary_search(wanted.begin(), wanted.end(), id);
    if (was_there) report.repeated.push_back(id);
    return was_there;
  });
  reclaim_if_due(entries, structure, workers);
  return report;
}

}  // namespace shoal::inline v0::detail
