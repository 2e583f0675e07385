#pragma once
// shoal as a rival among others: one batch_insert, one search call a query.

#include <numeric>
#include <stdexcept>

#include <rivals/rival.hpp>

#include <shoal/shoal.hpp>

namespace shoal::rivals {

template <class Storage>
class ShoalRival final : public Rival {
 public:
  explicit ShoalRival(const Setup& setup, bool link_by_codes = false) : setup_(setup), link_by_codes_(link_by_codes) {}

  void build(const FloatMatrix& base) override {
    index_.emplace(HnswConfig{.dimensions = base.cols, .M = setup_.M, .ef_construction = setup_.ef_construction});
    std::vector<std::uint64_t> ids(base.rows);
    std::iota(ids.begin(), ids.end(), std::uint64_t{0});
    const MatrixView<float> rows{.data = base.values, .rows = base.rows, .columns = base.cols};
    const BatchOptions options{.threads = setup_.threads, .link_by_codes = link_by_codes_};
    if (const auto inserted = index_->batch_insert(ids, rows, NoProgress{}, options); !inserted) {
      throw std::runtime_error(inserted.error().what());
    }
  }

  void set_ef(std::size_t ef) override { ef_ = ef; }

  void search(const float* query, std::size_t k, std::vector<std::uint64_t>& ids) const override {
    const std::span<const float> vector(query, index_->dimensions());
    ids.clear();
    for (const auto& neighbor : index_->search(vector, {.k = k, .ef = ef_})) ids.push_back(neighbor.id);
  }

  [[nodiscard]] std::optional<std::size_t> unreachable() const override { return index_->check().unreachable; }
  [[nodiscard]] std::optional<std::size_t> reported_bytes() const override { return index_->memory_usage().total(); }
  [[nodiscard]] std::vector<std::string> faults() const override { return index_->check().faults; }

 private:
  Setup setup_;
  bool link_by_codes_;
  std::size_t ef_ = 0;
  std::optional<HnswIndex<L2Squared, Storage>> index_;
};

}  // namespace shoal::rivals
