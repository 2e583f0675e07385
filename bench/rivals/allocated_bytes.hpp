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

/// Gives freed memory back to the system, so that the next build pays for its pages as the first one did.
void release_free_memory();

}  // namespace shoal::rivals
