#pragma once
// Many vectors at once: row-major matrices as callers have them, looked at and never copied.

#include <cassert>
#include <concepts>
#include <cstddef>
#include <ranges>
#include <span>
#include <type_traits>

#include "shoal/index/vector_input.hpp"

namespace shoal::inline v0 {

/// A row-major matrix in someone else's memory. *Shape*: row i begins at data + i * row_stride and has `columns`
/// numbers.
template <class T>
struct MatrixView {
  const T* data = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t row_stride = columns;  ///< In numbers, not bytes.

  [[nodiscard]] std::span<const T> row(std::size_t i) const noexcept {
    assert(i < rows);
    return {data + i * row_stride, columns};
  }
};

/// A row-major Eigen matrix, map or block whose rows lie in memory without gaps between their numbers.
// clang-format off
template <class X>
concept EigenRowMajor = EigenExpression<X> && static_cast<bool>(std::remove_cvref_t<X>::IsRowMajor) &&
                        int{std::remove_cvref_t<X>::InnerStrideAtCompileTime} == 1 &&
                        requires(const std::remove_cvref_t<X>& matrix) {
                          { *matrix.data() } -> std::convertible_to<typename std::remove_cvref_t<X>::Scalar>;
                          { matrix.outerStride() } -> std::convertible_to<std::ptrdiff_t>;
                        };
// clang-format on

namespace detail {
template <class X>
inline constexpr bool is_matrix_view = false;
template <class T>
inline constexpr bool is_matrix_view<MatrixView<T>> = true;
}  // namespace detail

/// What may be given as a matrix: a MatrixView, a row-major Eigen matrix, or a contiguous range of numbers taken
/// `dimensions` at a time.
// clang-format off
template <class X>
concept MatrixInput = detail::is_matrix_view<std::remove_cvref_t<X>> || EigenRowMajor<X> || ContiguousVector<X>;
// clang-format on

/// What may be given as many queries: a matrix, or a random-access range of vectors.
// clang-format off
template <class X>
concept QueriesInput =
    MatrixInput<X> || (std::ranges::random_access_range<const X> && std::ranges::sized_range<const X> &&
                       VectorInput<std::ranges::range_reference_t<const X>>);
// clang-format on

namespace detail {

/// `matrix` as a MatrixView. A flat range must be a whole number of rows of `dimensions`.
template <MatrixInput X>
[[nodiscard]] auto view_matrix(const X& matrix, std::size_t dimensions) {
  if constexpr (is_matrix_view<X>) {
    (void)dimensions;
    return Expected<X, Error>(matrix);
  } else if constexpr (EigenRowMajor<X>) {
    (void)dimensions;
    using View = MatrixView<std::remove_cv_t<typename X::Scalar>>;
    return Expected<View, Error>(View{matrix.data(), static_cast<std::size_t>(matrix.rows()),
                                      static_cast<std::size_t>(matrix.cols()),
                                      static_cast<std::size_t>(matrix.outerStride())});
  } else {
    using View = MatrixView<std::remove_cv_t<std::ranges::range_value_t<X>>>;
    const auto count = static_cast<std::size_t>(std::ranges::size(matrix));
    if (count % dimensions != 0) {
      return Expected<View, Error>(Unexpected<Error>(
          make_error(ErrorCode::dimension_mismatch, "expected rows of ", dimensions, " components, got ", count,
                     " numbers, which is ", count / dimensions, " rows and ", count % dimensions, " more")));
    }
    return Expected<View, Error>(View{std::ranges::data(matrix), count / dimensions, dimensions, dimensions});
  }
}

}  // namespace detail
}  // namespace shoal::inline v0
