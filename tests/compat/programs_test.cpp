// Programs as hnswlib's users write them: search, filters, deletion, replacing, files. Each is held against exact
// search by scalar loops, and to the errors that hnswlib documents.

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "../io/support.hpp"
#include "support.hpp"

using namespace compat_tests;

namespace {

constexpr std::size_t dim = 16;

/// Even labels.
class EvenLabels : public hnswlib::BaseFilterFunctor {
 public:
  bool operator()(hnswlib::labeltype label) override { return label % 2 == 0; }
};

}  // namespace

TEST_CASE("a program that adds points and asks for each finds each, before and after its index was in a file") {
  const auto points = random_points(1, 2'000, dim);
  hnswlib::L2Space space(static_cast<int>(dim));
  auto index = std::make_unique<hnswlib::HierarchicalNSW<float>>(&space, 2'000, 16, 200);
  add_all(*index, points, dim);
  CHECK(index->getCurrentElementCount() == 2'000);
  CHECK(index->getMaxElements() == 2'000);
  CHECK(index->cur_element_count == 2'000);
  CHECK(index->ef_ == 10);
  index->checkIntegrity();

  const auto found_itself = [&] {
    std::size_t found = 0;
    for (std::size_t i = 0; i < 2'000; ++i) {
      std::priority_queue<std::pair<float, hnswlib::labeltype>> result = index->searchKnn(points.data() + i * dim, 1);
      if (result.size() == 1 && result.top().second == i && result.top().first == 0) ++found;
    }
    return found;
  };
  CHECK(found_itself() >= 1'998);

  const io_tests::Folder folder;
  index->saveIndex(folder.file("hnsw.bin"));
  CHECK(std::filesystem::file_size(folder.file("hnsw.bin")) == index->indexFileSize());
  const auto before = index->searchKnnCloserFirst(points.data(), 10);
  index = std::make_unique<hnswlib::HierarchicalNSW<float>>(&space, folder.file("hnsw.bin"));
  CHECK(found_itself() >= 1'998);
  CHECK(index->searchKnnCloserFirst(points.data(), 10) == before);
  CHECK(index->getMaxElements() == 2'000);
  index->checkIntegrity();

  index->loadIndex(folder.file("hnsw.bin"), &space, 5'000);
  CHECK(index->getMaxElements() == 5'000);
  CHECK(index->getCurrentElementCount() == 2'000);
  const auto more = random_points(2, 500, dim);
  for (std::size_t i = 0; i < 500; ++i) index->addPoint(more.data() + i * dim, 10'000 + i);
  CHECK(index->searchKnnCloserFirst(more.data(), 1).front().second == 10'000);
  index->checkIntegrity();
}

TEST_CASE("recall at the default ef and above is that of a good graph, for both spaces of floats") {
  const auto points = random_points(3, 3'000, dim);
  const auto queries = random_points(4, 100, dim);
  hnswlib::L2Space l2(dim);
  hnswlib::InnerProductSpace inner_product(dim);
  hnswlib::HierarchicalNSW<float> near(&l2, 3'000);
  hnswlib::HierarchicalNSW<float> large(&inner_product, 3'000);
  add_all(near, points, dim);
  add_all(large, points, dim);
  const auto search = [](auto& index) {
    return [&](const float* query) { return index.searchKnnCloserFirst(query, 10); };
  };
  CHECK(recall_of(points, queries, dim, 10, squared_l2, search(near)) > 0.6);
  near.setEf(100);
  large.setEf(100);
  CHECK(recall_of(points, queries, dim, 10, squared_l2, search(near)) > 0.98);
  CHECK(recall_of(points, queries, dim, 10, one_minus_dot, search(large)) > 0.95);
}

TEST_CASE("the nearest come first, or last off the queue, with the distances of the space") {
  const auto points = random_points(5, 300, dim);
  hnswlib::L2Space l2(dim);
  hnswlib::InnerProductSpace inner_product(dim);
  for (hnswlib::SpaceInterface<float>* space : {static_cast<hnswlib::SpaceInterface<float>*>(&l2),
                                                static_cast<hnswlib::SpaceInterface<float>*>(&inner_product)}) {
    std::vector<std::unique_ptr<hnswlib::AlgorithmInterface<float>>> algorithms;
    algorithms.push_back(std::make_unique<hnswlib::HierarchicalNSW<float>>(space, 300));
    algorithms.push_back(std::make_unique<hnswlib::BruteforceSearch<float>>(space, 300));
    const Distance distance = space == &l2 ? squared_l2 : one_minus_dot;
    for (const auto& algorithm : algorithms) {
      add_all(*algorithm, points, dim);
      auto queue = algorithm->searchKnn(points.data(), 10);
      const auto list = algorithm->searchKnnCloserFirst(points.data(), 10);
      REQUIRE(queue.size() == 10);
      REQUIRE(list.size() == 10);
      for (std::size_t i = 10; i-- > 0; queue.pop()) {
        CHECK(queue.top() == list[i]);
        const double exact = distance(points.data(), points.data() + list[i].second * dim, dim);
        CHECK(list[i].first == doctest::Approx(exact).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("a filter is obeyed, and never costs results") {
  const auto points = random_points(6, 1'000, dim);
  const auto queries = random_points(7, 20, dim);
  hnswlib::L2Space space(dim);
  hnswlib::HierarchicalNSW<float> index(&space, 1'000);
  hnswlib::BruteforceSearch<float> exact(&space, 1'000);
  add_all(index, points, dim);
  add_all(exact, points, dim);
  EvenLabels even;
  index.setEf(100);
  for (std::size_t i = 0; i < 20; ++i) {
    const auto found = index.searchKnnCloserFirst(queries.data() + i * dim, 10, &even);
    const auto truth = exact.searchKnnCloserFirst(queries.data() + i * dim, 10, &even);
    REQUIRE(found.size() == 10);
    for (const auto& [distance, label] : found) CHECK(label % 2 == 0);
    CHECK(found.front() == truth.front());
  }

  class Only : public hnswlib::BaseFilterFunctor {
   public:
    bool operator()(hnswlib::labeltype label) override { return label == 77; }
  } only;
  CHECK(index.searchKnnCloserFirst(queries.data(), 10, &only).size() == 1);
  CHECK(index.searchKnn(queries.data(), 10, &only).top().second == 77);
  class None : public hnswlib::BaseFilterFunctor {
   public:
    bool operator()(hnswlib::labeltype) override { return false; }
  } none;
  CHECK(index.searchKnn(queries.data(), 10, &none).empty());
  CHECK(exact.searchKnn(queries.data(), 10, &none).empty());
}

TEST_CASE("a point that is marked as deleted is not found until the mark is taken away") {
  const auto points = random_points(8, 500, dim);
  hnswlib::L2Space space(dim);
  hnswlib::HierarchicalNSW<float> index(&space, 500);
  add_all(index, points, dim);
  index.setEf(50);
  for (std::size_t label = 0; label < 250; ++label) index.markDelete(label);
  CHECK(index.getDeletedCount() == 250);
  CHECK(index.num_deleted_ == 250);
  CHECK(index.getCurrentElementCount() == 500);
  CHECK(index.isMarkedDeleted(index.label_lookup_.find(7)->second));
  for (std::size_t label = 0; label < 500; ++label) {
    const auto found = index.searchKnnCloserFirst(points.data() + label * dim, 5);
    REQUIRE(found.size() == 5);
    for (const auto& [distance, other] : found) CHECK(other >= 250);
    CHECK((found.front().second == label) == (label >= 250));
  }
  CHECK(index.searchKnn(points.data(), 1'000).size() == 250);
  CHECK(error_of([&] { (void)index.getDataByLabel<float>(7); }) == "Label not found");
  CHECK(error_of([&] { index.markDelete(7); }) == "The requested to delete element is already deleted");
  CHECK(error_of([&] { index.markDelete(5'000); }) == "Label not found");
  CHECK(error_of([&] { index.unmarkDelete(300); }) == "The requested to undelete element is not deleted");
  CHECK(error_of([&] { index.unmarkDelete(5'000); }) == "Label not found");
  for (std::size_t label = 0; label < 250; ++label) index.unmarkDelete(label);
  CHECK(index.getDeletedCount() == 0);
  CHECK(index.searchKnn(points.data(), 1'000).size() == 500);
  CHECK(index.getDataByLabel<float>(7) == std::vector<float>(points.begin() + 7 * dim, points.begin() + 8 * dim));
  CHECK(!index.isMarkedDeleted(index.label_lookup_.find(7)->second));
}

TEST_CASE("points that are marked as deleted make room where replacing was allowed, and only there") {
  constexpr std::size_t count = 600;
  const auto points = random_points(9, count, dim);
  const auto others = random_points(10, count / 2, dim);
  hnswlib::L2Space space(dim);
  hnswlib::HierarchicalNSW<float> index(&space, count, 16, 200, 100, true);
  add_all(index, points, dim);
  CHECK(error_of([&] { index.addPoint(others.data(), count); }) ==
        "The number of elements exceeds the specified limit");
  for (std::size_t label = 0; label < count / 2; ++label) index.markDelete(label);
  CHECK(error_of([&] { index.addPoint(others.data(), 0); }) ==
        "Can't use addPoint to update deleted elements if replacement of deleted elements is enabled.");
  for (std::size_t i = 0; i < count / 2; ++i) index.addPoint(others.data() + i * dim, count + i, true);
  CHECK(index.getCurrentElementCount() == count);
  CHECK(index.getDeletedCount() == 0);
  CHECK(error_of([&] { index.addPoint(others.data(), 5'000, true); }) ==
        "The number of elements exceeds the specified limit");
  CHECK(error_of([&] { index.unmarkDelete(0); }) == "Label not found");
  index.setEf(50);
  for (std::size_t i = 0; i < count / 2; ++i) {
    CHECK(index.searchKnnCloserFirst(others.data() + i * dim, 1).front().second == count + i);
    CHECK(index.searchKnnCloserFirst(points.data() + i * dim, 1).front().second != i);
  }
  index.checkIntegrity();

  hnswlib::HierarchicalNSW<float> strict(&space, 10);
  CHECK(error_of([&] { strict.addPoint(points.data(), 1, true); }) ==
        "Replacement of deleted elements is disabled in constructor");
}

TEST_CASE("a label that is deleted and added again has one point, however often") {
  const auto points = random_points(11, 100, dim);
  hnswlib::L2Space space(dim);
  for (const bool replaces : {false, true}) {
    CAPTURE(replaces);
    hnswlib::HierarchicalNSW<float> index(&space, 100, 16, 200, 100, replaces);
    add_all(index, points, dim);
    for (int round = 0; round < 20; ++round) {
      index.markDelete(5);
      index.markDelete(6);
      index.addPoint(points.data() + 7 * dim, 5, replaces);
      CHECK(index.getDeletedCount() == 1);
      index.addPoint(points.data() + 8 * dim, 6, replaces);
      index.markDelete(5);
      index.unmarkDelete(5);
    }
    CHECK(index.getCurrentElementCount() == 100);
    CHECK(index.getDeletedCount() == 0);
    CHECK(index.searchKnn(points.data(), 200).size() == 100);
    CHECK(index.getDataByLabel<float>(5) == index.getDataByLabel<float>(7));
  }
}

TEST_CASE("adding a label that is there gives its point other data, and so does updatePoint") {
  const auto points = random_points(12, 200, dim);
  hnswlib::L2Space space(dim);
  hnswlib::HierarchicalNSW<float> index(&space, 200);
  add_all(index, points, dim);
  for (std::size_t round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < 200; ++i) index.addPoint(points.data() + (199 - i) * dim, i);
    for (std::size_t i = 0; i < 200; ++i) {
      index.updatePoint(points.data() + i * dim, index.label_lookup_.find(i)->second, 1.0F);
    }
  }
  CHECK(index.getCurrentElementCount() == 200);
  for (std::size_t i = 0; i < 200; ++i) {
    CHECK(index.searchKnnCloserFirst(points.data() + i * dim, 1).front() == std::pair<float, labeltype>(0.0F, i));
  }
  index.checkIntegrity();
  const hnswlib::tableint internal_id = index.addPoint(points.data(), 3, -1);
  CHECK(internal_id == index.label_lookup_.find(3)->second);
}

TEST_CASE("labels and internal ids lead to each other and to the points") {
  const auto points = random_points(13, 50, dim);
  hnswlib::L2Space space(dim);
  hnswlib::HierarchicalNSW<float> index(&space, 50);
  for (std::size_t i = 0; i < 50; ++i) index.addPoint(points.data() + i * dim, 1'000 + i);
  CHECK(index.label_lookup_.size() == 50);
  CHECK(index.label_lookup_.find(7) == index.label_lookup_.end());
  std::size_t seen = 0;
  for (const auto& [label, internal_id] : index.label_lookup_) {
    CHECK(index.getExternalLabel(internal_id) == label);
    const std::vector<float> data = index.getDataByLabel<float>(label);
    CHECK(std::memcmp(index.getDataByInternalId(internal_id), data.data(), dim * sizeof(float)) == 0);
    CHECK(std::equal(data.begin(), data.end(), points.data() + (label - 1'000) * dim));
    ++seen;
  }
  CHECK(seen == 50);
  CHECK(error_of([&] { (void)index.getExternalLabel(50); }) != "");
}

TEST_CASE("an index is resized, but not to less than it holds") {
  const auto points = random_points(14, 20, dim);
  hnswlib::L2Space space(dim);
  hnswlib::HierarchicalNSW<float> index(&space, 10);
  for (std::size_t i = 0; i < 10; ++i) index.addPoint(points.data() + i * dim, i);
  CHECK(error_of([&] { index.addPoint(points.data(), 10); }) == "The number of elements exceeds the specified limit");
  index.resizeIndex(20);
  for (std::size_t i = 10; i < 20; ++i) index.addPoint(points.data() + i * dim, i);
  CHECK(error_of([&] { index.resizeIndex(19); }) ==
        "Cannot resize, max element is less than the current number of elements");
  CHECK(index.getMaxElements() == 20);
}

TEST_CASE("an index that was cleared is empty, and takes points as before") {
  const auto points = random_points(15, 20, dim);
  hnswlib::L2Space space(dim);
  hnswlib::HierarchicalNSW<float> index(&space, 20, 7, 30);
  hnswlib::HierarchicalNSW<float>(&space).clear();  // nothing was loaded
  for (int round = 0; round < 2; ++round) {
    CHECK(index.getCurrentElementCount() == 0);
    CHECK(index.getDeletedCount() == 0);
    CHECK(index.searchKnn(points.data(), 3).empty());
    for (std::size_t i = 0; i < 20; ++i) index.addPoint(points.data() + i * dim, i);
    index.markDelete(3);
    CHECK(index.searchKnn(points.data(), 30).size() == 19);
    CHECK(index.M_ == 7);
    index.clear();
  }
}

TEST_CASE("the function of the space and its parameter can be read") {
  const auto points = random_points(16, 2, dim);
  hnswlib::L2Space space(dim);
  hnswlib::HierarchicalNSW<float> index(&space, 2);
  hnswlib::BruteforceSearch<float> exact(&space, 2);
  const float expected = space.get_dist_func()(points.data(), points.data() + dim, space.get_dist_func_param());
  CHECK(index.fstdistfunc_(points.data(), points.data() + dim, index.dist_func_param_) == expected);
  CHECK(exact.fstdistfunc_(points.data(), points.data() + dim, exact.dist_func_param_) == expected);
}

TEST_CASE("what shoal refuses is a runtime_error that says why, and changes nothing") {
  hnswlib::L2Space space(3);
  hnswlib::HierarchicalNSW<float> index(&space, 10);
  hnswlib::BruteforceSearch<float> exact(&space, 10);
  const std::vector<float> good = {1, 2, 3};
  const std::vector<float> bad = {1, NAN, 3};
  index.addPoint(good.data(), 1);
  exact.addPoint(good.data(), 1);
  const std::string words = "expected finite components, component 1 is NaN";
  CHECK(error_of([&] { index.addPoint(bad.data(), 2); }) == words);
  CHECK(error_of([&] { index.addPoint(bad.data(), 1); }) == words);
  CHECK(error_of([&] { exact.addPoint(bad.data(), 2); }) == words);
  CHECK(error_of([&] { (void)index.searchKnn(bad.data(), 1); }) == words);
  CHECK(error_of([&] { (void)exact.searchKnn(bad.data(), 1); }) == words);
  CHECK(index.getCurrentElementCount() == 1);
  CHECK(index.getDataByLabel<float>(1) == good);
  CHECK(error_of([&] { hnswlib::HierarchicalNSW<float> other(&space, 10, 1'000); }) == "M must be 2 to 512, got 1000");
  CHECK(error_of([&] { hnswlib::HierarchicalNSW<float> other(&space, "/no/such/file"); }).find("/no/such/file") !=
        std::string::npos);
  hnswlib::HierarchicalNSW<float> unloaded(&space);
  CHECK(unloaded.searchKnn(good.data(), 3).empty());
  CHECK(error_of([&] { unloaded.addPoint(good.data(), 3); }) != "");
}

TEST_CASE("exact search finds the exact neighbours, updates, removes, and comes back from a file") {
  const auto points = random_points(15, 400, dim);
  const auto queries = random_points(16, 20, dim);
  hnswlib::L2Space space(dim);
  hnswlib::BruteforceSearch<float> exact(&space, 401);
  add_all(exact, points, dim);
  const auto search = [&](const float* query) { return exact.searchKnnCloserFirst(query, 10); };
  CHECK(recall_of(points, queries, dim, 10, squared_l2, search) == 1);
  exact.addPoint(queries.data(), 1'000);
  CHECK(error_of([&] { exact.addPoint(queries.data(), 1'001); }) ==
        "The number of elements exceeds the specified limit\n");
  CHECK(exact.searchKnn(queries.data(), 1).top().second == 1'000);
  exact.removePoint(1'000);
  exact.removePoint(1'000);
  CHECK(exact.cur_element_count == 400);
  CHECK(exact.searchKnn(queries.data(), 1).top().second != 1'000);

  const io_tests::Folder folder;
  exact.saveIndex(folder.file());
  hnswlib::BruteforceSearch<float> again(&space, folder.file());
  CHECK(again.maxelements_ == 401);
  CHECK(again.searchKnnCloserFirst(queries.data(), 400) == exact.searchKnnCloserFirst(queries.data(), 400));
  hnswlib::L2Space wider(dim + 1);
  CHECK(error_of([&] { hnswlib::BruteforceSearch<float> wrong(&wider, folder.file()); }) != "");
}
