#pragma once
// What a caller may choose for one batch or one search.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/core/workers.hpp"

namespace shoal::inline v0 {

/// What a batch does with an id that is already there, or that came before in the same batch.
enum class OnDuplicate : std::uint8_t {
  fail,       ///< The batch ends with `duplicate_id`.
  skip,       ///< The entry that is there stays; the new item is passed over.
  overwrite,  ///< The new vector takes the id; the old one is never returned again.
};

/// What is left in the index when a batch fails.
enum class Atomicity : std::uint8_t {
  prefix,          ///< Exactly the items before the failing one.
  all_or_nothing,  ///< Nothing of the batch. The whole batch is validated and encoded before the first item is linked.
};

/// What can be asked whether to stop.
// clang-format off
template <class T>
concept StopSource = requires(const T& token) {
  { token.stop_requested() } -> std::convertible_to<bool>;
};
// clang-format on

/// Asks whether to stop: any object with `stop_requested()`, a std::stop_token for instance, or nothing.
class StopToken {
 public:
  StopToken() noexcept = default;

  template <StopSource Token>
    requires(!std::same_as<Token, StopToken>)
  StopToken(Token token)  // NOLINT(google-explicit-constructor): any token stands for itself
      : ask_([token = std::move(token)] { return static_cast<bool>(token.stop_requested()); }) {}

  [[nodiscard]] bool stop_requested() const { return ask_ && ask_(); }
  /// Was it made of something that can be asked?
  [[nodiscard]] bool can_stop() const noexcept { return static_cast<bool>(ask_); }

 private:
  std::function<bool()> ask_;
};

/// Choices of `batch_insert`, its third argument.
struct BatchOptions {
  unsigned threads = 1;  ///< Threads that may link; 0: one for each core. Same result.
  StopToken stop{};      ///< Asked before each item.
  OnDuplicate on_duplicate = OnDuplicate::fail;
  Atomicity atomicity = Atomicity::prefix;
  /// Links a batch of `Float32` by codes of one byte a component, made for it alone: 2 to 3 times as fast on wide
  /// vectors, for `dimensions + 8` bytes of each entry of the index while the batch runs. No effect on other storage,
  /// nor when the batch is known to be less than a sixteenth of the index.
  bool link_by_codes = false;
  Executor executor{};  ///< Runs the work of `threads` threads; empty: std::thread.
};

/// Choices of `batch_erase` and `compact`.
struct EraseOptions {
  unsigned threads = 1;  ///< Threads that may repair the graph; 0: one for each core. Same result.
  Executor executor{};   ///< Runs the work of `threads` threads; empty: std::thread.
};

/// What `batch_erase` did, in the order of the ids given.
template <class Id>
struct EraseReport {
  std::vector<Id> erased{};    ///< They are gone.
  std::vector<Id> absent{};    ///< They were not in the index.
  std::vector<Id> repeated{};  ///< They came before among the ids given, and were erased then.
};

/// Choices of a search.
struct SearchOptions {
  std::size_t k = 10;  ///< Neighbours wanted; fewer are returned only when fewer live entries (pass the filter).
  std::size_t ef = 0;  ///< Candidates kept by the walk: more is slower and finds more. 0: max(100, 2 k). At least k.
  /// Only ids it accepts are returned; empty: all. May be called for any entry, and several times.
  std::function<bool(std::uint64_t id)> filter{};
  /// Only these ids are returned, so far as they are in the index, each once; nothing: all. *Cost*: O(1) for each.
  std::optional<std::span<const std::uint64_t>> among{};
  unsigned threads = 1;  ///< Of `batch_search`; 0: one for each core.
  Executor executor{};   ///< Runs the work of `threads` threads; empty: std::thread.
};

/// Choices of a search for all that is near.
struct WithinOptions {
  std::size_t most = 0;  ///< Neighbours returned at most, the nearest; 0: all there are.
  std::size_t ef =
      0;  ///< Candidates that the first walk keeps; 0: 200. The last keeps three times as many as are returned.
  std::function<bool(std::uint64_t id)> filter{};         ///< As of a search.
  std::optional<std::span<const std::uint64_t>> among{};  ///< As of a search.
};

namespace detail {

/// What is wrong with a radius, if anything; judged by the bits, which -ffast-math leaves alone.
inline std::optional<Error> find_radius_fault(float radius) {
  if ((shoal::detail::bit_cast<std::uint32_t>(radius) & 0x7FFF'FFFFU) <= 0x7F80'0000U) return std::nullopt;
  return make_error(ErrorCode::not_finite, "expected a radius, got NaN");
}

/// Who does the work that `options` allow.
template <class Options>
[[nodiscard]] Workers workers_of(const Options& options) {
  return Workers(options.threads, options.executor);
}

}  // namespace detail
}  // namespace shoal::inline v0
