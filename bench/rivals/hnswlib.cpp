// hnswlib (github.com/nmslib/hnswlib), floats. Its header defines functions that are not inline: only this file may
// include it. Compiled with our flags, so under -march=native it has the vector instructions that shoal has.
//
// It takes nothing out: markDelete hides an entry and leaves it in the graph. An entry whose label is added again gets
// the new vector and new links (updatePoint). So there are two ways to replace entries. New labels: the hidden stay,
// and the index grows by each (resizeIndex). In place: a hidden entry is taken for the next vector; the table from
// labels to ids that this needs is the user's. Versions from 0.7 on can do the latter by themselves
// (allow_replace_deleted).

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <thread>

#include <hnswlib/hnswlib.h>
#include <rivals/changing_rival.hpp>
#include <rivals/filtering_rival.hpp>
#include <rivals/makers.hpp>
#include <rivals/saving_rival.hpp>

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

enum class Replacing { by_new_labels, in_place };

class Hnswlib final : public Rival, public ChangingRival, public FilteringRival, public SavingRival {
 public:
  explicit Hnswlib(const Setup& setup, Replacing replacing = Replacing::by_new_labels)
      : setup_(setup), is_in_place_(replacing == Replacing::in_place) {}

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
    {
      std::vector<std::jthread> others;
      for (unsigned i = 1; i < setup_.threads; ++i) others.emplace_back(work);
      work();
    }
    if (!is_in_place_) return;
    id_of_label_.resize(base.rows);
    std::iota(id_of_label_.begin(), id_of_label_.end(), std::uint64_t{0});
    label_of_id_.assign(id_of_label_.begin(), id_of_label_.end());
  }

  void erase(std::span<const std::uint64_t> ids) override {
    for (const std::uint64_t id : ids) {
      const hnswlib::labeltype label = is_in_place_ ? label_of_id_.at(id) : id;
      index_->markDelete(label);
      if (is_in_place_) hidden_labels_.push_back(label);
    }
  }

  void insert(std::span<const std::uint64_t> ids, const FloatMatrix& rows) override {
    const std::size_t added = ids.size() - std::min(ids.size(), hidden_labels_.size());
    const std::size_t needed = index_->cur_element_count + added;
    if (needed > index_->max_elements_) index_->resizeIndex(needed);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      index_->addPoint(rows.values + i * rows.cols, is_in_place_ ? label_for(ids[i]) : ids[i]);
    }
  }

  void set_ef(std::size_t ef) override { index_->setEf(ef); }

  void search(const float* query, std::size_t k, std::vector<std::uint64_t>& ids) const override {
    auto found = index_->searchKnn(query, k);  // farthest first
    ids.resize(found.size());
    for (std::size_t i = found.size(); i-- > 0; found.pop()) ids[i] = found.top().second;
    if (is_in_place_) {
      for (std::uint64_t& id : ids) id = id_of_label_[id];
    }
  }

  [[nodiscard]] std::vector<std::unique_ptr<FilteredSearch>> filtered_searches(const PassingRows& passing,
                                                                               std::size_t k) const override {
    std::vector<std::unique_ptr<FilteredSearch>> ways;
    ways.push_back(std::make_unique<ByDropping>(*this, passing, k));
    return ways;
  }

  void save(const std::string& path) const override { index_->saveIndex(path); }
  void load(const std::string& path) override { index_ = std::make_unique<Index>(space_.get(), path); }

  [[nodiscard]] std::optional<std::uint64_t> distances() const override {
    return setup_.counts_distances ? std::optional(CountingSpace::calls) : std::nullopt;
  }

  /// Follows the links of all levels from the entry point: no search can go anywhere else. Hidden entries lead on, and
  /// do not count.
  [[nodiscard]] std::optional<std::size_t> unreachable() const override {
    std::vector<bool> seen(index_->cur_element_count);
    std::vector<hnswlib::tableint> open{index_->enterpoint_node_};
    seen[open.front()] = true;
    while (!open.empty()) {
      const hnswlib::tableint node = open.back();
      open.pop_back();
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
    std::size_t unreached = 0;
    for (hnswlib::tableint node = 0; node < seen.size(); ++node) {
      unreached += !seen[node] && !index_->isMarkedDeleted(node) ? 1 : 0;
    }
    return unreached;
  }

 private:
  using Index = hnswlib::HierarchicalNSW<float>;

  /// Among 2 k / share nearest, 2 k pass on average, and fewer than k of 10 once in 200 queries. Who does not know the
  /// share has to try.
  class ByDropping final : public FilteredSearch {
   public:
    ByDropping(const Hnswlib& rival, const PassingRows& passing, std::size_t k)
        : rival_(rival), passing_(passing), k_(k), asked_for_(k) {
      if (passing.share() < 1)
        asked_for_ = static_cast<std::size_t>(std::ceil(2 * static_cast<double>(k) / passing.share()));
      asked_for_ = std::min(asked_for_, rival.index_->cur_element_count);
    }

    [[nodiscard]] std::string way() const override { return "dropping from 2 k / share"; }

    void search(const float* query, std::vector<std::uint64_t>& ids) const override {
      rival_.search(query, asked_for_, ids);
      std::erase_if(ids, [&](std::uint64_t id) { return !passing_.contains(id); });
      if (ids.size() > k_) ids.resize(k_);
    }

   private:
    const Hnswlib& rival_;
    const PassingRows& passing_;
    std::size_t k_;
    std::size_t asked_for_;
  };

  /// In place: the label of a hidden entry, the one hidden last, else one of its own.
  hnswlib::labeltype label_for(std::uint64_t id) {
    hnswlib::labeltype label = id_of_label_.size();
    if (hidden_labels_.empty()) {
      id_of_label_.push_back(id);
    } else {
      label = hidden_labels_.back();
      hidden_labels_.pop_back();
      id_of_label_[label] = id;
    }
    if (label_of_id_.size() <= id) label_of_id_.resize(id + 1);
    label_of_id_[id] = label;
    return label;
  }

  Setup setup_;
  bool is_in_place_;
  std::vector<std::uint64_t> id_of_label_;  // in place alone, as the next two
  std::vector<hnswlib::labeltype> label_of_id_;
  std::vector<hnswlib::labeltype> hidden_labels_;
  std::unique_ptr<hnswlib::SpaceInterface<float>> space_;  // outlives the index that points to it
  std::unique_ptr<Index> index_;
};

}  // namespace

std::unique_ptr<Rival> make_hnswlib(const Setup& setup) { return std::make_unique<Hnswlib>(setup); }

std::unique_ptr<Rival> make_hnswlib_in_place(const Setup& setup) {
  return std::make_unique<Hnswlib>(setup, Replacing::in_place);
}

std::string hnswlib_version() {
  const std::string version = SHOAL_RIVALS_HNSWLIB_VERSION;
  return version.empty() ? "of unknown version" : version;
}

}  // namespace shoal::rivals
