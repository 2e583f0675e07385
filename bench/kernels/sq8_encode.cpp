// What SQ8 does with every vector and query before it is compared: the rotation, and rotation with rounding to bytes.
// Checked in double: a rotation keeps the norm, its inverse gives the vector back, and a decoded vector is as near as
// storage/sq8.hpp promises.

#include <cmath>
#include <span>

#include "rows.hpp"
#include <shoal/storage/rotation.hpp>
#include <shoal/storage/sq8.hpp>

namespace shoal::bench {
namespace {

double squared_norm(std::span<const float> a) {
  double sum = 0;
  for (const float x : a) sum += double{x} * double{x};
  return sum;
}

double distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
  return std::sqrt(sum);
}

/// Rounding moves a vector of this norm by far less.
constexpr double rotation_tolerance = 1e-5;

bool rotates(const shoal::detail::Rotation& rotation, std::span<const float> vector) {
  std::vector<float> turned(vector.begin(), vector.end());
  rotation.apply(turned);
  const double norm = std::sqrt(squared_norm(vector));
  if (std::abs(std::sqrt(squared_norm(turned)) - norm) > rotation_tolerance * norm) return false;
  rotation.undo(turned);
  return distance(turned, vector) <= rotation_tolerance * norm;
}

void rotate(benchmark::State& state) {
  const std::size_t n = dimensions_of(state);
  const shoal::detail::Rotation rotation(n);
  const Rows<float> rows(n, place_of(state));
  const std::span<const float> first(rows.row(0), n);
  if (!rotates(rotation, first)) return state.SkipWithError("wrong result");
  std::vector<float> buffer(n);
  std::size_t rotated = 0;
  for (auto _ : state) {
    for (const std::uint32_t row : rows.order) {
      std::copy_n(rows.row(row), n, buffer.begin());
      rotation.apply(buffer);
      benchmark::DoNotOptimize(buffer.data());
      benchmark::ClobberMemory();
    }
    rotated += rows.order.size();
  }
  count_rows(state, rotated, n * sizeof(float));
}

void sq8_encode(benchmark::State& state) {
  using Storage = SQ8::Rows<L2Squared>;
  const std::size_t n = dimensions_of(state);
  const Rows<float> rows(n, place_of(state));
  Storage storage(n);
  storage.reserve(1);
  const std::span<const float> first(rows.row(0), n);
  storage.write(to_slot(0), first);
  std::vector<float> decoded(n), rotated(first.begin(), first.end());
  storage.read(to_slot(0), decoded);
  shoal::detail::Rotation(n).apply(rotated);
  double largest = 0;
  for (const float x : rotated) largest = std::max(largest, std::abs(double{x}));
  const double bound = std::sqrt(static_cast<double>(n)) / 254 * largest;
  if (distance(decoded, first) > bound * (1 + 1e-3)) return state.SkipWithError("wrong result");
  std::size_t encoded = 0;
  for (auto _ : state) {
    for (const std::uint32_t row : rows.order) {
      storage.write(to_slot(0), std::span<const float>(rows.row(row), n));
      benchmark::ClobberMemory();
    }
    encoded += rows.order.size();
  }
  count_rows(state, encoded, n * sizeof(float));
}

BENCHMARK(rotate)->Apply(all_sizes);
BENCHMARK(sq8_encode)->Apply(all_sizes);

}  // namespace
}  // namespace shoal::bench
