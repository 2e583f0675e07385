// Refined<Codes> is two kinds of rows side by side. So the oracle is each of them alone: walks compare as the codes do,
// results are ranked and read as floats, bit for bit.

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"
#include <shoal/storage/refined.hpp>

namespace shoal {
namespace {

using support::NamedVector;
using support::Random;
using support::vectors_of_every_shape;

template <class M>
struct Both {
  using RefinedRows = Refined<SQ8>::Rows<M>;

  Both(const std::vector<NamedVector>& vectors, std::size_t n) : refined(n), codes(n), floats(n) {
    refined.reserve(vectors.size());
    codes.reserve(vectors.size());
    floats.reserve(vectors.size());
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      refined.write(to_slot(i), vectors[i].values);
      codes.write(to_slot(i), vectors[i].values);
      floats.write(to_slot(i), vectors[i].values);
      slots.push_back(to_slot(i));
    }
  }

  RefinedRows refined;
  SQ8::Rows<M> codes;
  Float32::Rows<M> floats;
  std::vector<Slot> slots;
};

using support::distances;
template <class Rows, class Query>
std::vector<float> ranked(const Rows& rows, const Query& query, std::span<const Slot> slots) {
  std::vector<float> out(slots.size());
  rows.rank(query, slots, out.data());
  return out;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::vector<NamedVector> vectors_for(Random& random, std::size_t n) {
  std::vector<NamedVector> vectors = vectors_of_every_shape(random, n);
  while (vectors.size() < 150) vectors.push_back({"normal", random.normal_vector(n)});
  return vectors;
}

}  // namespace

static_assert(RankedRows<Refined<SQ8>::Rows<L2Squared>> && BlockRows<Refined<SQ8>::Rows<InnerProduct>>);
static_assert(!RankedRows<Float32::Rows<L2Squared>>);

TEST_CASE_TEMPLATE("a walk compares as the codes do and results are ranked as floats are, bit for bit", M, L2Squared,
                   InnerProduct, Cosine) {
  Random random(831);
  CAPTURE(random.seed());
  for (const std::size_t n : {1U, 3U, 64U, 100U, 768U}) {
    CAPTURE(n);
    const Both<M> both(vectors_for(random, n), n);
    typename Both<M>::RefinedRows::QueryBuffer refined_buffer(both.refined);
    typename SQ8::Rows<M>::QueryBuffer codes_buffer(both.codes);
    typename Float32::Rows<M>::QueryBuffer floats_buffer(both.floats);
    std::vector<std::vector<float>> queries{random.normal_vector(n), std::vector<float>(n, 0.0F)};
    for (const std::vector<float>& vector : queries) {
      const auto query = both.refined.prepare(vector, refined_buffer);
      CHECK(same_bits(distances(both.refined, query, both.slots),
                      distances(both.codes, both.codes.prepare(vector, codes_buffer), both.slots)));
      CHECK(same_bits(ranked(both.refined, query, both.slots),
                      distances(both.floats, both.floats.prepare(vector, floats_buffer), both.slots)));
    }
    for (const Slot slot : {both.slots[0], both.slots[77], both.slots[149]}) {
      const std::vector<float> by_codes = distances(both.codes, both.codes.query_for(slot), both.slots);
      const std::vector<float> by_floats = distances(both.floats, both.floats.query_for(slot), both.slots);
      const auto query = both.refined.query_for(slot);
      CHECK(same_bits(distances(both.refined, query, both.slots), by_codes));
      CHECK(same_bits(ranked(both.refined, query, both.slots), by_floats));
    }
    std::vector<float> block(150 * 150), expected(150 * 150);
    both.refined.block_distances(both.slots, both.slots, block.data());
    both.codes.block_distances(both.slots, both.slots, expected.data());
    CHECK(same_bits(block, expected));
  }
}

TEST_CASE_TEMPLATE("any number of slots is ranked, and nothing behind the results is touched", M, L2Squared, Cosine) {
  Random random(832);
  CAPTURE(random.seed());
  constexpr std::size_t n = 70;
  constexpr float untouched = -12'345;
  const Both<M> both(vectors_for(random, n), n);
  typename Both<M>::RefinedRows::QueryBuffer buffer(both.refined);
  const std::vector<float> vector = random.normal_vector(n);
  const auto query = both.refined.prepare(vector, buffer);
  const std::vector<float> all = ranked(both.refined, query, both.slots);
  for (const std::size_t count : {0U, 1U, 2U, 63U, 64U, 65U, 129U, 150U}) {
    CAPTURE(count);
    std::vector<float> out(count + 1, untouched);
    both.refined.rank(query, std::span(both.slots).first(count), out.data());
    for (std::size_t i = 0; i < count; ++i) CHECK(out[i] == all[i]);
    CHECK(out[count] == untouched);
  }
}

TEST_CASE_TEMPLATE("a vector is read back bit for bit, denormals and negative zeros too", M, L2Squared, InnerProduct,
                   Cosine) {
  Random random(833);
  CAPTURE(random.seed());
  for (const std::size_t n : support::storage_dimensions()) {
    CAPTURE(n);
    const std::vector<NamedVector> vectors = vectors_of_every_shape(random, n);
    const Both<M> both(vectors, n);
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      std::vector<float> kept(n);
      both.refined.read(to_slot(i), kept);
      if (!same_bits(kept, vectors[i].values)) FAIL_CHECK(vectors[i].name);
    }
  }
}

TEST_CASE("memory is that of codes and floats, of rows and of what a query needs") {
  // Of floats without sketches, which need 64 dimensions and 1,024 rows.
  for (const std::size_t n : {1U, 63U, 768U}) {
    for (const std::size_t count : {0U, 1U, 1'000U}) {
      CAPTURE(n);
      CAPTURE(count);
      using Rows = Refined<SQ8>::Rows<L2Squared>;
      Rows refined(n);
      SQ8::Rows<L2Squared> codes(n);
      Float32::Rows<L2Squared> floats(n);
      refined.reserve(count);
      codes.reserve(count);
      floats.reserve(count);
      CHECK(refined.memory_bytes() == codes.memory_bytes() + floats.memory_bytes());
      CHECK(Rows::estimate_bytes(n, count) == refined.memory_bytes());
      if (n < 64)
        CHECK(Rows::QueryBuffer(refined).memory_bytes() ==
              SQ8::Rows<L2Squared>::QueryBuffer(codes).memory_bytes() +
                  Float32::Rows<L2Squared>::QueryBuffer(floats).memory_bytes());
    }
  }
}

}  // namespace shoal
