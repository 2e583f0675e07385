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

/// A decorator: the test is skipped where this, or another need of it, is not met.
struct Need {
  bool is_met;
  template <class TestOrSuite>
  void fill(TestOrSuite& one) const {
    one.m_skip = one.m_skip || !is_met;
  }
};

/// It throws, or lets an allocation fail.
inline Need needs_exceptions() { return {SHOAL_HAS_EXCEPTIONS != 0}; }

/// It starts threads.
inline Need needs_threads() { return {SHOAL_HAS_THREADS != 0}; }

/// It starts processes, or makes a pipe.
inline Need needs_processes() {
#if defined(__EMSCRIPTEN__)
  return {false};
#else
  return {true};
#endif
}

/// It saves an index.
inline Need needs_index_files() { return {shoal::detail::lies_as_in_files}; }

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
