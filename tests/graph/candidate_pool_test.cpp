// The pool of a beam search against a vector that is sorted anew for each operation.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "random.hpp"
#include <shoal/graph/candidate_pool.hpp>

namespace shoal {
namespace {

using detail::Candidate;
using detail::CandidatePool;
using support::Random;

/// The same promises, kept in the simplest way.
class SortedVector {
 public:
  explicit SortedVector(std::size_t capacity) : capacity_(capacity) {}

  bool admits(float distance) const {
    return entries_.size() < capacity_ || !(entries_.back().candidate.distance < distance);
  }
  void insert(float distance, Slot slot) {
    entries_.push_back({{distance, slot}, false});
    std::sort(entries_.begin(), entries_.end(),
              [](const Entry& a, const Entry& b) { return a.candidate < b.candidate; });
    if (entries_.size() > capacity_) entries_.pop_back();
  }
  bool take_next(Slot& slot) {
    for (Entry& entry : entries_) {
      if (entry.taken) continue;
      entry.taken = true;
      slot = entry.candidate.slot;
      return true;
    }
    return false;
  }
  bool equals(const CandidatePool& pool) const {
    if (pool.size() != entries_.size()) return false;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (pool[i].slot != entries_[i].candidate.slot || pool[i].distance != entries_[i].candidate.distance)
        return false;
    }
    return true;
  }
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Candidate candidate;
    bool taken;
  };
  std::size_t capacity_;
  std::vector<Entry> entries_;
};

}  // namespace

TEST_CASE("100,000 random operations on a pool do what they do on a sorted vector") {
  Random random(1101);
  CAPTURE(random.seed());
  CandidatePool pool;
  pool.reset(1);
  SortedVector expected(1);
  std::set<std::uint32_t> used;
  std::size_t failures = 0;
  std::size_t taken = 0;
  for (int step = 0; step < 100'000 && failures == 0; ++step) {
    CAPTURE(step);
    const std::size_t what = random.below(1'000);
    if (what < 3) {
      const std::size_t capacity = 1 + random.below(what == 0 ? 3 : 60);
      pool.reset(capacity);
      expected = SortedVector(capacity);
      used.clear();
    } else if (what < 600) {
      const auto slot = static_cast<std::uint32_t>(random.below(max_slots));
      if (!used.insert(slot).second) continue;
      // Few different distances, so that most tie; sometimes one far below, which moves everything.
      const float distance = random.chance(0.1) ? random.uniform(-100, 100) : static_cast<float>(random.below(8));
      if (pool.admits(distance) != expected.admits(distance)) ++failures;
      if (pool.admits(distance) != (distance <= pool.bound())) ++failures;
      pool.insert(distance, Slot{slot});  // whether admitted or not
      expected.insert(distance, Slot{slot});
    } else {
      Slot got{};
      Slot wanted{};
      const bool any = pool.take_next(got);
      if (any != expected.take_next(wanted)) ++failures;
      if (any && got != wanted) ++failures;
      if (any) ++taken;
    }
    if (!expected.equals(pool)) ++failures;
    if (failures != 0) FAIL_CHECK("the pool differs after operation " << step);
  }
  CHECK(taken > 10'000);
}

TEST_CASE("a full pool drops the farthest, and of equal distances the larger slot") {
  CandidatePool pool;
  pool.reset(2);
  pool.insert(5, Slot{7});
  pool.insert(5, Slot{3});
  CHECK(pool.admits(5));
  CHECK_FALSE(pool.admits(5.5F));
  pool.insert(5, Slot{9});  // the last place is taken by a smaller slot
  REQUIRE(pool.size() == 2);
  CHECK(pool[0].slot == Slot{3});
  CHECK(pool[1].slot == Slot{7});
  pool.insert(5, Slot{1});
  CHECK(pool[0].slot == Slot{1});
  CHECK(pool[1].slot == Slot{3});
  pool.insert(1, Slot{8});
  CHECK(pool[0].slot == Slot{8});
  CHECK(pool[1].slot == Slot{1});
}

TEST_CASE("a candidate is taken once, and a nearer one that comes later is taken before the rest") {
  CandidatePool pool;
  pool.reset(4);
  Slot slot{};
  CHECK_FALSE(pool.take_next(slot));
  pool.insert(2, Slot{2});
  pool.insert(4, Slot{4});
  CHECK(pool.take_next(slot));
  CHECK(slot == Slot{2});
  pool.insert(1, Slot{1});
  pool.insert(3, Slot{3});
  for (const std::uint32_t next : {1U, 3U, 4U}) {
    CHECK(pool.take_next(slot));
    CHECK(slot == Slot{next});
  }
  CHECK_FALSE(pool.take_next(slot));
  pool.reset(4);
  CHECK(pool.size() == 0);
  CHECK_FALSE(pool.take_next(slot));
}

TEST_CASE("the largest slot keeps its number and its mark") {
  CandidatePool pool;
  pool.reset(2);
  pool.insert(1, to_slot(max_slots - 1));
  Slot slot{};
  CHECK(pool.take_next(slot));
  CHECK(slot == to_slot(max_slots - 1));
  CHECK(pool[0].slot == to_slot(max_slots - 1));
  CHECK_FALSE(pool.take_next(slot));
}

TEST_CASE("peek gives the next candidate to be taken, or the last one taken, while nothing came in between") {
  CandidatePool pool;
  pool.reset(3);
  pool.insert(1, Slot{1});
  pool.insert(2, Slot{2});
  Slot slot{};
  CHECK(pool.take_next(slot));
  CHECK(pool.peek() == Slot{2});
  CHECK(pool.take_next(slot));
  CHECK(pool.peek() == Slot{2});
  pool.insert(0, Slot{5});
  CHECK(pool.peek() == Slot{5});
}

TEST_CASE("candidates are ordered by distance, then by slot") {
  CHECK(Candidate{1, Slot{9}} < Candidate{2, Slot{0}});
  CHECK(Candidate{1, Slot{1}} < Candidate{1, Slot{2}});
  CHECK_FALSE(Candidate{1, Slot{2}} < Candidate{1, Slot{2}});
  CHECK_FALSE(Candidate{2, Slot{0}} < Candidate{1, Slot{9}});
}

}  // namespace shoal
