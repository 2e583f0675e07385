#pragma once
// The batch: reads a source item by item, stages each, links it, publishes it, tells the caller. The one place that
// knows what happens when something goes wrong on the way, and the same for every structure and storage.
//
// Whatever throws is told apart by the step it happens in: the source's exceptions and the callback's are theirs and
// are kept; an exception of our own can only be a failed allocation, and staging and publishing are built so that it
// leaves the items before untouched, or come from the executor, which counts as a callback. Linking may fail for lack
// of memory and then leaves no trace; nothing of our own throws between the link and the publication of an item.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/core/exception.hpp"
#include "shoal/index/batch_error.hpp"
#include "shoal/index/batch_scratch.hpp"
#include "shoal/index/batch_source.hpp"
#include "shoal/index/entries.hpp"
#include "shoal/index/options.hpp"
#include "shoal/index/progress.hpp"
#include "shoal/index/reclaim.hpp"

namespace shoal::inline v0 {

namespace detail {

/// One run of batch_insert over `entries` and the structure that finds them.
///
/// Items go in by rounds: a round is staged, linked as a whole, and then published item by item, each with its call of
/// the progress callback. When a batch ends among the items of a round, the round is taken back and linked again with
/// the items before that point alone, so that nothing after them is left in the structure.
template <class Id, class Entries, class Structure>
class BatchRun {
 public:
  using Result = Expected<std::vector<Id>, BatchError<Id>>;

  using Rows = std::remove_cvref_t<decltype(std::declval<const Entries&>().rows())>;

  BatchRun(Entries& entries, Structure& structure, BatchScratch<Rows>& scratch, ProgressRef progress,
           const BatchOptions& options) noexcept
      : entries_(entries),
        structure_(structure),
        progress_(progress),
        options_(options),
        scratch_(scratch),
        buffers_(scratch.buffers),
        fates_(scratch.fates) {}

  template <class Source>
  [[nodiscard]] Result run(Source&& source) {
    std::optional<Error> failure;
    entries_.begin_batch(keeps_undo());  // before anything can fail, for what fails ends the batch
    SHOAL_TRY {
      step_ = Step::source;
      if constexpr (std::ranges::sized_range<Source>) total_ = static_cast<std::size_t>(std::ranges::size(source));
      step_ = Step::own;
      workers_ = workers_of(options_);
      if (total_ != 0) workers_.limit(workers_.starts_threads() ? total_ / least_for_thread : total_);
      if constexpr (SketchedRows<Rows>) {
        buffers_.reserve(workers_.count());
        while (buffers_.size() < workers_.count()) buffers_.emplace_back(entries_.rows());
      }
      entries_.reserve_input();
      if (wants_draft()) entries_.begin_draft();
      if (keeps_undo()) structure_.begin_undo();
      undo_begun_ = keeps_undo();
      failure = read_all(source);
      if (!failure && keeps_undo()) failure = link_staged();
    }
    SHOAL_CATCH_ALL { failure = explain_exception(); }
    return failure ? fail(*std::move(failure)) : succeed();
  }

 private:
  /// Items that are worth a thread: starting one takes as long as linking a few.
  static constexpr std::size_t least_for_thread = 8;

  enum class Step : std::uint8_t { own, source, callback };
  /// What a failure would be laid to: the item read last, or something else.
  struct Blame {
    bool item = false;
    std::optional<Id> id{};
    std::exception_ptr exception{};
  };
  using Fate = typename BatchScratch<Rows>::Fate;

  [[nodiscard]] bool keeps_undo() const noexcept { return options_.atomicity == Atomicity::all_or_nothing; }

  /// Reads the source to its end or to the first failure, and links what was read, a round at a time.
  template <class Source>
  std::optional<Error> read_all(Source&& source) {
    step_ = Step::source;
    // A stop is asked for before the source is moved: a single-pass source does not lose the item that comes next.
    if constexpr (std::ranges::sized_range<Source>) {
      if (total_ == 0) return std::nullopt;
    }
    if (options_.stop.stop_requested()) return cancelled("a stop was requested");
    auto item = std::ranges::begin(source);
    const auto last = std::ranges::end(source);
    if (item == last) return std::nullopt;
    for (bool more = true; more;) {
      const std::size_t most = reads_ahead<Source>() ? structure_.round_size() : 1;
      std::optional<Error> failure;
      SHOAL_TRY { failure = stage_round(item, last, most, more); }
      SHOAL_CATCH_ALL { failure = explain_exception(); }
      if (keeps_undo()) {
        item_ = read_;
      } else {
        // What was read before the failure goes in; a failure on that way comes first, and is the one that counts.
        Blame blame = std::exchange(blame_, Blame{});
        if (auto earlier = link_round()) return earlier;
        reclaim_if_due(entries_, structure_, workers_);
        blame_ = std::move(blame);
      }
      if (failure) return failure;
    }
    return std::nullopt;
  }

