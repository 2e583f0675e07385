#pragma once
// No structure: a search compares the query with every row (scan.hpp). Exact, and the oracle of everything else.

#include <cstddef>
#include <span>
#include <string_view>

#include "shoal/core/readers.hpp"
#include "shoal/core/shared.hpp"
#include "shoal/core/slot_set.hpp"
#include "shoal/index/config.hpp"
#include "shoal/index/structure.hpp"

namespace shoal::inline v0::detail {

class FlatStructure {
 public:
  static constexpr bool is_walked = false;
  static constexpr std::string_view name = "flat";  // in files

  FlatStructure() noexcept = default;
  explicit FlatStructure(const BruteForceConfig&) noexcept {}

  void reserve(std::size_t) noexcept {}
  [[nodiscard]] std::size_t round_size() const noexcept { return 64; }
  template <VectorRows Rows>
  void link(const Rows&, std::span<const Slot> slots, const Workers&, std::span<typename Rows::QueryBuffer>) noexcept {
    linked_.store(linked() + slots.size());
  }
  template <VectorRows Rows>
  void unlink(const Rows&, std::span<const Slot> slots, const Workers&) noexcept {
    linked_.store(linked() - slots.size());
    if (readers_ != nullptr) readers_->wait();
  }
  void renumber(std::span<const Slot>) noexcept {}
  void end_batch() noexcept {}
  void begin_undo() noexcept { before_ = linked(); }
  void commit() noexcept {}
  void roll_back() noexcept {
    linked_.store(before_);
    if (readers_ != nullptr) readers_->wait();
  }
  [[nodiscard]] std::size_t linked() const noexcept { return linked_.load(); }
  /// Whom to wait for before slots that were taken away are used again.
  void set_readers(Readers* readers) noexcept { readers_ = readers; }

  void check(CheckReport&) const noexcept {}
  void add_stats(IndexStats&) const noexcept {}
  void add_memory(MemoryUsage&) const noexcept {}
  void add_estimate_for(MemoryUsage&, std::size_t) const noexcept {}
  template <class Out>
  void save(Out&) const noexcept {}
  template <class In>
  [[nodiscard]] bool load(In&, std::size_t slots, const SlotSet&, std::size_t free_count) noexcept {
    linked_.store(slots - free_count);
    return true;
  }
  [[nodiscard]] FlatStructure clone() const noexcept {
    FlatStructure copy = *this;
    copy.readers_ = nullptr;
    return copy;
  }

 private:
  Shared<std::size_t> linked_{0};
  Readers* readers_ = nullptr;
  std::size_t before_ = 0;  // the undo
};

}  // namespace shoal::inline v0::detail
