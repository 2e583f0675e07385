#pragma once
// splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): a bijective
// mixer of 64 bits. It places ids in the id map, and gives levels and signs that are the same on every platform.

#include <cstdint>

namespace shoal::inline v0::detail {

[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t value) noexcept {
  value += 0x9E37'79B9'7F4A'7C15U;
  value = (value ^ (value >> 30)) * 0xBF58'476D'1CE4'E5B9U;
  value = (value ^ (value >> 27)) * 0x94D0'49BB'1331'11EBU;
  return value ^ (value >> 31);
}

}  // namespace shoal::inline v0::detail
