#pragma once
// Expected<T, E>: a value or the reason why there is none. std::expected where the standard library has it, else
// tl::expected, whose interface is the same as far as this library uses it.

#include <version>

#if defined(__cpp_lib_expected) && __cpp_lib_expected >= 202202L
#include <expected>
namespace shoal::inline v0 {
template <class T, class E>
using Expected = std::expected<T, E>;
template <class E>
using Unexpected = std::unexpected<E>;
}  // namespace shoal::inline v0
#elif __has_include(<tl/expected.hpp>)
#include <tl/expected.hpp>
namespace shoal::inline v0 {
template <class T, class E>
using Expected = tl::expected<T, E>;
template <class E>
using Unexpected = tl::unexpected<E>;
}  // namespace shoal::inline v0
#else
#error "shoal needs std::expected (C++23) or the header tl/expected.hpp (Debian: libexpected-dev)"
#endif
