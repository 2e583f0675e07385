#include "search_pass.hpp"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>

#include "sets.hpp"
#include "stopwatch.hpp"
#include <datasets/random.hpp>

namespace shoal::report {

namespace {

std::uint64_t sum(const std::vector<std::uint64_t>& ids) {
  return std::accumulate(ids.begin(), ids.end(), std::uint64_t{0});
}

SearchCall search_of(const rivals::Rival& rival) {
  return [&rival](const float* query, std::vector<std::uint64_t>& ids) { rival.search(query, k, ids); };
}

}  // namespace

Findings find_all(const rivals::Rival& rival, const datasets::Dataset& set) { return find_all(search_of(rival), set); }

Findings find_all(const SearchCall& search, const datasets::Dataset& set) {
  Findings findings;
  findings.ids.resize(set.queries.rows);
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < set.queries.rows; i = next++) {
      search(set.queries.row(i).data(), findings.ids[i]);
    }
  };
  const unsigned threads = std::max(1U, std::thread::hardware_concurrency());
  const Stopwatch watch;
  {
    std::vector<std::jthread> others;
    for (unsigned i = 1; i < threads; ++i) others.emplace_back(work);
    work();
  }
  findings.seconds = watch.seconds();
  return findings;
}

std::string find_fault(const Findings& findings, const datasets::Dataset& set) {
  const std::size_t expected = std::min(k, set.base.rows);
  for (std::size_t i = 0; i < findings.ids.size(); ++i) {
    auto ids = findings.ids[i];
    if (ids.size() != expected) {
      return datasets::text("query ", i, ": ", ids.size(), " results, expected ", expected);
    }
    std::sort(ids.begin(), ids.end());
    if (ids.back() >= set.base.rows) return datasets::text("query ", i, ": found row ", ids.back(), ", which is none");
    if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) {
      return datasets::text("query ", i, ": one row is returned twice");
    }
  }
  return {};
}

std::vector<std::size_t> shuffled_queries(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  datasets::Random random(7);
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(static_cast<std::uint32_t>(i))]);
  return order;
}

std::size_t timed_queries(std::size_t ef, std::size_t count) {
  constexpr std::size_t all_up_to_ef = 40;
  constexpr std::size_t least = 100;
  return std::min(count, std::max(least, count * all_up_to_ef / std::max(ef, all_up_to_ef)));
}

std::uint64_t checksum(const Findings& findings, std::span<const std::size_t> queries) {
  std::uint64_t total = 0;
  for (const std::size_t query : queries) total += sum(findings.ids[query]);
  return total;
}

Timing time_queries(const rivals::Rival& rival, const datasets::Dataset& set, std::span<const std::size_t> queries,
                    double least_seconds) {
  return time_queries(search_of(rival), set, queries, least_seconds);
}

Timing time_queries(const SearchCall& search, const datasets::Dataset& set, std::span<const std::size_t> queries,
                    double least_seconds) {
  std::vector<std::uint64_t> ids;
  std::uint64_t total = 0;
  std::size_t passes = 0;
  double seconds = 0;
  const Stopwatch watch;
  while (passes == 0 || seconds < least_seconds) {
    total = 0;
    for (const std::size_t query : queries) {
      search(set.queries.row(query).data(), ids);
      total += sum(ids);
    }
    ++passes;
    seconds = watch.seconds();
  }
  return {static_cast<double>(passes * queries.size()) / seconds, total};
}

}  // namespace shoal::report
