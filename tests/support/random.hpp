#pragma once
// Random numbers for tests: splitmix64 and plain arithmetic, so a seed gives the same numbers on every platform and
// standard library (the distributions of <random> do not). A test makes its generator with a fixed seed and captures
// `seed()`, so that a failure prints it.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace support {

class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : seed_(seed), state_(seed) {}

  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }

  std::uint64_t bits() noexcept {
    std::uint64_t z = (state_ += 0x9E37'79B9'7F4A'7C15U);
    z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9U;
    z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EBU;
    return z ^ (z >> 31);
  }

  /// 0 .. n - 1.
  std::size_t below(std::size_t n) noexcept { return static_cast<std::size_t>(bits() % n); }

  bool chance(double probability) noexcept { return unit() < probability; }

  /// Uniform in [0, 1), a multiple of 2^-53.
  double unit() noexcept { return static_cast<double>(bits() >> 11) * 0x1p-53; }

  float uniform(double low, double high) noexcept { return static_cast<float>(low + (high - low) * unit()); }

  /// Mean 0, standard deviation 1: the sum of twelve uniform numbers. Needs no mathematical function.
  float normal() noexcept {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += unit();
    return static_cast<float>(sum);
  }

  std::vector<float> normal_vector(std::size_t n) {
    std::vector<float> values(n);
    for (float& value : values) value = normal();
    return values;
  }

 private:
  std::uint64_t seed_;
  std::uint64_t state_;
};

}  // namespace support
