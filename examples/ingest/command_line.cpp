#include "command_line.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace shoal::tools {

std::optional<std::chrono::milliseconds> parse_seconds(const std::string& text) {
  double seconds = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, seconds, std::chars_format::fixed);
  constexpr double a_year = 366.0 * 86'400;
  if (error != std::errc() || stopped != end || !(seconds >= 0 && seconds <= a_year)) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::lround(seconds * 1000)));
}

std::optional<std::vector<std::chrono::milliseconds>> parse_delays(const std::string& text) {
  std::vector<std::chrono::milliseconds> delays;
  if (text.empty() || text == "none") return delays;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const auto delay = parse_seconds(text.substr(begin, end - begin));
    if (!delay) return std::nullopt;
    delays.push_back(*delay);
    begin = end + 1;
  }
  return delays;
}

std::optional<int> parse_arguments(CLI::App& app, std::vector<std::string> arguments, const Console& console) {
  app.set_version_flag(
      "--version",
      fmt::format("{} {}.{}.{}", app.get_name(), SHOAL_VERSION_MAJOR, SHOAL_VERSION_MINOR, SHOAL_VERSION_PATCH),
      "print the version");
  app.get_formatter()->column_width(32);
  const auto print = [&](const std::string& text) {
    if (print_now(console, text)) return int{success};
    return complain(console, app.get_name(), output_lost_message, output_lost);
  };
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  try {
    app.parse(std::move(arguments));
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    return print(app.help());
  } catch (const CLI::CallForVersion& version) {
    return print(std::string(version.what()) + "\n");
  } catch (const CLI::ParseError& error) {
    return complain(console, app.get_name(), fmt::format("{} (--help lists the options)", error.what()), bad_usage);
  }
}

}  // namespace shoal::tools
