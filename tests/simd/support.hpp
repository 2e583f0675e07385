#pragma once
// What the kernel tests share: memory with a page on either side that must not be touched, the dimensions and offsets
// they run over, and the error bound of sums.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#define SHOAL_TEST_HAS_GUARD_PAGES 1
#else
#define SHOAL_TEST_HAS_GUARD_PAGES 0
#endif

namespace support {

/// Whole pages between two that no access survives. Without POSIX: plain memory, for sanitizers to watch.
class GuardedMemory {
 public:
  explicit GuardedMemory(std::size_t bytes) {
#if SHOAL_TEST_HAS_GUARD_PAGES
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    inner_bytes_ = (bytes + page - 1) / page * page;
    mapped_bytes_ = inner_bytes_ + 2 * page;
    mapped_ = mmap(nullptr, mapped_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped_ == MAP_FAILED) {
      mapped_ = nullptr;
      return;
    }
    inner_ = static_cast<std::byte*>(mapped_) + page;
    if (mprotect(inner_, inner_bytes_, PROT_READ | PROT_WRITE) != 0) inner_ = nullptr;
#else
    inner_bytes_ = bytes;
    plain_.resize(bytes);
    inner_ = plain_.data();
#endif
  }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;
  ~GuardedMemory() {
#if SHOAL_TEST_HAS_GUARD_PAGES
    if (mapped_ != nullptr) munmap(mapped_, mapped_bytes_);
#endif
  }

  [[nodiscard]] bool ready() const noexcept { return inner_ != nullptr; }

  /// A copy of n values that begins right after the first guard page.
  template <class T>
  T* put_first(const T* values, std::size_t n) noexcept {
    return put(inner_, values, n);
  }
  /// A copy of n values that ends right before the second guard page.
  template <class T>
  T* put_last(const T* values, std::size_t n) noexcept {
    return put(inner_ + inner_bytes_ - n * sizeof(T), values, n);
  }

 private:
  template <class T>
  static T* put(std::byte* where, const T* values, std::size_t n) noexcept {
    if (n != 0) std::memcpy(where, values, n * sizeof(T));
    return reinterpret_cast<T*>(where);
  }

  std::byte* inner_ = nullptr;
  std::size_t inner_bytes_ = 0;
#if SHOAL_TEST_HAS_GUARD_PAGES
  void* mapped_ = nullptr;
  std::size_t mapped_bytes_ = 0;
#else
  std::vector<std::byte> plain_;
#endif
};

inline constexpr std::size_t most_dimensions = 4096;

/// 1 to 130 cross every width and tail of the kernels; the others are long rows.
inline std::vector<std::size_t> kernel_dimensions() {
  std::vector<std::size_t> all;
  for (std::size_t n = 1; n <= 130; ++n) all.push_back(n);
  all.push_back(768);
  all.push_back(most_dimensions);
  return all;
}

/// What `roundings` roundings to float can add up to, relative to the magnitudes that went in (Higham, "Accuracy and
/// Stability of Numerical Algorithms", lemma 3.1: gamma_n = n u / (1 - n u), u = 2^-24).
inline double gamma(std::size_t roundings) noexcept {
  const double nu = static_cast<double>(roundings) * 0x1p-24;
  return nu / (1 - nu);
}

}  // namespace support
