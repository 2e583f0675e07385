#pragma once
// What a rival can do besides, when its library lets entries come and go.

#include <span>

#include <rivals/rival.hpp>

namespace shoal::rivals {

/// A second base of a rival: an entry that was erased is not found, one that was inserted is, at once.
/// *Threads*: none beside. *Errors*: exceptions.
class ChangingRival {
 public:
  ChangingRival() = default;
  ChangingRival(const ChangingRival&) = delete;
  ChangingRival& operator=(const ChangingRival&) = delete;
  virtual ~ChangingRival() = default;

  /// Precondition: all of them are in.
  virtual void erase(std::span<const std::uint64_t> ids) = 0;

  /// Row i under ids[i]. Precondition: ids that were never in; counted up from the number of rows that were built from.
  /// Room is made for as many as there are, no more.
  virtual void insert(std::span<const std::uint64_t> ids, const FloatMatrix& rows) = 0;
};

}  // namespace shoal::rivals
