// Spaces beyond the two of floats: bytes, documents of several vectors, and a user's own; and searches that a stop
// condition ends.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "../io/support.hpp"
#include "support.hpp"

using namespace compat_tests;

namespace {

constexpr std::size_t width = 16;

/// The sum of |a - b|, of two coordinates as doubles and a weight that does not count.
struct Place {
  double x, y;
  std::uint16_t weight;
};

class CityBlock : public hnswlib::SpaceInterface<double> {
 public:
  std::size_t get_data_size() override { return sizeof(Place); }
  hnswlib::DISTFUNC<double> get_dist_func() override {
    return [](const void* a, const void* b, const void* scale) {
      const auto& from = *static_cast<const Place*>(a);
      const auto& to = *static_cast<const Place*>(b);
      return *static_cast<const double*>(scale) * (std::abs(from.x - to.x) + std::abs(from.y - to.y));
    };
  }
  void* get_dist_func_param() override { return &scale_; }

 private:
  double scale_ = 3;
};

std::vector<Place> random_places(std::uint64_t seed, std::size_t count) {
  support::Random random(seed);
  std::vector<Place> places;
  for (std::size_t i = 0; i < count; ++i) {
    places.push_back({double{random.uniform()}, double{random.uniform()}, static_cast<std::uint16_t>(i)});
  }
  return places;
}

}  // namespace

