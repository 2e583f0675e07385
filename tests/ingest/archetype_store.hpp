#pragma once
// A store that is a VectorStore and nothing more: no batches, no content hashes, no validation.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "shoal/ingest/memory_store.hpp"

namespace support {

class ArchetypeStore {
 public:
  using id_type = std::uint64_t;
  using Cursor = shoal::MemoryVectorStore<>::Cursor;

  explicit ArchetypeStore(std::size_t dimensions) : store_(dimensions) {}

  [[nodiscard]] std::size_t dimensions() const { return store_.dimensions(); }
  [[nodiscard]] shoal::Expected<shoal::Committed, shoal::Error> write(const shoal::Record<>& record) {
    return store_.write(record);
  }
  [[nodiscard]] shoal::Expected<shoal::Committed, shoal::Error> erase(std::uint64_t id) { return store_.erase(id); }
  [[nodiscard]] shoal::Expected<std::optional<shoal::Record<>>, shoal::Error> get(std::uint64_t id) const {
    return store_.get(id);
  }
  [[nodiscard]] shoal::Expected<std::uint64_t, shoal::Error> count() const { return store_.count(); }
  [[nodiscard]] shoal::Expected<std::uint64_t, shoal::Error> last_sequence() const { return store_.last_sequence(); }
  [[nodiscard]] shoal::Expected<Cursor, shoal::Error> read_since(std::uint64_t sequence) const {
    return store_.read_since(sequence);
  }

 private:
  shoal::MemoryVectorStore<> store_;
};

static_assert(shoal::VectorStore<ArchetypeStore>);
static_assert(!shoal::TransactionalStore<ArchetypeStore>);
static_assert(!shoal::KnowsContent<ArchetypeStore, std::uint64_t>);
static_assert(!shoal::ValidatesRecords<ArchetypeStore, std::uint64_t>);

}  // namespace support
