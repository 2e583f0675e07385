#pragma once
// A store that forgets everything when the program ends: what a VectorStore means, in the fewest words. For tests, and
// for trying out what will be durable later.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/lock.hpp"
#include "shoal/ingest/record.hpp"
#include "shoal/ingest/vector_store.hpp"

namespace shoal::inline v0 {

/// *Threads*: any function, from any number of threads; moving is for one alone. *Errors*: dimension_mismatch;
/// out_of_memory, and nothing changed. What a vector holds is not looked at.
template <class Id = std::uint64_t>
class MemoryVectorStore {
 public:
  using id_type = Id;

  explicit MemoryVectorStore(std::size_t dimensions) : dimensions_(dimensions), state_(std::make_unique<State>()) {}

  [[nodiscard]] std::size_t dimensions() const noexcept { return dimensions_; }

  [[nodiscard]] Expected<Committed, Error> write(const Record<Id>& record) {
    return batch_write(std::span(&record, 1));
  }

  [[nodiscard]] Expected<Committed, Error> batch_write(std::span<const Record<Id>> records) {
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (auto fault = validate(records[i])) return Unexpected<Error>(*std::move(fault));
    }
    return commit([&](History& history) {
      for (const Record<Id>& record : records) history.put({history.last + 1, false, record});
      return records.size();
    });
  }

  [[nodiscard]] Expected<Committed, Error> erase(Id id) { return batch_erase(std::span(&id, 1)); }

  [[nodiscard]] Expected<Committed, Error> batch_erase(std::span<const Id> ids) {
    return commit([&](History& history) {
      std::size_t count = 0;
      for (const Id id : ids) {
        const Change<Id>* known = history.find(id);
        if (known == nullptr || known->erased) continue;
        history.put({history.last + 1, true, {.id = id}});
        ++count;
      }
      return count;
    });
  }

  [[nodiscard]] std::optional<Error> validate(const Record<Id>& record) const {
    if (record.vector.size() == dimensions_) return std::nullopt;
    return detail::make_error(ErrorCode::dimension_mismatch, "expected ", dimensions_, " components, got ",
                              record.vector.size());
  }

  [[nodiscard]] Expected<std::optional<Record<Id>>, Error> get(Id id) const {
    const auto history = state_->snapshot();
    const Change<Id>* known = history->find(id);
    if (known == nullptr || known->erased) return std::optional<Record<Id>>();
    return std::optional<Record<Id>>(known->record);
  }

  [[nodiscard]] Expected<std::string, Error> content_hash(Id id) const {
    const auto history = state_->snapshot();
    const Change<Id>* known = history->find(id);
    return known == nullptr ? std::string() : known->record.content_hash;
  }

  [[nodiscard]] Expected<std::uint64_t, Error> count() const {
    const auto history = state_->snapshot();
    std::uint64_t count = 0;
    for (const auto& [position, change] : history->changes) count += change.erased ? 0 : 1;
    return count;
  }

  [[nodiscard]] Expected<std::uint64_t, Error> last_sequence() const { return state_->snapshot()->last; }

 private:
  /// What is there, and in which order it came.
  struct History {
    std::map<std::uint64_t, Change<Id>> changes;  // by position
    std::map<Id, std::uint64_t> positions;
    std::uint64_t next_position = 0;
    std::uint64_t last = 0;

    [[nodiscard]] const Change<Id>* find(Id id) const {
      const auto position = positions.find(id);
      return position == positions.end() ? nullptr : &changes.at(position->second);
    }
    void put(Change<Id> change) {
      const auto [known, is_new] = positions.try_emplace(change.record.id, next_position);
      if (!is_new) changes.erase(std::exchange(known->second, next_position));
      changes.emplace(next_position++, std::move(change));
    }
  };

  /// A transaction works on a copy and puts it in place of what was there: simple, and slow on purpose.
  struct State {
    detail::Lock lock;
    detail::Lock writing;
    std::shared_ptr<const History> history = std::make_shared<const History>();

    [[nodiscard]] std::shared_ptr<const History> snapshot() const {
      return lock([&] { return history; });
    }
  };

  template <class Transaction>
  Expected<Committed, Error> commit(const Transaction& transaction) {
    SHOAL_TRY {
      return state_->writing([&] {
        auto next = std::make_shared<History>(*state_->snapshot());
        const std::size_t count = transaction(*next);
        if (count != 0) ++next->last;
        const Committed committed{next->last, count};
        state_->lock([&] { state_->history = std::move(next); });
        return committed;
      });
    }
    SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
  }

 public:
  class Cursor {
   public:
    [[nodiscard]] Expected<const Change<Id>*, Error> next() {
      for (; at_ != history_->changes.end(); ++at_) {
        const Change<Id>& change = at_->second;
        if (change.sequence <= since_ || (change.erased && since_ == 0)) continue;
        ++at_;
        return &change;
      }
      return nullptr;
    }

   private:
    friend MemoryVectorStore;
    Cursor(std::shared_ptr<const History> history, std::uint64_t since)
        : history_(std::move(history)), at_(history_->changes.begin()), since_(since) {}

    std::shared_ptr<const History> history_;
    typename std::map<std::uint64_t, Change<Id>>::const_iterator at_;
    std::uint64_t since_;
  };

  /// Changes after transaction `sequence`.
  [[nodiscard]] Expected<Cursor, Error> read_since(std::uint64_t sequence) const {
    return Cursor(state_->snapshot(), sequence);
  }

 private:
  std::size_t dimensions_;
  std::unique_ptr<State> state_;
};

static_assert(TransactionalStore<MemoryVectorStore<>>);

}  // namespace shoal::inline v0
