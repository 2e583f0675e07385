#pragma once
// hnswlib's BruteforceSearch, over shoal's BruteForceIndex: every point is compared.
//
// Its file, as hnswlib's: [ room u64 ][ bytes of an element u64 ][ points u64 ], then [ point ][ label u64 ] for each,
// and zeros for the room that is left.

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <queue>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "shoal/compat/hnswlib/interfaces.hpp"
#include "shoal/compat/hnswlib/point_index.hpp"
#include "shoal/compat/hnswlib_file.hpp"
#include "shoal/core/archive.hpp"
#include "shoal/core/lock.hpp"
#include "shoal/io/replace_file.hpp"

namespace hnswlib {

/// Exact search in points of a space, which outlives it.
///
/// *Threads*: any number may search, add and remove at once. `loadIndex` and destroying are for one thread alone.
template <class dist_t>
class BruteforceSearch : public AlgorithmInterface<dist_t> {
 public:
  using Results = std::vector<std::pair<dist_t, labeltype>>;  ///< Nearest first.

  // What programs read; it is kept true, and not to be written.

  std::size_t maxelements_ = 0;
  std::size_t cur_element_count = 0;
  std::size_t size_per_element_ = 0;
  std::size_t data_size_ = 0;
  DISTFUNC<dist_t> fstdistfunc_ = nullptr;  ///< The space's, with the parameter that it takes.
  void* dist_func_param_ = nullptr;

  /// Nothing, until something is loaded.
  explicit BruteforceSearch(SpaceInterface<dist_t>* space) { set_space(*space); }
  /// What a file holds: `loadIndex`.
  BruteforceSearch(SpaceInterface<dist_t>* space, const std::string& location) { loadIndex(location, space); }
  BruteforceSearch(SpaceInterface<dist_t>* space, std::size_t max_elements) : maxelements_(max_elements) {
    set_space(*space);
  }

  /// Adds a point, or gives the one that has the label other data. `replace_deleted` has no effect.
  /// *Errors*: no room; data that is not finite, or of a squared norm above 2^125; memory. Then nothing changed.
  void addPoint(const void* datapoint, labeltype label, [[maybe_unused]] bool replace_deleted = false) override {
    writing_([&] {
      if (!index_->find(label) && cur_element_count >= maxelements_) {
        fail("The number of elements exceeds the specified limit\n");
      }
      require_sound(datapoint);
      if (const auto done = index_->upsert(label, index_->as_vector(datapoint)); !done) fail(done.error());
      cur_element_count = index_->size();
    });
  }
  /// A label that is not in is passed over.
  void removePoint(labeltype label) {
    writing_([&] {
      (void)index_->erase(label);
      cur_element_count = index_->size();
    });
  }

  std::priority_queue<std::pair<dist_t, labeltype>> searchKnn(const void* query, std::size_t k,
                                                              BaseFilterFunctor* isIdAllowed = nullptr) const override {
    using Found = std::pair<dist_t, labeltype>;
    return std::priority_queue<Found>(std::less<Found>(), searchKnnCloserFirst(query, k, isIdAllowed));
  }
  /// *Errors*: a query that is not finite, or of a squared norm above 2^125. What a filter throws comes through.
  Results searchKnnCloserFirst(const void* query, std::size_t k,
                               BaseFilterFunctor* isIdAllowed = nullptr) const override {
    require_sound(query);
    if constexpr (!std::same_as<dist_t, float>) return compare_all(query, k, isIdAllowed);
    shoal::SearchOptions options;
    options.k = k;
    if (isIdAllowed != nullptr) {
      options.filter = [&](std::uint64_t id) { return (*isIdAllowed)(static_cast<labeltype>(id)); };
    }
    const auto found = index_->try_search(index_->as_vector(query), options);
    if (!found) fail(found.error());
    Results results;
    results.reserve(found->size());
    for (const auto& [label, distance] : *found) results.emplace_back(static_cast<dist_t>(distance), label);
    return results;
  }

  /// Written beside `location`, synced and renamed. *Errors*: of the system; memory.
  void saveIndex(const std::string& location) override { save(location, shoal::detail::SystemFiles()); }
  template <class Files>
  void save(const std::string& location, Files&& files) {
    writing_([&] {
      const auto done =
          shoal::detail::replace_file(files, location, [&](auto& file) -> shoal::detail::Done { return write(file); });
      if (!done) fail(done.error());
    });
  }
  /// What there was goes, once the file turned out to be sound. *Errors*: of the system; a file that cannot be, or of
  /// points of another size; memory.
  void loadIndex(const std::string& location, SpaceInterface<dist_t>* space) {
    load(location, *space, shoal::detail::SystemFiles());
  }
  template <class Files>
  void load(const std::string& location, SpaceInterface<dist_t>& space, Files&& files) {
    BruteforceSearch loaded(&space, std::size_t{0});
    if (const auto done = loaded.read(files, location); !done) fail(shoal::detail::error_at(location, done.error()));
    set_space(space);
    index_ = std::move(loaded.index_);
    maxelements_ = loaded.maxelements_;
    cur_element_count = loaded.cur_element_count;
  }

 private:
  static constexpr std::size_t head_bytes = 24;

  [[noreturn]] static void fail(const std::string& message) {
    shoal::detail::raise<std::runtime_error>(message.c_str());
  }
  [[noreturn]] static void fail(const shoal::Error& error) { fail(std::string(error.message())); }

