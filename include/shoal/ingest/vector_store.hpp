#pragma once
// The concept of a store: where records are kept so that they survive the program. A store numbers its transactions
// 1, 2, 3, ... (`sequence`), so that whoever knows what was there at one number can ask for what changed since.
//
// Models: MemoryVectorStore (memory_store.hpp) says in the fewest words what is meant, SqliteVectorStore (sqlite/) is
// durable. All models are held to the same tests, tests/ingest/store_contract.hpp.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "shoal/core/error.hpp"
#include "shoal/ingest/record.hpp"

namespace shoal::inline v0 {

/// Goes over changes, one at a time. `next` gives null at the end; what it points to is good until the next call.
// clang-format off
template <class C, class Id>
concept ChangeCursor = std::movable<C> && requires(C& cursor) {
  { cursor.next() } -> std::same_as<Expected<const Change<Id>*, Error>>;
};

/// A place for records, one for each id.
///
/// - `write` inserts or replaces a record, `erase` removes one (count 0 where there is none): each durable when it
///   returns, and a transaction of its own.
/// - `read_since(s)` goes over what changed after transaction s, in the order of the changes, each id once, as it is
///   now; since 0, records alone: everything there is. It sees the store as it was when it was called.
/// - Reading is for any number of threads, also while one writes.
template <class S>
concept VectorStore =
    std::movable<S> && std::integral<typename S::id_type> &&
    requires(S& store, const S& view, const Record<typename S::id_type>& record, typename S::id_type id,
             std::uint64_t sequence) {
  { view.dimensions() } -> std::same_as<std::size_t>;
  { store.write(record) } -> std::same_as<Expected<Committed, Error>>;
  { store.erase(id) } -> std::same_as<Expected<Committed, Error>>;
  { view.get(id) } -> std::same_as<Expected<std::optional<Record<typename S::id_type>>, Error>>;
  { view.count() } -> std::same_as<Expected<std::uint64_t, Error>>;
  { view.last_sequence() } -> std::same_as<Expected<std::uint64_t, Error>>;
  requires ChangeCursor<typename S::Cursor, typename S::id_type>;
  { view.read_since(sequence) } -> std::same_as<Expected<typename S::Cursor, Error>>;
};

/// A store that writes, or erases, many records in one transaction: all of them, or none. Of several records with one
/// id the last counts. What is not one is written to record by record (`batch_write`).
template <class S>
concept TransactionalStore =
    VectorStore<S> && requires(S& store, std::span<const Record<typename S::id_type>> records,
                               std::span<const typename S::id_type> ids) {
  { store.batch_write(records) } -> std::same_as<Expected<Committed, Error>>;
  { store.batch_erase(ids) } -> std::same_as<Expected<Committed, Error>>;
};

/// Something that knows the content hash of what it holds: empty for an id without one, and for one that is not there.
template <class S, class Id>
concept KnowsContent = requires(const S& view, Id id) {
  { view.content_hash(id) } -> std::same_as<Expected<std::string, Error>>;
};

/// Something that can tell what is wrong with a record before it is to be written.
template <class S, class Id>
concept ValidatesRecords = requires(const S& view, const Record<Id>& record) {
  { view.validate(record) } -> std::same_as<std::optional<Error>>;
};
// clang-format on

}  // namespace shoal::inline v0
