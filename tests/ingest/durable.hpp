#pragma once
// A small durable index over a store that follows a script.

#include <cstddef>

#include "scripted_store.hpp"
#include <shoal/index/hnsw_index.hpp>
#include <shoal/ingest/durable_index.hpp>

namespace ingest_tests {

constexpr std::size_t dimensions = 8;
using Index = shoal::HnswIndex<>;
using Durable = shoal::DurableIndex<Index, ScriptedStore>;

}  // namespace ingest_tests
