#pragma once
// The indexes of one metric, for the files searchable_METRIC.cpp: each instantiates the same templates, which takes a
// compiler longer than all else here.

#include <memory>
#include <utility>

#include "searchable.hpp"
#include <shoal/ingest/durable_index.hpp>
#include <shoal/shoal.hpp>

namespace shoal::tools {

template <class Index>
class SearchableIndex final : public Searchable {
 public:
  explicit SearchableIndex(DurableIndex<Index, Store> index) : index_(std::move(index)) {}

  [[nodiscard]] Found search(std::span<const float> query, const SearchOptions& options) const override {
    return index_.index().try_search(query, options);
  }
  [[nodiscard]] Found within(std::span<const float> query, float radius, const WithinOptions& options) const override {
    return index_.index().try_search_within(query, radius, options);
  }
  [[nodiscard]] std::size_t size() const override { return index_.size(); }
  [[nodiscard]] const Store& store() const override { return index_.store(); }
  [[nodiscard]] Expected<Committed, Error> batch_write(std::span<const Record<>> records) override {
    return index_.batch_write(records);
  }
  [[nodiscard]] std::optional<Error> validate(const Record<>& record) const override { return index_.validate(record); }
  [[nodiscard]] Expected<std::string, Error> content_hash(std::uint64_t id) const override {
    return index_.content_hash(id);
  }
  [[nodiscard]] Expected<void, Error> refresh() override { return index_.refresh(); }

 private:
  DurableIndex<Index, Store> index_;
};

using MadeSearchable = Expected<std::unique_ptr<Searchable>, Error>;

/// The index that `Index::create` gave, filled from the store.
template <class Index>
[[nodiscard]] MadeSearchable open_searchable(Expected<Index, Error> index, Store store,
                                             const SearchableOptions& options) {
  if (!index) return Unexpected<Error>(std::move(index).error());
  DurableOptions durable;
  durable.threads = options.threads;
  durable.link_by_codes = true;
  durable.link_behind = options.links_behind;
  durable.stop = options.stop;
  auto opened = DurableIndex<Index, Store>::open(*std::move(index), std::move(store), std::move(durable));
  if (!opened) return Unexpected<Error>(std::move(opened).error());
  return std::make_unique<SearchableIndex<Index>>(*std::move(opened));
}

template <class Metric>
[[nodiscard]] MadeSearchable make_searchable_of(Store store, const SearchableOptions& options) {
  const std::size_t dimensions = store.dimensions();
  if (options.is_exact) {
    return open_searchable(BruteForceIndex<Metric>::create({.dimensions = dimensions}), std::move(store), options);
  }
  const HnswConfig config{.dimensions = dimensions, .M = options.M, .ef_construction = options.ef_construction};
  switch (options.storage) {
    case StorageName::sq8: return open_searchable(HnswIndex<Metric, SQ8>::create(config), std::move(store), options);
    case StorageName::refined:
      return open_searchable(HnswIndex<Metric, Refined<SQ8>>::create(config), std::move(store), options);
    case StorageName::float32: break;
  }
  return open_searchable(HnswIndex<Metric>::create(config), std::move(store), options);
}

/// An empty index finds nothing, but says first what is wrong with a query, which is what would be wrong with an entry.
template <class Metric>
[[nodiscard]] VectorJudge make_judge_of(std::size_t dimensions) {
  auto made = BruteForceIndex<Metric>::create({.dimensions = dimensions});
  if (!made) return [](std::span<const float>) { return std::nullopt; };  // no index can have so many dimensions
  return [index = std::make_shared<BruteForceIndex<Metric>>(*std::move(made))](
             std::span<const float> vector) -> std::optional<Error> {
    auto found = index->try_search(vector, 1);
    if (found) return std::nullopt;
    return std::move(found).error();
  };
}

}  // namespace shoal::tools
