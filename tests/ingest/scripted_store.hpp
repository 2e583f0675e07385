#pragma once
// A store in memory that fails when it is told to, and a clock that passes when it is asked to wait.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <shoal/ingest/memory_store.hpp>
#include <shoal/ingest/retry.hpp>

namespace ingest_tests {

using shoal::Change;
using shoal::Committed;
using shoal::Error;
using shoal::ErrorCode;
using shoal::Expected;
using shoal::Record;
using Id = std::uint64_t;

/// What a script and its store share: the store may have moved away.
struct Script {
  std::deque<std::optional<ErrorCode>> outcomes;  // of the next transactions; nothing: it goes through
  std::vector<std::size_t> batches;               // sizes of those that went through
  std::size_t tries = 0;

  [[nodiscard]] std::optional<Error> next() {
    ++tries;
    if (outcomes.empty()) return std::nullopt;
    const auto outcome = outcomes.front();
    outcomes.pop_front();
    if (!outcome) return std::nullopt;
    return Error(*outcome, "as the script says");
  }
};

class ScriptedStore : public shoal::MemoryVectorStore<Id> {
  using Base = shoal::MemoryVectorStore<Id>;

 public:
  explicit ScriptedStore(std::size_t dimensions, std::shared_ptr<Script> script = std::make_shared<Script>())
      : Base(dimensions), script_(std::move(script)) {}

  Script& script() { return *script_; }

  Expected<Committed, Error> write(const Record<Id>& record) { return batch_write(std::span(&record, 1)); }
  Expected<Committed, Error> batch_write(std::span<const Record<Id>> records) {
    if (auto error = script_->next()) return shoal::Unexpected<Error>(*error);
    SHOAL_TRY { script_->batches.reserve(script_->batches.size() + 1); }
    SHOAL_CATCH_BAD_ALLOC { return shoal::Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
    auto written = Base::batch_write(records);
    if (written) script_->batches.push_back(records.size());
    return written;
  }
  Expected<Committed, Error> batch_erase(std::span<const Id> ids) {
    if (auto error = script_->next()) return shoal::Unexpected<Error>(*error);
    return Base::batch_erase(ids);
  }

 private:
  std::shared_ptr<Script> script_;
};
static_assert(shoal::TransactionalStore<ScriptedStore>);

/// The least that records can be written to: one at a time.
struct SingleStore {
  using id_type = Id;
  std::vector<Record<Id>> records;
  std::deque<std::optional<ErrorCode>> outcomes;

  Expected<Committed, Error> write(const Record<Id>& record) {
    if (!outcomes.empty()) {
      const auto outcome = outcomes.front();
      outcomes.pop_front();
      if (outcome) return shoal::Unexpected<Error>(Error(*outcome, "as the script says"));
    }
    records.push_back(record);
    return Committed{records.size(), 1};
  }
};

/// Time that passes only while somebody waits.
struct FakeTime {
  std::chrono::nanoseconds now{0};
  std::vector<std::chrono::nanoseconds> waits;
  std::size_t stop_at_wait = ~std::size_t{0};  // a stop is requested during this one
  bool stopped = false;

  [[nodiscard]] shoal::IngestClock clock() {
    return {.now = [this] { return now; },
            .wait =
                [this](std::chrono::nanoseconds duration, const shoal::StopToken&) {
                  if (waits.size() == stop_at_wait) stopped = true;
                  waits.push_back(duration);
                  now += duration;
                }};
  }
  /// Asks `stopped`.
  struct Stop {
    const FakeTime* time;
    [[nodiscard]] bool stop_requested() const { return time->stopped; }
  };
  [[nodiscard]] shoal::StopToken stop() const { return Stop{this}; }
};

inline Record<Id> record(Id id, float value = 1) { return {.id = id, .vector = {value, static_cast<float>(id), 0.5F}}; }
inline std::vector<Record<Id>> records(std::size_t count, Id first = 0) {
  std::vector<Record<Id>> made;
  for (std::size_t i = 0; i < count; ++i) made.push_back(record(first + i));
  return made;
}

/// Every record of a store, in the order of the last change of each.
template <class Store>
std::vector<Record<Id>> contents(const Store& store) {
  std::vector<Record<Id>> all;
  auto cursor = store.read_since(0).value();
  while (const Change<Id>* change = cursor.next().value()) all.push_back(change->record);
  return all;
}

}  // namespace ingest_tests
