#pragma once
// Random numbers that are the same with every compiler and standard library, unlike the distributions of <random>.
//
// SplitMix64 (Steele, Lea, Flood 2014); the normal is a sum of four uniform integers (Irwin-Hall), which needs no
// logarithm and so no mathematics library: exact in integers, then one multiplication. Its tails end at 3.46 standard
// deviations.

#include <cstdint>

namespace shoal::datasets {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  [[nodiscard]] std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

  /// 0 to n - 1. Uneven by at most n / 2^32.
  [[nodiscard]] std::uint32_t below(std::uint32_t n) {
    return static_cast<std::uint32_t>(((next() >> 32U) * n) >> 32U);
  }

  /// Mean 0, standard deviation 1.
  [[nodiscard]] float normal() {
    const std::uint64_t bits = next();
    const auto sum =
        static_cast<std::int32_t>((bits & 0xffffU) + (bits >> 16U & 0xffffU) + (bits >> 32U & 0xffffU) + (bits >> 48U));
    return static_cast<float>(2 * sum - 4 * 0xffff) * (1.0F / 75674.45F);  // 2 sqrt((2^32 - 1) / 3)
  }

 private:
  std::uint64_t state_;
};

/// A seed for the i-th part of something: streams of different parts have nothing in common.
[[nodiscard]] inline std::uint64_t seed_of(std::uint64_t seed, std::uint64_t part) {
  return Random(seed ^ Random(part + 0x632be59bd9b4e019U).next()).next();
}

}  // namespace shoal::datasets
