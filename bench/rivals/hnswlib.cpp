// hnswlib (github.com/nmslib/hnswlib), floats. Its header defines functions that are not inline: only this file may
// include it. Compiled with our flags, so under -march=native it has the vector instructions that shoal has.

#include <atomic>
#include <thread>

#include <hnswlib/hnswlib.h>
#include <rivals/makers.hpp>

namespace shoal::rivals {

namespace {

/// Squared L2 that counts its calls.
class CountingSpace final : public hnswlib::SpaceInterface<float> {
 public:
  explicit CountingSpace(std::size_t dimensions) : space_(dimensions) { distance = space_.get_dist_func(); }
  std::size_t get_data_size() override { return space_.get_data_size(); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return counted; }
  void* get_dist_func_param() override { return space_.get_dist_func_param(); }

  inline static thread_local std::uint64_t calls = 0;

 private:
  static float counted(const void* a, const void* b, const void* dimensions) {
    ++calls;
    return distance(a, b, dimensions);
  }
  inline static hnswlib::DISTFUNC<float> distance = nullptr;  // hnswlib passes no other state; the same for all spaces

  hnswlib::L2Space space_;
};

class Hnswlib final : public Rival {
 public:
  explicit Hnswlib(const Setup& setup) : setup_(setup) {}

  void build(const FloatMatrix& base) override {
    if (setup_.counts_distances) {
      space_ = std::make_unique<CountingSpace>(base.cols);
    } else {
      space_ = std::make_unique<hnswlib::L2Space>(base.cols);
    }
    index_ = std::make_unique<Index>(space_.get(), base.rows, setup_.M, setup_.ef_construction);
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
      for (std::size_t i = next++; i < base.rows; i = next++) index_->addPoint(base.values + i * base.cols, i);
    };
    std::vector<std::jthread> others;
    for (unsigned i = 1; i < setup_.threads; ++i) others.emplace_back(work);
    work();
  }

  void set_ef(std::size_t ef) override { index_->setEf(ef); }

  void search(const float* query, std::size_t k, std::vector<std::uint64_t>& ids) const override {
    auto found = index_->searchKnn(query, k);  // farthest first
    ids.resize(found.size());
    for (std::size_t i = found.size(); i-- > 0; found.pop()) ids[i] = found.top().second;
  }

  [[nodiscard]] std::optional<std::uint64_t> distances() const override {
    return setup_.counts_distances ? std::optional(CountingSpace::calls) : std::nullopt;
  }

  /// Follows the links of all levels from the entry point: no search can go anywhere else.
  [[nodiscard]] std::optional<std::size_t> unreachable() const override {
    std::vector<bool> seen(index_->cur_element_count);
    std::vector<hnswlib::tableint> open{index_->enterpoint_node_};
    seen[open.front()] = true;
    std::size_t reached = 0;
    while (!open.empty()) {
      const hnswlib::tableint node = open.back();
      open.pop_back();
      ++reached;
      for (int level = 0; level <= index_->element_levels_[node]; ++level) {
        const auto* list = index_->get_linklist_at_level(node, level);
        const std::size_t count = index_->getListCount(const_cast<hnswlib::linklistsizeint*>(list));
        for (std::size_t i = 1; i <= count; ++i) {  // list[0] holds the count
          if (seen[list[i]]) continue;
          seen[list[i]] = true;
          open.push_back(list[i]);
        }
      }
    }
    return seen.size() - reached;
  }

 private:
  using Index = hnswlib::HierarchicalNSW<float>;

  Setup setup_;
  std::unique_ptr<hnswlib::SpaceInterface<float>> space_;  // outlives the index that points to it
  std::unique_ptr<Index> index_;
};

}  // namespace

std::unique_ptr<Rival> make_hnswlib(const Setup& setup) { return std::make_unique<Hnswlib>(setup); }

std::string hnswlib_version() {
  const std::string version = SHOAL_RIVALS_HNSWLIB_VERSION;
  return version.empty() ? "of unknown version" : version;
}

}  // namespace shoal::rivals
