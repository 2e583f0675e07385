#pragma once
// What a batch works with and the next one finds again, if it was small: an insert into reserved room allocates only
// the ids that it gives back.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "shoal/storage/storage.hpp"

namespace shoal::inline v0::detail {

template <VectorRows Rows>
struct BatchScratch {
  /// What became of an item of the round.
  enum class Fate : std::uint8_t { taken, passed_over };

  std::vector<typename Rows::QueryBuffer> buffers;  // of the workers, where linking needs them
  std::vector<Fate> fates;                          // of the round; of all items of an all-or-nothing batch

  void end_batch() noexcept {
    fates.clear();
    if (fates.capacity() > 64) std::vector<Fate>().swap(fates);
    if (buffers.size() > 1) std::vector<typename Rows::QueryBuffer>().swap(buffers);
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    std::size_t bytes = fates.capacity() * sizeof(Fate);
    for (const auto& buffer : buffers) bytes += sizeof(buffer) + buffer.memory_bytes();
    return bytes;
  }
};

}  // namespace shoal::inline v0::detail
