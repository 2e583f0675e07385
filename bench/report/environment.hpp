#pragma once
// What a number depends on besides the program: machine, compiler, flags, day.

#include <string>
#include <vector>

namespace shoal::report {

/// One line each: processor and its caches, system, compiler and flags, date, load.
[[nodiscard]] std::vector<std::string> describe_environment();

}  // namespace shoal::report
