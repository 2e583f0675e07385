// What every storage policy promises, run over all of them: what was written is read back within the policy's error,
// the same vector gives the same row, distances are those of the vectors as kept, rows never move.

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "metrics.hpp"
#include "support.hpp"
#include <shoal/storage/float32.hpp>
#include <shoal/storage/refined.hpp>
#include <shoal/storage/sq8.hpp>

namespace shoal {
namespace {

using support::gamma;
using support::Manhattan;
using support::NamedVector;
using support::norm;
using support::Random;
using support::storage_dimensions;
using support::vectors_of_every_shape;

/// A policy with a metric, of the lists of types below.
template <class Storage, class M>
struct Kind {
  using MetricType = M;
  using Rows = typename Storage::template Rows<M>;
  static constexpr bool is_exact = std::is_same_v<Storage, Float32>;
  /// Floats are kept, whatever distances are made of.
  static constexpr bool reads_exactly = is_exact || std::is_same_v<Storage, Refined<SQ8>>;
};
static_assert(Metric<Manhattan> && !RowsMetric<Manhattan> && !BlockMetric<Manhattan>);

using Float32Manhattan = Kind<Float32, Manhattan>;
using Float32L2 = Kind<Float32, L2Squared>;
using Float32Dot = Kind<Float32, InnerProduct>;
using Float32Cosine = Kind<Float32, Cosine>;
using Sq8L2 = Kind<SQ8, L2Squared>;
using Sq8Dot = Kind<SQ8, InnerProduct>;
using Sq8Cosine = Kind<SQ8, Cosine>;
using RefinedL2 = Kind<Refined<SQ8>, L2Squared>;
using RefinedDot = Kind<Refined<SQ8>, InnerProduct>;
using RefinedCosine = Kind<Refined<SQ8>, Cosine>;
/// Kinds whose distances are those of what is read back.
#define SHOAL_TEST_PLAIN_KINDS Float32L2, Float32Dot, Float32Cosine, Sq8L2, Sq8Dot, Sq8Cosine
#define SHOAL_TEST_EVERY_KIND SHOAL_TEST_PLAIN_KINDS, RefinedL2, RefinedDot, RefinedCosine

static_assert(VectorRows<Float32L2::Rows> && VectorRows<Sq8Cosine::Rows> && VectorRows<RefinedL2::Rows>);
static_assert(BlockRows<Float32Manhattan::Rows> && BlockRows<Sq8Cosine::Rows> && BlockRows<RefinedCosine::Rows>);

/// What a row consists of, to be compared byte by byte.
struct RowBytes {
  const void* place;
  std::vector<std::byte> bytes;
  friend bool operator==(const RowBytes& a, const RowBytes& b) { return a.bytes == b.bytes; }
};
template <class Query>
RowBytes row_bytes(const Query& query, std::size_t dimensions) requires requires {
  query.vector;
}
{
  RowBytes row{query.vector, std::vector<std::byte>(dimensions * sizeof(float))};
  std::memcpy(row.bytes.data(), query.vector, row.bytes.size());
  return row;
}
template <class Query>
RowBytes row_bytes(const Query& query, std::size_t dimensions) requires requires {
  query.factors;
}
{
  RowBytes row{query.codes.codes, std::vector<std::byte>(dimensions + 2 * sizeof(float))};
  std::memcpy(row.bytes.data(), query.codes.codes, dimensions);
  std::memcpy(row.bytes.data() + dimensions, &query.factors.scale, sizeof(float));
  std::memcpy(row.bytes.data() + dimensions + sizeof(float), &query.factors.squared_norm, sizeof(float));
  return row;
}
template <class Query>
RowBytes row_bytes(const Query& query, std::size_t dimensions) requires requires {
  query.floats;
}
{  // both rows; the place is that of the codes
  RowBytes row = row_bytes(query.codes, dimensions);
  const RowBytes floats = row_bytes(query.floats, dimensions);
  row.bytes.insert(row.bytes.end(), floats.bytes.begin(), floats.bytes.end());
  return row;
}

template <class Rows>
std::vector<float> read(const Rows& rows, std::size_t slot, std::size_t dimensions) {
  std::vector<float> out(dimensions);
  rows.read(to_slot(slot), out);
  return out;
}

template <class Rows, class Query>
float distance_to(const Rows& rows, const Query& query, std::size_t slot) {
  const Slot wanted = to_slot(slot);
  float out = -1;
  rows.distances(query, std::span<const Slot>(&wanted, 1), &out);
  return out;
}

template <class K>
typename K::Rows rows_of(const std::vector<NamedVector>& vectors, std::size_t dimensions) {
  typename K::Rows rows(dimensions);
  rows.reserve(vectors.size());
  for (std::size_t i = 0; i < vectors.size(); ++i) rows.write(to_slot(i), vectors[i].values);
  return rows;
}

/// The distance in exact arithmetic between two vectors as kept. Under cosine SQ8 has half the squared distance, and
/// floats have 1 - dot, never negative (these vectors are longer than the unit vectors that an index keeps).
template <class K>
double exact_distance(const std::vector<float>& a, const std::vector<float>& b) {
  const double l2 = support::distance(a, b) * support::distance(a, b);
  if constexpr (std::is_same_v<typename K::MetricType, L2Squared>) return l2;
  if constexpr (std::is_same_v<typename K::MetricType, Cosine> && !K::is_exact) return l2 / 2;
  if constexpr (std::is_same_v<typename K::MetricType, Cosine>) return std::max(0.0, 1 - support::dot(a, b));
  return 1 - support::dot(a, b);
}

/// What rounding may add to a distance between vectors as kept of norms a and b.
template <class K>
double distance_bound(std::size_t dimensions, double a, double b) {
  // Squares below the smallest denormal vanish: n terms of each of three sums.
  const double vanished = static_cast<double>(dimensions) * 3 * FLT_TRUE_MIN * (K::is_exact ? 1 : 127 * 127);
  const double size = (a + b) * (a + b);
  if constexpr (K::is_exact) return gamma(dimensions + 3) * (1 + size) + vanished;
  // SQ8: the distance meets at most ten roundings (scales, squared norms, their sums). The vectors as kept are read
  // through the inverse rotation, which is the larger error: of each vector relative to its norm, squared.
  return gamma(10) * (1 + size) + 2 * gamma(support::rotation_roundings(dimensions) + 2) * size + vanished;
}

}  // namespace

TEST_CASE_TEMPLATE("a vector is read back as it was written, within the storage's error", K, SHOAL_TEST_EVERY_KIND) {
  Random random(701);
  CAPTURE(random.seed());
  for (const std::size_t n : storage_dimensions()) {
    CAPTURE(n);
    const std::vector<NamedVector> vectors = vectors_of_every_shape(random, n);
    const auto rows = rows_of<K>(vectors, n);
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      const std::vector<float> kept = read(rows, i, n);
      const std::vector<float>& given = vectors[i].values;
      if constexpr (K::reads_exactly) {
        if (std::memcmp(kept.data(), given.data(), n * sizeof(float)) != 0) FAIL_CHECK(vectors[i].name);
      } else {
        // sq8.hpp: sqrt(d) / 254 of the largest rotated component, which is at most |v|; sq8_test.cpp holds it to the
        // component itself. On top: 8 roundings of levels up to 127, the rotation there and back, and components
        // below the smallest normal number, which become 0.
        const double root = std::sqrt(static_cast<double>(n));
        const double bound = root / 254 * norm(given) * (1 + 254 * gamma(8)) +
                             gamma(2 * support::rotation_roundings(n) + 2) * norm(given) + root * FLT_MIN;
        const double error = support::distance(kept, given);
        if (!(error <= bound)) FAIL_CHECK(vectors[i].name << ": error " << error << ", bound " << bound);
      }
    }
  }
}

