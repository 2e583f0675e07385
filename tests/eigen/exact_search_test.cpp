// Exact search by matrix products against a full sort of double distances.

#include <doctest/doctest.h>

#include "vectors.hpp"
#include <shoal/eigen/exact_search.hpp>
#include <shoal/shoal.hpp>

namespace {

using Rows = std::vector<float>;

Rows random_rows(std::size_t count, std::size_t wide, std::uint64_t seed, float scale = 1, float shift = 0) {
  support::Random random(seed);
  Rows rows(count * wide);
  for (float& value : rows) value = scale * random.normal() + shift;
  return rows;
}

template <class Metric>
void check_against_full_sort(const Rows& base, const Rows& queries, std::size_t wide, std::size_t k) {
  const shoal::MatrixView<float> base_view{base.data(), base.size() / wide, wide, wide};
  const shoal::MatrixView<float> query_view{queries.data(), queries.size() / wide, wide, wide};
  for (const unsigned threads : {1U, 3U}) {
    const auto found = shoal::exact_search<Metric>(base_view, query_view, k, threads);
    REQUIRE(found);
    REQUIRE(found->size() == query_view.rows);
    for (std::size_t q = 0; q < query_view.rows; ++q) {
      std::vector<shoal::ExactNeighbor> all;
      for (std::size_t i = 0; i < base_view.rows; ++i) {
        all.push_back({i, shoal::exact_distance<Metric>(query_view.row(q), base_view.row(i))});
      }
      std::sort(all.begin(), all.end());
      REQUIRE((*found)[q].size() == std::min(k, base_view.rows));
      for (std::size_t j = 0; j < (*found)[q].size(); ++j) {
        CHECK((*found)[q][j].row == all[j].row);
        CHECK((*found)[q][j].distance == all[j].distance);
      }
    }
  }
}

}  // namespace

TEST_CASE_TEMPLATE("exact search finds what a full sort in double finds", M, shoal::L2Squared, shoal::InnerProduct,
                   shoal::Cosine) {
  check_against_full_sort<M>(random_rows(3000, 20, 1), random_rows(70, 20, 2), 20, 10);
  check_against_full_sort<M>(random_rows(30, 3, 3), random_rows(5, 3, 4), 3, 50);
  check_against_full_sort<M>(random_rows(4, 1, 5), random_rows(1, 1, 6), 1, 10);
  check_against_full_sort<M>(random_rows(1000, 32, 7, 1, 1000), random_rows(9, 32, 8, 1, 1000), 32, 10);
  Rows copies = random_rows(1000, 16, 9);
  for (std::size_t i = 0; i < 1000; i += 2) std::copy_n(copies.begin(), 16, copies.begin() + static_cast<long>(i * 16));
  check_against_full_sort<M>(copies, random_rows(3, 16, 10), 16, 600);
}

TEST_CASE("with an empty base, or for no neighbours, every query has an empty result") {
  const Rows rows = random_rows(3, 4, 1);
  const shoal::MatrixView<float> three{rows.data(), 3, 4, 4};
  const shoal::MatrixView<float> none{rows.data(), 0, 4, 4};
  CHECK(*shoal::exact_search(none, three, 5) == std::vector<std::vector<shoal::ExactNeighbor>>(3));
  CHECK(*shoal::exact_search(three, three, 0) == std::vector<std::vector<shoal::ExactNeighbor>>(3));
  CHECK(shoal::exact_search(three, none, 5)->empty());
}

TEST_CASE("exact distances are the metric's, in double") {
  const std::vector<float> a{3, 0, 4};
  const std::vector<float> b{0, 0, 2};
  CHECK(shoal::exact_distance<shoal::L2Squared>(a, b) == doctest::Approx(13));
  CHECK(shoal::exact_distance<shoal::InnerProduct>(a, b) == doctest::Approx(-7));
  CHECK(shoal::exact_distance<shoal::Cosine>(a, b) == doctest::Approx(0.2));
}

TEST_CASE("exact search says what is wrong with its input") {
  Rows base = random_rows(10, 4, 11);
  const Rows queries = random_rows(2, 4, 12);
  const auto search = [&](std::size_t query_width) {
    return shoal::exact_search<shoal::Cosine>(shoal::MatrixView<float>{base.data(), 10, 4, 4},
                                              shoal::MatrixView<float>{queries.data(), 2, query_width, 4}, 3);
  };
  CHECK(search(4));
  CHECK(search(3).error().message() == "expected queries of 4 components as the base has, got 3");
  base[4 * 7 + 1] = std::nanf("");
  CHECK(search(4).error().message() == "base row 7: expected finite components");
  std::fill_n(base.begin() + 28, 4, 0.0F);
  CHECK(search(4).error().message() == "base row 7: expected a vector with a direction, got zero");
}

TEST_CASE("the brute-force index agrees with exact search") {
  const Rows base = random_rows(500, 24, 13);
  const Rows queries = random_rows(20, 24, 14);
  std::vector<std::uint64_t> ids(500);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;
  shoal::BruteForceIndex<> index({.dimensions = 24});
  REQUIRE(index.batch_insert(ids, base));
  const auto truth = shoal::exact_search(shoal::MatrixView<float>{base.data(), 500, 24, 24},
                                         shoal::MatrixView<float>{queries.data(), 20, 24, 24}, 10);
  REQUIRE(truth);
  const auto found = index.batch_search(queries, 10);
  for (std::size_t q = 0; q < 20; ++q) {
    for (std::size_t i = 0; i < 10; ++i) {
      CHECK(found[q][i].id == (*truth)[q][i].row);
      CHECK(found[q][i].distance == doctest::Approx((*truth)[q][i].distance).epsilon(1e-5));
    }
  }
}
