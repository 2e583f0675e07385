#pragma once
// hnswlib's HierarchicalNSW, over shoal's HnswIndex. A label is an id, an internal id is a slot. A point that is marked
// as deleted stays an entry that searches pass over, so that it can come back; what replaces it takes its slot in the
// end. What threads add at once goes in as one batch, which they link together (joint_additions.hpp); other changes are
// made one after the other, and any number of threads search meanwhile. Errors are std::runtime_error, with hnswlib's
// words where it has some for the case and shoal's else.

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <queue>
#include <span>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "shoal/compat/hnswlib/deleted_labels.hpp"
#include "shoal/compat/hnswlib/interfaces.hpp"
#include "shoal/compat/hnswlib/joint_additions.hpp"
#include "shoal/compat/hnswlib/joint_calls.hpp"
#include "shoal/compat/hnswlib/label_lookup.hpp"
#include "shoal/compat/hnswlib/point_index.hpp"
#include "shoal/compat/hnswlib/stop_walk.hpp"
#include "shoal/compat/import_hnswlib.hpp"
#include "shoal/core/lock.hpp"
#include "shoal/index/scratch_pool.hpp"
#include "shoal/io/replace_file.hpp"

namespace hnswlib {

/// Approximate search in points of a space, which outlives the index.
///
/// *Threads*: any number may search, add, mark and read at once. What is being added or marked while a search runs is
/// found or not; what was before is as it was. `label_lookup_` is gone over while no thread adds. `loadIndex`, `clear`
/// and destroying are for one thread alone; a filter and a stop condition call nothing of the same index.
template <class dist_t>
class HierarchicalNSW : public AlgorithmInterface<dist_t> {
 public:
  using Results = std::vector<std::pair<dist_t, labeltype>>;  ///< Nearest first.

  // What programs read. Of the members of hnswlib, these are kept true; only `ef_` may be written.

  std::size_t max_elements_ = 0;
  mutable std::atomic<std::size_t> cur_element_count{0};  ///< With what is marked as deleted.
  mutable std::atomic<std::size_t> num_deleted_{0};
  std::size_t M_ = 0, maxM_ = 0, maxM0_ = 0;
  std::size_t ef_construction_ = 0;
  std::size_t ef_ = 10;
  std::size_t data_size_ = 0;
  DISTFUNC<dist_t> fstdistfunc_ = nullptr;  ///< The space's, with the parameter that it takes.
  void* dist_func_param_ = nullptr;
  bool allow_replace_deleted_ = false;
  mutable std::atomic<long> metric_distance_computations{0};  ///< Not counted: stays as it is set.
  mutable std::atomic<long> metric_hops{0};                   ///< Not counted: stays as it is set.

 private:
  std::unique_ptr<shoal::detail::PointGraphIndex> index_;  // null until something is loaded

 public:
  /// Labels and internal ids, to be read.
  const shoal::detail::LabelLookup label_lookup_{index_};