TEST_CASE_TEMPLATE("the same vector gives the same row, in any slot, twice and as a query", K, SHOAL_TEST_EVERY_KIND) {
  Random random(702);
  CAPTURE(random.seed());
  for (const std::size_t n : storage_dimensions()) {
    CAPTURE(n);
    const std::vector<NamedVector> vectors = vectors_of_every_shape(random, n);
    auto rows = rows_of<K>(vectors, n);
    rows.reserve(2 * vectors.size());
    typename K::Rows::QueryBuffer buffer(rows);
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      const std::size_t other = 2 * vectors.size() - 1 - i;
      rows.write(to_slot(other), vectors[random.below(vectors.size())].values);  // overwritten without a trace
      rows.write(to_slot(other), vectors[i].values);
      const RowBytes row = row_bytes(rows.query_for(to_slot(i)), n);
      if (!(row == row_bytes(rows.query_for(to_slot(other)), n))) FAIL_CHECK(vectors[i].name << ": another row");
      if (!(row == row_bytes(rows.prepare(vectors[i].values, buffer), n))) FAIL_CHECK(vectors[i].name << ": as query");
    }
  }
}

TEST_CASE_TEMPLATE("equal vectors are at distance exactly 0 under squared L2, at any scale", K, Float32L2, Sq8L2,
                   RefinedL2) {
  Random random(703);
  CAPTURE(random.seed());
  for (const std::size_t n : storage_dimensions()) {
    CAPTURE(n);
    std::vector<NamedVector> vectors = vectors_of_every_shape(random, n);
    const std::size_t of_random_scale = n <= 128 ? 200 : 20;
    for (std::size_t i = 0; i < of_random_scale; ++i) {
      const double scale = std::ldexp(1 + random.unit(), static_cast<int>(random.below(160)) - 100);
      vectors.push_back({"random scale", support::of_norm(random.normal_vector(n), scale)});
    }
    auto rows = rows_of<K>(vectors, n);
    rows.reserve(vectors.size() + 1);
    const std::size_t last = vectors.size();
    typename K::Rows::QueryBuffer buffer(rows);
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      rows.write(to_slot(last), vectors[i].values);
      const float between_rows = distance_to(rows, rows.query_for(to_slot(i)), last);
      const float to_query = distance_to(rows, rows.prepare(vectors[i].values, buffer), i);
      if (between_rows != 0 || to_query != 0) {
        FAIL_CHECK(vectors[i].name << ": " << between_rows << " between rows, " << to_query << " to the query");
      }
    }
  }
}

