#pragma once
// A bench for every level of instructions that the processor has, as its last argument: 0 portable, 1 avx2, 2 avx512,
// 3 avx512_vnni.

#include <vector>

#include <benchmark/benchmark.h>

#include <shoal/simd/level.hpp>

namespace shoal::bench {

[[nodiscard]] inline std::vector<std::int64_t> all_levels() {
  std::vector<std::int64_t> all;
  for (int level = 0; level <= static_cast<int>(simd::best_level()); ++level) all.push_back(level);
  return all;
}

/// While it lives, the kernels are those of a level; afterwards the ones that were.
class ForcedLevel {
 public:
  explicit ForcedLevel(std::int64_t level) : before_(simd::level()) {
    simd::use_level(static_cast<simd::Level>(static_cast<int>(level)));
  }
  ~ForcedLevel() { simd::use_level(before_); }
  ForcedLevel(const ForcedLevel&) = delete;
  ForcedLevel& operator=(const ForcedLevel&) = delete;

 private:
  simd::Level before_;
};

}  // namespace shoal::bench
