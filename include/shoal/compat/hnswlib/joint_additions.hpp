#pragma once
// Calls of addPoint that threads make at once, as one batch. Only points of new labels that have room go together: what
// else a call may mean (other data for a label, a place of its own, a refusal) depends on the calls before it.

#include <algorithm>
#include <cstddef>
#include <exception>
#include <span>
#include <utility>
#include <vector>

#include "shoal/compat/hnswlib/interfaces.hpp"
#include "shoal/compat/hnswlib/joint_calls.hpp"
#include "shoal/compat/hnswlib/point_index.hpp"
#include "shoal/core/platform.hpp"

namespace shoal::inline v0::detail {

/// A call of addPoint, and what came of it.
struct Addition {
  const void* point;
  hnswlib::labeltype label;
  bool replaces;
  hnswlib::tableint slot = 0;
  std::exception_ptr failure{};
  bool is_done = false;
};
using Additions = JointCalls<Addition>::Calls;

/// How many from the first on are of new labels, all different, with `room` for them.
[[nodiscard]] inline std::size_t count_new_labels(Additions all, const PointGraphIndex& index,
                                                  std::size_t room) noexcept {
  const std::size_t most = std::min(all.size(), room);
  std::size_t count = 0;
  for (; count < most; ++count) {
    const auto is_same = [&](const Addition* other) { return other->label == all[count]->label; };
    const Additions before = all.first(count);
    if (all[count]->replaces || index.find(all[count]->label)) break;
    if (std::any_of(before.begin(), before.end(), is_same)) break;
  }
  return count;
}

/// Puts points of new labels in, as one batch that all their threads link. How many of them went in: the next may say
/// why it does not, on its own.
[[nodiscard]] inline std::size_t add_new_points(Additions all, PointGraphIndex& index,
                                                const Executor& executor) noexcept {
  if (all.size() < 2) return 0;  // one alone may as well be on its own
  std::size_t inserted = 0;
  SHOAL_TRY {
    std::vector<std::pair<hnswlib::labeltype, std::span<const float>>> items;
    items.reserve(all.size());
    for (const Addition* each : all) items.emplace_back(each->label, index.as_vector(each->point));
    BatchOptions options;
    options.threads = static_cast<unsigned>(all.size());
    options.executor = executor;
    const auto result = index.batch_insert(items, NoProgress{}, options);
    inserted = result ? all.size() : result.error().completed_count;
  }
  SHOAL_CATCH_ALL {}  // then one after the other
  for (Addition* each : all.first(inserted)) each->slot = static_cast<hnswlib::tableint>(*index.find(each->label));
  return inserted;
}

}  // namespace shoal::inline v0::detail
