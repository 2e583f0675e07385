#pragma once
// The changes of a store as sources of batches: what was written comes as items (id, vector), up to the next erasure.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include "shoal/core/error.hpp"
#include "shoal/index/options.hpp"
#include "shoal/ingest/record.hpp"

namespace shoal::inline v0::detail {

template <class Cursor, class Id>
class Replay {
 public:
  using Item = std::pair<Id, std::span<const float>>;

  Replay(Cursor& cursor, const StopToken& stop) : cursor_(cursor), stop_(stop) { advance(); }

  /// The change that the replay stands at; null at the end, after an error, and when a stop was requested.
  [[nodiscard]] const Change<Id>* change() const noexcept { return change_; }
  [[nodiscard]] std::optional<Error>& error() noexcept { return error_; }
  [[nodiscard]] std::uint64_t last_sequence() const noexcept { return last_sequence_; }

  void advance() {
    change_ = nullptr;
    if (stop_.stop_requested()) {
      error_ = make_error(ErrorCode::cancelled, "cancelled: a stop was requested");
      return;
    }
    auto next = cursor_.next();
    if (!next) {
      error_ = std::move(next.error());
      return;
    }
    change_ = *next;
    if (change_ != nullptr) last_sequence_ = change_->sequence;
  }

  /// Single pass. A batch has no use for an item after it has moved on, and neither has the cursor.
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type = Item;

    explicit Iterator(Replay& replay) noexcept : replay_(&replay) {}
    Iterator(Iterator&&) noexcept = default;
    Iterator& operator=(Iterator&&) noexcept = default;

    Item operator*() const { return {replay_->change_->record.id, replay_->change_->record.vector}; }
    Iterator& operator++() {
      replay_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& at, std::default_sentinel_t) {
      const Change<Id>* const change = at.replay_->change();
      return change == nullptr || change->erased;
    }

   private:
    Replay* replay_;
  };

  [[nodiscard]] Iterator begin() { return Iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  Cursor& cursor_;
  const StopToken& stop_;
  const Change<Id>* change_ = nullptr;
  std::optional<Error> error_;
  std::uint64_t last_sequence_ = 0;
};

}  // namespace shoal::inline v0::detail
