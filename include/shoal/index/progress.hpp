#pragma once
// Whom a batch tells of its items.

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>

namespace shoal::inline v0 {

/// A callback after each item: `void(completed, total)`, or `bool(completed, total)` where false cancels. `total` is 0
/// when the length of the source is unknown.
// clang-format off
template <class P>
concept ProgressCallback =
    std::invocable<P&, std::size_t, std::size_t> &&
    (std::is_void_v<std::invoke_result_t<P&, std::size_t, std::size_t>> ||
     std::convertible_to<std::invoke_result_t<P&, std::size_t, std::size_t>, bool>);
// clang-format on

/// No progress wanted.
struct NoProgress {
  void operator()(std::size_t, std::size_t) const noexcept {}
};

namespace detail {

/// A callback of any type, by reference: a batch is compiled once for all of them. An empty std::function and a null
/// pointer count as none.
class ProgressRef {
 public:
  template <ProgressCallback P>
    requires(!std::is_same_v<std::remove_cv_t<P>, ProgressRef>)
  explicit ProgressRef(P& callback) noexcept {
    if constexpr (std::is_same_v<std::remove_cv_t<P>, NoProgress>) return;
    if constexpr (std::is_constructible_v<bool, P&>) {
      if (!static_cast<bool>(callback)) return;
    }
    can_cancel_ = !std::is_void_v<Result<P>>;
    if constexpr (std::is_function_v<P>) {
      callback_.function = reinterpret_cast<void (*)()>(&callback);
    } else {
      callback_.object = const_cast<void*>(static_cast<const volatile void*>(std::addressof(callback)));
    }
    call_ = [](Callback to, std::size_t completed, std::size_t total) -> bool {
      P* target;
      if constexpr (std::is_function_v<P>) {
        target = reinterpret_cast<P*>(to.function);
      } else {
        target = static_cast<P*>(to.object);
      }
      if constexpr (std::is_void_v<Result<P>>) {
        std::invoke(*target, completed, total);
        return true;
      } else {
        return static_cast<bool>(std::invoke(*target, completed, total));
      }
    };
  }

  [[nodiscard]] bool is_wanted() const noexcept { return call_ != nullptr; }
  [[nodiscard]] bool can_cancel() const noexcept { return can_cancel_; }

  /// False when the callback wants to stop. Throws what it throws.
  bool operator()(std::size_t completed, std::size_t total) const {
    return call_ == nullptr || call_(callback_, completed, total);
  }

 private:
  template <class P>
  using Result = std::invoke_result_t<P&, std::size_t, std::size_t>;
  union Callback {
    void* object;
    void (*function)();
  };

  Callback callback_{nullptr};
  bool (*call_)(Callback, std::size_t, std::size_t) = nullptr;
  bool can_cancel_ = false;
};

}  // namespace detail
}  // namespace shoal::inline v0
