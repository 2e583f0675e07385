#pragma once
// A slot is the position of an entry inside an index: 0 for the first that came, then 1, and so on. A type of its own,
// so that the compiler tells it from the caller's ids.

#include <cstddef>
#include <cstdint>

namespace shoal::inline v0 {

enum class Slot : std::uint32_t {};

/// Slots an index can have: candidates of a walk share 32 bits with a mark (core/key.hpp).
inline constexpr std::size_t max_slots = 0x7FFF'FFFFU;

[[nodiscard]] constexpr std::size_t to_index(Slot slot) noexcept { return static_cast<std::size_t>(slot); }
[[nodiscard]] constexpr Slot to_slot(std::size_t index) noexcept { return static_cast<Slot>(index); }

}  // namespace shoal::inline v0
