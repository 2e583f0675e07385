#pragma once
// Huge pages: random rows of a large index cost a walk of the page tables each when pages are 4 KiB. Linux backs an
// aligned range with pages of 2 MiB when asked to, before it is touched (transparent huge pages, `madvise`). Elsewhere,
// and where the administrator has switched them off, asking changes nothing.

#include <cstddef>

#include "shoal/core/platform.hpp"

#if defined(__linux__) && !defined(SHOAL_NO_HUGE_PAGES) && __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif
#if defined(__linux__) && !defined(SHOAL_NO_HUGE_PAGES) && defined(MADV_HUGEPAGE)
#define SHOAL_HAS_HUGE_PAGES 1
#else
#define SHOAL_HAS_HUGE_PAGES 0
#endif

namespace shoal::inline v0::detail {

inline constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;

/// Asks for huge pages in [address, address + bytes), which begins and ends at a multiple of their size.
inline void ask_for_huge_pages([[maybe_unused]] void* address, [[maybe_unused]] std::size_t bytes) noexcept {
#if SHOAL_HAS_HUGE_PAGES
  (void)::madvise(address, bytes, MADV_HUGEPAGE);  // a refusal costs speed, nothing else
#endif
}

}  // namespace shoal::inline v0::detail
