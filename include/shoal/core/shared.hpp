#pragma once
// Values that one thread writes while others read them. A store releases and a load acquires: who sees a value sees all
// that was written before it. On x86 both are plain moves. They work on any trivial value where it lies, so that rows
// of links need no type of their own; without threads they are what they look like.

#include <type_traits>

#include "shoal/core/platform.hpp"

#if SHOAL_HAS_THREADS && !defined(__GNUC__)
#include <atomic>
#endif

namespace shoal::inline v0::detail {

/// Whether a T is read and written in one step. Ids of 64 bits are on 32-bit x86 and ARMv7 too, where they are aligned.
#if SHOAL_HAS_THREADS && defined(__GNUC__)
template <class T>
inline constexpr bool is_one_step = __atomic_always_lock_free(sizeof(T), nullptr);
#elif SHOAL_HAS_THREADS
template <class T>
inline constexpr bool is_one_step = std::atomic_ref<T>::is_always_lock_free;
#else
template <class T>
inline constexpr bool is_one_step = true;  // nobody looks on
#endif

template <class T>
[[nodiscard]] SHOAL_ALWAYS_INLINE T load_shared(const T& value) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  static_assert(is_one_step<T>,
                "shoal: this processor cannot read such a number in one step; take ids as wide as its addresses, or "
                "SHOAL_NO_THREADS");
#if !SHOAL_HAS_THREADS
  return value;
#elif defined(__GNUC__)  // std::atomic_ref came late to some libraries
  T result;
  __atomic_load(&value, &result, __ATOMIC_ACQUIRE);
  return result;
#else
  return std::atomic_ref<T>(const_cast<T&>(value)).load(std::memory_order_acquire);
#endif
}

template <class T>
SHOAL_ALWAYS_INLINE void store_shared(T& value, std::type_identity_t<T> wanted) noexcept {
#if !SHOAL_HAS_THREADS
  value = wanted;
#elif defined(__GNUC__)
  __atomic_store(&value, &wanted, __ATOMIC_RELEASE);
#else
  std::atomic_ref<T>(value).store(wanted, std::memory_order_release);
#endif
}

/// One such value. Copying it is not one step with anything else.
template <class T>
class Shared {
 public:
  constexpr Shared(T value = T{}) noexcept : value_(value) {}  // NOLINT(google-explicit-constructor)
  Shared(const Shared& other) noexcept : value_(other.load()) {}
  Shared& operator=(const Shared& other) noexcept {
    store(other.load());
    return *this;
  }
  ~Shared() = default;

  [[nodiscard]] SHOAL_ALWAYS_INLINE T load() const noexcept { return load_shared(value_); }
  SHOAL_ALWAYS_INLINE void store(T value) noexcept { store_shared(value_, value); }

 private:
  alignas(sizeof(T)) T value_;  // 32-bit x86 would align 8 bytes to 4
};

}  // namespace shoal::inline v0::detail
