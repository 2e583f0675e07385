#pragma once
// What a measurement does not go on without.

#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <shoal/core/error.hpp>

namespace shoal::report {

/// *Errors*: std::runtime_error with the message, when there is no value.
template <class Value>
Value require(Expected<Value, Error> result) {
  if (!result) throw std::runtime_error(std::string(result.error().message()));
  if constexpr (!std::is_void_v<Value>) return *std::move(result);
}

}  // namespace shoal::report
