#pragma once
// A batch of a DurableIndex: reads a source into records, as many as go into one transaction, and hands them on to be
// committed and linked. The rules are those of index/batch.hpp, but for one: what is committed stays.

#include <algorithm>
#include <cstddef>
#include <exception>
#include <optional>
#include <ranges>
#include <span>
#include <unordered_set>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/exception.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/index/batch_error.hpp"
#include "shoal/index/batch_source.hpp"
#include "shoal/index/entries.hpp"
#include "shoal/index/options.hpp"
#include "shoal/index/progress.hpp"
#include "shoal/index/vector_input.hpp"
#include "shoal/ingest/record.hpp"

namespace shoal::inline v0::detail {

/// `Commit`: (records, on_linked) -> Expected<Committed, Error>; calls on_linked(n) when the first n are searchable.
template <class Index, class Commit>
class DurableBatch {
  using Id = typename Index::id_type;
  using Metric = typename Index::metric_type;

 public:
  using Result = Expected<std::vector<Id>, BatchError<Id>>;

  DurableBatch(const Index& index, const Commit& commit, std::size_t most, ProgressRef progress,
               const BatchOptions& options)
      : index_(index),
        commit_(commit),
        most_(options.atomicity == Atomicity::prefix ? std::max<std::size_t>(most, 1) : max_slots),
        progress_(progress),
        options_(options) {}

  template <class Source>
  [[nodiscard]] Result run(Source&& source) {
    std::optional<Error> failure;
    SHOAL_TRY { failure = read_all(source); }
    SHOAL_CATCH_ALL { failure = explain_exception(); }
    if (!failure) return std::move(ids_);
    BatchError<Id> error;
    error.successful_count = ids_.size();
    error.successful_ids = std::move(ids_);
    error.completed_count = completed_;
    error.failed_index = failed_index_;
    error.failed_id = failed_id_;
    error.cause = *std::move(failure);
    error.exception = std::move(exception_);
    return Unexpected<BatchError<Id>>(std::move(error));
  }

 private:
  template <class Source>
  std::optional<Error> read_all(Source&& source) {
    buffer_.reserve(index_.dimensions());
    in_source_ = true;
    if constexpr (std::ranges::sized_range<Source>) {
      total_ = static_cast<std::size_t>(std::ranges::size(source));
      if (total_ == 0) return std::nullopt;
    }
    if (options_.stop.stop_requested()) return cancelled("a stop was requested");
    auto item = std::ranges::begin(source);
    const auto last = std::ranges::end(source);
    if (item == last) return std::nullopt;
    for (bool more = true; more;) {
      std::optional<Error> failure;
      SHOAL_TRY { failure = read_piece(item, last, more); }
      SHOAL_CATCH_ALL { failure = explain_exception(); }
      if (failure && options_.atomicity == Atomicity::all_or_nothing) return failure;
      // What was read before the failure goes in; a failure on that way comes first, and is the one that counts.
      auto blamed = std::pair(std::exchange(failed_index_, std::nullopt), std::exchange(failed_id_, std::nullopt));
      auto exception = std::exchange(exception_, nullptr);
      if (auto earlier = put_in()) return earlier;
      std::tie(failed_index_, failed_id_) = blamed;
      exception_ = std::move(exception);
      if (failure) return failure;
      in_source_ = true;
    }
    return std::nullopt;
  }

  /// Reads as many items as go into one transaction. `more`: the source has not ended.
  template <class Iterator, class Sentinel>
  std::optional<Error> read_piece(Iterator& item, const Sentinel& last, bool& more) {
    while (records_.size() < most_) {
      if (needs_move_) {
        if (options_.stop.stop_requested()) return cancelled("a stop was requested");
        ++item;
        needs_move_ = false;
        if (item == last) {
          more = false;
          return std::nullopt;
        }
      }
      if (auto failure = read_item(*item)) return failure;
      failed_index_.reset();
      failed_id_.reset();
      in_source_ = true;
      ++read_;
      needs_move_ = true;
      if (total_ != 0 && read_ == total_) {
        more = false;
        return std::nullopt;
      }
    }
    return std::nullopt;
  }

  template <class Item>
  std::optional<Error> read_item(Item&& item) {
    in_source_ = true;
    failed_index_ = read_;
    auto&& [raw_id, vector] = item;
    static_assert(VectorInput<decltype(vector)>,
                  "shoal: the second part of a batch item must be a contiguous range of numbers or an Eigen vector");
    auto id = to_id<Id>(raw_id);
    if (!id) return std::move(id.error());
    failed_id_ = *id;
    auto floats = read_vector(vector, index_.dimensions(), buffer_);
    if (!floats) return std::move(floats.error());
    in_source_ = false;
    if (auto fault = find_fault<Metric>(*floats)) return fault;
    return take(*id, *floats);
  }

