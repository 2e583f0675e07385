#pragma once
// What a platform may lack. A test that cannot do without says so, `TEST_CASE("..." * support::needs_exceptions())`: it
// is compiled everywhere, and counted as skipped where it cannot run. What would not compile goes through raise(), or
// SHOAL_TRY and SHOAL_CATCH_BAD_ALLOC, as in the library.

#include <cstdio>
#include <cstdlib>

#include <doctest/doctest.h>

#include <shoal/core/archive.hpp>
#include <shoal/core/platform.hpp>

namespace support {

/// It throws, or lets an allocation fail.
inline doctest::skip needs_exceptions() { return doctest::skip(SHOAL_HAS_EXCEPTIONS == 0); }

/// It starts threads.
inline doctest::skip needs_threads() { return doctest::skip(SHOAL_HAS_THREADS == 0); }

/// It starts processes.
inline doctest::skip needs_processes() {
#if defined(__EMSCRIPTEN__)
  return doctest::skip(true);
#else
  return doctest::skip(false);
#endif
}

/// It saves an index.
inline doctest::skip needs_index_files() { return doctest::skip(!shoal::detail::lies_as_in_files); }

/// Throws `what`. Without exceptions nobody gets here.
template <class What>
[[noreturn]] void raise([[maybe_unused]] What what) {
#if SHOAL_HAS_EXCEPTIONS
  throw what;
#else
  std::fputs("a test throws that is not marked needs_exceptions()\n", stderr);
  std::abort();
#endif
}

}  // namespace support