  /// A source that can be read only once loses what was read ahead when the batch is ended from outside: then it is
  /// read one by one.
  template <class Source>
  [[nodiscard]] bool reads_ahead() const noexcept {
    return std::ranges::forward_range<Source> || (!progress_.can_cancel() && !options_.stop.can_stop());
  }

  /// Stages up to `most` items. `more`: the source has not ended.
  template <class Iterator, class Sentinel>
  std::optional<Error> stage_round(Iterator& item, const Sentinel& last, std::size_t most, bool& more) {
    for (std::size_t in_round = 1;; ++in_round) {
      if (needs_move_) {
        step_ = Step::source;
        if (options_.stop.stop_requested()) return cancelled("a stop was requested");
        blame_.id.reset();
        ++item;
        needs_move_ = false;
        if (item == last) {
          more = false;
          return std::nullopt;
        }
      }
      if (auto failure = stage(*item)) return failure;
      ++read_;
      step_ = Step::source;
      if (total_ != 0 && read_ == total_) {
        more = false;
        return std::nullopt;
      }
      needs_move_ = true;
      if (in_round == most) return std::nullopt;
    }
  }

  /// Validates one item and writes it where nothing sees it yet.
  template <class Item>
  std::optional<Error> stage(Item&& item) {
    step_ = Step::source;
    blame_.item = true;
    blame_.id.reset();
    auto&& [raw_id, vector] = item;
    static_assert(VectorInput<decltype(vector)>,
                  "shoal: the second part of a batch item must be a contiguous range of numbers or an Eigen vector");
    auto id = to_id<Id>(raw_id);
    if (!id) return std::move(id.error());
    blame_.id = *id;
    auto admitted = entries_.admit(vector);
    if (!admitted) return std::move(admitted.error());
    return take(*id, *admitted);
  }