  std::optional<Error> take(Id id, std::span<const float> vector) {
    const bool in_index = index_.contains(id);
    const bool in_piece = piece_ids_.contains(id);
    if (in_index || in_piece) {
      if (options_.on_duplicate == OnDuplicate::skip) return std::nullopt;
      if (options_.on_duplicate == OnDuplicate::fail) return duplicate(id, in_piece);
    } else if (const std::size_t most = index_.config().max_elements; most != 0 && index_.size() + new_ids_ >= most) {
      return make_error(ErrorCode::capacity_exceeded, "expected at most max_elements = ", most, " entries, id ", id,
                        " would be one more");
    }
    // The record last: where memory runs out before, the item is not in the piece, and what is noted of it is dropped.
    positions_.push_back(read_);
    if (!in_piece) piece_ids_.insert(id);
    records_.push_back({.id = id, .vector = std::vector<float>(vector.begin(), vector.end())});
    if (!in_index && !in_piece) ++new_ids_;
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Error> duplicate(Id id, bool in_piece) const {
    const bool in_batch = in_piece || std::find(ids_.begin(), ids_.end(), id) != ids_.end();
    return make_error(ErrorCode::duplicate_id, "expected a new id, got ", id,
                      in_batch ? ", which came before in this batch" : ", which is in the index");
  }

  /// Commits and links what was read, and tells the caller of each item.
  std::optional<Error> put_in() {
    in_source_ = false;
    ids_.reserve(ids_.size() + records_.size());
    std::optional<Error> ended;  // by the callback
    const auto report_to = [&](std::size_t items) noexcept {
      while (!ended && completed_ < items) ended = report(++completed_);
      completed_ = items;
    };
    std::optional<Error> failure;
    if (!records_.empty()) {
      std::size_t linked = 0;
      auto committed = commit_(std::span<const Record<Id>>(records_), [&](std::size_t count) noexcept {
        linked = count;
        report_to(positions_[count - 1] + 1);
      });
      if (!committed) failure = std::move(committed.error());
      for (std::size_t i = 0; i < linked; ++i) ids_.push_back(records_[i].id);
    }
    records_.clear();
    positions_.clear();
    piece_ids_.clear();
    new_ids_ = 0;
    if (failure) return failure;
    report_to(read_);
    if (ended && options_.atomicity == Atomicity::prefix) return ended;
    exception_ = nullptr;
    return std::nullopt;
  }

  /// Why the callback ended the batch, if it did.
  [[nodiscard]] std::optional<Error> report(std::size_t completed) noexcept {
    SHOAL_TRY {
      if (progress_(completed, total_)) return std::nullopt;
      return make_error(ErrorCode::cancelled, "cancelled: the progress callback returned false");
    }
    SHOAL_CATCH_ALL {
      exception_ = std::current_exception();
      return describe_exception(ErrorCode::callback_failed);
    }
  }

  [[nodiscard]] std::optional<Error> cancelled(const char* why) {
    failed_index_.reset();
    failed_id_.reset();
    return make_error(ErrorCode::cancelled, "cancelled: ", why);
  }

  /// Called inside a handler: what the exception in flight means for the batch.
  [[nodiscard]] Error explain_exception() noexcept {
    if (!in_source_ && is_bad_alloc()) return Error(ErrorCode::out_of_memory);
    exception_ = std::current_exception();
    failed_index_ = read_;
    return describe_exception(ErrorCode::source_failed);
  }

  const Index& index_;
  const Commit& commit_;
  std::size_t most_;
  ProgressRef progress_;
  const BatchOptions& options_;

  std::vector<Record<Id>> records_;     // of the transaction that is being read
  std::vector<std::size_t> positions_;  // of each in the source
  std::unordered_set<Id> piece_ids_;
  std::size_t new_ids_ = 0;  // among them, not in the index
  std::vector<float> buffer_;
  std::vector<Id> ids_;

  std::size_t total_ = 0;      // 0: unknown
  std::size_t read_ = 0;       // items read from the source
  std::size_t completed_ = 0;  // items that are done
  bool needs_move_ = false;    // the source stands at an item that was read
  bool in_source_ = false;     // what throws now is the source's
  std::optional<std::size_t> failed_index_;
  std::optional<Id> failed_id_;
  std::exception_ptr exception_;
};

}  // namespace shoal::inline v0::detail
