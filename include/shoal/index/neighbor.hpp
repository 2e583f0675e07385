#pragma once
// One result of a search.

namespace shoal::inline v0 {

template <class Id>
struct Neighbor {
  Id id;
  float distance;  ///< In the metric's unit: squared L2, 1 - dot, or 1 - cosine. Under SQ8, between rounded vectors.

  [[nodiscard]] friend bool operator==(const Neighbor&, const Neighbor&) noexcept = default;
  /// Nearest first, ties by id.
  [[nodiscard]] friend bool operator<(const Neighbor& a, const Neighbor& b) noexcept {
    return a.distance < b.distance || (a.distance == b.distance && a.id < b.id);
  }
};

}  // namespace shoal::inline v0
