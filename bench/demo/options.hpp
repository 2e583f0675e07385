#pragma once
// What the user asks of the demo on the command line.

#include <cstdint>
#include <filesystem>
#include <optional>

#include <datasets/load.hpp>

namespace shoal::demo {

struct Options {
  std::optional<std::filesystem::path> path;  // none: made-up data
  std::optional<std::size_t> limit;
  std::optional<std::size_t> queries;
  std::optional<datasets::Metric> metric;
  std::size_t M = 16;
  std::size_t ef_construction = 200;
  std::size_t ef = 100;
  std::size_t k = 10;
  std::uint64_t seed = 42;
  unsigned threads = 1;
  bool float32 = true;
  bool sq8 = true;
};

/// Exit codes of the demo: 130 is what a shell expects of a program that Ctrl-C ended.
enum ExitCode : int { success = 0, bad_data = 1, bad_usage = 2, interrupted = 130 };

/// The options, or the code to leave with: help was printed, or one line on stderr says what is wrong.
[[nodiscard]] Expected<Options, int> parse_options(int argc, const char* const* argv);

}  // namespace shoal::demo
