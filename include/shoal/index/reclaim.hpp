#pragma once
// When dead slots are taken out of the structure and become free: not one by one, for a list that leads to several is
// then chosen anew once, but when a sixteenth of the entries has died. Until then searches pass over them.

#include <cstddef>
#include <vector>

#include "shoal/core/platform.hpp"
#include "shoal/core/slot.hpp"
#include "shoal/core/workers.hpp"

namespace shoal::inline v0::detail {

/// Dead slots beside `live` entries that are put up with.
[[nodiscard]] constexpr std::size_t most_dead(std::size_t live) noexcept { return 32 + live / 16; }

/// All dead slots become free. Errors: std::bad_alloc, nothing changed.
template <class Entries, class Structure>
void reclaim(Entries& entries, Structure& structure, const Workers& workers) {
  const std::vector<Slot> dead = entries.dead_slots();
  entries.reserve_free();
  structure.unlink(entries.rows(), dead, workers);
  entries.free(dead);
}

/// The same if it is due. Without memory for it, it waits.
template <class Entries, class Structure>
void reclaim_if_due(Entries& entries, Structure& structure, const Workers& workers) noexcept {
  if (entries.dead() <= most_dead(entries.live())) return;
  SHOAL_TRY { reclaim(entries, structure, workers); }
  SHOAL_CATCH_ALL {}
}

}  // namespace shoal::inline v0::detail
