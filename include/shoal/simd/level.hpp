#pragma once
// Which instructions the kernels use. The library is compiled with whatever flags a program has, plain -O2 included,
// and chooses when it runs: at its first use, the best level that the processor and the operating system offer, or the
// one that the environment variable SHOAL_SIMD names (portable, avx2, avx512 or avx512_vnni), if it can be had. Integer
// results, codes and rotations are the same on every level; sums of floats differ in rounding. Only g++ and clang on
// x86-64 have more than `portable`; SHOAL_NO_DISPATCH leaves that alone everywhere.

#include <cstdlib>
#include <string_view>

#include "shoal/core/platform.hpp"
#include "shoal/simd/portable.hpp"
#include "shoal/simd/x86/avx2.hpp"
#include "shoal/simd/x86/avx512.hpp"
#include "shoal/simd/x86/avx512_vnni.hpp"

#if SHOAL_HAS_THREADS
#include <atomic>
#endif

namespace shoal::inline v0::simd {

/// The level's name, as SHOAL_SIMD takes it.
[[nodiscard]] constexpr std::string_view name_of(Level level) noexcept {
  constexpr std::string_view names[] = {"portable", "avx2", "avx512", "avx512_vnni"};
  return names[static_cast<int>(level)];
}

/// The best level that the processor, the operating system and the compiler offer.
[[nodiscard]] SHOAL_COLD inline Level best_level() noexcept {
#if SHOAL_HAS_X86_REGIONS
  __builtin_cpu_init();  // asks the operating system too: it must save the registers
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("popcnt")) {
    return Level::portable;
  }
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl")) {
    return Level::avx2;
  }
  return __builtin_cpu_supports("avx512vnni") ? Level::avx512_vnni : Level::avx512;
#else
  return Level::portable;
#endif
}

namespace detail {

inline const KernelTable& table_of([[maybe_unused]] Level level) noexcept {
#if SHOAL_HAS_X86_REGIONS
  switch (level) {
    case Level::avx2: return avx2::table;
    case Level::avx512: return avx512::table;
    case Level::avx512_vnni: return avx512_vnni::table;
    case Level::portable: break;
  }
#endif
  return portable::table;
}

/// The one thing that the library keeps for the whole program: the table in use, null before the first use. Threads
/// that come first at once all choose the same; the tables are constants, so relaxed loads see them whole.
#if SHOAL_HAS_THREADS
class TableInUse {
 public:
  [[nodiscard]] const KernelTable* get() const noexcept { return table_.load(std::memory_order_relaxed); }
  void set(const KernelTable& table) noexcept { table_.store(&table, std::memory_order_relaxed); }

 private:
  std::atomic<const KernelTable*> table_{nullptr};
};
#else
class TableInUse {
 public:
  [[nodiscard]] const KernelTable* get() const noexcept { return table_; }
  void set(const KernelTable& table) noexcept { table_ = &table; }

 private:
  const KernelTable* table_ = nullptr;
};
#endif
inline TableInUse& table_in_use() noexcept {
  static constinit TableInUse table;
  return table;
}

SHOAL_COLD inline const KernelTable& choose_table() noexcept {
  Level level = best_level();
  if (const char* wanted = std::getenv("SHOAL_SIMD")) {
    for (int other = 0; other < static_cast<int>(level); ++other) {
      if (wanted == name_of(static_cast<Level>(other))) level = static_cast<Level>(other);
    }
  }
  const KernelTable& chosen = table_of(level);
  table_in_use().set(chosen);
  return chosen;
}

SHOAL_ALWAYS_INLINE const KernelTable& kernels() noexcept {
  const KernelTable* table = table_in_use().get();
  return table != nullptr ? *table : choose_table();
}

}  // namespace detail

/// The level in use.
[[nodiscard]] inline Level level() noexcept { return detail::kernels().level; }

/// Uses `wanted` from now on, for tests and comparisons; false, and nothing changes, when it is above `best_level()`.
/// *Threads*: not while any index is in use, for a search compares distances of different calls. Float distances of one
/// graph may come from several levels, as they may when an index is built on one machine and used on another.
inline bool use_level(Level wanted) noexcept {
  if (wanted > best_level() || wanted < Level::portable) return false;
  detail::table_in_use().set(detail::table_of(wanted));
  return true;
}

}  // namespace shoal::inline v0::simd
