#pragma once
// Numbers and arrays as bytes of a message, between processes whose numbers are alike (which is verified when a group
// is made). What is taken is bounded by what came: a message that is too short gives nothing.

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

namespace shoal::inline v0::detail {

class MessageWriter {
 public:
  /// Errors: std::bad_alloc.
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void put(const T& value) { put(std::span(&value, 1)); }
  template <class T>
  void put(std::span<const T> values) {
    const auto* const first = reinterpret_cast<const std::byte*>(values.data());
    bytes_.insert(bytes_.end(), first, first + values.size_bytes());
  }
  [[nodiscard]] std::vector<std::byte>& bytes() noexcept { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

class MessageReader {
 public:
  explicit MessageReader(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  template <class T>
    requires std::is_trivially_copyable_v<T>
  [[nodiscard]] bool take(T& value) noexcept {
    if (bytes_.size() < sizeof(T)) return false;
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_ = bytes_.subspan(sizeof(T));
    return true;
  }
  /// `count` values. Errors: std::bad_alloc.
  template <class T>
  [[nodiscard]] bool take(std::vector<T>& values, std::size_t count) {
    if (bytes_.size() / sizeof(T) < count) return false;
    values.resize(count);
    if (count != 0) std::memcpy(values.data(), bytes_.data(), count * sizeof(T));
    bytes_ = bytes_.subspan(count * sizeof(T));
    return true;
  }
  [[nodiscard]] bool is_at_end() const noexcept { return bytes_.empty(); }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace shoal::inline v0::detail
