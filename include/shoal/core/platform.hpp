#pragma once
// What the compiler offers, in the library's own words. Exceptions are optional: the same source builds with
// -fno-exceptions, where a failed allocation ends the program as it does in the standard library, and every other
// failure still comes back as an Expected.

#if defined(_MSVC_LANG) ? _MSVC_LANG <= 201703L : __cplusplus <= 201703L
#error "shoal needs C++20: compile with -std=c++20 or newer (MSVC: /std:c++20)"
#endif

#include <cassert>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>

#if defined(__cpp_exceptions) || defined(__EXCEPTIONS) || defined(_CPPUNWIND)
#define SHOAL_HAS_EXCEPTIONS 1
#define SHOAL_TRY try
#define SHOAL_CATCH_BAD_ALLOC catch (const std::bad_alloc&)
#define SHOAL_CATCH_ALL catch (...)
#else
#define SHOAL_HAS_EXCEPTIONS 0
#define SHOAL_TRY if constexpr (true)
#define SHOAL_CATCH_BAD_ALLOC else if constexpr (false)
#define SHOAL_CATCH_ALL else
#endif

#if defined(__GNUC__) || defined(__clang__)
#define SHOAL_COLD [[gnu::cold, gnu::noinline]]
#define SHOAL_NEVER_INLINE [[gnu::noinline]]
#define SHOAL_ALWAYS_INLINE [[gnu::always_inline]] inline
#else
#define SHOAL_COLD
#define SHOAL_NEVER_INLINE
#define SHOAL_ALWAYS_INLINE inline
#endif

// detail::prefetch for code that may call no function.
#if defined(__GNUC__) || defined(__clang__)
#define SHOAL_PREFETCH(address) __builtin_prefetch(address, 0, 3)
#else
#define SHOAL_PREFETCH(address) static_cast<void>(address)
#endif

// Before a loop of constant length that must leave nothing of itself: its arrays are registers.
#if defined(__clang__)
#define SHOAL_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define SHOAL_UNROLL _Pragma("GCC unroll 16")
#else
#define SHOAL_UNROLL
#endif

// Is the program watched for races between threads?
#if defined(__SANITIZE_THREAD__)
#define SHOAL_WATCHES_RACES 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SHOAL_WATCHES_RACES 1
#endif
#endif
#if !defined(SHOAL_WATCHES_RACES)
#define SHOAL_WATCHES_RACES 0
#endif

#if !defined(SHOAL_NO_THREADS)
#define SHOAL_HAS_THREADS 1
#else
#define SHOAL_HAS_THREADS 0
#endif

namespace shoal::inline v0::detail {

inline constexpr std::size_t cache_line_bytes = 64;

/// Asks the cache for the line at `address`. Only a hint: any address is allowed.
SHOAL_ALWAYS_INLINE void prefetch(const void* address) noexcept { SHOAL_PREFETCH(address); }

/// std::bit_cast, which the standard library of Emscripten 3.1 lacks.
template <class To, class From>
[[nodiscard]] constexpr To bit_cast(const From& from) noexcept {
  return __builtin_bit_cast(To, from);
}

/// Throws std::bad_alloc; without exceptions ends the program.
[[noreturn]] SHOAL_COLD inline void raise_bad_alloc() {
#if SHOAL_HAS_EXCEPTIONS
  throw std::bad_alloc();
#else
  std::fputs("shoal: out of memory\n", stderr);
  std::abort();
#endif
}

/// Throws `Exception(message)`; without exceptions prints the message and ends the program.
template <class Exception>
[[noreturn]] SHOAL_COLD void raise(const char* message) {
#if SHOAL_HAS_EXCEPTIONS
  throw Exception(message);
#else
  std::fprintf(stderr, "shoal: %s\n", message);
  std::abort();
#endif
}

}  // namespace shoal::inline v0::detail
