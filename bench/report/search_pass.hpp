#pragma once
// One pass of queries through one library: either to see what it finds (all queries, on all cores, not timed) or to see
// how fast (some queries, one thread, timed). What the second finds is held against what the first found.

#include <cstdint>
#include <functional>
#include <vector>

#include <rivals/rival.hpp>

#include <datasets/dataset.hpp>

namespace shoal::report {

/// Leaves the ids that a query finds in `ids`. Called by several threads at once.
using SearchCall = std::function<void(const float* query, std::vector<std::uint64_t>& ids)>;

struct Findings {
  std::vector<std::vector<std::uint64_t>> ids;  // by query
  double seconds = 0;                           // of processor time: one thread would have taken as long
};

/// Precondition: ef was set.
[[nodiscard]] Findings find_all(const rivals::Rival& rival, const datasets::Dataset& set);
[[nodiscard]] Findings find_all(const SearchCall& search, const datasets::Dataset& set);

/// What cannot be right: fewer than k results, rows that are not there, a row twice. Nothing to say: empty.
[[nodiscard]] std::string find_fault(const Findings& findings, const datasets::Dataset& set);

/// The queries in a fixed random order: those of a small ef are not easier than those of a large one.
[[nodiscard]] std::vector<std::size_t> shuffled_queries(std::size_t count);

/// How many of them are timed at this ef: fewer where one takes longer, and the same for every library.
[[nodiscard]] std::size_t timed_queries(std::size_t ef, std::size_t count);

/// A sum over what these queries find, to compare a timed pass with.
[[nodiscard]] std::uint64_t checksum(const Findings& findings, std::span<const std::size_t> queries);

struct Timing {
  double qps = 0;
  std::uint64_t checksum = 0;  // of one pass
};

/// Passes over `queries`, at least one, for at least `least_seconds`. Precondition: ef was set.
[[nodiscard]] Timing time_queries(const rivals::Rival& rival, const datasets::Dataset& set,
                                  std::span<const std::size_t> queries, double least_seconds = 0.05);
[[nodiscard]] Timing time_queries(const SearchCall& search, const datasets::Dataset& set,
                                  std::span<const std::size_t> queries, double least_seconds = 0.05);

}  // namespace shoal::report
