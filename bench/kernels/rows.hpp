#pragma once
// Rows to run kernels over. In the cache: 128 KiB, which every L2 holds. Out of it: 128 MiB, visited in a random order,
// so that neither a cache nor the hardware's prefetcher helps. Made once for each type and dimension.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

namespace shoal::bench {

enum class Place : std::int64_t { in_cache, out_of_cache };

inline constexpr std::size_t in_cache_bytes = std::size_t{128} << 10;
inline constexpr std::size_t out_of_cache_bytes = std::size_t{128} << 20;

/// Floats are normal, bytes uniform in [-127, 127].
template <class T>
[[nodiscard]] std::vector<T> random_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<T> values(count);
  if constexpr (std::is_same_v<T, float>) {
    std::normal_distribution<float> normal;
    std::generate(values.begin(), values.end(), [&] { return normal(random); });
  } else {
    std::uniform_int_distribution<int> uniform(-127, 127);
    std::generate(values.begin(), values.end(), [&] { return static_cast<T>(uniform(random)); });
  }
  return values;
}

/// The numbers 0 to count - 1 in a random order.
[[nodiscard]] inline std::vector<std::uint32_t> shuffled(std::size_t count) {
  std::vector<std::uint32_t> order(count);
  for (std::size_t i = 0; i < count; ++i) order[i] = static_cast<std::uint32_t>(i);
  std::shuffle(order.begin(), order.end(), std::mt19937(3));
  return order;
}

template <class T>
struct Rows {
  std::size_t dimensions;
  std::vector<T> values;
  std::vector<std::uint32_t> order;  // in which to visit them

  Rows(std::size_t d, Place place) : dimensions(d) {
    const std::size_t bytes = place == Place::in_cache ? in_cache_bytes : out_of_cache_bytes;
    const std::size_t count = bytes / (d * sizeof(T));
    // Random numbers are slow to make; far apart, it does not matter that they come again.
    const std::vector<T> pattern = random_values<T>(std::min(count * d, in_cache_bytes), 1);
    values.resize(count * d);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = pattern[i % pattern.size()];
    order = shuffled(count);
  }
  [[nodiscard]] const T* row(std::size_t i) const { return values.data() + i * dimensions; }
};

/// Dimensions by places.
inline void all_sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"dimensions", "out_of_cache"})->ArgsProduct({{128, 384, 768, 1536}, {0, 1}});
}

[[nodiscard]] inline Place place_of(const benchmark::State& state) { return static_cast<Place>(state.range(1)); }
[[nodiscard]] inline std::size_t dimensions_of(const benchmark::State& state) {
  return static_cast<std::size_t>(state.range(0));
}

/// Rows and their bytes, for the rates that are reported.
inline void count_rows(benchmark::State& state, std::size_t rows, std::size_t bytes_each) {
  state.SetBytesProcessed(static_cast<std::int64_t>(rows * bytes_each));
  state.SetItemsProcessed(static_cast<std::int64_t>(rows));
}

}  // namespace shoal::bench
