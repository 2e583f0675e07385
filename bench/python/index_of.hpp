#pragma once
// What any_index.hpp promises, for one metric and one storage: each function calls the one of the same name. Items come
// through ranges over ItemRows and ItemStream: the former may be read ahead, the latter only once.

#include <array>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "any_index.hpp"

namespace shoal::python {

/// Rows as a range whose items can be read again.
class RowRange {
 public:
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = Item;

    Iterator() = default;
    Iterator(ItemRows* rows, std::size_t i) noexcept : rows_(rows), i_(i) {}
    Item operator*() const { return rows_->at(i_); }
    Iterator& operator++() noexcept {
      ++i_;
      return *this;
    }
    Iterator operator++(int) noexcept {
      Iterator before = *this;
      ++i_;
      return before;
    }
    bool operator==(const Iterator& other) const noexcept { return i_ == other.i_; }

   private:
    ItemRows* rows_ = nullptr;
    std::size_t i_ = 0;
  };

  explicit RowRange(ItemRows& rows) noexcept : rows_(&rows) {}
  [[nodiscard]] Iterator begin() const noexcept { return {rows_, 0}; }
  [[nodiscard]] Iterator end() const { return {rows_, size()}; }
  [[nodiscard]] std::size_t size() const { return rows_->size(); }

 private:
  ItemRows* rows_;
};

/// A stream as a range that is read once.
class StreamRange {
 public:
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = Item;

    explicit Iterator(StreamRange& range) noexcept : range_(&range) {}
    const Item& operator*() const noexcept { return range_->item_; }
    Iterator& operator++() {
      range_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return !range_->has_item_; }

   private:
    StreamRange* range_;
  };

  explicit StreamRange(ItemStream& stream) noexcept : stream_(stream) {}
  [[nodiscard]] Iterator begin() {
    advance();
    return Iterator(*this);
  }
  [[nodiscard]] static std::default_sentinel_t end() noexcept { return {}; }

 private:
  void advance() { has_item_ = stream_.next(item_); }

  ItemStream& stream_;
  Item item_{};
  bool has_item_ = false;
};

/// The reading half of either: `Index` is an HnswIndex or what its `open` gives.
template <class Index, class Base>
class Readable : public Base {
 public:
  Readable(const Kind& kind, Index index) : kind_(kind), index_(std::move(index)) {}

  [[nodiscard]] std::string_view metric() const override { return kind_.metric; }
  [[nodiscard]] std::string_view storage() const override { return kind_.storage; }
  [[nodiscard]] const HnswConfig& config() const override { return index_.config(); }
  [[nodiscard]] std::size_t size() const override { return index_.size(); }

  [[nodiscard]] Expected<Neighbors, Error> search(std::span<const float> query,
                                                  const SearchOptions& options) const override {
    return index_.try_search(query, options);
  }
  [[nodiscard]] Expected<Neighbors, Error> search_within(std::span<const float> query, float radius,
                                                         const WithinOptions& options) const override {
    return index_.try_search_within(query, radius, options);
  }
  [[nodiscard]] Expected<void, Error> batch_search(const MatrixView<float>& queries, const SearchOptions& options,
                                                   std::span<Id> ids, std::span<float> distances) const override {
    return index_.try_batch_search(queries, options, ids, distances);
  }
  [[nodiscard]] bool contains(Id id) const override { return index_.contains(id); }
  [[nodiscard]] std::optional<std::vector<float>> get(Id id) const override { return index_.get(id); }
  [[nodiscard]] std::vector<Id> ids() const override { return index_.ids(); }
  [[nodiscard]] MemoryUsage memory_usage() const override { return index_.memory_usage(); }
  [[nodiscard]] IndexStats stats() const override { return index_.stats(); }
  [[nodiscard]] CheckReport check() const override { return index_.check(); }

 protected:
  const Kind& kind_;
  Index index_;
};

template <class Index>
class MappedOf final : public Readable<typename Index::Mapped, AnyReadable> {
 public:
  using Readable<typename Index::Mapped, AnyReadable>::Readable;
  [[nodiscard]] MemoryUsage estimate_memory(std::size_t entries) const override {
    return Index::estimate_memory(this->config(), entries);
  }
};

