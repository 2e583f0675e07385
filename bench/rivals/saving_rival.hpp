#pragma once
// What a rival can do besides, when its library writes indexes to files.

#include <string>

#include <rivals/rival.hpp>

namespace shoal::rivals {

/// A second base of a rival. *Errors*: exceptions.
class SavingRival {
 public:
  SavingRival() = default;
  SavingRival(const SavingRival&) = delete;
  SavingRival& operator=(const SavingRival&) = delete;
  virtual ~SavingRival() = default;

  /// As the library does it by itself: whether the disk has it when this returns is its affair.
  virtual void save(const std::string& path) const = 0;

  /// In place of what there is.
  virtual void load(const std::string& path) = 0;
};

}  // namespace shoal::rivals
