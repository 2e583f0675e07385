#pragma once
// For tests that change the level of instructions: the one in use comes back, whatever happens.

#include <vector>

#include <shoal/simd/level.hpp>

namespace support {

/// The levels that this processor has, the lowest first.
inline std::vector<shoal::simd::Level> levels_here() {
  std::vector<shoal::simd::Level> levels;
  for (int level = 0; level <= static_cast<int>(shoal::simd::best_level()); ++level) {
    levels.push_back(static_cast<shoal::simd::Level>(level));
  }
  return levels;
}

class LevelRestored {
 public:
  LevelRestored() noexcept : before_(shoal::simd::level()) {}
  ~LevelRestored() { shoal::simd::use_level(before_); }
  LevelRestored(const LevelRestored&) = delete;
  LevelRestored& operator=(const LevelRestored&) = delete;

 private:
  shoal::simd::Level before_;
};

}  // namespace support
