#include <limits>
#include <optional>

#include <datasets/npy_header.hpp>

namespace shoal::datasets {

namespace {

class HeaderParser {
 public:
  explicit HeaderParser(std::string_view header) : header_(header) {}

  Result<NpyHeader> parse() {
    NpyHeader header;
    bool seen_type = false, seen_order = false, seen_shape = false;
    if (!take('{')) {
      return expected("'{'");
    }
    while (!take('}')) {
      const auto key = take_string();
      if (!key || !take(':')) {
        return expected("a key in quotes and ':'");
      }
      bool read = false;
      if (*key == "descr" && !seen_type) {
        read = seen_type = read_type(header.type);
      } else if (*key == "fortran_order" && !seen_order) {
        read = seen_order = read_bool(header.fortran_order);
      } else if (*key == "shape" && !seen_shape) {
        read = seen_shape = read_shape(header.shape);
      }
      if (!read) {
        return expected("a value for one of 'descr', 'fortran_order', 'shape', each once");
      }
      if (!take(',') && peek() != '}') {
        return expected("',' or '}'");
      }
    }
    skip_spaces();
    if (at_ != header_.size()) {
      return expected("nothing after '}'");
    }
    if (!seen_type || !seen_order || !seen_shape) {
      return expected("all of 'descr', 'fortran_order' and 'shape'");
    }
    return header;
  }

 private:
  Failure expected(const char* what) const {
    return Failure(text("bad header: expected ", what, " at character ", at_));
  }

  void skip_spaces() {
    while (at_ < header_.size() && (header_[at_] == ' ' || header_[at_] == '\n' || header_[at_] == '\t')) {
      ++at_;
    }
  }

  char peek() {
    skip_spaces();
    return at_ < header_.size() ? header_[at_] : '\0';
  }

  bool take(char c) {
    if (peek() != c) {
      return false;
    }
    ++at_;
    return true;
  }

  bool take_word(std::string_view word) {
    skip_spaces();
    if (header_.substr(at_, word.size()) != word) {
      return false;
    }
    at_ += word.size();
    return true;
  }

  std::optional<std::string> take_string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') {
      return std::nullopt;
    }
    const std::size_t end = header_.find(quote, at_ + 1);
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    std::string value(header_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }

  bool read_type(std::string& type) {
    if (peek() == '[') {  // a list of fields: its end is all that matters, since it is refused
      const std::size_t end = header_.find(']', at_);
      at_ = end == std::string_view::npos ? header_.size() : end + 1;
      type = "(structured)";
      return end != std::string_view::npos;
    }
    const auto value = take_string();
    type = value.value_or("");
    return value.has_value();
  }

  bool read_bool(bool& value) {
    value = take_word("True");
    return value || take_word("False");
  }

  bool read_shape(std::vector<std::uint64_t>& shape) {
    constexpr std::size_t most_dimensions_of_numpy = 64;
    if (!take('(')) {
      return false;
    }
    while (!take(')')) {
      std::uint64_t number = 0;
      if (shape.size() == most_dimensions_of_numpy || !read_number(number)) {
        return false;
      }
      shape.push_back(number);
      if (!take(',') && peek() != ')') {
        return false;
      }
    }
    return true;
  }

  bool read_number(std::uint64_t& number) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (!is_digit(peek())) {
      return false;
    }
    for (; at_ < header_.size() && is_digit(header_[at_]); ++at_) {
      const auto digit = static_cast<std::uint64_t>(header_[at_] - '0');
      if (number > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) {
        return false;
      }
      number = number * 10 + digit;
    }
    if (at_ < header_.size() && header_[at_] == 'L') {  // Python 2 wrote long integers so
      ++at_;
    }
    return true;
  }

  std::string_view header_;
  std::size_t at_ = 0;
};

}  // namespace

Result<NpyHeader> parse_npy_header(std::string_view header) { return HeaderParser(header).parse(); }

}  // namespace shoal::datasets
