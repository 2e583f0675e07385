#pragma once
// What reading a file gives: a value, or one line that a person can act on.
//
// The line says which file, what was expected, what came instead, and where (row, offset). It never holds a line break,
// whatever the file is called: `shown` replaces control characters.

#include <filesystem>
#include <sstream>
#include <string>
#include <utility>

#include <shoal/core/expected.hpp>

namespace shoal::datasets {

template <class T>
using Result = Expected<T, std::string>;
using Failure = Unexpected<std::string>;

/// The path as it may stand in a one-line message.
[[nodiscard]] inline std::string shown(const std::filesystem::path& path) {
  std::string text = path.string();
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      c = '?';
    }
  }
  return text;
}

/// The parts written one after the other.
template <class... Parts>
[[nodiscard]] std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return std::move(out).str();
}

/// A failure whose message is "`file`: " and the parts.
template <class... Parts>
[[nodiscard]] Failure fail(const std::filesystem::path& file, const Parts&... parts) {
  return Failure(text(shown(file), ": ", parts...));
}

}  // namespace shoal::datasets
