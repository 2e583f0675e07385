#pragma once
// Records as rows and back: ids as SQLite's 64-bit integers, vectors as little-endian bytes, and the check of
// everything that is read, since a file may be damaged or may have been written by others.

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/index/vector_input.hpp"
#include "shoal/ingest/record.hpp"
#include "shoal/sqlite/database.hpp"

namespace shoal::inline v0::detail {

/// Ids that a row can hold.
template <class Id>
concept StoredId = std::integral<Id> && !std::same_as<Id, bool> && sizeof(Id) <= 8;

/// Unsigned ids become their two's complement.
template <StoredId Id>
[[nodiscard]] constexpr std::int64_t to_stored(Id id) noexcept {
  if constexpr (std::is_signed_v<Id>) return id;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(id));
}

/// Nothing where the type is too narrow.
template <StoredId Id>
[[nodiscard]] constexpr std::optional<Id> from_stored(std::int64_t stored) noexcept {
  const Id id = static_cast<Id>(stored);
  if (to_stored(id) != stored) return std::nullopt;
  return id;
}

/// "18446744073709551615" for -1 where ids are unsigned.
template <StoredId Id>
[[nodiscard]] std::string print_stored(std::int64_t stored) {
  return std::is_signed_v<Id> ? std::to_string(stored) : std::to_string(static_cast<std::uint64_t>(stored));
}

/// As a number, also where the type is one of characters.
template <StoredId Id>
[[nodiscard]] std::string print_id(Id id) {
  return print_stored<Id>(to_stored(id));
}

/// A vector's bytes as they are stored: its own where the machine is little-endian, else turned around in `buffer`.
[[nodiscard]] inline std::span<const unsigned char> to_bytes(std::span<const float> vector,
                                                             std::vector<unsigned char>& buffer) {
  const std::size_t count = vector.size() * sizeof(float);
  if constexpr (std::endian::native == std::endian::little) {
    return {reinterpret_cast<const unsigned char*>(vector.data()), count};
  } else {
    buffer.resize(count);
    std::memcpy(buffer.data(), vector.data(), count);
    for (std::size_t i = 0; i < count; i += 4) std::reverse(buffer.data() + i, buffer.data() + i + 4);
    return buffer;
  }
}

/// The columns that `read_record` expects, at the front of a SELECT.
#define SHOAL_RECORD_COLUMNS "id, vector, content_hash, metadata"

/// The id in a column, checked.
template <StoredId Id>
[[nodiscard]] Expected<Id, Error> read_id(const Rows& rows, int column, std::string_view path) {
  if (rows.type(column) != SQLITE_INTEGER) {
    return Unexpected<Error>(
        make_error(ErrorCode::corrupt, "expected ids that are integers, got another type; in ", path));
  }
  const std::int64_t stored = rows.integer(column);
  if (const auto id = from_stored<Id>(stored)) return *id;
  return Unexpected<Error>(make_error(ErrorCode::id_out_of_range, "id ", print_stored<Id>(stored),
                                      " of the store does not fit the id type, which has ", sizeof(Id) * 8,
                                      " bits; in ", path));
}

/// Text that may be null, into `text`. False where it is something else.
[[nodiscard]] inline Expected<bool, Error> read_text(const Rows& rows, int column, std::string& text) {
  text.clear();
  const int type = rows.type(column);
  if (type == SQLITE_NULL) return true;
  if (type != SQLITE_TEXT && type != SQLITE_BLOB) return false;
  const auto bytes = rows.bytes(column);
  if (!bytes) return Unexpected<Error>(Error(ErrorCode::out_of_memory));
  text.assign(bytes->begin(), bytes->end());
  return true;
}

/// Reads SHOAL_RECORD_COLUMNS into `record`, whose memory it uses again. *Errors*: corrupt, and id_out_of_range, with
/// the id; out_of_memory.
template <StoredId Id>
[[nodiscard]] std::optional<Error> read_record(const Rows& rows, std::size_t dimensions, std::string_view path,
                                               Record<Id>& record) {
  auto id = read_id<Id>(rows, 0, path);
  if (!id) return std::move(id).error();
  record.id = *id;
  const auto damaged = [&](const auto&... what) {
    return make_error(ErrorCode::corrupt, "the record of id ", print_id(*id), ": ", what..., "; in ", path);
  };

  if (rows.type(1) != SQLITE_BLOB) return damaged("expected a vector that is a blob, got another type");
  const auto bytes = rows.bytes(1);
  if (!bytes) return Error(ErrorCode::out_of_memory);
  if (bytes->size() != dimensions * sizeof(float)) {
    return damaged("expected a vector of ", dimensions * sizeof(float), " bytes, got ", bytes->size());
  }
  record.vector.resize(dimensions);
  std::memcpy(record.vector.data(), bytes->data(), bytes->size());
  if constexpr (std::endian::native == std::endian::big) {
    for (float& value : record.vector) {
      auto turned = shoal::detail::bit_cast<std::array<unsigned char, 4>>(value);
      std::reverse(turned.begin(), turned.end());
      value = shoal::detail::bit_cast<float>(turned);
    }
  }
  if (const auto fault = find_not_finite(record.vector)) {
    return damaged(fault->message());
  }

  auto hash = read_text(rows, 2, record.content_hash);
  if (!hash) return std::move(hash).error();
  if (!*hash) return damaged("expected a content hash that is text, got a number");
  auto metadata = read_text(rows, 3, record.metadata);
  if (!metadata) return std::move(metadata).error();
  if (!*metadata) return damaged("expected metadata that is text, got a number");
  return std::nullopt;
}

}  // namespace shoal::inline v0::detail
