#pragma once
// Links a batch on a thread of its own, while its caller goes on: the next batch is made and committed meanwhile.
// One batch at a time. Without threads it is linked at once.

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/index/options.hpp"
#include "shoal/index/progress.hpp"
#include "shoal/ingest/record.hpp"

#if SHOAL_HAS_THREADS
#include <system_error>
#include <thread>
#endif

namespace shoal::inline v0::detail {

/// Not for several threads at once: who calls it holds the guard of writing.
template <class Index>
class LinkBehind {
  using Id = typename Index::id_type;

 public:
  /// What became of a batch.
  struct Outcome {
    Committed committed;
    std::optional<Error> failure;
  };

  LinkBehind() = default;
  LinkBehind(const LinkBehind&) = delete;
  LinkBehind& operator=(const LinkBehind&) = delete;
  ~LinkBehind() { (void)wait(); }

  /// Begins to put a transaction's records into `index`. They are copied first: std::bad_alloc, and nothing began.
  void start(Index& index, const Committed& committed, std::span<const Record<Id>> records,
             const BatchOptions& options) {
    vectors_.clear();
    items_.clear();
    vectors_.reserve(records.size() * index.dimensions());
    items_.reserve(records.size());
    for (const Record<Id>& record : records) {
      const float* const begin = vectors_.data() + vectors_.size();
      vectors_.insert(vectors_.end(), record.vector.begin(), record.vector.end());
      items_.emplace_back(record.id, std::span(begin, record.vector.size()));
    }
    const auto link = [this, &index, options] {
      auto linked = index.batch_insert(items_, NoProgress{}, options);
      if (!linked) outcome_->failure = std::move(linked.error().cause);
    };
    outcome_ = Outcome{committed, std::nullopt};  // from here on it is linked, or says why not
#if SHOAL_HAS_THREADS
    SHOAL_TRY {
      thread_ = std::thread(link);
      return;
    }
    SHOAL_CATCH_ALL {}  // no thread to be had
#endif
    link();
  }

  /// Waits for the batch that was begun, if there is one that was not waited for.
  [[nodiscard]] std::optional<Outcome> wait() noexcept {
#if SHOAL_HAS_THREADS
    if (thread_.joinable()) thread_.join();
#endif
    return std::exchange(outcome_, std::nullopt);
  }

 private:
  // Kept from batch to batch: a flat copy, as large as the largest batch.
  std::vector<float> vectors_;
  std::vector<std::pair<Id, std::span<const float>>> items_;
  std::optional<Outcome> outcome_;
#if SHOAL_HAS_THREADS
  std::thread thread_;
#endif
};

}  // namespace shoal::inline v0::detail
