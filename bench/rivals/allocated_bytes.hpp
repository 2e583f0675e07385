#pragma once
// How many bytes the process has allocated, whoever asked for them and by whatever call: the one measure of memory that
// is the same for every library. From glibc's allocator (its own overhead included), elsewhere from the resident size.

#include <cstddef>
#include <optional>

namespace shoal::rivals {

/// Nothing where neither way exists.
[[nodiscard]] std::optional<std::size_t> allocated_bytes();

/// Where the number comes from, for the report.
[[nodiscard]] const char* allocated_bytes_source();

/// Has blocks of up to 32 MB come from malloc's heap, as they do in any program that has freed one. Until then glibc
/// maps each large block by itself, and an aligned one with as much slack as its alignment, which is never touched and
/// yet counted: vectors in pages of 2 MiB look 1.44 times as large. What builds once calls this before.
void settle_allocator();

/// Gives freed memory back to the system, so that the next build pays for its pages as the first one did.
void release_free_memory();

}  // namespace shoal::rivals
