// Threads that add, update, mark and search at once, as hnswlib's users have them. What must hold in the end is told
// by labels that say what their points are.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "../io/support.hpp"
#include "support.hpp"

#if SHOAL_HAS_THREADS

using namespace compat_tests;

namespace {

constexpr std::size_t side = 8;

/// Calls f(i) for 0 to count - 1, on so many threads.
template <class F>
void in_parallel(std::size_t count, std::size_t threads, const F& f) {
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> all;
  for (std::size_t t = 0; t < threads; ++t) {
    all.emplace_back([&] {
      for (std::size_t i = next++; i < count; i = next++) f(i);
    });
  }
  for (std::thread& thread : all) thread.join();
}

}  // namespace

TEST_CASE("threads that add and search at once lose nothing, and find what was in before") {
  constexpr std::size_t count = 1'500;
  const auto points = random_points(31, count, side);
  hnswlib::L2Space space(side);
  hnswlib::HierarchicalNSW<float> index(&space, count);
  for (std::size_t i = 0; i < 100; ++i) index.addPoint(points.data() + i * side, i);
  index.setEf(100);
  std::atomic<std::size_t> missed{0};
  in_parallel(2 * (count - 100), 4, [&](std::size_t i) {
    if (i % 2 == 0) {
      const std::size_t label = 100 + i / 2;
      index.addPoint(points.data() + label * side, label);
    } else {
      const auto found = index.searchKnnCloserFirst(points.data() + i % 100 * side, 1);
      if (found.size() != 1 || found.front().second != i % 100) ++missed;
    }
  });
  CHECK(index.getCurrentElementCount() == count);
  CHECK(missed <= 3);
  index.checkIntegrity();
  for (std::size_t i = 0; i < count; ++i) {
    CHECK(index.getDataByLabel<float>(i) ==
          std::vector<float>(points.begin() + static_cast<std::ptrdiff_t>(i * side),
                             points.begin() + static_cast<std::ptrdiff_t>((i + 1) * side)));
  }
}

TEST_CASE("of points that threads add at once each goes in or says why not, whatever becomes of the others") {
  constexpr std::size_t count = 1'200, room = 900;
  auto points = random_points(36, count, side);
  for (std::size_t i = 0; i < count; i += 7) points[i * side + 3] = std::numeric_limits<float>::quiet_NaN();
  hnswlib::L2Space space(side);
  hnswlib::HierarchicalNSW<float> index(&space, room);
  std::vector<std::string> said(count);
  std::vector<hnswlib::tableint> slots(count);
  in_parallel(count, 8, [&](std::size_t i) {
    try {
      slots[i] = index.addPoint(points.data() + i * side, i, 0);
    } catch (const std::runtime_error& error) {
      said[i] = error.what();
    }
  });
  std::size_t in = 0, without_room = 0;
  for (std::size_t i = 0; i < count; ++i) {
    CAPTURE(i);
    if (i % 7 == 0) {
      CHECK(said[i] == "expected finite components, component 3 is NaN");
    } else if (said[i].empty()) {
      ++in;
      CHECK(index.getExternalLabel(slots[i]) == i);
      CHECK(std::memcmp(index.getDataByInternalId(slots[i]), points.data() + i * side, side * sizeof(float)) == 0);
    } else {
      ++without_room;
      CHECK(said[i] == "The number of elements exceeds the specified limit");
      CHECK(index.label_lookup_.count(i) == 0);
    }
  }
  CHECK(in == room);
  CHECK(without_room == count - (count + 6) / 7 - room);
  CHECK(index.getCurrentElementCount() == room);
  index.checkIntegrity();
}

TEST_CASE("threads that give the same labels other data leave one point for each") {
  constexpr std::size_t labels = 40;
  const auto points = random_points(32, 800, side);
  hnswlib::L2Space space(side);
  hnswlib::HierarchicalNSW<float> index(&space, labels);
  std::atomic<std::size_t> wrong{0};
  in_parallel(800, 4, [&](std::size_t i) {
    index.addPoint(points.data() + i * side, i % labels);
    const auto data = index.getDataByLabel<float>(i % labels);
    bool is_one = false;
    for (std::size_t j = i % labels; j < 800; j += labels) {
      is_one |= std::equal(data.begin(), data.end(), points.data() + j * side);
    }
    if (!is_one) ++wrong;
  });
  CHECK(wrong == 0);
  CHECK(index.getCurrentElementCount() == labels);
  CHECK(index.searchKnn(points.data(), 2 * labels).size() == labels);
  index.checkIntegrity();
}

