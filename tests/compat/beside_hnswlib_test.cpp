// Beside hnswlib itself, where it is installed: recall on the same points, and files that go from one to the other. The
// two have the same names, so hnswlib's headers are read under another.

#define hnswlib hnswlib_itself
#include <hnswlib/hnswlib.h>
#undef hnswlib

#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "../io/support.hpp"
#include "support.hpp"
#include <shoal/compat/import_hnswlib.hpp>

using namespace compat_tests;

namespace {

constexpr std::size_t beside_count = 4'000, beside_dimensions = 32;

/// Around centres, as embeddings lie.
std::vector<float> beside_points(std::uint64_t seed, std::size_t count) {
  std::vector<float> all;
  for (const auto& vector : support::clustered_vectors(seed, count, beside_dimensions, 40)) {
    all.insert(all.end(), vector.begin(), vector.end());
  }
  return all;
}
/// hnswlib's results as a list.
auto list_of(std::priority_queue<std::pair<float, std::size_t>> queue) {
  std::vector<std::pair<float, std::size_t>> all;
  for (; !queue.empty(); queue.pop()) all.push_back(queue.top());
  std::reverse(all.begin(), all.end());
  return all;
}

}  // namespace

TEST_CASE("the same program finds at least as much as with hnswlib, at every ef") {
  const auto points = beside_points(41, beside_count);
  const auto queries = beside_points(42, 200);
  hnswlib_itself::L2Space their_space(beside_dimensions);
  hnswlib_itself::HierarchicalNSW<float> theirs(&their_space, beside_count, 8, 60);
  hnswlib::L2Space our_space(beside_dimensions);
  hnswlib::HierarchicalNSW<float> ours(&our_space, beside_count, 8, 60);
  add_all(theirs, points, beside_dimensions);
  add_all(ours, points, beside_dimensions);
  for (const std::size_t ef : {10, 20, 50, 100, 300}) {
    CAPTURE(ef);
    theirs.setEf(ef);
    ours.setEf(ef);
    const double their_recall = recall_of(points, queries, beside_dimensions, 10, squared_l2,
                                          [&](const float* query) { return list_of(theirs.searchKnn(query, 10)); });
    const double our_recall = recall_of(points, queries, beside_dimensions, 10, squared_l2,
                                        [&](const float* query) { return ours.searchKnnCloserFirst(query, 10); });
    CAPTURE(their_recall);
    CHECK(our_recall >= their_recall - 0.005);
    MESSAGE("ef " << ef << ": recall@10 " << our_recall << ", hnswlib " << their_recall);
  }
}

namespace {

/// A file of hnswlib's, with every tenth point marked as deleted or none, answers as hnswlib does.
void check_file(bool has_deleted) {
  const auto points = beside_points(43, beside_count);
  const auto queries = beside_points(44, 200);
  hnswlib_itself::L2Space their_space(beside_dimensions);
  hnswlib_itself::HierarchicalNSW<float> theirs(&their_space, beside_count, 16, 100);
  add_all(theirs, points, beside_dimensions);
  const std::size_t deleted = has_deleted ? beside_count / 10 : 0;
  for (std::size_t i = 0; i < deleted; ++i) theirs.markDelete(10 * i);
  const io_tests::Folder folder;
  theirs.saveIndex(folder.file());

  hnswlib::L2Space our_space(beside_dimensions);
  hnswlib::HierarchicalNSW<float> loaded(&our_space, folder.file());
  CHECK(loaded.getCurrentElementCount() == beside_count);
  CHECK(loaded.getDeletedCount() == deleted);
  loaded.checkIntegrity();
  const auto imported = shoal::import_hnswlib(folder.file());
  REQUIRE_MESSAGE(imported, imported.error().message());
  CHECK(imported->check().ok());
  CHECK(imported->size() == beside_count - deleted);

  const auto is_kept = [&](labeltype label) { return !has_deleted || label % 10 != 0; };
  for (const std::size_t ef : {10, 50, 200}) {
    theirs.setEf(ef);
    loaded.setEf(ef);
    CAPTURE(ef);
    const double their_recall = recall_of(
        points, queries, beside_dimensions, 10, squared_l2,
        [&](const float* query) { return list_of(theirs.searchKnn(query, 10)); }, is_kept);
    const double loaded_recall = recall_of(
        points, queries, beside_dimensions, 10, squared_l2,
        [&](const float* query) { return loaded.searchKnnCloserFirst(query, 10); }, is_kept);
    std::size_t same = 0;
    const double imported_recall = recall_of(
        points, queries, beside_dimensions, 10, squared_l2,
        [&](const float* query) {
          const auto found = imported->search(std::span(query, beside_dimensions), {.k = 10, .ef = ef});
          const auto their_found = list_of(theirs.searchKnn(query, 10));
          std::vector<std::pair<float, labeltype>> list;
          for (const auto& [id, distance] : found) list.emplace_back(distance, id);
          bool is_same = list.size() == their_found.size();
          for (std::size_t i = 0; is_same && i < list.size(); ++i) is_same = list[i].second == their_found[i].second;
          same += is_same ? 1 : 0;
          return list;
        },
        is_kept);
    CAPTURE(their_recall);
    CHECK(loaded_recall >= their_recall - 0.002);
    // Erased points are taken out of the graph; hnswlib walks over them, and sees a few more at the same ef.
    CHECK(imported_recall >= their_recall - (has_deleted && ef < 50 ? 0.02 : 0.002));
    MESSAGE("ef " << ef << ": recall@10 loaded " << loaded_recall << ", imported " << imported_recall << ", hnswlib "
                  << their_recall << "; the same ten for " << same << " of 200 queries");
    if (ef == 200) CHECK(same >= 195);
    if (!has_deleted) CHECK(same >= 180);
  }
}

}  // namespace

