#pragma once
// Giving back the memory of what was erased. Dead slots are taken out of the structure; then the live ones close up, in
// order: every row, id and list moves to a place before its own, so nothing is copied aside, and what lies beyond the
// last goes. Numbers of slots are not to be seen from outside, and links are the same links, so searches find what they
// found before.

#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/core/slot.hpp"
#include "shoal/index/options.hpp"
#include "shoal/index/reclaim.hpp"

namespace shoal::inline v0::detail {

/// `shut_out` returns when nobody reads any more. Errors: out_of_memory; nothing moved.
template <class Entries, class Structure, class ShutOut>
[[nodiscard]] Expected<void, Error> compact(Entries& entries, Structure& structure, const EraseOptions& options,
                                            const ShutOut& shut_out) {
  SHOAL_TRY {
    if (entries.dead() != 0) reclaim(entries, structure, workers_of(options));
    constexpr Slot gone{0xFFFF'FFFFU};
    const std::vector<Slot> to = entries.closed_up(gone);
    shut_out();
    structure.renumber(to);
    entries.renumber(to, gone);
    return {};
  }
  SHOAL_CATCH_ALL { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
}

}  // namespace shoal::inline v0::detail
