#pragma once
// One line of JSON, as it comes in to be stored or searched for:
//
//   {"id": 7, "vector": [0.1, 0.2], "metadata": {"title": "..."}, "content_hash": "..."}
//   {"vector": [0.1, 0.2], "k": 5}
//
// Read piece by piece, not into a tree: numbers keep all their digits, keys that come twice are seen, and nothing
// recurses, however deep a line is nested.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <shoal/core/expected.hpp>

namespace shoal::tools {

struct JsonLine {
  std::optional<std::uint64_t> id{};  ///< A whole number, or a text of digits: JavaScript cannot write large ones.
  std::vector<float> vector{};
  std::string metadata{};  ///< As JSON text without spaces, keys and numbers as they were; empty: none, or null.
  std::string content_hash{};
  std::optional<std::uint64_t> k{};
};

/// What the line is for: to be stored, with an id, a vector and nothing that would be lost; or to be searched for, with
/// a vector, where what else a record has is passed over, so that a line that is stored can be searched for as it is.
/// Other keys are refused in both: one that is misspelt would have no effect.
enum class LineKind { record, query };

/// *Errors*: one line that says what was expected, what came, and where; none of the caller's bytes in it that could
/// harm a terminal.
[[nodiscard]] Expected<JsonLine, std::string> parse_json_line(std::string_view line, LineKind kind);

/// Whether there is nothing in a line.
[[nodiscard]] constexpr bool is_blank(std::string_view line) noexcept {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

/// The value as a JSON text.
[[nodiscard]] std::string json_quoted(std::string_view text);

/// The nearest float; infinite where there is none, which the store refuses.
[[nodiscard]] float to_float(double value) noexcept;

}  // namespace shoal::tools
