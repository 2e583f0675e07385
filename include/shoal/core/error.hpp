#pragma once
// One error type for the whole library: a code to decide by and a message to read. A message says what was expected,
// what came, and where. Making an error never throws: when even the memory for the message is missing, the code
// stays and its standing description takes the message's place.

#include <cstdint>
#include <cstdio>
#include <exception>
#include <new>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "shoal/core/expected.hpp"
#include "shoal/core/platform.hpp"

namespace shoal::inline v0 {

/// Why something failed. `describe` gives the standing description of each code.
enum class ErrorCode : std::uint8_t {
  invalid_config,      ///< A configuration value is out of its range; nothing was built.
  dimension_mismatch,  ///< A vector or query does not have as many components as the index has dimensions.
  not_finite,          ///< A component is NaN or infinite (also after conversion to float).
  norm_too_large,      ///< The squared norm is beyond `max_squared_norm`: distances could overflow.
  zero_vector,         ///< A zero vector under a metric that needs a direction.
  id_not_found,        ///< The id to be erased is not in the index.
  duplicate_id,        ///< The id is already in the index, or came before in the same batch.
  id_out_of_range,     ///< The id given does not fit the index's id type.
  capacity_exceeded,   ///< `max_elements` are in, or the slots of the index are used up.
  length_mismatch,     ///< Ids and rows of a batch differ in number.
  out_of_memory,       ///< An allocation failed; the index is sound and holds what was in before the failing item.
  cancelled,           ///< The progress callback returned false, or a stop was requested.
  source_failed,       ///< The range given to a batch threw while it was read; the exception is kept.
  callback_failed,     ///< The progress callback threw; the exception is kept.
  reentrant_mutation,  ///< A change of the index from inside a call of it: a batch's callback or source, a filter.
  busy,                ///< Another thread changes, checks or copies the index, and a second writer is refused; or
                       ///< what a session may hold was in use for too long.
  invalid_metadata,    ///< The metadata of a record is not JSON.
  store_busy,          ///< A store is locked by another program.
  storage_full,        ///< The disk, or what a store may use of it, is full.
  io_error,            ///< The operating system could not read or write.
  cannot_open,         ///< A file is missing, or may not be read or written.
  corrupt,             ///< What a file holds cannot be: it was damaged, or never was of this kind.
  incompatible,        ///< A file is sound but not for this use: another format, a newer one, other dimensions. Or
                       ///< the ranks of a group have different setups.
  store_failed,        ///< A store refused for another reason; trying again does not help.
  behind_store,        ///< What was asked for is durable, but could not be made searchable.
  peer_lost,           ///< Another process of a group is gone, or did not answer in time; the group is given up.
};

/// The standing description of a code, one short phrase.
[[nodiscard]] constexpr std::string_view describe(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_config: return "invalid configuration";
    case ErrorCode::dimension_mismatch: return "wrong number of dimensions";
    case ErrorCode::not_finite: return "component is not finite";
    case ErrorCode::norm_too_large: return "norm too large";
    case ErrorCode::zero_vector: return "zero vector";
    case ErrorCode::id_not_found: return "id not present";
    case ErrorCode::duplicate_id: return "id already present";
    case ErrorCode::id_out_of_range: return "id does not fit the id type";
    case ErrorCode::capacity_exceeded: return "capacity exceeded";
    case ErrorCode::length_mismatch: return "ids and rows differ in number";
    case ErrorCode::out_of_memory: return "out of memory";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::source_failed: return "the source threw";
    case ErrorCode::callback_failed: return "the progress callback threw";
    case ErrorCode::reentrant_mutation: return "a change of the index from inside a call of it";
    case ErrorCode::busy: return "what is needed is in use by another thread";
    case ErrorCode::invalid_metadata: return "metadata is not JSON";
    case ErrorCode::store_busy: return "the store is locked by another program";
    case ErrorCode::storage_full: return "the disk is full";
    case ErrorCode::io_error: return "reading or writing failed";
    case ErrorCode::cannot_open: return "the file cannot be opened";
    case ErrorCode::corrupt: return "the file is damaged";
    case ErrorCode::incompatible: return "a file or a rank is of another kind or version, or has other parameters";
    case ErrorCode::store_failed: return "the store failed";
    case ErrorCode::behind_store: return "durable, but not searchable yet";
    case ErrorCode::peer_lost: return "another process of the group does not answer";
  }
  return "unknown error";
}

/// A code and a message. Copyable and printable.
class Error {
 public:
  explicit Error(ErrorCode code) noexcept : code_(code) {}
  Error(ErrorCode code, std::string message) noexcept : code_(code), message_(std::move(message)) {}

  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

  /// One line; never empty.
  [[nodiscard]] std::string_view message() const noexcept {
    return message_.empty() ? describe(code_) : std::string_view(message_);
  }

  friend std::ostream& operator<<(std::ostream& out, const Error& error) { return out << error.message(); }

 private:
  ErrorCode code_;
  std::string message_;
};

namespace detail {

inline void append(std::string& text, std::string_view part) { text += part; }
inline void append(std::string& text, double value) {
  char digits[32];
  text.append(digits, static_cast<std::size_t>(std::snprintf(digits, sizeof digits, "%g", value)));
}
template <class Integer>
  requires(std::is_integral_v<Integer> && !std::is_same_v<Integer, char> && !std::is_same_v<Integer, bool>)
void append(std::string& text, Integer value) { text += std::to_string(value); }

/// An Error whose message is the parts (text, integers, doubles) one after the other.
template <class... Parts>
SHOAL_COLD Error make_error(ErrorCode code, const Parts&... parts) noexcept {
  SHOAL_TRY {
    std::string message;
    (append(message, parts), ...);
    return Error(code, std::move(message));
  }
  SHOAL_CATCH_BAD_ALLOC { return Error(code); }
}

}  // namespace detail
}  // namespace shoal::inline v0
