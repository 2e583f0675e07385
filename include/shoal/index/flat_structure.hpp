#pragma once
// No structure: a search compares the query with every row. Exact, and the oracle of everything else.

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <tuple>

#include "shoal/index/structure.hpp"

namespace shoal::inline v0::detail {

class FlatStructure {
 public:
  static constexpr bool is_walked = false;

  void reserve(std::size_t) noexcept {}
  [[nodiscard]] std::size_t round_size() const noexcept { return 64; }
  template <VectorRows Rows>
  void link(const Rows&, std::span<const Slot> slots, const Workers&, std::span<typename Rows::QueryBuffer>) noexcept {
    if (slots.empty()) return;
    size_ = std::max(size_, to_index(slots.back()) + 1);
    linked_ += slots.size();
  }
  template <VectorRows Rows>
  void unlink(const Rows&, std::span<const Slot> slots, const Workers&) noexcept {
    linked_ -= slots.size();
  }
  void end_batch() noexcept {}
  void begin_undo() noexcept { before_ = {size_, linked_}; }
  void commit() noexcept {}
  void roll_back() noexcept { std::tie(size_, linked_) = before_; }
  [[nodiscard]] std::size_t linked() const noexcept { return linked_; }

  /// *Cost*: size() distances. Errors: std::bad_alloc.
  template <SlotScorer Scorer, class Accept, class Before>
  void search(const Scorer& scorer, SearchSize wanted, const Accept& accept, const Before& before,
              StructureScratch& scratch) const {
    std::vector<Candidate>& found = scratch.found;
    const std::size_t most = wanted.k + std::max<std::size_t>(wanted.k, 1024);
    found.reserve(most);
    std::array<Slot, 64> slots;
    std::array<float, 64> distances;
    for (std::size_t first = 0; first < size_;) {
      std::size_t count = 0;
      for (; count < slots.size() && first < size_; ++first) {
        if (accept(to_slot(first))) slots[count++] = to_slot(first);
      }
      scorer(std::span<const Slot>(slots).first(count), distances.data());
      for (std::size_t i = 0; i < count; ++i) {
        if (found.size() == most) keep_best(found, wanted.k, before);
        found.push_back({distances[i], slots[i]});
      }
    }
    if (found.size() > wanted.k) keep_best(found, wanted.k, before);
  }

  void check(CheckReport&) const noexcept {}
  void add_stats(IndexStats&) const noexcept {}
  void add_memory(MemoryUsage&) const noexcept {}
  [[nodiscard]] FlatStructure clone() const noexcept { return *this; }

 private:
  template <class Before>
  static void keep_best(std::vector<Candidate>& found, std::size_t k, const Before& before) {
    std::nth_element(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(k), found.end(), before);
    found.resize(k, Candidate{});
  }

  std::size_t size_ = 0;  // slots that may be linked are below
  std::size_t linked_ = 0;
  std::tuple<std::size_t, std::size_t> before_{};  // the undo
};

}  // namespace shoal::inline v0::detail
