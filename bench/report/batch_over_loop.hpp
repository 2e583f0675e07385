#pragma once
// What a batch saves against a loop of single inserts, on one thread: builds of the made-up vectors, taking turns.

#include <vector>

#include <rivals/rival.hpp>

#include "options.hpp"
#include "targets.hpp"

namespace shoal::report {

/// *Errors*: std::runtime_error.
[[nodiscard]] std::vector<Target> measure_batch_over_loop(const rivals::Setup& setup, const Options& options);

}  // namespace shoal::report
