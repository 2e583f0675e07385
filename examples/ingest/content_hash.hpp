#pragma once
// What tells versions of a record apart where its producer does not: a digest of the vector's bytes and the metadata.

#include <span>
#include <string>
#include <string_view>

namespace shoal::tools {

/// "xxh3:" and 32 hexadecimal digits (XXH3, 128 bits). Two records have the same only where vector and metadata are the
/// same to the byte; not meant against somebody who looks for collisions.
[[nodiscard]] std::string content_hash(std::span<const float> vector, std::string_view metadata);

}  // namespace shoal::tools
