#pragma once
// What a store keeps: a record is a vector under its id, with what its owner wants to keep beside it. A change is a
// record that came or went, with the number of the transaction that did it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace shoal::inline v0 {

template <class Id = std::uint64_t>
struct Record {
  Id id{};
  std::vector<float> vector{};
  std::string metadata{};      ///< JSON text; empty: none.
  std::string content_hash{};  ///< Whatever tells versions of a record apart, a digest for instance; empty: none.

  friend bool operator==(const Record&, const Record&) = default;
};

/// One entry of a store's history, as `read_since` gives it.
template <class Id = std::uint64_t>
struct Change {
  std::uint64_t sequence = 0;  ///< Of the transaction that made it.
  bool erased = false;         ///< `record` has an id alone.
  Record<Id> record{};
};

/// What one transaction did.
struct Committed {
  std::uint64_t sequence = 0;  ///< Its number: the store's last one and 1. Where nothing was to be done, the last one.
  std::size_t count = 0;       ///< Records written or erased.

  friend bool operator==(const Committed&, const Committed&) = default;
};

/// Bytes that a record takes in memory, but for the allocator's own.
template <class Id>
[[nodiscard]] std::size_t size_bytes(const Record<Id>& record) noexcept {
  return sizeof(record) + record.vector.size() * sizeof(float) + record.metadata.size() + record.content_hash.size();
}

}  // namespace shoal::inline v0
