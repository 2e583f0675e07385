#pragma once
// A lock for what is held for a moment only. It moves with what it guards, as an unlocked one. Without threads,
// nothing.

#include "shoal/core/platform.hpp"

#if SHOAL_HAS_THREADS
#include <mutex>
#endif

namespace shoal::inline v0::detail {

class Lock {
 public:
  Lock() noexcept = default;
  Lock(const Lock&) noexcept {}
  Lock& operator=(const Lock&) noexcept { return *this; }
  ~Lock() = default;

#if SHOAL_HAS_THREADS
  /// Runs f while nobody else runs anything under this lock.
  template <class F>
  decltype(auto) operator()(F&& f) const {
    const std::lock_guard guard(mutex_);
    return f();
  }

 private:
  mutable std::mutex mutex_;
#else
  template <class F>
  decltype(auto) operator()(F&& f) const {
    return f();
  }
#endif
};

}  // namespace shoal::inline v0::detail
