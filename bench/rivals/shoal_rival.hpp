#pragma once
// shoal as a rival among others: one batch_insert, one search call a query; entries come and go by batches too, and a
// filter is what SearchOptions has of it.

#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

#include <rivals/changing_rival.hpp>
#include <rivals/filtering_rival.hpp>
#include <rivals/rival.hpp>
#include <rivals/saving_rival.hpp>

#include <shoal/shoal.hpp>

namespace shoal::rivals {

template <class Storage>
class ShoalRival final : public Rival, public ChangingRival, public FilteringRival, public SavingRival {
 public:
  using Index = HnswIndex<L2Squared, Storage>;

  explicit ShoalRival(const Setup& setup, bool link_by_codes = false) : setup_(setup), link_by_codes_(link_by_codes) {}

  void build(const FloatMatrix& base) override {
    index_.emplace(HnswConfig{.dimensions = base.cols, .M = setup_.M, .ef_construction = setup_.ef_construction});
    std::vector<std::uint64_t> ids(base.rows);
    std::iota(ids.begin(), ids.end(), std::uint64_t{0});
    insert(ids, base);
  }

  void insert(std::span<const std::uint64_t> ids, const FloatMatrix& rows) override {
    const MatrixView<float> view{.data = rows.values, .rows = rows.rows, .columns = rows.cols};
    const BatchOptions options{.threads = setup_.threads, .link_by_codes = link_by_codes_};
    if (const auto inserted = index_->batch_insert(ids, view, NoProgress{}, options); !inserted) {
      throw std::runtime_error(inserted.error().what());
    }
  }

  void erase(std::span<const std::uint64_t> ids) override {
    const auto report = index_->batch_erase(ids, {.threads = setup_.threads});
    if (!report) throw std::runtime_error(std::string(report.error().message()));
    if (report->erased.size() != ids.size()) throw std::runtime_error("an id to erase is not in");
  }

  void set_ef(std::size_t ef) override { ef_ = ef; }

  void search(const float* query, std::size_t k, std::vector<std::uint64_t>& ids) const override {
    const std::span<const float> vector(query, index_->dimensions());
    ids.clear();
    for (const auto& neighbor : index_->search(vector, {.k = k, .ef = ef_})) ids.push_back(neighbor.id);
  }

  void save(const std::string& path) const override {
    if (const auto saved = index_->save(path); !saved) throw std::runtime_error(std::string(saved.error().message()));
  }
  void load(const std::string& path) override {
    auto loaded = Index::load(path);
    if (!loaded) throw std::runtime_error(std::string(loaded.error().message()));
    index_ = *std::move(loaded);
  }

  [[nodiscard]] std::optional<std::size_t> unreachable() const override { return index_->check().unreachable; }
  [[nodiscard]] std::optional<std::size_t> reported_bytes() const override { return index_->memory_usage().total(); }
  [[nodiscard]] std::vector<std::string> faults() const override { return index_->check().faults; }

  [[nodiscard]] std::vector<std::unique_ptr<FilteredSearch>> filtered_searches(const PassingRows& passing,
                                                                               std::size_t k) const override {
    std::vector<std::unique_ptr<FilteredSearch>> ways;
    ways.push_back(std::make_unique<ByPredicate>(*index_, passing, SearchOptions{.k = k, .ef = ef_}));
    return ways;
  }

 private:
  class ByPredicate final : public FilteredSearch {
   public:
    ByPredicate(const Index& index, const PassingRows& passing, SearchOptions options)
        : index_(index), options_(std::move(options)) {
      options_.filter = [&passing](std::uint64_t id) { return passing.contains(id); };
    }

    void search(const float* query, std::vector<std::uint64_t>& ids) const override {
      ids.clear();
      for (const auto& neighbor : index_.search(std::span(query, index_.dimensions()), options_)) {
        ids.push_back(neighbor.id);
      }
    }

   private:
    const Index& index_;
    SearchOptions options_;
  };

  Setup setup_;
  bool link_by_codes_;
  std::size_t ef_ = 0;
  std::optional<Index> index_;
};

}  // namespace shoal::rivals
