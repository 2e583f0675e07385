#include "batch_over_loop.hpp"

#include <fmt/core.h>

#include "shoal_index.hpp"
#include "stopwatch.hpp"

namespace shoal::report {

namespace {

template <class Storage>
double batch_seconds(const datasets::Dataset& set, const rivals::Setup& setup, const BatchOptions& options) {
  const std::vector<std::uint64_t> ids = ids_of(set);
  Index<Storage> index(config_of(set, setup));
  const Stopwatch watch;
  insert_all(index, set, ids, options);
  const double seconds = watch.seconds();
  require_sound(index, set);
  return seconds;
}

template <class Storage>
double loop_seconds(const datasets::Dataset& set, const rivals::Setup& setup) {
  Index<Storage> index(config_of(set, setup));
  const Stopwatch watch;
  for (std::size_t i = 0; i < set.base.rows; ++i) {
    if (const auto inserted = index.insert(i, set.base.row(i)); !inserted) {
      throw std::runtime_error(std::string(inserted.error().message()));
    }
  }
  const double seconds = watch.seconds();
  require_sound(index, set);
  return seconds;
}

template <class Storage>
Target measure_storage(const char* name, const datasets::Dataset& set, const rivals::Setup& setup, std::size_t rounds,
                       const BatchOptions& options = {}) {
  std::vector<double> batch, loop;
  for (std::size_t round = 0; round < rounds; ++round) {
    fmt::print(stderr, "batch over loop: {}, round {} of {}\n", name, round + 1, rounds);
    if (round % 2 == 0) batch.push_back(batch_seconds<Storage>(set, setup, options));
    loop.push_back(loop_seconds<Storage>(set, setup));
    if (round % 2 == 1) batch.push_back(batch_seconds<Storage>(set, setup, options));
  }
  Target target{.name = fmt::format("batch_insert over insert, {}", name), .data = set.name};
  target.floor = 2;
  target.aim = 4;
  target.reached = figure_of(ratios(loop, batch));
  target.remark = fmt::format("{:.3f} s and {:.3f} s", median(batch), median(loop));
  return target;
}

}  // namespace

std::vector<Target> measure_batch_over_loop(const rivals::Setup& setup, const Options& options) {
  const datasets::Dataset set = made_up_set(options);
  const std::size_t rounds = options.builds();
  return {measure_storage<Float32>("Float32", set, setup, rounds),
          measure_storage<Float32>("Float32 linked by codes", set, setup, rounds, {.link_by_codes = true}),
          measure_storage<SQ8>("SQ8", set, setup, rounds)};
}

}  // namespace shoal::report
