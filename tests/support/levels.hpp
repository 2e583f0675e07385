#pragma once
// For tests that change the level of instructions: the one in use comes back, whatever happens.

#include <shoal/simd/level.hpp>

namespace support {

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