  void set_space(SpaceInterface<dist_t>& space) {
    const shoal::detail::PointSpace points = shoal::detail::space_of(space);
    shoal::BruteForceConfig config;
    config.dimensions = points.dimensions();
    if (const auto fault = shoal::detail::find_fault(config)) fail(*fault);
    index_ = std::make_unique<shoal::detail::PointFlatIndex>(points, config);
    space_ = points;
    fstdistfunc_ = space.get_dist_func();
    dist_func_param_ = space.get_dist_func_param();
    data_size_ = space_.point_bytes;
    size_per_element_ = data_size_ + sizeof(labeltype);
  }
  void require_sound(const void* point) const {
    if (const auto fault = shoal::detail::find_fault(space_, point)) fail(*fault);
  }

  /// In the space's own type: a float cannot tell all integers apart, nor all doubles.
  [[nodiscard]] Results compare_all(const void* query, std::size_t k, BaseFilterFunctor* isIdAllowed) const {
    shoal::detail::Access::Read read(index_->access());
    const auto& entries = index_->entries();
    std::priority_queue<std::pair<dist_t, labeltype>> nearest;
    for (std::size_t i = index_->live_from(0); i < entries.slots(); i = index_->live_from(i + 1)) {
      const shoal::Slot slot = shoal::to_slot(i);
      const labeltype label = entries.id_of(slot);
      if (isIdAllowed != nullptr && !(*isIdAllowed)(label)) continue;
      nearest.emplace(fstdistfunc_(query, entries.rows().point(slot), dist_func_param_), label);
      if (nearest.size() > k) nearest.pop();
    }
    Results results(nearest.size());
    for (auto place = results.rbegin(); place != results.rend(); ++place, nearest.pop()) *place = nearest.top();
    return results;
  }

  template <class File>
  [[nodiscard]] shoal::detail::Done write(File& file) const {
    using shoal::detail::put;
    if constexpr (!shoal::detail::lies_as_in_files) {
      return shoal::Unexpected<shoal::Error>(shoal::detail::numbers_differ());
    }
    const auto& entries = index_->entries();
    std::vector<std::byte> piece(head_bytes);
    put(piece, 0, std::uint64_t{maxelements_});
    put(piece, 8, std::uint64_t{size_per_element_});
    put(piece, 16, std::uint64_t{cur_element_count});
    constexpr std::size_t piece_bytes = 256 * 1024;
    std::size_t next = index_->live_from(0);
    for (std::size_t i = 0; i < maxelements_; ++i) {
      const std::size_t at = piece.size();
      piece.resize(at + size_per_element_);
      if (next < entries.slots()) {
        const shoal::Slot slot = shoal::to_slot(next);
        std::copy_n(entries.rows().point(slot), data_size_, piece.begin() + static_cast<std::ptrdiff_t>(at));
        put(piece, at + data_size_, std::uint64_t{entries.id_of(slot)});
        next = index_->live_from(next + 1);
      }
      if (piece.size() < piece_bytes) continue;
      if (auto done = file.write(piece.data(), piece.size()); !done) return done;
      piece.clear();
    }
    return file.write(piece.data(), piece.size());
  }

  /// Into an index that is empty.
  template <class Files>
  [[nodiscard]] shoal::detail::Done read(Files& files, const std::string& location) {
    using shoal::detail::corrupt;
    if constexpr (!shoal::detail::lies_as_in_files) {
      return shoal::Unexpected<shoal::Error>(shoal::detail::numbers_differ());
    }
    const auto file = files.open(location);
    if (!file) return shoal::Unexpected<shoal::Error>(file.error());
    const auto file_bytes = file->size();
    if (!file_bytes) return shoal::Unexpected<shoal::Error>(file_bytes.error());
    shoal::detail::FileCursor cursor(*file, 0, *file_bytes);
    std::array<std::byte, head_bytes> head;
    if (auto done = cursor.read(head); !done) return done;
    const auto number = [&](std::size_t at) { return shoal::detail::get<std::uint64_t>(head, at); };
    const std::uint64_t room = number(0), element_bytes = number(8), count = number(16);
    if (element_bytes != size_per_element_) {
      return corrupt("expected elements of ", size_per_element_, " bytes, got ", element_bytes);
    }
    if (count > room || room > cursor.left() / element_bytes || room * element_bytes != cursor.left()) {
      return corrupt("header: ", count, " points in room for ", room, " do not fit a file of ", *file_bytes, " bytes");
    }
    maxelements_ = static_cast<std::size_t>(room);
    std::vector<float> point(space_.dimensions());
    std::vector<std::byte> element(size_per_element_);
    for (std::uint64_t i = 0; i < count; ++i) {
      if (auto done = cursor.read(element); !done) return done;
      if (data_size_ != 0) std::memcpy(point.data(), element.data(), data_size_);
      const auto label = shoal::detail::get<std::uint64_t>(element, data_size_);
      if (auto fault = shoal::detail::find_fault(space_, point.data())) {
        return corrupt("element ", i, ": ", fault->message());
      }
      if (auto done = index_->upsert(static_cast<labeltype>(label), point); !done) return done;
    }
    cur_element_count = index_->size();
    return {};
  }

  shoal::detail::PointSpace space_;
  std::unique_ptr<shoal::detail::PointFlatIndex> index_;
  shoal::detail::Lock writing_;
};

}  // namespace hnswlib
