#pragma once
// What the two output streams are and can show. Asked once, at the start.
//
// Marks outside ASCII are used unless the environment names a locale that is not UTF-8: a container names none, and
// every terminal of today shows them. Colours only on a terminal, and not when NO_COLOR is set (https://no-color.org).

#include <string_view>

namespace shoal::demo {

/// The marks of the output, in UTF-8 or in ASCII.
struct Marks {
  std::string_view full, empty;  // of a bar
  std::string_view partial[7];   // one to seven eighths
  std::string_view times, micro, dot, line;
};

struct Terminal {
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool has_colours = false;  // of stdout
  Marks marks;

  [[nodiscard]] static Terminal of_this_process();

  /// The columns of stderr now, since a window changes its size; 80 if nobody knows.
  [[nodiscard]] static std::size_t err_columns();

  [[nodiscard]] std::string_view bold() const { return has_colours ? "\x1b[1m" : ""; }
  [[nodiscard]] std::string_view dim() const { return has_colours ? "\x1b[2m" : ""; }
  [[nodiscard]] std::string_view plain() const { return has_colours ? "\x1b[0m" : ""; }
};

/// The places `text` takes on a terminal: its code points, none of ours being wide.
[[nodiscard]] std::size_t width_of(std::string_view text);

}  // namespace shoal::demo
