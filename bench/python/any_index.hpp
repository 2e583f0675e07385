#pragma once
// The indexes behind the Python classes, whatever their metric and storage: the member functions of HnswIndex, virtual.
// So the binding is compiled once, and what is compiled for each metric and storage (index_of.hpp) knows nothing of
// Python. Errors, threads and costs are those of the functions of the same name in shoal/index.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <shoal/shoal.hpp>

namespace shoal::python {

using Id = std::uint64_t;
using Neighbors = std::vector<Neighbor<Id>>;
using BatchResult = Expected<std::vector<Id>, BatchError<Id>>;

/// One item of a batch.
struct Item {
  Id id;
  std::span<const float> vector;
};

/// Items that lie somewhere. `at` is called for one after the other, and what it gave may be gone at the next call.
class ItemRows {
 public:
  ItemRows() = default;
  ItemRows(const ItemRows&) = delete;
  ItemRows& operator=(const ItemRows&) = delete;
  virtual ~ItemRows() = default;
  [[nodiscard]] virtual std::size_t size() const = 0;
  [[nodiscard]] virtual Item at(std::size_t i) = 0;
};

/// Items that come one after the other, nobody knows how many. What `next` gave may be gone at the next call.
class ItemStream {
 public:
  ItemStream() = default;
  ItemStream(const ItemStream&) = delete;
  ItemStream& operator=(const ItemStream&) = delete;
  virtual ~ItemStream() = default;
  /// False at the end.
  [[nodiscard]] virtual bool next(Item& item) = 0;
};

/// Whom a batch tells of its items: one of the two, or nobody. Only what can cancel has a stream read item by item.
struct Progress {
  std::function<bool(std::size_t completed, std::size_t total)> may_cancel{};
  std::function<void(std::size_t completed, std::size_t total)> is_told{};
};

/// What can be asked of every index.
class AnyReadable {
 public:
  AnyReadable() = default;
  AnyReadable(const AnyReadable&) = delete;
  AnyReadable& operator=(const AnyReadable&) = delete;
  virtual ~AnyReadable() = default;

  [[nodiscard]] virtual std::string_view metric() const = 0;
  [[nodiscard]] virtual std::string_view storage() const = 0;
  [[nodiscard]] virtual const HnswConfig& config() const = 0;
  [[nodiscard]] virtual std::size_t size() const = 0;

  [[nodiscard]] virtual Expected<Neighbors, Error> search(std::span<const float> query,
                                                          const SearchOptions& options) const = 0;
  [[nodiscard]] virtual Expected<Neighbors, Error> search_within(std::span<const float> query, float radius,
                                                                 const WithinOptions& options) const = 0;
  [[nodiscard]] virtual Expected<void, Error> batch_search(const MatrixView<float>& queries,
                                                           const SearchOptions& options, std::span<Id> ids,
                                                           std::span<float> distances) const = 0;
  [[nodiscard]] virtual bool contains(Id id) const = 0;
  [[nodiscard]] virtual std::optional<std::vector<float>> get(Id id) const = 0;
  [[nodiscard]] virtual std::vector<Id> ids() const = 0;
  [[nodiscard]] virtual MemoryUsage memory_usage() const = 0;
  [[nodiscard]] virtual MemoryUsage estimate_memory(std::size_t entries) const = 0;
  [[nodiscard]] virtual IndexStats stats() const = 0;
  [[nodiscard]] virtual CheckReport check() const = 0;
};

/// An index that can be changed.
class AnyIndex : public AnyReadable {
 public:
  [[nodiscard]] virtual BatchResult batch_insert(ItemRows& items, Progress& progress, const BatchOptions& options) = 0;
  [[nodiscard]] virtual BatchResult batch_insert(ItemStream& items, Progress& progress,
                                                 const BatchOptions& options) = 0;
  [[nodiscard]] virtual Expected<void, Error> insert(Id id, std::span<const float> vector,
                                                     const BatchOptions& options) = 0;
  [[nodiscard]] virtual Expected<void, Error> erase(Id id) = 0;
  [[nodiscard]] virtual Expected<EraseReport<Id>, Error> batch_erase(std::span<const Id> ids,
                                                                     const EraseOptions& options) = 0;
  [[nodiscard]] virtual Expected<void, Error> compact(const EraseOptions& options) = 0;
  [[nodiscard]] virtual Expected<void, Error> reserve(std::size_t entries) = 0;
  [[nodiscard]] virtual Expected<void, Error> save(const std::string& path) const = 0;
  [[nodiscard]] virtual std::unique_ptr<AnyIndex> clone() const = 0;
};

/// One kind of index: how it is called by users and in files, and how one is made. It stays where it is.
struct Kind {
  std::string_view metric;
  std::string_view storage;
  std::string_view metric_in_files;
  std::string_view storage_in_files;
  Expected<std::unique_ptr<AnyIndex>, Error> (*create)(const Kind& kind, const HnswConfig& config);
  Expected<std::unique_ptr<AnyIndex>, Error> (*load)(const Kind& kind, const std::string& path);
  Expected<std::unique_ptr<AnyReadable>, Error> (*open)(const Kind& kind, const std::string& path,
                                                        const OpenOptions& options);
};

/// The storages of one metric; each is a source file of its own, for the time it takes to compile.
[[nodiscard]] std::span<const Kind> l2_kinds();
[[nodiscard]] std::span<const Kind> inner_product_kinds();
[[nodiscard]] std::span<const Kind> cosine_kinds();

}  // namespace shoal::python