TEST_CASE("a file that hnswlib wrote answers as hnswlib does, loaded and imported") { check_file(false); }
TEST_CASE("so does one with points that are marked as deleted, but for a small ef") { check_file(true); }

TEST_CASE("hnswlib reads the files that this writes, and finds the same") {
  const auto points = beside_points(45, 1'000);
  hnswlib::L2Space our_space(beside_dimensions);
  hnswlib::HierarchicalNSW<float> ours(&our_space, 1'200, 8, 60);
  add_all(ours, points, beside_dimensions);
  for (std::size_t label = 0; label < 300; ++label) {
    ours.addPoint(points.data() + (999 - label) * beside_dimensions, label);  // leaves dead slots
  }
  for (std::size_t label = 1; label < 1'000; label += 7) ours.markDelete(label);
  const io_tests::Folder folder;
  ours.saveIndex(folder.file());

  hnswlib_itself::L2Space their_space(beside_dimensions);
  hnswlib_itself::HierarchicalNSW<float> theirs(&their_space, folder.file());
  CHECK(theirs.cur_element_count == 1'000);
  CHECK(theirs.max_elements_ == 1'200);
  theirs.setEf(300);
  ours.setEf(300);
  std::size_t same = 0;
  for (std::size_t i = 0; i < 1'000; ++i) {
    const float* const query = points.data() + i * beside_dimensions;
    const auto their_found = list_of(theirs.searchKnn(query, 5));
    const auto our_found = ours.searchKnnCloserFirst(query, 5);
    REQUIRE(their_found.size() == our_found.size());
    bool is_same = true;
    for (std::size_t j = 0; j < 5; ++j) {
      is_same &= their_found[j].first == doctest::Approx(our_found[j].first).epsilon(1e-4);
    }
    same += is_same ? 1 : 0;
  }
  CHECK(same >= 995);
  theirs.addPoint(points.data(), 5'000);
  theirs.saveIndex(folder.file());
  ours.loadIndex(folder.file(), &our_space, 2'000);
  CHECK(ours.getCurrentElementCount() == 1'001);
  ours.checkIntegrity();

  hnswlib::BruteforceSearch<float> our_exact(&our_space, 1'100);
  add_all(our_exact, points, beside_dimensions);
  our_exact.saveIndex(folder.file());
  hnswlib_itself::BruteforceSearch<float> their_exact(&their_space);
  their_exact.loadIndex(folder.file(), &their_space);
  CHECK(list_of(their_exact.searchKnn(points.data(), 7)).back().second ==
        our_exact.searchKnnCloserFirst(points.data(), 7).back().second);
  their_exact.saveIndex(folder.file());
  our_exact.loadIndex(folder.file(), &our_space);
  CHECK(our_exact.cur_element_count == 1'000);
}
