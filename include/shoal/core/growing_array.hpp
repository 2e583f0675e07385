#pragma once
// An array that one thread grows while others read it. Growing copies into an array of at least twice the size; the
// former ones stay until there are no readers, for one may look at them still. For small things that lead to large
// ones: together they are no more than twice the last.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/core/shared.hpp"

namespace shoal::inline v0::detail {

/// *Threads*: one may call anything, while others call `size` and, after it, `data`. What it writes to elements that
/// others read is its own affair.
template <class T>
  requires std::is_trivially_copyable_v<T>
class GrowingArray {
 public:
  GrowingArray() noexcept = default;
  GrowingArray(GrowingArray&& other) noexcept { swap(other); }
  GrowingArray& operator=(GrowingArray&& other) noexcept {
    GrowingArray(std::move(other)).swap(*this);
    return *this;
  }
  GrowingArray(const GrowingArray& other) {
    reserve(other.size());
    for (std::size_t i = 0; i < other.size(); ++i) push_back(other[i]);
  }
  GrowingArray& operator=(const GrowingArray& other) { return *this = GrowingArray(other); }
  ~GrowingArray() = default;

  /// Makes room for `count` elements. Errors: std::bad_alloc, nothing changed.
  void reserve(std::size_t count) {
    if (count <= capacity_) return;
    const std::size_t capacity = std::max(count, 2 * capacity_);
    if (arrays_.size() == arrays_.capacity()) arrays_.reserve(2 * arrays_.size() + 1);
    arrays_.push_back(std::unique_ptr<T[]>(new T[capacity]));
    std::copy_n(data(), size(), arrays_.back().get());
    data_.store(arrays_.back().get());
    capacity_ = capacity;
    allocated_ += capacity;
  }
  /// Room was made.
  void push_back(T value) noexcept {
    data_.load()[size()] = value;
    size_.store(size() + 1);
  }
  /// No reader looks at the last.
  void pop_back() noexcept { size_.store(size() - 1); }
  /// No reader looks at anything.
  void drop_former() noexcept {
    if (arrays_.size() < 2) return;
    arrays_.erase(arrays_.begin(), arrays_.end() - 1);
    allocated_ = capacity_;
  }

  /// The elements become those at `elements`, which stay there and are not written. The array was empty.
  void borrow(const T* elements, std::size_t count) noexcept {
    data_.store(const_cast<T*>(elements));
    size_.store(count);
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_.load(); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] SHOAL_ALWAYS_INLINE T* data() noexcept { return data_.load(); }
  [[nodiscard]] SHOAL_ALWAYS_INLINE const T* data() const noexcept { return data_.load(); }
  [[nodiscard]] SHOAL_ALWAYS_INLINE T& operator[](std::size_t i) noexcept { return data()[i]; }
  [[nodiscard]] SHOAL_ALWAYS_INLINE const T& operator[](std::size_t i) const noexcept { return data()[i]; }
  [[nodiscard]] T& back() noexcept { return data()[size() - 1]; }
  [[nodiscard]] const T& back() const noexcept { return data()[size() - 1]; }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return allocated_ * sizeof(T) + arrays_.capacity() * sizeof(arrays_[0]);
  }

  /// What one `reserve(count)` will allocate.
  [[nodiscard]] static std::size_t estimate_bytes(std::size_t count) noexcept {
    return count * sizeof(T) + sizeof(std::unique_ptr<T[]>);
  }

  void swap(GrowingArray& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(allocated_, other.allocated_);
    arrays_.swap(other.arrays_);
  }

 private:
  Shared<T*> data_{nullptr};
  Shared<std::size_t> size_{0};
  std::size_t capacity_ = 0;
  std::size_t allocated_ = 0;                   // elements, of all arrays
  std::vector<std::unique_ptr<T[]>> arrays_{};  // the last is the one in use
};

}  // namespace shoal::inline v0::detail
