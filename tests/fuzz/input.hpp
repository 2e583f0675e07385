#pragma once
// What the fuzz targets share: an input as a row of small decisions, and the end of the program where something does
// not hold. When the bytes are used up, what is taken is zero, so every input means something.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) noexcept : rest_(data, size) {}

  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }

  /// The next bytes as they lie; zeros behind the last.
  template <class T>
  T take() noexcept {
    T value{};
    const std::size_t count = std::min(sizeof(value), rest_.size());
    if (count != 0) std::memcpy(&value, rest_.data(), count);
    rest_ = rest_.subspan(count);
    return value;
  }

  /// 0 to bound - 1, of one byte where that is enough.
  std::size_t below(std::size_t bound) noexcept {
    return (bound <= 256 ? take<std::uint8_t>() : take<std::uint16_t>()) % bound;
  }
  bool one_in(std::size_t chances) noexcept { return below(chances) == chances - 1; }  // not of zeros

 private:
  std::span<const std::uint8_t> rest_;
};

/// Ends the program if something does not hold: the fuzzer keeps the input, a replay has failed.
inline void expect(bool holds, const char* what) noexcept {
  if (holds) return;
  std::fprintf(stderr, "expected: %s\n", what);
  std::abort();
}

}  // namespace fuzz