  std::optional<Error> take(Id id, std::span<const float> vector) {
    step_ = Step::own;
    if (fates_.size() == fates_.capacity()) fates_.reserve(2 * fates_.size() + 64);
    reserve_ids(entries_.staged() + 1);
    structure_.reserve(entries_.slots_for_one_more());
    auto staged = entries_.stage(id, vector, options_.on_duplicate);
    if (!staged) return std::move(staged.error());
    if (*staged == Entries::Staged::duplicate) return duplicate(id);
    fates_.push_back(*staged == Entries::Staged::taken ? Fate::taken : Fate::passed_over);
    blame_ = {};
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Error> duplicate(Id id) const {
    const bool in_batch = entries_.is_staged(id) || std::find(ids_.begin(), ids_.end(), id) != ids_.end();
    return make_error(ErrorCode::duplicate_id, "expected a new id, got ", id,
                      in_batch ? ", which came before in this batch" : ", which is in the index");
  }

  /// Links and publishes what was staged.
  std::optional<Error> link_round() {
    std::optional<Error> failure;
    if (entries_.staged() == 0) {
      failure = publish();
    } else {
      step_ = Step::own;
      if (fates_.front() == Fate::taken) blame_.id = entries_.id_of(entries_.staged_slots().front());
      const std::span<const Slot> round = entries_.staged_slots();
      const bool may_end_early = fates_.size() > 1 && (progress_.is_wanted() || options_.stop.can_stop());
      if (may_end_early) structure_.begin_undo();
      TakeBack take_back{structure_, may_end_early};
      link(round);
      take_back.is_armed = false;
      blame_ = {};
      SHOAL_TRY { failure = publish(); }
      SHOAL_CATCH_ALL { failure = explain_exception(); }
      if (may_end_early && entries_.staged() != 0) {
        structure_.roll_back();
        link_first(entries_.published(), round);
      } else {
        structure_.commit();
      }
    }
    entries_.end_round();
    fates_.clear();
    return failure;
  }

  /// Takes a round back that could not be linked for lack of memory.
  struct TakeBack {
    Structure& structure;
    bool is_armed;
    ~TakeBack() {
      if (is_armed) structure.roll_back();
    }
  };

  /// A draft is not worth its making for a batch that is known to be small beside what is there.
  [[nodiscard]] bool wants_draft() const noexcept {
    return options_.link_by_codes && Structure::is_walked && (total_ == 0 || 16 * total_ >= entries_.slots());
  }

  void link(std::span<const Slot> slots) {
    if constexpr (!std::is_void_v<DraftRowsOf<Rows>>) {
      if (const auto* const codes = entries_.draft()) return structure_.link(*codes, slots, workers_, {});
    }
    structure_.link(entries_.rows(), slots, workers_, buffers_);
  }

  /// Links the first `wanted` items of a round that was taken back. They may need memory that the round as a whole did
  /// not; if there is none, the whole round goes in, which fits where it was.
  void link_first(std::size_t wanted, std::span<const Slot> round) {
    SHOAL_TRY { return link(round.first(wanted)); }
    SHOAL_CATCH_ALL {}
    link(round);
    for (; item_ < read_; ++item_) {
      if (fates_[fates_.size() - (read_ - item_)] == Fate::taken) publish_next();
    }
  }

  /// Makes entries of the staged items of a round that is linked, and tells the caller of each item.
  std::optional<Error> publish() {
    for (std::size_t i = 0; i < fates_.size(); ++i) {
      if (i > 0 && options_.stop.stop_requested()) return cancelled("a stop was requested");
      if (fates_[i] == Fate::taken) publish_next();
      ++item_;
      if (!report(item_)) return cancelled("the progress callback returned false");
    }
    return std::nullopt;
  }

  /// The first staged item becomes an entry.
  void publish_next() {
    ids_.push_back(entries_.id_of(entries_.staged_slots().front()));
    entries_.publish();
  }

  /// An all-or-nothing batch whose source has been read to the end: links what was staged, a round at a time.
  std::optional<Error> link_staged() {
    std::size_t linked = 0;
    for (item_ = 0; item_ < fates_.size(); ++item_) {
      step_ = Step::own;
      if (item_ > 0 && options_.stop.stop_requested()) return cancelled("a stop was requested");
      if (fates_[item_] == Fate::taken) {
        blame_.id = entries_.id_of(entries_.staged_slots().front());
        if (linked == 0) {
          linked = std::min(structure_.round_size(), entries_.staged());
          link(entries_.staged_slots().first(linked));
        }
        publish_next();
        --linked;
      }
      if (!report(item_ + 1)) return cancelled("the progress callback returned false");
    }
    return std::nullopt;
  }

  /// False when the callback wants to stop.
  bool report(std::size_t completed) {
    step_ = Step::callback;
    return progress_(completed, total_);
  }

  /// Room for `more` ids than there are.
  void reserve_ids(std::size_t more) {
    const std::size_t needed = ids_.size() + more;
    if (needed <= ids_.capacity()) return;
    const std::size_t doubled = std::max(needed, 2 * ids_.capacity());
    constexpr std::size_t believed_at_once = 65'536;  // a length that a source claims is trusted up to here
    ids_.reserve(std::max(doubled, std::min(total_, believed_at_once)));
  }

  [[nodiscard]] std::optional<Error> cancelled(const char* why) {
    blame_ = {};
    return make_error(ErrorCode::cancelled, "cancelled: ", why);
  }

  /// Called inside a handler: what the exception in flight means for the batch.
  [[nodiscard]] Error explain_exception() noexcept {
    // What else comes out of a step of our own is the executor's.
    if (step_ == Step::own && is_bad_alloc()) {
      blame_.item = blame_.id.has_value();
      return Error(ErrorCode::out_of_memory);
    }
    blame_.exception = std::current_exception();
    blame_.item = step_ == Step::source;
    return describe_exception(step_ == Step::source ? ErrorCode::source_failed : ErrorCode::callback_failed);
  }

  void end_batch() noexcept {
    reclaim_if_due(entries_, structure_, workers_);
    entries_.end_batch();
    structure_.end_batch();
    scratch_.end_batch();
  }

  [[nodiscard]] Result succeed() noexcept {
    if (undo_begun_) structure_.commit();
    end_batch();
    return std::move(ids_);
  }

  [[nodiscard]] Result fail(Error&& cause) noexcept {
    if (keeps_undo()) {
      entries_.roll_back();
      if (undo_begun_) structure_.roll_back();  // waits for who found the entries before they went
      ids_.clear();
    }
    end_batch();
    BatchError<Id> error;
    error.successful_count = ids_.size();
    error.successful_ids = std::move(ids_);
    error.completed_count = keeps_undo() ? 0 : item_;
    if (blame_.item) {
      error.failed_index = item_;
      error.failed_id = blame_.id;
    }
    error.cause = std::move(cause);
    error.exception = std::move(blame_.exception);
    return Unexpected<BatchError<Id>>(std::move(error));
  }

  Entries& entries_;
  Structure& structure_;
  ProgressRef progress_;
  const BatchOptions& options_;
  std::size_t total_ = 0;  // 0: unknown
  BatchScratch<Rows>& scratch_;
  std::vector<typename Rows::QueryBuffer>& buffers_;
  std::vector<Fate>& fates_;

  Workers workers_;
  std::vector<Id> ids_;

  std::size_t read_ = 0;     // items read from the source
  std::size_t item_ = 0;     // items that are done
  bool needs_move_ = false;  // the source stands at an item that was read
  Step step_ = Step::own;
  Blame blame_;
  bool undo_begun_ = false;
};

}  // namespace detail
}  // namespace shoal::inline v0