TEST_CASE_TEMPLATE("distances are those of the vectors as kept", K, SHOAL_TEST_PLAIN_KINDS) {
  Random random(704);
  CAPTURE(random.seed());
  for (const std::size_t n : storage_dimensions()) {
    CAPTURE(n);
    const std::vector<NamedVector> vectors = vectors_of_every_shape(random, n);
    const auto rows = rows_of<K>(vectors, n);
    std::vector<std::vector<float>> kept;
    std::vector<Slot> slots;
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      kept.push_back(read(rows, i, n));
      slots.push_back(to_slot(i));
    }
    std::reverse(slots.begin(), slots.end());
    std::vector<float> out(slots.size());
    for (std::size_t i = 0; i<vectors.size(); i += n> 1'000 ? 5 : 1) {
      rows.distances(rows.query_for(to_slot(i)), slots, out.data());
      for (std::size_t j = 0; j < slots.size(); ++j) {
        const std::size_t other = to_index(slots[j]);
        const double expected = exact_distance<K>(kept[i], kept[other]);
        const double bound = distance_bound<K>(n, norm(kept[i]), norm(kept[other]));
        if (!(std::abs(out[j] - expected) <= bound)) {
          FAIL_CHECK(vectors[i].name << " to " << vectors[other].name << ": " << out[j] << ", expected " << expected);
        }
        if (out[j] != distance_to(rows, rows.query_for(slots[j]), i)) FAIL_CHECK("not symmetric to " << other);
      }
    }
  }
}

