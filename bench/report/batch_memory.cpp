#include "batch_memory.hpp"

#include <algorithm>

#include <fmt/core.h>
#include <rivals/allocated_bytes.hpp>

#include "heap_watch.hpp"
#include "shoal_index.hpp"

namespace shoal::report {

namespace {

constexpr double megabyte = 1e6;

struct BatchMemory {
  std::size_t reported = 0;              // memory_usage().total()
  std::optional<std::size_t> allocated;  // what malloc gave, its own overhead included
  double owned = 0;                      // through operator new, after the batch
  double extra = 0;                      // at the peak, beyond that
};

template <class Storage>
BatchMemory measure_storage(const datasets::Dataset& set, const rivals::Setup& setup,
                            const BatchOptions& options = {}) {
  const std::vector<std::uint64_t> ids = ids_of(set);
  rivals::release_free_memory();
  const auto before = rivals::allocated_bytes();
  BatchMemory memory;
  std::optional<Index<Storage>> index;
  {
    const HeapWatch watch;
    index.emplace(config_of(set, setup));
    insert_all(*index, set, ids, options);
    memory.owned = static_cast<double>(watch.live_bytes());
    memory.extra = static_cast<double>(watch.peak_bytes() - watch.live_bytes());
  }
  if (const auto after = rivals::allocated_bytes(); before && after && *after > *before) {
    memory.allocated = *after - *before;
  }
  memory.reported = index->memory_usage().total();
  require_sound(*index, set);
  return memory;
}

Target megabytes(std::string name, const datasets::Dataset& set, std::optional<double> bytes) {
  Target target{.name = std::move(name), .data = set.name, .unit = Unit::megabytes, .is_lower_better = true};
  if (bytes) target.reached = figure_of({*bytes / megabyte});
  return target;
}

Target owned_target(const char* source, const datasets::Dataset& set, std::optional<double> bytes) {
  Target target = megabytes(fmt::format("bytes owned, SQ8 ({})", source), set, bytes);
  if (set.base.rows == made_up_rows) {
    target.floor = 8.7;
    target.aim = 8.4;
  }
  if (bytes) target.remark = fmt::format("{:.1f} bytes a vector", *bytes / static_cast<double>(set.base.rows));
  return target;
}

/// The floor is 5 % of what is owned; the aim is 1 MB, and the floor where that is less.
Target extra_target(const char* storage, const datasets::Dataset& set, const BatchMemory& memory) {
  if (!HeapWatch::is_available()) return megabytes(fmt::format("extra peak of a batch, {}", storage), set, {});
  Target target = megabytes(fmt::format("extra peak of a batch, {}", storage), set, memory.extra);
  target.floor = 0.05 * memory.owned / megabyte;
  target.aim = std::min(*target.floor, 1.0);
  target.remark =
      fmt::format("{:.1f} % of the {:.2f} MB owned", 100 * memory.extra / memory.owned, memory.owned / megabyte);
  return target;
}

/// What an option costs that nobody has to take.
Target without_limits(Target target) {
  target.floor = target.aim = std::nullopt;
  return target;
}

}  // namespace

std::vector<Target> measure_batch_memory(const rivals::Setup& setup, const Options& options) {
  const datasets::Dataset set = made_up_set(options);
  fmt::print(stderr, "memory of a batch\n");
  const BatchMemory floats = measure_storage<Float32>(set, setup);
  const BatchMemory by_codes = measure_storage<Float32>(set, setup, {.link_by_codes = true});
  const BatchMemory bytes = measure_storage<SQ8>(set, setup);
  return {owned_target("memory_usage", set, static_cast<double>(bytes.reported)),
          owned_target("allocator", set,
                       bytes.allocated ? std::optional(static_cast<double>(*bytes.allocated)) : std::nullopt),
          extra_target("Float32", set, floats), without_limits(extra_target("Float32 linked by codes", set, by_codes)),
          extra_target("SQ8", set, bytes)};
}

}  // namespace shoal::report
