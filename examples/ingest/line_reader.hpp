#pragma once
// Lines of a file, pipe or terminal, however long, one at a time. Waiting for input ends when a signal comes. What is
// held is the longest line so far and a block; a line beyond `max_line_bytes` is passed over, and nothing of it is
// kept.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "interrupt.hpp"

namespace shoal::tools {

class LineReader {
 public:
  enum class Next { line, too_long, failed, interrupted, end };

  static constexpr std::size_t usual_max_line_bytes = std::size_t{64} << 20U;

  /// Reads from a descriptor, which stays the caller's.
  explicit LineReader(int descriptor, const Interrupt* interrupt = nullptr,
                      std::size_t max_line_bytes = usual_max_line_bytes);

  /// Goes to the next line. An end of the input ends the last line too.
  [[nodiscard]] Next next();

  /// The line, without what ends it, "\n" or "\r\n"; good until the next call.
  [[nodiscard]] std::string_view line() const noexcept { return line_; }
  /// Its number, from 1.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  /// Why reading failed.
  [[nodiscard]] const std::string& message() const noexcept { return message_; }

 private:
  /// Reads a block behind what is held. Next::line: there is more.
  [[nodiscard]] Next read_more();

  int descriptor_;
  const Interrupt* interrupt_;
  std::size_t max_line_bytes_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what was not given out
  std::size_t end_ = 0;
  std::string_view line_;
  std::uint64_t number_ = 0;
  std::string message_;
};

}  // namespace shoal::tools
