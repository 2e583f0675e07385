#pragma once
// An index over a store, of a metric and a storage that are chosen while the program runs: DurableIndex behind virtual
// functions, one call for a search or a batch. Each metric is compiled in a file of its own.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <shoal/core/error.hpp>
#include <shoal/index/neighbor.hpp>
#include <shoal/index/options.hpp>
#include <shoal/ingest/record.hpp>
#include <shoal/sqlite/sqlite_vector_store.hpp>

namespace shoal::tools {

enum class MetricName { l2, ip, cosine };
enum class StorageName { float32, sq8, refined };

using Store = SqliteVectorStore<>;

struct SearchableOptions {
  MetricName metric = MetricName::l2;
  StorageName storage = StorageName::float32;
  bool is_exact = false;  ///< Compares with everything, by floats; what follows has no effect.
  std::size_t M = 16;
  std::size_t ef_construction = 200;
  unsigned threads = 1;
  bool links_behind = false;  ///< Links a batch while the next one is read and committed: as of DurableOptions.
  StopToken stop{};
};

class Searchable {
 public:
  using Found = Expected<std::vector<Neighbor<std::uint64_t>>, Error>;

  virtual ~Searchable() = default;

  [[nodiscard]] virtual Found search(std::span<const float> query, const SearchOptions& options) const = 0;
  [[nodiscard]] virtual Found within(std::span<const float> query, float radius,
                                     const WithinOptions& options) const = 0;
  [[nodiscard]] virtual std::size_t size() const = 0;
  [[nodiscard]] virtual const Store& store() const = 0;

  // What a BatchWriter asks of a sink: as of DurableIndex.
  using id_type = std::uint64_t;
  [[nodiscard]] virtual Expected<Committed, Error> batch_write(std::span<const Record<>> records) = 0;
  [[nodiscard]] virtual std::optional<Error> validate(const Record<>& record) const = 0;
  [[nodiscard]] virtual Expected<std::string, Error> content_hash(std::uint64_t id) const = 0;

  /// Waits until all that was written can be searched for. *Errors*: as of DurableIndex::refresh.
  [[nodiscard]] virtual Expected<void, Error> refresh() = 0;
};

/// Builds an index of what `store` holds. *Errors*: as of DurableIndex::open; invalid_config.
[[nodiscard]] Expected<std::unique_ptr<Searchable>, Error> make_searchable(Store store,
                                                                           const SearchableOptions& options);

/// Tells what is wrong with a vector for an index of this metric, if anything: a store would take it, and could then
/// never be searched.
using VectorJudge = std::function<std::optional<Error>(std::span<const float>)>;
[[nodiscard]] VectorJudge make_judge(MetricName metric, std::size_t dimensions);

}  // namespace shoal::tools
