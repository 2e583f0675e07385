#pragma once
// Labels and the places of their points, as a map that is read: what programs ask of hnswlib's `label_lookup_`.

#include <cstddef>
#include <iterator>
#include <memory>
#include <utility>

#include "shoal/compat/hnswlib/point_index.hpp"

namespace shoal::inline v0::detail {

/// Of the index that `index` holds. *Threads*: `find` and `count`, while another changes the index; going over all of
/// it, not.
class LabelLookup {
 public:
  using value_type = std::pair<hnswlib::labeltype, hnswlib::tableint>;

  class const_iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = LabelLookup::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = const value_type&;

    const_iterator() noexcept = default;
    [[nodiscard]] reference operator*() const noexcept { return entry_; }
    [[nodiscard]] pointer operator->() const noexcept { return &entry_; }
    const_iterator& operator++() noexcept {
      go_to(index_->live_from(std::size_t{entry_.second} + 1));
      return *this;
    }
    const_iterator operator++(int) noexcept {
      const const_iterator before = *this;
      ++*this;
      return before;
    }
    [[nodiscard]] friend bool operator==(const const_iterator& a, const const_iterator& b) noexcept {
      return a.index_ == b.index_ && (a.index_ == nullptr || a.entry_.second == b.entry_.second);
    }

   private:
    friend LabelLookup;
    const_iterator(const PointGraphIndex& index, std::size_t slot) noexcept : index_(&index) { go_to(slot); }
    const_iterator(const PointGraphIndex& index, LabelLookup::value_type entry) noexcept
        : index_(&index), entry_(entry) {}
    void go_to(std::size_t slot) noexcept {
      if (slot >= index_->entries().slots()) {
        index_ = nullptr;  // the end
      } else {
        entry_ = {index_->entries().id_of(to_slot(slot)), static_cast<hnswlib::tableint>(slot)};
      }
    }

    const PointGraphIndex* index_ = nullptr;
    LabelLookup::value_type entry_{};
  };
  using iterator = const_iterator;

  explicit LabelLookup(const std::unique_ptr<PointGraphIndex>& index) noexcept : index_(index) {}

  [[nodiscard]] const_iterator find(hnswlib::labeltype label) const noexcept {
    if (index_ == nullptr) return end();
    Access::Read read(index_->access());
    const auto slot = index_->find(label);
    if (!slot) return end();
    return const_iterator(*index_, value_type(label, static_cast<hnswlib::tableint>(to_index(*slot))));
  }
  [[nodiscard]] std::size_t count(hnswlib::labeltype label) const noexcept { return find(label) == end() ? 0 : 1; }
  [[nodiscard]] std::size_t size() const noexcept { return index_ ? index_->size() : 0; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] const_iterator begin() const noexcept {
    return index_ ? const_iterator(*index_, index_->live_from(0)) : end();
  }
  [[nodiscard]] const_iterator end() const noexcept { return {}; }

 private:
  const std::unique_ptr<PointGraphIndex>& index_;
};

}  // namespace shoal::inline v0::detail
