#pragma once
// Vectors as callers have them (any contiguous range of numbers, any dense Eigen vector expression) turned into the
// floats that rows are written from, and the checks every vector and query must pass. Eigen is recognised by its
// members, so this header does not include it.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ranges>
#include <span>
#include <type_traits>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/metric/metric.hpp"

namespace shoal::inline v0 {

/// A contiguous range of numbers: std::vector<float>, std::array<double, 4>, std::span<const std::uint8_t>, ...
// clang-format off
template <class V>
concept ContiguousVector = std::ranges::contiguous_range<V> && std::ranges::sized_range<V> &&
                           std::is_arithmetic_v<std::remove_cv_t<std::ranges::range_value_t<V>>>;
// clang-format on

/// A dense Eigen expression: a vector, a row or column, a map, a sum of such, ...
// clang-format off
template <class V>
concept EigenExpression = requires(const std::remove_cvref_t<V>& v) {
  typename std::remove_cvref_t<V>::Scalar;
  v.derived();
  v.eval();
  { v.rows() } -> std::convertible_to<std::ptrdiff_t>;
  { v.cols() } -> std::convertible_to<std::ptrdiff_t>;
};
// clang-format on

/// What may be given as a vector or a query.
// clang-format off
template <class V>
concept VectorInput = ContiguousVector<V> || EigenExpression<V>;
// clang-format on

namespace detail {

/// The floats of a contiguous range: its own where they are floats, else converted into `buffer`, whose capacity
/// suffices.
template <class T>
[[nodiscard]] std::span<const float> as_floats(const T* values, std::size_t count, std::vector<float>& buffer) {
  if constexpr (std::same_as<T, float>) {
    return {values, count};
  } else {
    buffer.resize(count);
    std::transform(values, values + count, buffer.begin(), [](T value) { return static_cast<float>(value); });
    return buffer;
  }
}

inline std::optional<Error> check_dimensions(std::size_t came, std::size_t expected) {
  if (came == expected) return std::nullopt;
  return make_error(ErrorCode::dimension_mismatch, "expected ", expected, " components, got ", came);
}

/// Reads `vector` as floats; wrong lengths are an error before anything is copied. The floats live in `vector` itself
/// or in `buffer`.
template <VectorInput V>
[[nodiscard]] Expected<std::span<const float>, Error> read_vector(V&& vector, std::size_t dimensions,
                                                                  std::vector<float>& buffer) {
  if constexpr (ContiguousVector<V>) {
    const auto count = static_cast<std::size_t>(std::ranges::size(vector));
    if (auto wrong = check_dimensions(count, dimensions)) return Unexpected<Error>(*std::move(wrong));
    return as_floats(std::ranges::data(vector), count, buffer);
  } else {
    const auto rows = static_cast<std::size_t>(vector.rows());
    const auto columns = static_cast<std::size_t>(vector.cols());
    if (rows != 1 && columns != 1) {
      return Unexpected<Error>(make_error(ErrorCode::dimension_mismatch, "expected a vector of ", dimensions,
                                          " components, got a matrix of ", rows, " x ", columns));
    }
    if (auto wrong = check_dimensions(rows * columns, dimensions)) return Unexpected<Error>(*std::move(wrong));
    const auto gather = [&](const auto& readable) {
      buffer.resize(dimensions);
      for (std::size_t i = 0; i < dimensions; ++i) {
        const auto position = static_cast<std::ptrdiff_t>(i);
        buffer[i] = static_cast<float>(columns == 1 ? readable.coeff(position, 0) : readable.coeff(0, position));
      }
    };
    if constexpr (requires { vector.data(); }) {
      gather(vector);  // its numbers are there
    } else {
      gather(vector.eval());
    }
    return std::span<const float>(buffer);
  }
}

inline constexpr std::uint32_t magnitude_bits = 0x7FFF'FFFFU;

/// Where the first component of the magnitude `largest` is, which one has.
[[nodiscard]] inline std::size_t position_of(std::uint32_t largest, std::span<const float> vector) noexcept {
  const auto found = std::find_if(vector.begin(), vector.end(), [&](float value) {
    return (shoal::detail::bit_cast<std::uint32_t>(value) & magnitude_bits) == largest;
  });
  return static_cast<std::size_t>(found - vector.begin());
}

/// The component that is not finite, if one is: judged by the largest magnitude, by its bits, which no compiler flag
/// can take away.
[[nodiscard]] inline std::optional<Error> find_not_finite(std::uint32_t largest, std::span<const float> vector) {
  constexpr std::uint32_t infinity_bits = 0x7F80'0000U;
  if (largest < infinity_bits) return std::nullopt;
  const std::size_t position = position_of(largest, vector);
  const char* what = largest > infinity_bits                                                 ? "NaN"
                     : (shoal::detail::bit_cast<std::uint32_t>(vector[position]) >> 31) != 0 ? "-infinity"
                                                                                             : "infinity";
  return make_error(ErrorCode::not_finite, "expected finite components, component ", position, " is ", what);
}
[[nodiscard]] inline std::optional<Error> find_not_finite(std::span<const float> vector) {
  return find_not_finite(simd::largest_magnitude_bits(vector.data(), vector.size()), vector);
}

/// Checks a vector of the right length: finite, norm within bounds, not zero where a direction is needed.
template <Metric M>
[[nodiscard]] std::optional<Error> find_fault(std::span<const float> vector) {
  if constexpr (is_opaque<M>) return std::nullopt;
  const std::uint32_t largest = simd::largest_magnitude_bits(vector.data(), vector.size());
  if (auto fault = find_not_finite(largest, vector)) return fault;
  if constexpr (M::unit_vectors) {
    // Subnormal numbers are zero to programs that flush them, as those built with -ffast-math do.
    constexpr std::uint32_t smallest_normal_bits = 0x0080'0000U;
    if (largest < smallest_normal_bits) {
      return make_error(ErrorCode::zero_vector, "expected a vector with a direction, all ", vector.size(),
                        " components are zero", largest == 0 ? "" : " or subnormal");
    }
  }
  // Components this small cannot reach the bound together: the sum of squares is only taken when they might.
  const float largest_value = shoal::detail::bit_cast<float>(largest);
  if (static_cast<double>(largest_value) * largest_value * static_cast<double>(vector.size()) >
      double{max_squared_norm}) {
    double squared_norm = 0;
    for (const float value : vector) squared_norm += double{value} * double{value};
    if (squared_norm > double{max_squared_norm}) {
      const std::size_t position = position_of(largest, vector);
      return make_error(ErrorCode::norm_too_large, "expected a squared norm of at most ", double{max_squared_norm},
                        ", got ", squared_norm, "; the largest component is component ", position, " = ",
                        double{vector[position]});
    }
  }
  return std::nullopt;
}

/// Scales to norm 1, from `vector` (not zero) to `unit`; they may be the same.
inline void normalize(std::span<const float> vector, std::span<float> unit) noexcept {
  double squared_norm = 0;
  for (const float value : vector) squared_norm += double{value} * double{value};
  const double scale = 1 / std::sqrt(squared_norm);
  std::transform(vector.begin(), vector.end(), unit.begin(),
                 [scale](float value) { return static_cast<float>(value * scale); });
}

/// Makes a caller's vector fit to be kept or compared: reads, checks, and scales it where the metric asks for it.
/// `buffer` was reserved to `dimensions`.
template <Metric M, VectorInput V>
[[nodiscard]] Expected<std::span<const float>, Error> admit_vector(V&& vector, std::size_t dimensions,
                                                                   std::vector<float>& buffer) {
  auto floats = read_vector(vector, dimensions, buffer);
  if (!floats) return floats;
  if (auto fault = find_fault<M>(*floats)) return Unexpected<Error>(*std::move(fault));
  if constexpr (M::unit_vectors) {
    buffer.resize(dimensions);
    normalize(*floats, buffer);
    return std::span<const float>(buffer);
  }
  return floats;
}

}  // namespace detail
}  // namespace shoal::inline v0
