#pragma once
// A clock that says why a program waits, before each wait: who tries again is told what failed, and then asks the
// clock.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include <shoal/core/error.hpp>
#include <shoal/ingest/retry.hpp>

namespace shoal::tools {

class AnnouncedWaits {
 public:
  /// `say` gets "the store is busy (WHY), trying again in 1 s".
  AnnouncedWaits(IngestClock clock, std::function<void(const std::string&)> say)
      : clock_(std::move(clock)), say_(std::move(say)) {}

  /// What the next wait is for.
  template <class Result>
  void note(const Result& result) {
    if (!result) cause_ = result.error();
  }

  /// The clock; this outlives it.
  [[nodiscard]] IngestClock clock() {
    return {.now = clock_.now, .wait = [this](std::chrono::nanoseconds duration, const StopToken& stop) {
              if (cause_) {
                say_(fmt::format("{} ({}), trying again in {} s", what_failed(cause_->code()), cause_->message(),
                                 std::chrono::duration<double>(duration).count()));
              }
              shoal::detail::wait(clock_, duration, stop);
            }};
  }

 private:
  static std::string_view what_failed(ErrorCode code) {
    switch (code) {
      case ErrorCode::store_busy: return "the store is busy";
      case ErrorCode::storage_full: return "there is no room for the store";
      default: return "the store failed";
    }
  }

  IngestClock clock_;
  std::function<void(const std::string&)> say_;
  std::optional<Error> cause_;
};

}  // namespace shoal::tools
