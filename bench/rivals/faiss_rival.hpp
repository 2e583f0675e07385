#pragma once
// faiss (github.com/facebookresearch/faiss): what its HNSW indexes have in common. It is a library that was compiled
// elsewhere, with the flags of its package and not ours. OpenMP is held to the threads of the setup, and to one while
// searching: the setting belongs to the thread that calls, hence in every call.

#include <stdexcept>

#include <faiss/IndexHNSW.h>
#include <faiss/index_io.h>
#include <omp.h>
#include <rivals/rival.hpp>
#include <rivals/saving_rival.hpp>

namespace shoal::rivals {

class FaissRival : public Rival, public SavingRival {
 public:
  explicit FaissRival(const Setup& setup) : setup_(setup) {}

  void build(const FloatMatrix& base) override {
    omp_set_num_threads(static_cast<int>(setup_.threads));
    index_ = make_index(static_cast<int>(base.cols), static_cast<int>(setup_.M));
    index_->hnsw.efConstruction = static_cast<int>(setup_.ef_construction);
    const auto rows = static_cast<faiss::Index::idx_t>(base.rows);
    index_->train(rows, base.values);
    index_->add(rows, base.values);
  }

  void set_ef(std::size_t ef) override { index_->hnsw.efSearch = static_cast<int>(ef); }

  void search(const float* query, std::size_t k, std::vector<std::uint64_t>& ids) const override {
    omp_set_num_threads(1);
    thread_local std::vector<faiss::Index::idx_t> labels;
    thread_local std::vector<float> distances;
    labels.resize(k);
    distances.resize(k);
    index_->search(1, query, static_cast<faiss::Index::idx_t>(k), distances.data(), labels.data());
    ids.clear();
    for (const auto label : labels) {
      if (label >= 0) ids.push_back(static_cast<std::uint64_t>(label));
    }
  }

  void save(const std::string& path) const override { faiss::write_index(index_.get(), path.c_str()); }
  void load(const std::string& path) override {
    std::unique_ptr<faiss::Index> loaded(faiss::read_index(path.c_str()));
    auto* const hnsw = dynamic_cast<faiss::IndexHNSW*>(loaded.get());
    if (hnsw == nullptr) throw std::runtime_error("faiss read another index than it wrote");
    index_.reset(hnsw);
    (void)loaded.release();
  }

 private:
  [[nodiscard]] virtual std::unique_ptr<faiss::IndexHNSW> make_index(int dimensions, int M) const = 0;

  Setup setup_;
  std::unique_ptr<faiss::IndexHNSW> index_;
};

}  // namespace shoal::rivals
