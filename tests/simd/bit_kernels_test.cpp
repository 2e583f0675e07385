// Sums over set bits are integers, so the oracle is a loop over bits and there is no tolerance, and every level gives
// the same. The rows are what sketches make of them: 8 bytes aligned and no more, as many words as dimensions need.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include "levels.hpp"
#include "random.hpp"
#include "support.hpp"
#include <shoal/simd/bit_kernels.hpp>

namespace shoal {
namespace {

using simd::Level;
using support::GuardedMemory;
using support::LevelRestored;
using support::Random;

constexpr Level every_level[] = {Level::portable, Level::avx2, Level::avx512, Level::avx512_vnni};
constexpr std::size_t most_words = 64;
constexpr std::size_t most_rows = 64;

/// 1 to 20 cross every width and rest of the kernels; 64 words are 4,096 dimensions.
std::vector<std::size_t> word_counts() {
  std::vector<std::size_t> all;
  for (std::size_t words = 1; words <= 20; ++words) all.push_back(words);
  all.push_back(most_words);
  return all;
}
const std::vector<std::size_t> row_counts{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, most_rows};

std::vector<std::uint8_t> random_levels(Random& random, std::size_t words) {
  std::vector<std::uint8_t> levels(words * 64);
  for (std::uint8_t& level : levels) level = static_cast<std::uint8_t>(random.below(16));
  return levels;
}
std::vector<std::uint64_t> random_words(Random& random, std::size_t words) {
  std::vector<std::uint64_t> all(words);
  for (std::uint64_t& word : all) word = random.bits();
  return all;
}
std::vector<std::uint64_t> planes_of(const std::vector<std::uint8_t>& levels) {
  const std::size_t words = levels.size() / 64;
  std::vector<std::uint64_t> planes(words * simd::bit_query_planes);
  simd::split_into_planes(levels.data(), words, planes.data());
  return planes;
}

std::int64_t exact_sum(const std::vector<std::uint8_t>& levels, const std::uint64_t* row) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if ((row[i / 64] >> (i % 64) & 1U) != 0) sum += levels[i];
  }
  return sum;
}

/// Compares all rows in one call with the loop; what lies behind the results stays as it was.
void check(const std::vector<std::uint8_t>& levels, const std::uint8_t* levels_at, const std::uint64_t* planes_at,
           const std::vector<const std::uint64_t*>& rows, std::size_t count) {
  constexpr std::int32_t untouched = -77;
  std::vector<std::int32_t> out(count + 1, untouched);
  simd::bit_sums({levels_at, planes_at}, rows.data(), count, levels.size() / 64, out.data());
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t expected = exact_sum(levels, rows[i]);
    if (out[i] != expected) {
      FAIL_CHECK(simd::name_of(simd::level()) << ", row " << i << " of " << count << ", " << levels.size() / 64
                                              << " words: " << out[i] << ", expected " << expected);
    }
  }
  if (out[count] != untouched) FAIL_CHECK("written behind the results of " << count << " rows");
}

/// Runs `body` on each level that can be had.
template <class Body>
void on_every_level(const Body& body) {
  const LevelRestored restored;
  for (const Level level : every_level) {
    if (simd::use_level(level)) body();
  }
}

}  // namespace

