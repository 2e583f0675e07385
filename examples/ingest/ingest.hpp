#pragma once
// shoal-ingest as a function: reads inputs, and writes what they hold into a store. main() adds the process: signals,
// and streams that nobody reads.

#include <string>
#include <vector>

#include "console.hpp"

namespace shoal::tools {

/// The exit code (`ExitCode`; --help says what each means). *Errors*: none; what goes wrong is said on `console.err`.
[[nodiscard]] int run_ingest(const std::vector<std::string>& arguments, const Console& console);

}  // namespace shoal::tools
