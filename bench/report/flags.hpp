#pragma once
// What is lost without flags: a program compiled with plain -O2 against the same source compiled as this one is, with
// -march=native. Two programs rather than two halves of one: inline functions of the two must not meet, and between
// processes nothing has to be trusted for that, neither the linker nor the visibility of a template of the standard
// library. They take turns, a fresh process each time, so that where the memory of one happens to lie is part of the
// spread. The source is flags_worker.cpp.

#include <vector>

#include "options.hpp"
#include "targets.hpp"

namespace shoal::report {

/// Without a verdict where this program was not compiled with -march=native. *Errors*: std::runtime_error.
[[nodiscard]] std::vector<Target> measure_flags(const Options& options);

}  // namespace shoal::report