TEST_CASE("planes hold bit p of every component, in the order of the components") {
  Random random(801);
  CAPTURE(random.seed());
  for (const std::size_t words : word_counts()) {
    const std::vector<std::uint8_t> levels = random_levels(random, words);
    std::vector<std::uint64_t> planes(words * simd::bit_query_planes + 1, 0xAAAA'AAAA'AAAA'AAAAU);
    simd::split_into_planes(levels.data(), words, planes.data());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < levels.size(); ++i) {
      unsigned level = 0;
      for (std::size_t plane = 0; plane < simd::bit_query_planes; ++plane) {
        level |= static_cast<unsigned>(planes[plane * words + i / 64] >> (i % 64) & 1U) << plane;
      }
      wrong += level != levels[i] ? 1U : 0U;
    }
    CHECK(wrong == 0);
    CHECK(planes.back() == 0xAAAA'AAAA'AAAA'AAAAU);
  }
}

TEST_CASE("sums over set bits are exact on every level, for rows at any multiple of 8 bytes") {
  on_every_level([] {
    Random random(802);
    CAPTURE(random.seed());
    for (const std::size_t words : word_counts()) {
      const std::vector<std::uint8_t> levels = random_levels(random, words);
      const std::vector<std::uint64_t> planes = planes_of(levels);
      // One word more from row to row: their addresses take every remainder by 64.
      const std::vector<std::uint64_t> bits = random_words(random, most_rows * (words + 1) + 8);
      std::vector<const std::uint64_t*> rows;
      for (std::size_t i = 0; i < most_rows; ++i) rows.push_back(bits.data() + i * (words + 1) + i % 8);
      for (const std::size_t count : row_counts) check(levels, levels.data(), planes.data(), rows, count);
    }
  });
}

TEST_CASE("sums over set bits read nothing before or after rows and query beside guard pages, on every level") {
  GuardedMemory row_memory(most_words * 8), level_memory(most_words * 64), plane_memory(most_words * 4 * 8);
  REQUIRE(row_memory.ready());
  REQUIRE(level_memory.ready());
  REQUIRE(plane_memory.ready());
  on_every_level([&] {
    Random random(803);
    CAPTURE(random.seed());
    for (const std::size_t words : word_counts()) {
      const std::vector<std::uint8_t> levels = random_levels(random, words);
      const std::vector<std::uint64_t> planes = planes_of(levels);
      const std::vector<std::uint64_t> bits = random_words(random, words);
      for (const bool last : {false, true}) {
        const std::uint64_t* row =
            last ? row_memory.put_last(bits.data(), words) : row_memory.put_first(bits.data(), words);
        const std::uint8_t* levels_at = last ? level_memory.put_last(levels.data(), levels.size())
                                             : level_memory.put_first(levels.data(), levels.size());
        const std::uint64_t* planes_at = last ? plane_memory.put_last(planes.data(), planes.size())
                                              : plane_memory.put_first(planes.data(), planes.size());
        const std::vector<const std::uint64_t*> rows(most_rows, row);
        for (const std::size_t count : row_counts) check(levels, levels_at, planes_at, rows, count);
      }
    }
  });
}

TEST_CASE("nothing but set bits of the highest level does not saturate, and no set bits give 0, on every level") {
  on_every_level([] {
    std::vector<std::size_t> words_of = word_counts();
    words_of.push_back(1'024);  // 65,536 dimensions, the most there are
    for (const std::size_t words : words_of) {
      CAPTURE(words);
      const std::vector<std::uint8_t> highest(words * 64, 15);
      const std::vector<std::uint8_t> lowest(words * 64, 0);
      const std::vector<std::uint64_t> all(words, ~std::uint64_t{0});
      const std::vector<std::uint64_t> none(words, 0);
      const std::vector<const std::uint64_t*> rows{all.data(), none.data(), all.data(), none.data(), all.data()};
      check(highest, highest.data(), planes_of(highest).data(), rows, rows.size());
      check(lowest, lowest.data(), planes_of(lowest).data(), rows, rows.size());
    }
  });
}

TEST_CASE("each bit of a row chooses its own component, on every level") {
  on_every_level([] {
    for (const std::size_t words : {1U, 2U, 3U, 4U, 5U, 7U, 8U, 9U, 12U, 16U, 17U}) {
      const std::size_t components = words * 64;
      for (std::size_t place = 0; place < components; ++place) {
        std::vector<std::uint8_t> levels(components, 1);
        levels[place] = static_cast<std::uint8_t>(2 + place % 14);
        std::vector<std::uint64_t> one(words, 0);
        one[place / 64] = std::uint64_t{1} << (place % 64);
        std::vector<std::uint64_t> others(words, ~std::uint64_t{0});
        others[place / 64] ^= one[place / 64];
        const std::vector<std::uint64_t> planes = planes_of(levels);
        check(levels, levels.data(), planes.data(), {one.data(), others.data()}, 2);
      }
    }
  });
}

}  // namespace shoal
