#include "terminal.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>

#include <sys/ioctl.h>
#include <unistd.h>

namespace shoal::demo {

namespace {

constexpr Marks utf8_marks{"█", "░", {"▏", "▎", "▍", "▌", "▋", "▊", "▉"}, "×", "µs", "·", "─"};
constexpr Marks ascii_marks{"#", ".", {".", ".", ".", ".", ".", ".", "."}, "x", "us", "|", "-"};

/// The locale by the rules of POSIX: the first of the three that is set and not empty.
std::string locale_name() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(variable);
    if (value != nullptr && *value != '\0') {
      return value;
    }
  }
  return "";
}

bool shows_utf8() {
  std::string name = locale_name();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return name.empty() || name.find("utf-8") != std::string::npos || name.find("utf8") != std::string::npos;
}

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

}  // namespace

Terminal Terminal::of_this_process() {
  const char* kind = std::getenv("TERM");
  const bool is_dumb = kind != nullptr && std::string_view(kind) == "dumb";
  Terminal terminal;
  terminal.out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  terminal.err_is_terminal = ::isatty(STDERR_FILENO) == 1 && !is_dumb;
  terminal.has_colours = terminal.out_is_terminal && !is_dumb && !is_set("NO_COLOR");
  terminal.marks = shows_utf8() ? utf8_marks : ascii_marks;
  return terminal;
}

std::size_t Terminal::err_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 ? size.ws_col : 80;
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

}  // namespace shoal::demo