TEST_CASE_TEMPLATE("a block of distances is that of single ones, exactly for codes, wherever the rows stand", K,
                   SHOAL_TEST_EVERY_KIND, Float32Manhattan) {
  Random random(709);
  CAPTURE(random.seed());
  constexpr float untouched = 12345;
  for (const std::size_t n : {1U, 3U, 16U, 70U, 100U, 768U}) {
    CAPTURE(n);
    constexpr std::size_t most = 140;  // pieces of 64 and 16, and what is left
    std::vector<NamedVector> vectors = vectors_of_every_shape(random, n);
    while (vectors.size() < most) vectors.push_back({"normal", random.normal_vector(n)});
    const auto rows = rows_of<K>(vectors, n);
    std::vector<Slot> slots;
    for (std::size_t i = 0; i < most; ++i) slots.push_back(to_slot(random.below(most)));
    const std::span<const Slot> all(slots);
    std::vector<float> whole(most * most), out(most * most + 1);
    rows.block_distances(all, all, whole.data());
    for (std::size_t i = 0; i < most; ++i) {
      rows.distances(rows.query_for(slots[i]), all, out.data());
      for (std::size_t j = 0; j < most; ++j) {
        const float got = whole[i * most + j];
        if (!K::is_exact || std::is_same_v<K, Float32Manhattan>) {
          if (got != out[j]) FAIL_CHECK(i << ", " << j << ": " << got << ", alone " << out[j]);
        } else {  // both are within the bound
          const double bound =
              distance_bound<K>(n, norm(vectors[to_index(slots[i])].values), norm(vectors[to_index(slots[j])].values));
          if (!(std::abs(double{got} - double{out[j]}) <= 2 * bound)) FAIL_CHECK(i << ", " << j << ": " << got);
        }
        if (std::is_same_v<typename K::MetricType, L2Squared> && slots[i] == slots[j]) CHECK(got == 0.0F);
      }
    }
    for (const std::size_t a_count : {0U, 1U, 5U, 16U, 17U, 65U}) {
      for (const std::size_t b_count : {0U, 1U, 7U, 64U, 66U, 129U}) {
        const std::size_t a_first = a_count % 3, b_first = b_count % 5;
        std::fill(out.begin(), out.end(), untouched);
        rows.block_distances(all.subspan(a_first, a_count), all.subspan(b_first, b_count), out.data());
        std::size_t wrong = out[a_count * b_count] == untouched ? 0U : 1U;
        for (std::size_t i = 0; i < a_count; ++i) {
          for (std::size_t j = 0; j < b_count; ++j) {
            if (out[i * b_count + j] != whole[(a_first + i) * most + b_first + j]) ++wrong;
          }
        }
        if (wrong != 0) FAIL_CHECK(wrong << " wrong in " << a_count << " by " << b_count);
      }
    }
  }
}

