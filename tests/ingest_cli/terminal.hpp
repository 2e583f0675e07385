#pragma once
// A terminal that nobody sits at: what a program prints on it, as text.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

namespace support {

/// *Invariant*: TERM says that lines can be drawn anew while it lives.
class Terminal {
 public:
  Terminal() : control_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    REQUIRE(control_ >= 0);
    REQUIRE(::grantpt(control_) == 0);
    REQUIRE(::unlockpt(control_) == 0);
    stream_ = std::fopen(::ptsname(control_), "r+");
    REQUIRE(stream_ != nullptr);
    termios settings{};
    REQUIRE(::tcgetattr(::fileno(stream_), &settings) == 0);
    settings.c_oflag &= ~static_cast<tcflag_t>(OPOST);  // a line feed stays one
    REQUIRE(::tcsetattr(::fileno(stream_), TCSANOW, &settings) == 0);
    REQUIRE(::fcntl(control_, F_SETFL, O_NONBLOCK) == 0);
    if (const char* const kind = std::getenv("TERM")) previous_kind_ = kind;
    ::setenv("TERM", "xterm", 1);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    std::fclose(stream_);
    ::close(control_);
    previous_kind_.empty() ? ::unsetenv("TERM") : ::setenv("TERM", previous_kind_.c_str(), 1);
  }

  /// Written to by the program, which has no more than a terminal's buffer of room (4 KiB).
  [[nodiscard]] std::FILE* stream() const { return stream_; }

  /// All that was printed since the last call.
  [[nodiscard]] std::string read() const {
    std::string text;
    std::array<char, 4096> block{};
    for (;;) {
      const ssize_t got = ::read(control_, block.data(), block.size());
      if (got <= 0) return text;
      text.append(block.data(), static_cast<std::size_t>(got));
    }
  }

 private:
  int control_;
  std::FILE* stream_ = nullptr;
  std::string previous_kind_;
};

}  // namespace support
