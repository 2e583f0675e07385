#pragma once
// How far an ingestion is: two counters, what was made and what is durable, and what lies between them. Made and not
// yet durable is lost with the program; a single counter would hide that.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace shoal::inline v0 {

struct IngestProgress {
  std::uint64_t generated = 0;  ///< Records accepted from the producer.
  std::uint64_t persisted = 0;  ///< Of these, written durably.
  std::uint64_t buffered = 0;   ///< Of these, still in memory: generated = persisted + buffered.
  std::uint64_t skipped = 0;    ///< Not accepted: unchanged, what is written or waits already has their content.
  std::uint64_t errors = 0;     ///< Not accepted: something was wrong with them. Also what the producer took back.
  std::uint64_t total = 0;      ///< Records to come in all; 0: unknown.
  std::chrono::nanoseconds elapsed{0};
  bool finished = false;  ///< The last event: the buffer was flushed for the last time.

  /// Records dealt with: accepted, skipped or wrong.
  [[nodiscard]] std::uint64_t processed() const noexcept { return generated + skipped + errors; }

  /// Records dealt with per second; 0 while no time has passed.
  [[nodiscard]] double rate() const noexcept {
    const double seconds = std::chrono::duration<double>(elapsed).count();
    return seconds > 0 ? static_cast<double>(processed()) / seconds : 0;
  }

  /// Time for the rest at this rate; none while it or the total is unknown.
  [[nodiscard]] std::optional<std::chrono::seconds> eta() const noexcept {
    const double per_second = rate();
    if (total == 0 || !(per_second > 0)) return std::nullopt;
    const std::uint64_t left = total > processed() ? total - processed() : 0;
    const double seconds = static_cast<double>(left) / per_second;
    constexpr double most = 1e9;  // decades
    return std::chrono::seconds(static_cast<std::int64_t>(seconds < most ? seconds + 0.5 : most));
  }
};

namespace detail {

/// 45200 -> "45,200", whatever the locale.
inline std::string with_thousands(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

/// 125.34 -> "125.3".
inline std::string with_tenth(double value) {
  constexpr double most = 1e15;
  const auto tenths = static_cast<std::uint64_t>((value < most ? value : most) * 10 + 0.5);
  return with_thousands(tenths / 10) + "." + std::to_string(tenths % 10);
}

/// 437 s -> "7m17s"; the two largest units.
inline std::string as_duration(std::chrono::seconds duration) {
  const auto seconds = static_cast<std::uint64_t>(duration.count());
  const auto two = [](std::uint64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3'600) return std::to_string(seconds / 60) + "m" + two(seconds % 60) + "s";
  if (seconds < 86'400) return std::to_string(seconds / 3'600) + "h" + two(seconds / 60 % 60) + "m";
  return std::to_string(seconds / 86'400) + "d" + two(seconds / 3'600 % 24) + "h";
}

}  // namespace detail

/// One line for people: "45.2% | generated 45,200 | persisted 40,000 | 125.3/s | ETA 7m17s". Percent and ETA are left
/// out where they are unknown, the ETA also when all is done; "skipped" and "errors" stand behind "persisted" where
/// there are any.
[[nodiscard]] inline std::string format_progress(const IngestProgress& progress) {
  std::string line;
  if (progress.total != 0) {
    // Not rounded: 100 % is said when all is done.
    const std::uint64_t tenths =
        progress.processed() < progress.total ? 1000 * progress.processed() / progress.total : 1000;
    line += std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "% | ";
  }
  line += "generated " + detail::with_thousands(progress.generated);
  line += " | persisted " + detail::with_thousands(progress.persisted);
  if (progress.skipped != 0) line += " | skipped " + detail::with_thousands(progress.skipped);
  if (progress.errors != 0) line += " | errors " + detail::with_thousands(progress.errors);
  line += " | " + detail::with_tenth(progress.rate()) + "/s";
  if (const auto eta = progress.eta(); eta && !progress.finished) line += " | ETA " + detail::as_duration(*eta);
  return line;
}

}  // namespace shoal::inline v0
