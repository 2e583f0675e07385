#pragma once
// The memory of one batch into an empty index of the made-up vectors: what is owned after it, by the library's own
// account and by the allocator's, and how much more there was at any time while it ran.

#include <vector>

#include <rivals/rival.hpp>

#include "options.hpp"
#include "targets.hpp"

namespace shoal::report {

/// *Errors*: std::runtime_error.
[[nodiscard]] std::vector<Target> measure_batch_memory(const rivals::Setup& setup, const Options& options);

}  // namespace shoal::report
