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

  /// "batch insert failed after N vectors: CAUSE"
  [[nodiscard]] std::string what() const {
    std::string text = "batch insert failed after " + std::to_string(successful_count) + " vectors: ";
    text += cause.message();
    return text;
  }
  friend std::ostream& operator<<(std::ostream& out, const BatchError& error) { return out << error.what(); }
};

}  // namespace shoal::inline v0
