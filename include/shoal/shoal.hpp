#pragma once
// Umbrella header of shoal: the index and everything it needs. Optional parts, which need further libraries, are
// included by their own headers (eigen/).

#include "shoal/core/version.hpp"
#include "shoal/index/brute_force_index.hpp"
#include "shoal/index/hnsw_index.hpp"
#include "shoal/storage/refined.hpp"
#include "shoal/storage/sq8.hpp"
