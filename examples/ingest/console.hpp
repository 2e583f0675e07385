#pragma once
// What a program talks to: its streams, its signals, and what a test puts in the place of the world. A run of a program
// is a function of its arguments and of this.

#include <cstdio>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "interrupt.hpp"
#include <shoal/ingest/retry.hpp>

namespace shoal::tools {

struct Console {
  int in = 0;  ///< A file descriptor.
  std::FILE* out = stdout;
  std::FILE* err = stderr;
  const Interrupt* interrupt = nullptr;  ///< None: nothing interrupts.
  IngestClock clock{};                   ///< Who tells the time, and waits between tries.
  std::string vfs{};                     ///< SQLite's name of a file layer; empty: the default one.
};

/// Writes to the results, at once. False: nobody reads them any more, or the disk is full.
[[nodiscard]] inline bool print_now(const Console& console, std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), console.out) == text.size() && std::fflush(console.out) == 0;
}

/// One line on stderr, as far as anybody reads it. (Not fmt::print, which throws where nobody does.)
inline void say(const Console& console, std::string_view line) {
  const std::string text = std::string(line) + "\n";
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), console.err));
  std::fflush(console.err);
}

/// "NAME: MESSAGE" on stderr, and the exit code back.
inline int complain(const Console& console, std::string_view program, std::string_view message, int code) {
  say(console, fmt::format("{}: {}", program, message));
  return code;
}

}  // namespace shoal::tools
