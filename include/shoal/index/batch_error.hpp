#pragma once
// How a batch ended when it did not end well: what is in, what failed, and why.

#include <cstddef>
#include <exception>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "shoal/core/error.hpp"

namespace shoal::inline v0 {

/// Everything a caller needs to go on after a failed batch. Copyable and printable.
template <class Id>
struct BatchError {
  std::size_t successful_count = 0;  ///< Length of `successful_ids`.
  std::vector<Id> successful_ids{};  ///< Ids that this batch put into the index, in order.
  std::size_t completed_count = 0;   ///< Items of the source that are dealt with (in, or passed over by `skip`):
                                     ///< without a failed item, the batch goes on from here.
  std::optional<std::size_t> failed_index{};  ///< Position in the source of the item to blame, if one is.
  std::optional<Id> failed_id{};              ///< Its id, if it was read and fits.
  Error cause{ErrorCode::cancelled};          ///< Why.
  std::exception_ptr exception{};             ///< What the source or the callback threw, for std::rethrow_exception.

  /// The item at `failed_index` can never go in as it is: go on behind it. Otherwise (no memory, a source that threw,
  /// a full index) it is not at fault, and nothing is lost by trying it again.
  [[nodiscard]] bool item_is_bad() const noexcept {
    switch (cause.code()) {
      case ErrorCode::dimension_mismatch:
      case ErrorCode::not_finite:
      case ErrorCode::norm_too_large:
      case ErrorCode::zero_vector:
      case ErrorCode::duplicate_id:
      case ErrorCode::id_out_of_range: return failed_index.has_value();
      default: return false;
    }
  }

  /// "batch insert failed after N vectors: CAUSE"
  [[nodiscard]] std::string what() const {
    std::string text = "batch insert failed after " + std::to_string(successful_count) + " vectors: ";
    text += cause.message();
    return text;
  }
  friend std::ostream& operator<<(std::ostream& out, const BatchError& error) { return out << error.what(); }
};

}  // namespace shoal::inline v0
