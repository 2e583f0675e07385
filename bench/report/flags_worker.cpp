// Builds and searches made-up vectors and prints how long it took, a line for each storage: name, seconds of the build,
// queries a second, recall. Compiled twice, with plain -O2 and with the flags of the report; nothing of the project is
// linked to it, since that is compiled with the flags of the report. Arguments: rows, queries.

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>

#include "shoal_index.hpp"
#include "stopwatch.hpp"
#include <datasets/clustered.hpp>

namespace shoal::report {

namespace {

constexpr std::size_t ef = 60;
constexpr double least_seconds = 0.3;
constexpr std::size_t most_checked = 20;  // by a scalar loop in double

/// The k-th smallest true distance, and whether each row found is at most so far away.
double recall_of_query(const datasets::Dataset& set, std::size_t query, const std::vector<std::uint64_t>& found) {
  std::vector<double> distances(set.base.rows);
  for (std::size_t i = 0; i < set.base.rows; ++i) {
    for (std::size_t j = 0; j < set.base.cols; ++j) {
      const double difference = double{set.base.row(i)[j]} - double{set.queries.row(query)[j]};
      distances[i] += difference * difference;
    }
  }
  const std::size_t wanted = std::min(k, set.base.rows);
  std::vector<double> sorted = distances;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(wanted) - 1, sorted.end());
  const auto hits = std::count_if(found.begin(), found.end(),
                                  [&](std::uint64_t id) { return distances[id] <= sorted[wanted - 1] * (1 + 1e-9); });
  return static_cast<double>(hits) / static_cast<double>(wanted);
}

template <class Storage>
void measure(const char* name, const datasets::Dataset& set) {
  Index<Storage> index(config_of(set, {}));
  const std::vector<std::uint64_t> ids = ids_of(set);
  const Stopwatch build_watch;
  insert_all(index, set, ids);
  const double build_seconds = build_watch.seconds();

  double recall = 0;
  const std::size_t checked = std::min(most_checked, set.queries.rows);
  for (std::size_t i = 0; i < checked; ++i) {
    std::vector<std::uint64_t> found;
    for (const auto& neighbor : index.search(set.queries.row(i), {.k = k, .ef = ef})) found.push_back(neighbor.id);
    recall += recall_of_query(set, i, found) / static_cast<double>(checked);
  }
  if (const auto report = index.check(); !report.faults.empty()) throw std::runtime_error(report.faults.front());
  if (recall < 0.8) throw std::runtime_error("recall is below 0.8");

  std::size_t queries = 0, results = 0;
  const Stopwatch watch;
  do {
    for (std::size_t i = 0; i < set.queries.rows; ++i) {
      results += index.search(set.queries.row(i), {.k = k, .ef = ef}).size();
    }
    queries += set.queries.rows;
  } while (watch.seconds() < least_seconds);
  const double seconds = watch.seconds();
  if (results != queries * std::min(k, set.base.rows)) throw std::runtime_error("a search found too few");
  std::printf("%s %.6f %.3f %.4f\n", name, build_seconds, static_cast<double>(queries) / seconds, recall);
}

int run(int argc, char** argv) {
  std::size_t rows = 0, queries = 0;
  const auto parse = [](const char* text, std::size_t& number) {
    return std::from_chars(text, text + std::strlen(text), number).ec == std::errc{} && number > 0;
  };
  if (argc != 3 || !parse(argv[1], rows) || !parse(argv[2], queries)) {
    std::fputs("usage: shoal_flags_worker ROWS QUERIES\n", stderr);
    return 2;
  }
  const datasets::Dataset set = datasets::clustered(rows, made_up_dimensions, 1, queries);
  measure<Float32>("Float32", set);
  measure<SQ8>("SQ8", set);
  measure<Refined<SQ8>>("Refined<SQ8>", set);
  return 0;
}

}  // namespace

}  // namespace shoal::report

int main(int argc, char** argv) {
  try {
    return shoal::report::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "shoal_flags_worker: %s\n", error.what());
    return 1;
  }
}
