#include "numbers.hpp"

#include <cmath>

#include <fmt/core.h>

namespace shoal::demo {

std::string with_commas(std::size_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) {
      text += ',';
    }
    text += digits[i];
  }
  return text;
}

std::string seconds_text(double seconds) {
  return fmt::format("{:.{}f} s", seconds, seconds < 9.995 ? 2 : seconds < 99.95 ? 1 : 0);
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::size_t>(std::lround(std::fmax(0, seconds)));
  if (whole < 60) {
    return fmt::format("{} s", whole);
  }
  if (whole < 3600) {
    return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  }
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string megabytes_text(double bytes) {
  const double megabytes = bytes / 1e6;
  return fmt::format("{:.{}f} MB", megabytes, megabytes < 9.995 ? 2 : megabytes < 999.95 ? 1 : 0);
}

}  // namespace shoal::demo