TEST_CASE("marks that come and go beside searches and additions end as they were left") {
  constexpr std::size_t count = 400;
  const auto points = random_points(33, 2 * count, side);
  hnswlib::L2Space space(side);
  hnswlib::HierarchicalNSW<float> index(&space, 2 * count);
  for (std::size_t i = 0; i < count; ++i) index.addPoint(points.data() + i * side, i);
  std::atomic<std::size_t> wrong{0};
  in_parallel(4 * count, 4, [&](std::size_t i) {
    const std::size_t label = i / 4;
    switch (i % 4) {
      case 0:  // each label is marked by one thread alone
        index.markDelete(label);
        if (label % 2 == 0) index.unmarkDelete(label);
        break;
      case 1: index.addPoint(points.data() + (count + label) * side, count + label); break;
      default: {
        const auto found = index.searchKnnCloserFirst(points.data() + label * side, 5);
        if (found.size() != 5 || !std::is_sorted(found.begin(), found.end())) ++wrong;
      }
    }
  });
  CHECK(wrong == 0);
  CHECK(index.getDeletedCount() == count / 2);
  CHECK(index.getCurrentElementCount() == 2 * count);
  for (std::size_t label = 0; label < count; ++label) {
    CHECK(index.isMarkedDeleted(index.label_lookup_.find(label)->second) == (label % 2 == 1));
  }
}

TEST_CASE("threads that replace deleted points replace each of them once") {
  constexpr std::size_t count = 300;
  const auto points = random_points(34, 2 * count, side);
  hnswlib::L2Space space(side);
  hnswlib::HierarchicalNSW<float> index(&space, count, 16, 100, 100, true);
  in_parallel(count, 4, [&](std::size_t i) { index.addPoint(points.data() + i * side, i); });
  in_parallel(count / 2, 4, [&](std::size_t i) { index.markDelete(2 * i); });
  in_parallel(count / 2, 4,
              [&](std::size_t i) { index.addPoint(points.data() + (count + i) * side, count + i, true); });
  CHECK(index.getCurrentElementCount() == count);
  CHECK(index.getDeletedCount() == 0);
  for (std::size_t i = 0; i < count / 2; ++i) {
    CHECK(index.label_lookup_.count(2 * i) == 0);
    CHECK(index.label_lookup_.count(2 * i + 1) == 1);
    CHECK(index.label_lookup_.count(count + i) == 1);
  }
  index.checkIntegrity();
}

TEST_CASE("look-ups beside a save that closes gaps see points as they are") {
  constexpr std::size_t count = 300, rounds = 20;
  const auto points = random_points(37, 2 * count, side);
  hnswlib::L2Space space(side);
  hnswlib::HierarchicalNSW<float> index(&space, count);
  for (std::size_t i = 0; i < count; ++i) index.addPoint(points.data() + i * side, i);
  const io_tests::Folder folder;
  const std::string path = folder.file("points");
  std::atomic<bool> is_over{false};
  std::atomic<std::size_t> wrong{0};
  std::vector<std::thread> asking;
  for (std::size_t t = 0; t < 3; ++t) {
    asking.emplace_back([&] {
      while (!is_over) {
        for (std::size_t label = 0; label < count; label += 7) {
          const auto entry = index.label_lookup_.find(label);
          if (entry == index.label_lookup_.end() || entry->first != label) ++wrong;
          try {
            if (index.getExternalLabel(static_cast<hnswlib::tableint>(label)) >= count) ++wrong;
          } catch (const std::runtime_error&) {  // the slot is free just now
          }
        }
        if (index.indexFileSize() == 0) ++wrong;
      }
    });
  }
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t label = round; label < count; label += rounds) {
      index.addPoint(points.data() + (count + label) * side, label);
    }
    index.saveIndex(path);
  }
  is_over = true;
  for (std::thread& thread : asking) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("threads may search by stop conditions beside one that adds") {
  constexpr std::size_t count = 600;
  const auto points = random_points(35, count, side);
  hnswlib::L2Space space(side);
  hnswlib::HierarchicalNSW<float> index(&space, count);
  std::atomic<std::size_t> wrong{0};
  in_parallel(2 * count, 3, [&](std::size_t i) {
    if (i % 2 == 0) return index.addPoint(points.data() + i / 2 * side, i / 2);
    hnswlib::EpsilonSearchStopCondition<float> stop(1.0F, 20, 100);
    for (const auto& [distance, label] : index.searchStopConditionClosest(points.data() + i / 2 * side, stop)) {
      const double exact = squared_l2(points.data() + i / 2 * side, points.data() + label * side, side);
      if (distance > 1 || std::abs(exact - double{distance}) > 1e-4) ++wrong;
    }
  });
  CHECK(wrong == 0);
}

#endif