TEST_CASE("a user's own space is searched by its own distances, exactly as they are") {
  const auto places = random_places(1, 1'000);
  CityBlock space;
  hnswlib::HierarchicalNSW<double> index(&space, 1'000);
  hnswlib::BruteforceSearch<double> exact(&space, 1'000);
  for (std::size_t i = 0; i < places.size(); ++i) {
    index.addPoint(&places[i], i);
    exact.addPoint(&places[i], i);
  }
  index.setEf(100);
  const auto distance = space.get_dist_func();
  std::size_t same = 0;
  for (const Place& query : random_places(2, 50)) {
    const auto found = index.searchKnnCloserFirst(&query, 10);
    const auto truth = exact.searchKnnCloserFirst(&query, 10);
    REQUIRE(found.size() == 10);
    for (std::size_t i = 0; i < 10; ++i) {
      CHECK(found[i].first == distance(&query, &places[found[i].second], space.get_dist_func_param()));
      if (i > 0) CHECK(found[i - 1].first <= found[i].first);
      same += found[i] == truth[i] ? 1 : 0;
    }
  }
  CHECK(same >= 490);

  const io_tests::Folder folder;
  index.saveIndex(folder.file());
  const hnswlib::HierarchicalNSW<double> again(&space, folder.file());
  CHECK(again.searchKnnCloserFirst(&places[3], 10) == index.searchKnnCloserFirst(&places[3], 10));
  hnswlib::L2Space other(3);
  CHECK(error_of([&] {
          hnswlib::HierarchicalNSW<float> wrong(&other, folder.file());
        }).find("expected points of 12 bytes, got 24") != std::string::npos);
}

TEST_CASE("bytes are searched by integers, also those that no float can tell apart") {
  constexpr std::size_t components = 1'000;  // distances of up to 65,025,000: above 2^24
  support::Random random(3);
  std::vector<std::vector<unsigned char>> points(300, std::vector<unsigned char>(components));
  for (auto& point : points) {
    for (auto& component : point) component = static_cast<unsigned char>(random.below(256));
  }
  hnswlib::L2SpaceI space(components);
  hnswlib::HierarchicalNSW<int> index(&space, 300);
  hnswlib::BruteforceSearch<int> exact(&space, 300);
  for (std::size_t i = 0; i < points.size(); ++i) {
    index.addPoint(points[i].data(), i);
    exact.addPoint(points[i].data(), i);
  }
  index.setEf(300);
  for (std::size_t i = 0; i < 20; ++i) {
    std::vector<std::pair<int, labeltype>> truth;
    for (std::size_t j = 0; j < points.size(); ++j) {
      int sum = 0;
      for (std::size_t c = 0; c < components; ++c) sum += (points[i][c] - points[j][c]) * (points[i][c] - points[j][c]);
      truth.emplace_back(sum, j);
    }
    std::sort(truth.begin(), truth.end());
    truth.resize(10);
    CHECK(exact.searchKnnCloserFirst(points[i].data(), 10) == truth);
    const auto found = index.searchKnnCloserFirst(points[i].data(), 10);
    CHECK(found.front() == truth.front());
    CHECK(std::is_sorted(found.begin(), found.end()));
  }
  CHECK(index.getDataByLabel<unsigned char>(5) == points[5]);
}

TEST_CASE("a search for documents gives the nearest documents, and reads no id behind a query") {
  constexpr std::size_t count = 1'000, documents = 50, wanted = 10;
  using DocId = unsigned int;
  hnswlib::MultiVectorL2Space<DocId> space(width);
  hnswlib::HierarchicalNSW<float> index(&space, count);
  const auto vectors = random_points(4, count, width);
  support::Random random(5);
  std::vector<DocId> document_of;
  std::vector<char> point(space.get_data_size());
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(point.data(), vectors.data() + i * width, width * sizeof(float));
    document_of.push_back(static_cast<DocId>(random.below(documents)));
    space.set_doc_id(point.data(), document_of.back());
    CHECK(space.get_doc_id(point.data()) == document_of.back());
    index.addPoint(point.data(), i);
  }
  const auto queries = random_points(6, 50, width);
  std::size_t found_of_truth = 0, truth_size = 0;
  for (std::size_t at = 0; at < queries.size(); at += width) {
    const std::vector<float> query(queries.begin() + static_cast<std::ptrdiff_t>(at),
                                   queries.begin() + static_cast<std::ptrdiff_t>(at + width));
    hnswlib::MultiVectorSearchStopCondition<DocId, float> stop(space, wanted, 2 * wanted);
    const auto found = index.searchStopConditionClosest(query.data(), stop);
    CHECK(std::is_sorted(found.begin(), found.end()));
    std::set<DocId> found_documents;
    std::set<labeltype> labels;
    for (const auto& [distance, label] : found) {
      CHECK(distance == doctest::Approx(squared_l2(query.data(), vectors.data() + label * width, width)));
      found_documents.insert(document_of[label]);
      labels.insert(label);
    }
    CHECK(found_documents.size() == wanted);
    // Points in order of distance until so many documents were seen.
    std::vector<std::pair<double, labeltype>> all;
    for (std::size_t i = 0; i < count; ++i) {
      all.emplace_back(squared_l2(query.data(), vectors.data() + i * width, width), i);
    }
    std::sort(all.begin(), all.end());
    std::set<DocId> seen;
    for (std::size_t i = 0; seen.size() < wanted; ++i) {
      seen.insert(document_of[all[i].second]);
      found_of_truth += labels.count(all[i].second);
      ++truth_size;
    }
  }
  CHECK(static_cast<double>(found_of_truth) > 0.97 * static_cast<double>(truth_size));

  hnswlib::MultiVectorInnerProductSpace<DocId> products(width);
  CHECK(products.get_data_size() == width * sizeof(float) + sizeof(DocId));
  CHECK(products.get_dist_func()(vectors.data(), vectors.data() + width, products.get_dist_func_param()) ==
        doctest::Approx(one_minus_dot(vectors.data(), vectors.data() + width, width)));
}

TEST_CASE("an epsilon search gives what is within the distance, and no more than was asked for") {
  constexpr std::size_t count = 3'000;
  const auto points = random_points(7, count, width);
  const auto queries = random_points(8, 30, width);
  hnswlib::L2Space space(width);
  hnswlib::HierarchicalNSW<float> index(&space, count);
  add_all(index, points, width);
  const float epsilon = 4.0F;
  std::size_t found_count = 0, truth_count = 0;
  for (std::size_t at = 0; at < queries.size(); at += width) {
    const float* const query = queries.data() + at;
    hnswlib::EpsilonSearchStopCondition<float> stop(epsilon, 500, count);
    const auto found = index.searchStopConditionClosest(query, stop);
    CHECK(std::is_sorted(found.begin(), found.end()));
    for (const auto& [distance, label] : found) CHECK(distance <= epsilon);
    found_count += found.size();
    for (std::size_t i = 0; i < count; ++i) {
      truth_count += squared_l2(query, points.data() + i * width, width) <= double{epsilon} ? 1 : 0;
    }
    hnswlib::EpsilonSearchStopCondition<float> few(epsilon, 0, 3);
    const auto nearest_few = index.searchStopConditionClosest(query, few);
    CHECK(nearest_few.size() <= 3);
    if (found.size() > 3 && nearest_few.size() == 3) CHECK(nearest_few.back().first <= epsilon);
  }
  REQUIRE(truth_count > 300);
  CHECK(found_count <= truth_count);
  CHECK(static_cast<double>(found_count) > 0.97 * static_cast<double>(truth_count));

  for (std::size_t label = 0; label < count; label += 2) index.markDelete(label);
  class NotOfThree : public hnswlib::BaseFilterFunctor {
   public:
    bool operator()(hnswlib::labeltype label) override { return label % 3 != 0; }
  } filter;
  hnswlib::EpsilonSearchStopCondition<float> stop(epsilon, 500, count);
  for (const auto& [distance, label] : index.searchStopConditionClosest(queries.data(), stop, &filter)) {
    CHECK(label % 2 == 1);
    CHECK(label % 3 != 0);
  }
}

TEST_CASE("a stop condition of a user's own is told of each point that is kept and of each that goes") {
  class NearestFew : public hnswlib::BaseSearchStopCondition<float> {
   public:
    std::map<labeltype, float> kept{};
    std::size_t asked = 0;
    void add_point_to_result(labeltype label, const void* data, float distance) override {
      REQUIRE(data != nullptr);
      CHECK(kept.emplace(label, distance).second);
    }
    void remove_point_from_result(labeltype label, const void*, float distance) override {
      REQUIRE(kept.count(label) == 1);
      CHECK(kept[label] == distance);
      for (const auto& [other, other_distance] : kept) CHECK(other_distance <= distance);
      kept.erase(label);
    }
    bool should_stop_search(float candidate, float worst) override {
      ++asked;
      return kept.size() == 5 && candidate > worst;
    }
    bool should_consider_candidate(float candidate, float worst) override {
      return kept.size() < 5 || candidate < worst;
    }
    bool should_remove_extra() override { return kept.size() > 5; }
    void filter_results(std::vector<std::pair<float, labeltype>>& candidates) override {
      CHECK(candidates.size() == kept.size());
      candidates.pop_back();
    }
  } stop;
  const auto points = random_points(9, 500, width);
  hnswlib::L2Space space(width);
  hnswlib::HierarchicalNSW<float> index(&space, 500);
  add_all(index, points, width);
  const auto found = index.searchStopConditionClosest(points.data(), stop);
  CHECK(found.size() == 4);
  CHECK(found.front() == std::pair<float, labeltype>(0.0F, 0));
  CHECK(stop.asked > 5);
}
