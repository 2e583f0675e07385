#pragma once
// A sink that tells of each commit and of each that failed, between a BatchWriter and what it writes to. It is told
// after the commit and never before: whoever hears it may forget the records.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <shoal/core/error.hpp>
#include <shoal/ingest/record.hpp>

namespace shoal::tools {

/// `Target`: a store, or a DurableIndex, of ids of 64 bits; it outlives this.
template <class Target>
class AcknowledgingSink {
 public:
  using id_type = std::uint64_t;
  using Committing = Expected<Committed, Error>;
  using Judge = std::function<std::optional<Error>(const Record<>&)>;

  /// `on_commit(count)`: so many more records are durable. `judge`: what is wrong with a record that the target would
  /// take, if anything. `on_try`: what became of a write.
  AcknowledgingSink(Target& target, std::function<void(std::size_t)> on_commit, Judge judge,
                    std::function<void(const Committing&)> on_try)
      : target_(target), on_commit_(std::move(on_commit)), judge_(std::move(judge)), on_try_(std::move(on_try)) {}

  [[nodiscard]] Expected<Committed, Error> batch_write(std::span<const Record<>> records) {
    auto committed = target_.batch_write(records);
    on_try_(committed);
    // What is behind the store is in the store.
    if (committed || committed.error().code() == ErrorCode::behind_store) on_commit_(records.size());
    return committed;
  }

  [[nodiscard]] std::optional<Error> validate(const Record<>& record) const {
    if (auto fault = target_.validate(record)) return fault;
    return judge_(record);
  }
  [[nodiscard]] Expected<std::string, Error> content_hash(std::uint64_t id) const { return target_.content_hash(id); }

 private:
  Target& target_;
  std::function<void(std::size_t)> on_commit_;
  Judge judge_;
  std::function<void(const Committing&)> on_try_;
};

}  // namespace shoal::tools