TEST_CASE_TEMPLATE("a prepared query is compared as the vector it keeps would be", K, SHOAL_TEST_EVERY_KIND) {
  Random random(705);
  CAPTURE(random.seed());
  for (const std::size_t n : {1U, 2U, 3U, 17U, 64U, 100U, 768U}) {
    CAPTURE(n);
    std::vector<NamedVector> vectors = vectors_of_every_shape(random, n);
    auto rows = rows_of<K>(vectors, n);
    rows.reserve(vectors.size() + 1);
    const Slot as_row = to_slot(vectors.size());
    typename K::Rows::QueryBuffer buffer(rows);
    for (int round = 0; round < 5; ++round) {
      const std::vector<float> query = random.normal_vector(n);
      rows.write(as_row, query);
      const auto prepared = rows.prepare(query, buffer);
      for (std::size_t i = 0; i < vectors.size(); ++i) {
        if (distance_to(rows, prepared, i) != distance_to(rows, rows.query_for(as_row), i)) {
          FAIL_CHECK(vectors[i].name);
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("no distance between vectors of the largest norm overflows", K, SHOAL_TEST_EVERY_KIND) {
  Random random(706);
  CAPTURE(random.seed());
  const double largest = std::sqrt(double{max_squared_norm}) * (1 - 1e-6);
  for (const std::size_t n : storage_dimensions()) {
    CAPTURE(n);
    for (int round = 0; round < 3; ++round) {
      std::vector<float> vector = support::of_norm(random.normal_vector(n), largest);
      if (round == 1) vector = support::of_norm(std::vector<float>(n, 1.0F), largest);
      if (round == 2) {
        std::fill(vector.begin(), vector.end(), 0.0F);
        vector[n / 2] = static_cast<float>(largest);
      }
      std::vector<float> opposite = vector;
      for (float& value : opposite) value = -value;
      const auto rows = rows_of<K>({{"huge", vector}, {"opposite", opposite}}, n);
      CHECK(std::isfinite(distance_to(rows, rows.query_for(Slot{0}), 0)));
      CHECK(std::isfinite(distance_to(rows, rows.query_for(Slot{0}), 1)));
    }
  }
}

TEST_CASE_TEMPLATE("rows never move while room is made for more", K, SHOAL_TEST_EVERY_KIND) {
  Random random(707);
  CAPTURE(random.seed());
  for (const std::size_t n : {1U, 3U, 16U, 70U, 128U, 768U, 1000U, 4096U}) {
    CAPTURE(n);
    const std::size_t count = n >= 1000 ? 40 : 400;
    typename K::Rows rows(n);
    std::vector<RowBytes> before;
    for (std::size_t i = 0; i < count; ++i) {
      rows.reserve(i + 1);
      rows.write(to_slot(i), random.normal_vector(n));
      before.push_back(row_bytes(rows.query_for(to_slot(i)), n));
    }
    rows.reserve(5 * count);
    typename K::Rows moved = std::move(rows);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const RowBytes now = row_bytes(moved.query_for(to_slot(i)), n);
      if (now.place != before[i].place || !(now == before[i])) ++wrong;
      moved.prefetch(to_slot(i));
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE_TEMPLATE("a clone holds the same rows and shares nothing", K, SHOAL_TEST_EVERY_KIND) {
  Random random(708);
  CAPTURE(random.seed());
  for (const std::size_t n : {1U, 5U, 64U, 100U, 768U}) {
    CAPTURE(n);
    const std::vector<NamedVector> vectors = vectors_of_every_shape(random, n);
    auto rows = rows_of<K>(vectors, n);
    std::vector<RowBytes> before;
    for (std::size_t i = 0; i < vectors.size(); ++i) before.push_back(row_bytes(rows.query_for(to_slot(i)), n));
    auto copy = rows.clone();
    for (std::size_t i = 0; i < vectors.size(); ++i) rows.write(to_slot(i), random.normal_vector(n));
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      const RowBytes now = row_bytes(copy.query_for(to_slot(i)), n);
      if (!(now == before[i]) || now.place == before[i].place) ++wrong;
    }
    CHECK(wrong == 0);
    // The copy encodes as the first did.
    copy.reserve(vectors.size() + 1);
    copy.write(to_slot(vectors.size()), vectors[0].values);
    CHECK(row_bytes(copy.query_for(to_slot(vectors.size())), n) == before[0]);
  }
}

TEST_CASE_TEMPLATE("memory_bytes of rows reserved at once is the estimate, and in steps at most their table more", K,
                   SHOAL_TEST_EVERY_KIND) {
  for (const std::size_t n : storage_dimensions()) {
    for (const std::size_t count : {0U, 1U, 10U, 333U, 2'000U}) {
      if (n > 1'000 && count > 333) continue;
      CAPTURE(n);
      CAPTURE(count);
      typename K::Rows at_once(n);
      at_once.reserve(count);
      const std::size_t estimate = K::Rows::estimate_bytes(n, count);
      CHECK(at_once.memory_bytes() == estimate);
      const std::size_t a_component = K::reads_exactly ? sizeof(float) : 1;
      CHECK(estimate >= count * n * a_component);
      typename K::Rows in_steps(n);
      for (std::size_t i = 1; i <= count; ++i) in_steps.reserve(i);
      CHECK(in_steps.memory_bytes() >= estimate);
      // A table of chunks grows by a quarter: fewer than 8 bytes more for each chunk, and a chunk is a row or more. Two
      // arrays of rows.
      CHECK(in_steps.memory_bytes() <= estimate + 2 * count * sizeof(void*));
    }
  }
}

}  // namespace shoal