  /// Nothing, until something is loaded.
  explicit HierarchicalNSW(SpaceInterface<dist_t>* space) { set_space(*space); }
  /// What a file holds: `loadIndex`. `nmslib` has no effect, as in hnswlib.
  HierarchicalNSW(SpaceInterface<dist_t>* space, const std::string& location, [[maybe_unused]] bool nmslib = false,
                  std::size_t max_elements = 0, bool allow_replace_deleted = false)
      : allow_replace_deleted_(allow_replace_deleted) {
    loadIndex(location, space, max_elements);
  }
  /// Room for `max_elements` points; nothing is allocated for them yet. `M`: 2 to 512.
  HierarchicalNSW(SpaceInterface<dist_t>* space, std::size_t max_elements, std::size_t M = 16,
                  std::size_t ef_construction = 200, std::size_t random_seed = 100, bool allow_replace_deleted = false)
      : max_elements_(max_elements), allow_replace_deleted_(allow_replace_deleted) {
    set_space(*space);
    shoal::HnswConfig config;
    config.dimensions = space_.dimensions();
    config.M = M;
    config.ef_construction = std::clamp<std::size_t>(ef_construction, 1, 100'000);
    config.seed = random_seed;
    if (const auto fault = shoal::detail::find_fault(config)) fail(*fault);
    take_index(std::make_unique<shoal::detail::PointGraphIndex>(space_, config));
  }

  // ---- putting points in and taking them out -----------------------------------------------------------------------

  /// Adds a point, or gives the one that has the label other data. `replace_deleted`: where there is no room, or even
  /// if there is, a point that is marked as deleted goes for it. *Errors*: no room; the label is marked as deleted
  /// where such are replaced; data that is not finite, or of a squared norm above 2^125; memory. Then nothing changed.
  /// *Cost*: that of an insertion; threads that add at once link their points side by side.
  void addPoint(const void* datapoint, labeltype label, bool replace_deleted = false) override {
    if (replace_deleted && !allow_replace_deleted_) {
      fail("Replacement of deleted elements is disabled in constructor");
    }
    add_with_others(datapoint, label, replace_deleted);
  }
  /// The same; levels are chosen by the seed whatever `level` is. Gives the internal id.
  tableint addPoint(const void* datapoint, labeltype label, [[maybe_unused]] int level) {
    return add_with_others(datapoint, label, false);
  }
  /// Gives a point other data, and a new internal id. The last argument has no effect.
  void updatePoint(const void* datapoint, tableint internal_id, [[maybe_unused]] float update_neighbor_probability) {
    writing_([&] { put(datapoint, getExternalLabel(internal_id)); });
  }

  /// Searches pass over the point from here on. *Errors*: no such label; it is marked.
  void markDelete(labeltype label) {
    writing_([&] {
      require_in(label);
      if (!deleted_.insert(label)) fail("The requested to delete element is already deleted");
      count();
    });
  }
  /// Searches find the point again. *Errors*: no such label; it is not marked.
  void unmarkDelete(labeltype label) {
    writing_([&] {
      require_in(label);
      if (!deleted_.erase(label)) fail("The requested to undelete element is not deleted");
      count();
    });
  }

  /// *Errors*: more points are in.
  void resizeIndex(std::size_t new_max_elements) {
    writing_([&] {
      if (new_max_elements < cur_element_count) {
        fail("Cannot resize, max element is less than the current number of elements");
      }
      max_elements_ = new_max_elements;
    });
  }
  /// Takes everything out; points may be put in again. *Errors*: memory; then nothing changed.
  void clear() {
    if (index_ == nullptr) return;
    writing_([&] {
      auto empty = std::make_unique<shoal::detail::PointGraphIndex>(space_, index_->config());
      deleted_.clear();
      take_index(std::move(empty));
    });
  }

  // ---- searching ---------------------------------------------------------------------------------------------------

  /// Candidates that a search keeps, at least k.
  void setEf(std::size_t ef) { ef_ = ef; }

  std::priority_queue<std::pair<dist_t, labeltype>> searchKnn(const void* query, std::size_t k,
                                                              BaseFilterFunctor* isIdAllowed = nullptr) const override {
    using Found = std::pair<dist_t, labeltype>;
    return std::priority_queue<Found>(std::less<Found>(), searchKnnCloserFirst(query, k, isIdAllowed));
  }
  /// *Errors*: a query that is not finite, or of a squared norm above 2^125. What a filter throws comes through.
  Results searchKnnCloserFirst(const void* query, std::size_t k,
                               BaseFilterFunctor* isIdAllowed = nullptr) const override {
    if (index_ == nullptr || cur_element_count == 0) return {};
    require_sound(query);
    const shoal::detail::DeletedLabels::View deleted(deleted_);
    shoal::SearchOptions options;
    options.k = k;
    options.ef = std::max<std::size_t>({ef_, k, 1});
    if (isIdAllowed != nullptr || !deleted.is_empty()) {
      options.filter = [&](std::uint64_t id) {
        const auto label = static_cast<labeltype>(id);
        return !deleted.contains(label) && (isIdAllowed == nullptr || (*isIdAllowed)(label));
      };
    }
    shoal::detail::Access::Read read(index_->access());
    const auto found = index_->try_search(index_->as_vector(query), options);
    if (!found) fail(found.error());
    Results results;
    results.reserve(found->size());
    for (const auto& [label, distance] : *found) results.emplace_back(exact(query, label, distance), label);
    if constexpr (!std::same_as<dist_t, float>) std::sort(results.begin(), results.end());
    return results;
  }
  /// What a stop condition kept, nearest first. *Errors*: as above; what the condition throws comes through.
  Results searchStopConditionClosest(const void* query, BaseSearchStopCondition<dist_t>& stop_condition,
                                     BaseFilterFunctor* isIdAllowed = nullptr) const {
    if (index_ == nullptr || cur_element_count == 0) return {};
    require_sound(query);
    const shoal::detail::DeletedLabels::View deleted(deleted_);
    shoal::detail::Access::Read read(index_->access());
    const auto scratch = scratch_.borrow([&] { return shoal::detail::StopWalkScratch(index_->entries().rows()); });
    return shoal::detail::StopWalk<dist_t>(*index_, fstdistfunc_, dist_func_param_, stop_condition, *scratch)
        .run(query, [&](labeltype label) {
          return !deleted.contains(label) && (isIdAllowed == nullptr || (*isIdAllowed)(label));
        });
  }

  // ---- looking things up -------------------------------------------------------------------------------------------

  std::size_t getMaxElements() const { return max_elements_; }
  std::size_t getCurrentElementCount() const { return cur_element_count; }
  std::size_t getDeletedCount() const { return num_deleted_; }

  /// The components of a point, as many as the space says it has. *Errors*: no such label, or it is marked as deleted.
  template <class data_t>
  std::vector<data_t> getDataByLabel(labeltype label) const {
    const shoal::detail::DeletedLabels::View deleted(deleted_);
    std::size_t count = data_size_ / sizeof(data_t);
    if (dist_func_param_ != nullptr) count = std::min(count, *static_cast<const std::size_t*>(dist_func_param_));
    std::vector<data_t> data(count);
    const bool is_in =
        index_ != nullptr && !deleted.contains(label) && index_->with_point(label, [&](const void* point) {
          if (count != 0) std::memcpy(data.data(), point, count * sizeof(data_t));
        });
    if (!is_in) fail("Label not found");
    return data;
  }
  /// Where a point lies, until it is given other data or goes, or `saveIndex` closes the gaps that such points left.
  /// Not to be written to. *Errors*: no such point.
  char* getDataByInternalId(tableint internal_id) const {
    return with_live(internal_id, [&](shoal::Slot slot) {
      return const_cast<char*>(reinterpret_cast<const char*>(index_->entries().rows().point(slot)));
    });
  }
  /// *Errors*: no such point.
  labeltype getExternalLabel(tableint internal_id) const {
    return with_live(internal_id, [&](shoal::Slot slot) { return index_->entries().id_of(slot); });
  }
  bool isMarkedDeleted(tableint internal_id) const {
    return shoal::detail::DeletedLabels::View(deleted_).contains(getExternalLabel(internal_id));
  }
  /// *Errors*: the graph is not in order; the message says where.
  void checkIntegrity() const {
    if (index_ == nullptr) return;
    const shoal::CheckReport report = index_->check();
    if (!report.ok()) fail(report.faults.empty() ? "a point cannot be reached" : report.faults.front());
  }
  /// shoal's index behind this one. A vector of it is the address of a point: it is not to be searched.
  const shoal::detail::PointGraphIndex& shoal_index() const { return index(); }

  // ---- files -------------------------------------------------------------------------------------------------------

  /// Writes a file of hnswlib's format, which hnswlib reads too. It is written beside `location`, synced and renamed:
  /// at every moment what is there is the old file or the new one, whole. *Errors*: of the system; memory. *Threads*:
  /// searches wait for a moment where points were replaced, for these are taken out first.
  void saveIndex(const std::string& location) override { save(location, shoal::detail::SystemFiles()); }
  template <class Files>
  void save(const std::string& location, Files&& files) {
    writing_([&] {
      const auto& entries = index().entries();
      if (entries.slots() != entries.live()) {
        if (const auto done = index().compact(); !done) fail(done.error());
      }
      const auto done = shoal::detail::replace_file(files, location, [&](auto& file) {
        return shoal::detail::write_hnswlib(
            file, head(), index().structure().graph(), [&](shoal::Slot slot) { return entries.rows().point(slot); },
            [&](shoal::Slot slot) { return entries.id_of(slot); },
            [&](shoal::Slot slot) { return deleted_.contains(entries.id_of(slot)); });
      });
      if (!done) fail(done.error());
    });
  }
  /// Bytes that `saveIndex` would write.
  std::size_t indexFileSize() const {
    if (index_ == nullptr) return 0;
    shoal::detail::Access::Read read(index_->access());
    const auto file = head();
    const auto& graph = index_->structure().graph();
    const auto& entries = index_->entries();
    std::size_t bytes = file.bytes;
    for (std::size_t i = index_->live_from(0); i < entries.slots(); i = index_->live_from(i + 1)) {
      bytes += file.element_bytes() + 4 + graph.lists().level_of(shoal::to_slot(i)) * file.upper_list_bytes();
    }
    return bytes;
  }

  /// Reads a file that hnswlib or `saveIndex` wrote, whatever its bytes have become: the index is sound, or what there
  /// was stays. Room is made for `max_elements` points, or for as many as the file says where that is too little.
  /// *Errors*: of the system; a file that hnswlib cannot have written, or of points of another size; memory.
  void loadIndex(const std::string& location, SpaceInterface<dist_t>* space, std::size_t max_elements = 0) {
    load(location, *space, max_elements, shoal::detail::SystemFiles());
  }
  template <class Files>
  void load(const std::string& location, SpaceInterface<dist_t>& space, std::size_t max_elements, Files&& files) {
    using Index = shoal::detail::PointGraphIndex;
    using shoal::Error;
    const shoal::detail::PointSpace points = shoal::detail::space_of(space);
    std::vector<float> loaded(points.dimensions());  // one point, where floats may lie
    auto parts = shoal::detail::read_hnswlib<labeltype, Index::Entries>(
        files, location,
        [&](const shoal::detail::HnswlibHead& file) -> shoal::Expected<Index::Entries, Error> {
          if (file.point_bytes == points.point_bytes) return Index::no_entries(points);
          return shoal::Unexpected<Error>(shoal::detail::make_error(shoal::ErrorCode::incompatible,
                                                                    "expected points of ", points.point_bytes,
                                                                    " bytes, got ", file.point_bytes));
        },
        [&](const Index::Entries&, std::span<const std::byte> point) -> shoal::Expected<std::span<const float>, Error> {
          if (!point.empty()) std::memcpy(loaded.data(), point.data(), point.size());
          if (auto fault = shoal::detail::find_fault(points, loaded.data())) {
            return shoal::Unexpected<Error>(*std::move(fault));
          }
          return std::span<const float>(loaded);
        });
    if (!parts) fail(parts.error());
    writing_([&] {
      std::unordered_set<labeltype> deleted;
      for (const std::uint64_t label : parts->deleted) deleted.insert(static_cast<labeltype>(label));
      auto index = std::make_unique<Index>(parts->config, std::move(parts->entries), std::move(parts->structure));
      const auto room = static_cast<std::size_t>(parts->room);
      set_space(space);  // nothing fails from here on
      deleted_.replace(deleted);
      take_index(std::move(index));
      max_elements_ = max_elements < cur_element_count ? std::max<std::size_t>(room, cur_element_count) : max_elements;
    });
  }

 private:
  [[noreturn]] static void fail(const std::string& message) {
    shoal::detail::raise<std::runtime_error>(message.c_str());
  }
  [[noreturn]] static void fail(const shoal::Error& error) { fail(std::string(error.message())); }

  void set_space(SpaceInterface<dist_t>& space) {
    space_ = shoal::detail::space_of(space);
    fstdistfunc_ = space.get_dist_func();
    dist_func_param_ = space.get_dist_func_param();
    data_size_ = space_.point_bytes;
  }
  void take_index(std::unique_ptr<shoal::detail::PointGraphIndex> index) {
    index_ = std::move(index);
    scratch_.clear();  // it was as wide as the rows of another
    M_ = maxM_ = index_->config().M;
    maxM0_ = 2 * M_;
    ef_construction_ = std::max(index_->config().ef_construction, M_);
    count();
  }
  void count() const {
    cur_element_count = index_ == nullptr ? 0 : index_->size();
    num_deleted_ = deleted_.size();
  }
  [[nodiscard]] shoal::detail::PointGraphIndex& index() const {
    if (index_ == nullptr) fail("The index holds nothing: it was not loaded");
    return *index_;
  }

  void require_in(labeltype label) const {
    if (!index().find(label)) fail("Label not found");
  }
  /// What use(slot) gives, while points stay where they are.
  template <class Use>
  auto with_live(tableint internal_id, const Use& use) const {
    shoal::detail::Access::Read read(index().access());
    const shoal::Slot slot = shoal::to_slot(internal_id);
    if (!index_->entries().is_live(slot)) fail("No point has this internal id");
    return use(slot);
  }
  void require_sound(const void* point) const {
    if (const auto fault = shoal::detail::find_fault(space_, point)) fail(*fault);
  }

  using Addition = shoal::detail::Addition;
  using Additions = shoal::detail::Additions;

  tableint add_with_others(const void* datapoint, labeltype label, bool replaces) {
    // A call that may not be is refused here, before others are joined to it.
    if (index().access().is_entered()) fail(shoal::Error(shoal::ErrorCode::reentrant_mutation));
    require_sound(datapoint);
    Addition mine{datapoint, label, replaces};
    adding_(mine, [&](Additions all, const shoal::Executor& executor) { writing_([&] { add_all(all, executor); }); });
    if (mine.failure) std::rethrow_exception(mine.failure);
    return mine.slot;
  }
  /// The caller holds `writing_`.
  void add_all(Additions all, const shoal::Executor& executor) noexcept {
    while (!all.empty()) {
      const std::size_t room = max_elements_ - std::min<std::size_t>(max_elements_, cur_element_count);
      const Additions of_new = all.first(shoal::detail::count_new_labels(all, *index_, room));
      all = all.subspan(shoal::detail::add_new_points(of_new, *index_, executor));
      count();
      if (all.empty()) return;
      Addition& one = *all.front();
      SHOAL_TRY {
        add(one.point, one.label, one.replaces);
        one.slot = static_cast<tableint>(*index_->find(one.label));
      }
      SHOAL_CATCH_ALL { one.failure = std::current_exception(); }
      all = all.subspan(1);
    }
  }
  /// The caller holds `writing_`.
  void add(const void* datapoint, labeltype label, bool replaces) {
    if (index().find(label)) {
      const bool is_marked = deleted_.contains(label);
      if (is_marked && allow_replace_deleted_ && !replaces) {
        fail("Can't use addPoint to update deleted elements if replacement of deleted elements is enabled.");
      }
      put(datapoint, label);
      if (is_marked) deleted_.erase(label);
    } else if (const auto replaced = replaces ? deleted_.any() : std::nullopt) {
      put(datapoint, label);
      if (const auto erased = index().erase(*replaced); !erased) fail(erased.error());
      deleted_.erase(*replaced);
    } else {
      if (cur_element_count >= max_elements_) fail("The number of elements exceeds the specified limit");
      put(datapoint, label);
    }
    count();
  }
  void put(const void* datapoint, labeltype label) {
    require_sound(datapoint);
    if (const auto done = index().upsert(label, index().as_vector(datapoint)); !done) fail(done.error());
  }

  /// The distance of a point that was found, in the space's own type.
  [[nodiscard]] dist_t exact(const void* query, labeltype label, float distance) const {
    if constexpr (std::same_as<dist_t, float>) {
      return distance;
    } else {
      auto result = static_cast<dist_t>(distance);
      index_->with_point(label, [&](const void* point) { result = fstdistfunc_(query, point, dist_func_param_); });
      return result;
    }
  }
  [[nodiscard]] shoal::detail::HnswlibHead head() const {
    shoal::detail::HnswlibHead head;
    head.room = max_elements_;
    head.M = M_;
    head.ef_construction = ef_construction_;
    head.point_bytes = data_size_;
    return head;
  }

  shoal::detail::PointSpace space_;
  shoal::detail::DeletedLabels deleted_;
  shoal::detail::JointCalls<Addition> adding_;
  shoal::detail::Lock writing_;
  mutable shoal::detail::ScratchPool<shoal::detail::StopWalkScratch> scratch_;
};

}  // namespace hnswlib
