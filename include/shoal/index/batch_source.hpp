#pragma once
// What a batch is read from: the concepts of an item and a source, and the rows of a matrix beside their ids as a
// source.

#include <concepts>
#include <cstddef>
#include <ranges>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include "shoal/core/error.hpp"
#include "shoal/index/matrix_view.hpp"

namespace shoal::inline v0 {

/// One item of a batch: a pair, a tuple of two, or a struct with two public members.
// clang-format off
template <class T>
concept BatchItem = requires { requires std::tuple_size<std::remove_cvref_t<T>>::value == 2; } ||
                    (std::is_aggregate_v<std::remove_cvref_t<T>> && !std::is_array_v<std::remove_cvref_t<T>> &&
                     !std::ranges::range<T>);
// clang-format on

/// A source of items (id, vector), read once from front to back.
// clang-format off
template <class R>
concept BatchSource = std::ranges::input_range<R> && BatchItem<std::ranges::range_reference_t<R>>;
// clang-format on

namespace detail {

/// Ids and the rows of a matrix side by side, as a source of items.
template <class Ids, class T>
class NumberedRows {
 public:
  using Item = std::pair<std::ranges::range_value_t<Ids>, std::span<const T>>;

  /// Can go over the rows again: a batch may read ahead, whatever its callback does.
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = Item;

    Iterator() = default;
    Iterator(const NumberedRows* rows, std::size_t i) noexcept : rows_(rows), i_(i) {}
    Item operator*() const {
      return {std::ranges::begin(*rows_->ids_)[static_cast<std::ranges::range_difference_t<const Ids>>(i_)],
              rows_->matrix_.row(i_)};
    }
    Iterator& operator++() noexcept {
      ++i_;
      return *this;
    }
    Iterator operator++(int) noexcept {
      Iterator before = *this;
      ++i_;
      return before;
    }
    bool operator==(const Iterator& other) const noexcept { return i_ == other.i_; }

   private:
    const NumberedRows* rows_ = nullptr;
    std::size_t i_ = 0;
  };

  NumberedRows(const Ids& ids, MatrixView<T> matrix) noexcept : ids_(&ids), matrix_(matrix) {}
  [[nodiscard]] Iterator begin() const noexcept { return {this, 0}; }
  [[nodiscard]] Iterator end() const noexcept { return {this, matrix_.rows}; }
  [[nodiscard]] std::size_t size() const noexcept { return matrix_.rows; }

 private:
  const Ids* ids_;
  MatrixView<T> matrix_;
};

/// Ids beside the rows of any matrix. Errors: dimension_mismatch, length_mismatch.
template <class Ids, MatrixInput Matrix>
[[nodiscard]] auto number_rows(const Ids& ids, const Matrix& matrix, std::size_t dimensions) {
  auto view = view_matrix(matrix, dimensions);
  using Source = decltype(NumberedRows(ids, *view));
  using Result = Expected<Source, Error>;
  if (!view) return Result(Unexpected<Error>(std::move(view.error())));
  const auto count = static_cast<std::size_t>(std::ranges::size(ids));
  if (count != view->rows) {
    return Result(Unexpected<Error>(make_error(ErrorCode::length_mismatch, "expected as many ids as rows, got ", count,
                                               " ids and ", view->rows, " rows")));
  }
  return Result(Source(ids, *view));
}

}  // namespace detail
}  // namespace shoal::inline v0
