#pragma once
// What the two programs' command lines share: numbers and names that are checked as they are typed, and the exit codes.

#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "console.hpp"
#include "inputs.hpp"
#include "searchable.hpp"
#include <shoal/core/version.hpp>

namespace shoal::tools {

/// How a program ends; 128 + the signal where one ended it.
enum ExitCode : int { success = 0, bad_input = 1, bad_usage = 2, store_failed = 3, output_lost = 4 };

/// Why a program ends with `output_lost`.
inline constexpr const char* output_lost_message = "standard output is closed, or full";

/// Digits only and in the range: CLI11's own check lets -1 become the largest number there is.
template <class T>
[[nodiscard]] CLI::Validator whole_number(T least, T most) {
  return {[least, most](const std::string& given) {
            T number{};
            const char* end = given.data() + given.size();
            const auto [stopped, error] = std::from_chars(given.data(), end, number);
            const bool is_good = error == std::errc() && stopped == end && number >= least && number <= most;
            return is_good ? "" : fmt::format("expected a whole number from {} to {}, got '{}'", least, most, given);
          },
          ""};
}

/// An option whose default stands in --help.
template <class T>
void add_number(CLI::App& app, const char* name, T& value, T least, T most, const char* help) {
  app.add_option(name, value, help)->check(whole_number(least, most))->option_text(fmt::format("N [{}]", value));
}
/// An option without a default.
template <class T>
void add_number(CLI::App& app, const char* name, std::optional<T>& value, T least, T most, const char* help) {
  app.add_option(name, value, help)->check(whole_number(least, most))->option_text("N");
}

/// An option whose values have names, in whatever case; `usual` stands in --help. CLI11's own lists of names take the
/// numbers behind them too.
template <class T>
void add_name(CLI::App& app, const char* option, T& value, std::vector<std::pair<std::string, T>> names,
              const char* usual, const char* help) {
  const auto number_of_name = [names = std::move(names)](std::string& given) {
    std::string known;
    for (const auto& [name, named] : names) {
      if (CLI::detail::to_lower(given) == name) {
        given = std::to_string(static_cast<int>(named));
        return std::string();
      }
      known += (known.empty() ? "" : ", ") + name;
    }
    return fmt::format("expected one of {}, got '{}'", known, given);
  };
  app.add_option(option, value, help)
      ->transform(CLI::Validator(number_of_name, ""))
      ->option_text(fmt::format("NAME [{}]", usual));
}

[[nodiscard]] inline std::vector<std::pair<std::string, InputFormat>> input_formats() {
  return {{"jsonl", InputFormat::json_lines}, {"npy", InputFormat::npy}, {"fvecs", InputFormat::fvecs}};
}
[[nodiscard]] inline std::vector<std::pair<std::string, MetricName>> metric_names() {
  return {{"l2", MetricName::l2}, {"ip", MetricName::ip}, {"cosine", MetricName::cosine}};
}

/// Seconds as they are typed: "1", "0.25"; nothing for what is no time, or more than a year.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_seconds(const std::string& text);

/// "1,2,4"; empty or "none" for no times.
[[nodiscard]] std::optional<std::vector<std::chrono::milliseconds>> parse_delays(const std::string& text);

/// Reads arguments into what `app` was told of. The exit code where the program ends with that: help or the version was
/// printed, or one line says what is wrong.
[[nodiscard]] std::optional<int> parse_arguments(CLI::App& app, std::vector<std::string> arguments,
                                                 const Console& console);

}  // namespace shoal::tools
