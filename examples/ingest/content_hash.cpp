#include "content_hash.hpp"

#include <bit>
#include <cstdint>

#define XXH_INLINE_ALL
#include <fmt/core.h>
#include <xxhash.h>

namespace shoal::tools {

static_assert(std::endian::native == std::endian::little, "a record has the same hash on every machine");

std::string content_hash(std::span<const float> vector, std::string_view metadata) {
  // The number of components first, so that no byte of a vector can be taken for one of the metadata.
  const auto size = static_cast<std::uint64_t>(vector.size());
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  XXH3_128bits_update(&state, &size, sizeof size);
  XXH3_128bits_update(&state, vector.data(), vector.size_bytes());
  XXH3_128bits_update(&state, metadata.data(), metadata.size());
  const XXH128_hash_t digest = XXH3_128bits_digest(&state);
  return fmt::format("xxh3:{:016x}{:016x}", digest.high64, digest.low64);
}

}  // namespace shoal::tools
