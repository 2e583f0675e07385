#pragma once
// Umbrella header of shoal: the index, ingestion, sessions, shards, and everything they need. Optional parts, which
// need further libraries, are included by their own headers (eigen/, mpi/, sqlite/).

#include "shoal/core/version.hpp"
#include "shoal/index/brute_force_index.hpp"
#include "shoal/index/hnsw_index.hpp"
#include "shoal/ingest/batch_writer.hpp"
#include "shoal/ingest/durable_index.hpp"
#include "shoal/ingest/memory_store.hpp"
#include "shoal/session/session.hpp"
#include "shoal/shards/sharded_index.hpp"
#include "shoal/storage/refined.hpp"
#include "shoal/storage/sq8.hpp"
