// The contract of stores, for those that need nothing but this library.

#include "store_contract.hpp"

#include <cstddef>
#include <cstdint>

#include <doctest/doctest.h>

#include "archetype_store.hpp"
#include "shoal/ingest/memory_store.hpp"

namespace {

template <class Id>
struct InMemory {
  using Store = shoal::MemoryVectorStore<Id>;
  Store make(std::size_t dimensions) { return Store(dimensions); }
};

struct Archetype {
  using Store = support::ArchetypeStore;
  Store make(std::size_t dimensions) { return Store(dimensions); }
};

TEST_CASE_TEMPLATE("stores in memory keep the contract", Setup, InMemory<std::uint64_t>, InMemory<std::int32_t>,
                   Archetype) {
  support::check_contract<Setup>();
}

}  // namespace
