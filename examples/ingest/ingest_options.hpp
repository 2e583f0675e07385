#pragma once
// What the user asks of shoal-ingest on the command line.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "console.hpp"
#include "inputs.hpp"
#include "searchable.hpp"
#include <shoal/core/expected.hpp>

namespace shoal::tools {

struct IngestOptions {
  std::string store;
  std::vector<std::string> files;  // "-" is standard input
  InputFormat format = InputFormat::by_name;
  std::optional<std::uint64_t> first_id;  // of rows; none: 0
  std::optional<std::size_t> dimensions;
  MetricName metric = MetricName::l2;
  std::size_t store_batch_size = 5'000;
  std::size_t store_batch_bytes = std::size_t{64} << 20U;
  std::optional<std::size_t> progress_interval;
  std::optional<std::uint64_t> total;
  std::vector<std::chrono::milliseconds> retry_delays;
  std::chrono::milliseconds busy_timeout{1000};
  bool force_all = false;
  bool skips_errors = false;
  bool is_quiet = false;
  bool acknowledges = false;
  bool builds = false;
  unsigned threads = 1;
};

/// The options, or the code to end with: help was printed, or one line on stderr says what is wrong.
[[nodiscard]] Expected<IngestOptions, int> parse_ingest_options(const std::vector<std::string>& arguments,
                                                                const Console& console);

}  // namespace shoal::tools
