#pragma once
// What the user asks of shoal-search on the command line.

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

struct SearchProgramOptions {
  std::string store;
  std::vector<std::string> files;  // "-" is standard input
  InputFormat format = InputFormat::by_name;
  std::vector<std::uint64_t> ids;  // of records whose neighbours are wanted
  std::optional<std::size_t> k;
  std::size_t ef = 0;
  std::optional<float> radius;
  SearchableOptions index;
  bool is_quiet = false;
};

/// The options, or the code to end with: help was printed, or one line on stderr says what is wrong.
[[nodiscard]] Expected<SearchProgramOptions, int> parse_search_options(const std::vector<std::string>& arguments,
                                                                       const Console& console);

}  // namespace shoal::tools
