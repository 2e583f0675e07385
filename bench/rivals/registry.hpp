#pragma once
// The libraries that this build can compare.

#include <string>
#include <vector>

#include <rivals/rival.hpp>

namespace shoal::rivals {

/// The library that all others are measured against, when it is there.
inline constexpr const char* baseline_name = "hnswlib";

/// Every name of a library that is shoal begins so; what follows is the storage policy.
inline constexpr const char* shoal_prefix = "shoal ";

/// Is it shoal, or what shoal is measured against?
[[nodiscard]] inline bool is_shoal_or_baseline(const std::string& name) {
  return name.starts_with(shoal_prefix) || name == baseline_name;
}

struct Library {
  std::string name;     // "shoal Float32"
  std::string version;  // of the library, without its name
  MakeRival make;
};

/// In the order of the tables.
[[nodiscard]] std::vector<Library> libraries();

/// One way to erase entries and insert others.
struct ChangingLibrary {
  std::string name;  // of the library, as above
  std::string way;   // where the library has several
  MakeRival make;    // a ChangingRival too

  [[nodiscard]] std::string label() const { return way.empty() ? name : name + ", " + way; }
};

/// In the order of the tables, all ways of a library next to each other.
[[nodiscard]] std::vector<ChangingLibrary> changing_libraries();

/// A sentence for each library that was not there when this was built.
[[nodiscard]] std::vector<std::string> missing_libraries();

}  // namespace shoal::rivals