template <class Index>
class IndexOf final : public Readable<Index, AnyIndex> {
  using Base = Readable<Index, AnyIndex>;
  using Base::index_;

 public:
  using Base::Base;

  [[nodiscard]] MemoryUsage estimate_memory(std::size_t entries) const override {
    return Index::estimate_memory(this->config(), entries);
  }
  [[nodiscard]] BatchResult batch_insert(ItemRows& items, Progress& progress, const BatchOptions& options) override {
    return insert_range(RowRange(items), progress, options);
  }
  [[nodiscard]] BatchResult batch_insert(ItemStream& items, Progress& progress, const BatchOptions& options) override {
    return insert_range(StreamRange(items), progress, options);
  }
  [[nodiscard]] Expected<void, Error> insert(Id id, std::span<const float> vector,
                                             const BatchOptions& options) override {
    return index_.insert(id, vector, options);
  }
  [[nodiscard]] Expected<void, Error> erase(Id id) override { return index_.erase(id); }
  [[nodiscard]] Expected<EraseReport<Id>, Error> batch_erase(std::span<const Id> ids,
                                                             const EraseOptions& options) override {
    return index_.batch_erase(ids, options);
  }
  [[nodiscard]] Expected<void, Error> compact(const EraseOptions& options) override { return index_.compact(options); }
  [[nodiscard]] Expected<void, Error> reserve(std::size_t entries) override { return index_.reserve(entries); }
  [[nodiscard]] Expected<void, Error> save(const std::string& path) const override { return index_.save(path); }
  [[nodiscard]] std::unique_ptr<AnyIndex> clone() const override {
    return std::make_unique<IndexOf>(this->kind_, index_.clone());
  }

 private:
  template <class Range>
  [[nodiscard]] BatchResult insert_range(Range range, Progress& progress, const BatchOptions& options) {
    if (progress.may_cancel) return index_.batch_insert(range, progress.may_cancel, options);
    return index_.batch_insert(range, progress.is_told, options);
  }
};

/// How an index of one metric and one storage is made.
template <class Metric, class Storage>
struct MakerOf {
  using Index = HnswIndex<Metric, Storage, Id>;

  static Expected<std::unique_ptr<AnyIndex>, Error> create(const Kind& kind, const HnswConfig& config) {
    return held<IndexOf<Index>, AnyIndex>(kind, Index::create(config));
  }
  static Expected<std::unique_ptr<AnyIndex>, Error> load(const Kind& kind, const std::string& path) {
    return held<IndexOf<Index>, AnyIndex>(kind, Index::load(path));
  }
  static Expected<std::unique_ptr<AnyReadable>, Error> open(const Kind& kind, const std::string& path,
                                                            const OpenOptions& options) {
    return held<MappedOf<Index>, AnyReadable>(kind, Index::open(path, options));
  }

 private:
  template <class Held, class Base, class Made>
  static Expected<std::unique_ptr<Base>, Error> held(const Kind& kind, Made made) {
    if (!made) return Unexpected<Error>(std::move(made.error()));
    return std::unique_ptr<Base>(std::make_unique<Held>(kind, *std::move(made)));
  }
};

template <class Metric, class Storage>
[[nodiscard]] constexpr Kind kind_of(std::string_view metric, std::string_view storage) {
  using Maker = MakerOf<Metric, Storage>;
  return {.metric = metric,
          .storage = storage,
          .metric_in_files = detail::NameOf<Metric>::value,
          .storage_in_files = detail::NameOf<Storage>::value,
          .create = Maker::create,
          .load = Maker::load,
          .open = Maker::open};
}

/// Every storage of one metric, which users call `metric`.
template <class Metric>
[[nodiscard]] constexpr std::array<Kind, 3> kinds_of(std::string_view metric) {
  return {kind_of<Metric, Float32>(metric, "float32"), kind_of<Metric, SQ8>(metric, "sq8"),
          kind_of<Metric, Refined<SQ8>>(metric, "refined_sq8")};
}

}  // namespace shoal::python
