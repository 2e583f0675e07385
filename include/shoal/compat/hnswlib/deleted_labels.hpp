#pragma once
// The labels that are marked as deleted. Their points stay in the index, and searches pass over them; so a mark can be
// taken away again. Many may ask at once, while one marks: who asks holds off who marks for as long as a search takes,
// and who marks lets nobody new in, so that neither waits for ever.

#include <atomic>
#include <cstddef>
#include <optional>
#include <unordered_set>

#include "shoal/compat/hnswlib/interfaces.hpp"
#include "shoal/core/platform.hpp"

#if SHOAL_HAS_THREADS
#include <mutex>
#include <shared_mutex>
#endif

namespace shoal::inline v0::detail {

class DeletedLabels {
 public:
  /// While it lives, no mark changes. Where there are none when it begins, it sees none, and costs nothing.
  class View {
   public:
    explicit View(const DeletedLabels& labels) {
      if (labels.size() == 0) return;
#if SHOAL_HAS_THREADS
      const std::lock_guard in_turn(labels.turn_);
      lock_ = std::shared_lock(labels.mutex_);
#endif
      labels_ = &labels.labels_;
    }
    [[nodiscard]] bool is_empty() const noexcept { return labels_ == nullptr || labels_->empty(); }
    [[nodiscard]] bool contains(hnswlib::labeltype label) const {
      return labels_ != nullptr && labels_->find(label) != labels_->end();
    }

   private:
    const std::unordered_set<hnswlib::labeltype>* labels_ = nullptr;
#if SHOAL_HAS_THREADS
    std::shared_lock<std::shared_mutex> lock_;
#endif
  };

  [[nodiscard]] std::size_t size() const noexcept { return size_.load(); }

  // One thread at a time marks; it may ask without a view.

  [[nodiscard]] bool contains(hnswlib::labeltype label) const { return labels_.find(label) != labels_.end(); }
  /// One of them, if there are any.
  [[nodiscard]] std::optional<hnswlib::labeltype> any() const {
    return labels_.empty() ? std::nullopt : std::optional(*labels_.begin());
  }
  /// False when it was marked. Errors: std::bad_alloc, nothing changed.
  bool insert(hnswlib::labeltype label) {
    return change([&] { return labels_.insert(label).second; });
  }
  /// False when it was not.
  bool erase(hnswlib::labeltype label) {
    return change([&] { return labels_.erase(label) != 0; });
  }
  void clear() {
    std::unordered_set<hnswlib::labeltype> none;
    replace(none);
  }
  /// `labels` are the ones that are marked. It is given what was.
  void replace(std::unordered_set<hnswlib::labeltype>& labels) {
    change([&] {
      labels_.swap(labels);
      return true;
    });
  }

 private:
  /// What `change_labels` says.
  template <class Change>
  bool change(const Change& change_labels) {
#if SHOAL_HAS_THREADS
    const std::lock_guard in_turn(turn_);
    const std::lock_guard alone(mutex_);
#endif
    struct Counted {
      DeletedLabels& self;
      ~Counted() { self.size_.store(self.labels_.size()); }
    } counted{*this};
    return change_labels();
  }

  std::unordered_set<hnswlib::labeltype> labels_;
  std::atomic<std::size_t> size_{0};
#if SHOAL_HAS_THREADS
  mutable std::mutex turn_;
  mutable std::shared_mutex mutex_;
#endif
};

}  // namespace shoal::inline v0::detail
