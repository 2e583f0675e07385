// The contract of stores, for the durable one.

#include "../ingest/store_contract.hpp"

#include <cstddef>
#include <cstdint>

#include <doctest/doctest.h>

#include "support.hpp"

namespace {

template <class Id>
struct InFile {
  using Store = shoal::SqliteVectorStore<Id>;
  support::Folder folder{};
  Store make(std::size_t dimensions) { return support::open_store<Id>(folder.file(), {.dimensions = dimensions}); }
};

TEST_CASE_TEMPLATE("a durable store keeps the contract", Setup, InFile<std::uint64_t>, InFile<std::int32_t>) {
  support::check_contract<Setup>();
}

}  // namespace
