#include "json_line.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace shoal::tools {

namespace {

constexpr std::size_t most_shown = 80;

/// At most so many characters of what came, and only such as may be printed.
std::string shown(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, most_shown)) result += c >= ' ' && c <= '~' ? c : '?';
  if (text.size() > most_shown) result += "...";
  return result;
}

void append_quoted(std::string& to, std::string_view text) {
  to += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      to += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      to += c;
    }
  }
  to += '"';
}

/// What nlohmann's parser tells of, value by value. The first thing that is wrong ends the parse.
class Handler final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Handler(LineKind kind) : kind_(kind) {}

  JsonLine line{};
  std::string fault{};

  bool null() override {
    if (field_ == Field::metadata && depth_ == 1) return true;  // the same as none
    return scalar("null", "null");
  }
  bool boolean(bool value) override { return scalar(value ? "true" : "false", value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return number(static_cast<double>(value), {}, value); }
  bool number_unsigned(number_unsigned_t value) override { return number(static_cast<double>(value), value, {}); }
  bool number_float(number_float_t value, const string_t& text) override {
    if (is_component()) return component(value);
    return scalar(text, text);
  }
  bool string(string_t& value) override {
    switch (place()) {
      case Field::metadata: append_quoted(next_value(), value); return true;
      case Field::ignored: return true;
      case Field::id: return id_of_text(value);
      case Field::content_hash: line.content_hash = std::move(value); return true;
      default: return wrong("text '" + shown(value) + "'");
    }
  }
  bool binary(binary_t&) override { return wrong("bytes"); }  // no such thing in JSON

  bool start_object(std::size_t) override {
    if (depth_ == 0) {
      depth_ = 1;
      return true;
    }
    return open('{', "an object");
  }
  bool key(string_t& name) override {
    if (depth_ > 1) {
      if (field_ != Field::metadata) return true;
      append_quoted(next_value(), name);
      line.metadata += ':';
      return true;
    }
    field_ = field_of(name);
    if (field_ == Field::none) {
      fault =
          fmt::format("expected the keys {}, got '{}'",
                      kind_ == LineKind::query
                          ? "vector and k, or those of a record (id, metadata and content_hash), which are passed over"
                          : "id, vector, metadata and content_hash",
                      shown(name));
      return false;
    }
    const auto bit = 1U << static_cast<unsigned>(field_);
    if (field_ != Field::ignored && (seen_ & bit) != 0) {
      fault = fmt::format("expected each key once, got '{}' twice", shown(name));
      return false;
    }
    seen_ |= bit;
    return true;
  }
  bool end_object() override { return close('}'); }
  bool start_array(std::size_t) override {
    if (field_ == Field::vector && depth_ == 1) {
      depth_ = 2;
      return true;
    }
    return open('[', "an array");
  }
  bool end_array() override { return close(']'); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: what; last read: '...'"
    std::string_view text = error.what();
    if (const auto column = text.find(": "); text.find("column ") < column) {
      text.remove_prefix(column + 2);
    } else if (const auto bracket = text.find("] "); bracket != std::string_view::npos) {
      text.remove_prefix(bracket + 2);
    }
    std::string_view read;
    constexpr std::string_view last_read = "; last read: '";
    if (const auto at = text.find(last_read); at != std::string_view::npos) {
      read = text.substr(at + last_read.size());
      read = read.substr(0, read.rfind('\''));
      text = text.substr(0, at);
    }
    const std::string_view end_of_read = read.substr(read.size() - std::min(read.size(), most_shown / 2));
    fault = fmt::format("JSON at byte {}: {}", position, shown(text));
    if (!read.empty()) {
      fault += fmt::format(" behind '{}{}'", end_of_read.size() < read.size() ? "..." : "", shown(end_of_read));
    }
    return false;
  }

  /// Whether all is there that has to be.
  bool is_complete() {
    if (!has(Field::vector)) {
      fault = kind_ == LineKind::record && !has(Field::id) ? "expected the keys id and vector, got neither"
                                                           : "expected the key vector, which is missing";
    } else if (kind_ == LineKind::record && !has(Field::id)) {
      fault = "expected the key id, which is missing";
    } else if (line.vector.empty()) {
      fault = "vector: expected at least one number, got none";
    }
    return fault.empty();
  }

 private:
  enum class Field : unsigned { none, ignored, id, vector, metadata, content_hash, k };

  [[nodiscard]] bool has(Field field) const { return (seen_ & 1U << static_cast<unsigned>(field)) != 0; }

  [[nodiscard]] Field field_of(std::string_view name) const {
    if (name == "vector") return Field::vector;
    const bool is_query = kind_ == LineKind::query;
    if (is_query && name == "k") return Field::k;
    if (name == "id") return is_query ? Field::ignored : Field::id;
    if (name == "metadata") return is_query ? Field::ignored : Field::metadata;
    if (name == "content_hash") return is_query ? Field::ignored : Field::content_hash;
    return Field::none;
  }

  /// The field that a value is for; none for the components of a vector, and where the line is no object.
  [[nodiscard]] Field place() const {
    if (depth_ == 0 || is_component()) return Field::none;
    return field_;
  }
  [[nodiscard]] bool is_component() const { return depth_ == 2 && field_ == Field::vector; }

  bool wrong(std::string_view came) {
    if (depth_ == 0) {
      fault = fmt::format("expected an object in braces, got {}", came);
    } else if (is_component()) {
      fault = fmt::format("vector: expected numbers, component {} is {}", line.vector.size(), came);
    } else if (field_ == Field::id) {
      fault = fmt::format("id: expected a whole number from 0 to {}, got {}", std::numeric_limits<std::uint64_t>::max(),
                          came);
    } else if (field_ == Field::k) {
      fault = fmt::format("k: expected a whole number, got {}", came);
    } else if (field_ == Field::vector) {
      fault = fmt::format("vector: expected an array of numbers, got {}", came);
    } else {
      fault = fmt::format("content_hash: expected text, got {}", came);
    }
    return false;
  }

  bool scalar(std::string_view text, std::string_view came) {
    switch (place()) {
      case Field::metadata: next_value() += text; return true;
      case Field::ignored: return true;
      default: return wrong(shown(came));
    }
  }

  bool number(double value, std::optional<std::uint64_t> natural, std::optional<std::int64_t> negative) {
    if (is_component()) return component(value);
    if (natural && place() == Field::id) {
      line.id = natural;
      return true;
    }
    if (natural && place() == Field::k) {
      line.k = natural;
      return true;
    }
    const std::string text = natural ? std::to_string(*natural) : std::to_string(*negative);
    return scalar(text, text);
  }

  bool component(double value) {
    line.vector.push_back(to_float(value));
    return true;
  }

  bool id_of_text(const std::string& text) {
    std::uint64_t id = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, id);
    if (error != std::errc() || stopped != end) return wrong("text '" + shown(text) + "'");
    line.id = id;
    return true;
  }

  bool open(char bracket, std::string_view came) {
    if (place() != Field::metadata && place() != Field::ignored) return wrong(came);
    if (field_ == Field::metadata) next_value() += bracket;
    ++depth_;
    return true;
  }
  bool close(char bracket) {
    --depth_;
    if (depth_ > 0 && field_ == Field::metadata) line.metadata += bracket;
    return true;
  }

  /// The metadata, ready for a value or a key behind what is there.
  std::string& next_value() {
    std::string& text = line.metadata;
    if (!text.empty() && text.back() != '{' && text.back() != '[' && text.back() != ':') text += ',';
    return text;
  }

  LineKind kind_;
  std::size_t depth_ = 0;  // brackets that are open
  Field field_ = Field::none;
  unsigned seen_ = 0;
};

}  // namespace

Expected<JsonLine, std::string> parse_json_line(std::string_view line, LineKind kind) {
  Handler handler(kind);
  if (nlohmann::json::sax_parse(line.begin(), line.end(), &handler) && handler.is_complete()) {
    return std::move(handler.line);
  }
  return Unexpected<std::string>(std::move(handler.fault));
}

std::string json_quoted(std::string_view text) {
  std::string quoted;
  append_quoted(quoted, text);
  return quoted;
}

float to_float(double value) noexcept {
  if (std::abs(value) > double{std::numeric_limits<float>::max()}) {
    return std::copysign(std::numeric_limits<float>::infinity(), value < 0 ? -1.0F : 1.0F);
  }
  return static_cast<float>(value);
}

}  // namespace shoal::tools
