#pragma once
// What an exception in flight means, for those who turn it into an Error. To be called inside a handler.

#include <exception>
#include <new>
#include <stdexcept>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"

namespace shoal::inline v0::detail {

/// Is it memory that ran out?
[[nodiscard]] inline bool is_bad_alloc() noexcept {
#if SHOAL_HAS_EXCEPTIONS
  try {
    throw;
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {
  } catch (...) {
    return false;
  }
#endif
  return true;
}

/// `code`, with what the exception says of itself.
[[nodiscard]] inline Error describe_exception(ErrorCode code) noexcept {
#if SHOAL_HAS_EXCEPTIONS
  try {
    throw;
  } catch (const std::exception& exception) {
    return make_error(code, describe(code), ": ", exception.what());
  } catch (...) {
  }
#endif
  return Error(code);
}

}  // namespace shoal::inline v0::detail
