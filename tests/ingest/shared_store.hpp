#pragma once
// A store in memory that outlives the index over it, as a file does.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <shoal/ingest/memory_store.hpp>

namespace ingest_tests {

/// Copies are the same store.
class SharedStore {
  using Store = shoal::MemoryVectorStore<std::uint64_t>;
  template <class T>
  using Result = shoal::Expected<T, shoal::Error>;

 public:
  using id_type = std::uint64_t;
  using Cursor = Store::Cursor;

  explicit SharedStore(std::size_t dimensions) : store_(std::make_shared<Store>(dimensions)) {}

  std::size_t dimensions() const { return store_->dimensions(); }
  Result<shoal::Committed> write(const shoal::Record<>& record) { return store_->write(record); }
  Result<shoal::Committed> batch_write(std::span<const shoal::Record<>> records) {
    return store_->batch_write(records);
  }
  Result<shoal::Committed> erase(id_type id) { return store_->erase(id); }
  Result<shoal::Committed> batch_erase(std::span<const id_type> ids) { return store_->batch_erase(ids); }
  Result<std::optional<shoal::Record<>>> get(id_type id) const { return store_->get(id); }
  Result<std::uint64_t> count() const { return store_->count(); }
  Result<std::uint64_t> last_sequence() const { return store_->last_sequence(); }
  Result<Cursor> read_since(std::uint64_t sequence) const {
    if (std::exchange(*is_busy_once_, false)) {
      return shoal::Unexpected<shoal::Error>(shoal::Error(shoal::ErrorCode::store_busy));
    }
    return store_->read_since(sequence);
  }
  /// The next reading finds the store locked.
  void be_busy_once() { *is_busy_once_ = true; }

 private:
  std::shared_ptr<Store> store_;
  std::shared_ptr<bool> is_busy_once_ = std::make_shared<bool>(false);
};
static_assert(shoal::TransactionalStore<SharedStore>);

}  // namespace ingest_tests
