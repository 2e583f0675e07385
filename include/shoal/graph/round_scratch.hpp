#pragma once
// Memory of a round (link_round.hpp), kept from one to the next: what each worker needs to find links, and what goes
// from one phase to the next: the links back, and the lists that these overflow.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "shoal/core/slot.hpp"
#include "shoal/graph/beam_search.hpp"
#include "shoal/graph/nearest_slots.hpp"

namespace shoal::inline v0::detail {

/// Memory of one worker in a round.
struct LinkWorker {
  static constexpr std::size_t panel_slots = 16;  // slots of the round that are compared side by side ...
  static constexpr std::size_t block_slots = 64;  // ... with so many others at a time

  WalkScratch walk;
  std::vector<NearestSlots> nearest = std::vector<NearestSlots>(panel_slots);
  std::vector<Slot> block = std::vector<Slot>(block_slots);
  std::vector<float> distances = std::vector<float>(panel_slots * block_slots);
  std::vector<Key> sorted;
  std::vector<Candidate> candidates;
  std::vector<Slot> chosen;

  /// Room to find links of panels of up to `width` in a graph of which a walk may visit `slots`. Errors:
  /// std::bad_alloc.
  void reserve(std::size_t slots, std::size_t width, std::size_t M, std::size_t ef_construction) {
    walk.reserve(slots, 2 * M);
    walk.pool.reset(ef_construction);
    for (std::size_t i = 0; i < std::min(width, panel_slots); ++i) nearest[i].reset(ef_construction);
    sorted.reserve(simd::key_room(ef_construction + NearestSlots::most_aside));
    candidates.reserve(std::max(ef_construction + NearestSlots::most_aside, 2 * M + block_slots));
    chosen.reserve(2 * M);
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    std::size_t bytes = walk.memory_bytes() + block.capacity() * sizeof(Slot) + distances.capacity() * sizeof(float) +
                        sorted.capacity() * sizeof(Key) + candidates.capacity() * sizeof(Candidate) +
                        chosen.capacity() * sizeof(Slot);
    for (const NearestSlots& each : nearest) bytes += sizeof(each) + each.memory_bytes();
    return bytes;
  }
};

/// A link back, as one number that sorts by level, target and source.
class Edge {
 public:
  Edge(unsigned level, Slot target, std::size_t source) noexcept
      : key_((std::uint64_t{level} << 56) | (std::uint64_t{to_index(target)} << 24) | source) {}
  [[nodiscard]] unsigned level() const noexcept { return static_cast<unsigned>(key_ >> 56); }
  [[nodiscard]] Slot target() const noexcept { return to_slot((key_ >> 24) & 0x7FFF'FFFFU); }
  /// Counted from the first slot of the round.
  [[nodiscard]] std::size_t source() const noexcept { return key_ & 0xFF'FFFFU; }
  [[nodiscard]] bool same_list(const Edge& other) const noexcept { return key_ >> 24 == other.key_ >> 24; }
  [[nodiscard]] friend bool operator<(const Edge& a, const Edge& b) noexcept { return a.key_ < b.key_; }

 private:
  std::uint64_t key_;
};

/// Memory of a round, kept from one to the next.
struct RoundScratch {
  /// A list that overflows: its edges, and what it becomes.
  struct Crowd {
    std::size_t first_edge;
    std::size_t edges;
    std::size_t chosen;  // at slots[position of the crowd * 2M ...]
  };

  std::vector<LinkWorker> workers;
  std::vector<Slot> others;  // that all of the round are compared with
  std::vector<Edge> edges;
  std::vector<Crowd> crowds;
  std::vector<Slot> slots;  // what the lists of the crowds become
  std::vector<Slot> orphans;

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    std::size_t bytes = edges.capacity() * sizeof(Edge) + crowds.capacity() * sizeof(Crowd) +
                        (others.capacity() + slots.capacity() + orphans.capacity()) * sizeof(Slot);
    for (const LinkWorker& worker : workers) bytes += sizeof(worker) + worker.memory_bytes();
    return bytes;
  }
};

}  // namespace shoal::inline v0::detail
