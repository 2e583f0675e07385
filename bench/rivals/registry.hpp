#pragma once
// The libraries that this build can compare.

#include <string>
#include <vector>

#include <rivals/rival.hpp>

namespace shoal::rivals {

/// The library that all others are measured against, when it is there.
inline constexpr const char* baseline_name = "hnswlib";

struct Library {
  std::string name;     // "shoal Float32"
  std::string version;  // of the library, without its name
  MakeRival make;
};

/// In the order of the tables.
[[nodiscard]] std::vector<Library> libraries();

/// A sentence for each library that was not there when this was built.
[[nodiscard]] std::vector<std::string> missing_libraries();

}  // namespace shoal::rivals
