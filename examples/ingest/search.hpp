#pragma once
// shoal-search as a function: builds an index of what a store holds, and answers queries.

#include <string>
#include <vector>

#include "console.hpp"

namespace shoal::tools {

/// The exit code (`ExitCode`; --help says what each means). *Errors*: none; what goes wrong is said on `console.err`.
[[nodiscard]] int run_search(const std::vector<std::string>& arguments, const Console& console);

}  // namespace shoal::tools
