#pragma once
// Pages of files in memory, within a bound that holds at every moment. Pages are 4 KiB, counted from the beginning of
// their file, and lie in frames. A page that comes takes a frame that was never used, or that of the page that was used
// longest ago. What a frame needs besides its page is within the bound.
//
// Who reads gets a copy, so no page is ever held, nobody waits for anybody, and one frame would do. A frame says whose
// page it has, and counts the pages it had; where that count is another after copying, the copy is worth nothing (a
// sequence lock). Whose page it has is not enough: it may have had another meanwhile. So a hit takes no lock, and
// writes nothing but the first time after a miss.
//
// Time is counted in misses: of two pages, that one was used longer ago whose last hit has seen more misses since. When
// a page was used is written into its frame; two heaps, of all pages and of those of one file, are put right when
// something is taken from them.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <vector>

#include "shoal/core/lock.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/core/shared.hpp"

#if SHOAL_HAS_THREADS
#include <atomic>
#endif

namespace shoal::inline v0::detail {

class PageCache {
 public:
  static constexpr std::size_t page_bytes = 4'096;
  /// What a page costs with all that is kept about it.
  static constexpr std::size_t frame_bytes = page_bytes + 80;

 private:
  using Time = std::size_t;  // in misses; as wide as can be written whole

  /// That a frame was used, in a heap.
  struct Use {
    Time when;
    std::uint32_t frame;
    std::uint32_t generation;
  };

 public:
  /// The pages of one file that are in the cache. Those go when it is destroyed; nobody reads through it then.
  class Table {
   public:
    /// `most_bytes`: of this file in the cache. Errors: std::bad_alloc.
    Table(PageCache& cache, std::uint64_t file_bytes, std::size_t most_bytes)
        : cache_(cache),
          frames_(static_cast<std::size_t>(pages_of(file_bytes))),
          most_frames_(cache.cap_of(file_bytes, most_bytes)) {
      if (is_capped()) uses_.reserve(heap_room(most_frames_));
      cache_.lock_([&] { ++cache_.tables_; });
    }
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;
    ~Table() { cache_.drop(*this); }

    /// Bytes that such a table takes.
    [[nodiscard]] static std::uint64_t bytes_for(const PageCache& cache, std::uint64_t file_bytes,
                                                 std::size_t most_bytes) noexcept {
      const std::size_t cap = cache.cap_of(file_bytes, most_bytes);
      return pages_of(file_bytes) * sizeof(std::uint32_t) + (cap == no_cap ? 0 : heap_room(cap) * sizeof(Use));
    }

   private:
    friend PageCache;
    [[nodiscard]] bool is_capped() const noexcept { return most_frames_ != no_cap; }

    PageCache& cache_;
    std::vector<std::uint32_t> frames_;  // by page: 1 and the frame that has it; 0: none
    std::size_t most_frames_;
    std::size_t held_ = 0;
    std::vector<Use> uses_{};  // a heap, when it is capped
  };

  /// Room for as many pages as fit into `most_bytes`, at least one. It is reserved, so that nothing moves, and touched
  /// when pages come. Errors: std::bad_alloc.
  explicit PageCache(std::size_t most_bytes)
      : limit_bytes_(most_bytes),
        frame_count_(std::clamp<std::size_t>(most_bytes / frame_bytes, 1, std::numeric_limits<std::int32_t>::max())) {
    frames_.reserve(frame_count_);
    blocks_.reserve((frame_count_ + frames_in_block - 1) / frames_in_block);
    uses_.reserve(heap_room(frame_count_));
    free_.reserve(frame_count_);
  }
  PageCache(const PageCache&) = delete;
  PageCache& operator=(const PageCache&) = delete;
  ~PageCache() = default;

  /// Copies a part of a page, if the page is there. *Threads*: any number.
  [[nodiscard]] bool copy(const Table& table, std::size_t page, std::size_t from,
                          std::span<std::byte> out) const noexcept {
    const std::uint32_t number = load_shared(table.frames_[page]);
    if (number == 0) return false;
    const Frame& frame = frames_[number - 1];
    const std::uint32_t generation = frame.generation.load();
    if (frame.table.load() != &table || frame.page.load() != page) return false;
    copy_page(words_of(number - 1), from, out);
    if (frame.generation.load() != generation) return false;
    if (frame.used.load() != now_.load()) frame.used.store(now_.load());
    return true;
  }
  /// Asks the processor's cache for the beginning of what will be copied.
  void prefetch(const Table& table, std::size_t page, std::size_t from, std::size_t bytes) const noexcept {
    const std::uint32_t number = load_shared(table.frames_[page]);
    if (number == 0) return;
    detail::prefetch(&frames_[number - 1]);
    const auto* const first = reinterpret_cast<const std::byte*>(words_of(number - 1)) + from;
    const std::size_t end = std::min({bytes, page_bytes - from, 4 * cache_line_bytes});
    for (std::size_t at = 0; at < end; at += cache_line_bytes) detail::prefetch(first + at);
  }
  [[nodiscard]] bool has(const Table& table, std::size_t page) const noexcept {
    return load_shared(table.frames_[page]) != 0;
  }

  /// Takes in a page that was read. Without memory for a frame, or where no frame is free and it may not `evict`, it
  /// does not. *Threads*: any number.
  void put(Table& table, std::size_t page, std::span<const std::byte> bytes, bool may_evict = true) noexcept {
    lock_([&] {
      if (table.frames_[page] != 0) return;  // another thread was first
      const std::optional<std::uint32_t> number = take_frame(table, may_evict);
      if (!number) return;
      Frame& frame = frames_[*number];
      now_.store(now_.load() + 1);
      frame.used.store(now_.load());
      frame.generation.store(frame.generation.load() + 1);
      const Use use{now_.load(), *number, frame.generation.load()};
      push(uses_, use);
      if (table.is_capped()) push(table.uses_, use);
      store_page(words_of(*number), bytes);
      frame.page.store(page);
      frame.table.store(&table);
      store_shared(table.frames_[page], *number + 1);
      ++table.held_;
      peak_ = std::max(peak_, ++held_);
    });
  }

  /// Gives all memory back when the last table goes; nothing is taken in then.
  void close() noexcept {
    lock_([&] {
      is_closed_ = true;
      give_back_unless_wanted();
    });
  }

  struct Counts {
    std::uint64_t evictions;  // with those that went with their table
    std::size_t bytes;
    std::size_t peak_bytes;
    std::size_t limit_bytes;
  };
  [[nodiscard]] Counts counts() const noexcept {
    return lock_([&] { return Counts{evictions_, held_ * frame_bytes, peak_ * frame_bytes, limit_bytes_}; });
  }
  /// Bytes allocated.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return lock_([&] {
      return frames_.capacity() * sizeof(Frame) + uses_.capacity() * sizeof(Use) +
             free_.capacity() * sizeof(std::uint32_t) + blocks_.capacity() * sizeof(blocks_[0]) +
             taken_pages_ * page_bytes;
    });
  }

 private:
  /// A page that goes leaves no table; one that comes first counts, and says whose it is when it is all there. Readers
  /// look at the generation first, then at the table, then at the page.
  struct Frame {
    mutable Shared<Time> used;         // when
    Shared<Table*> table;              // whose page it has; null: nobody's
    Shared<std::size_t> page;          // which
    Shared<std::uint32_t> generation;  // how often it was taken
  };
  static constexpr std::size_t words_in_page = page_bytes / sizeof(std::uint64_t);
  static constexpr std::size_t frames_in_block = 64;
  struct FreeBlock {
    void operator()(std::uint64_t* words) const noexcept { ::operator delete (words, std::align_val_t{page_bytes}); }
  };

  static constexpr std::size_t no_cap = std::numeric_limits<std::size_t>::max();

  [[nodiscard]] static std::size_t heap_room(std::size_t frames) noexcept { return 2 * frames + 1; }
  [[nodiscard]] static std::uint64_t pages_of(std::uint64_t file_bytes) noexcept {
    return file_bytes / page_bytes + (file_bytes % page_bytes == 0 ? 0 : 1);
  }
  /// How many frames a file may have, if that could ever keep it from one.
  [[nodiscard]] std::size_t cap_of(std::uint64_t file_bytes, std::size_t most_bytes) const noexcept {
    const std::size_t most = std::max<std::size_t>(most_bytes / frame_bytes, 1);
    return most < frame_count_ && most < pages_of(file_bytes) ? most : no_cap;
  }

  // ---- frames; all under the lock but `words_of` -------------------------------------------------------------------

  [[nodiscard]] std::uint64_t* words_of(std::uint32_t frame) const noexcept {
    return blocks_[frame / frames_in_block].get() + frame % frames_in_block * words_in_page;
  }
  /// One that has no page.
  [[nodiscard]] std::optional<std::uint32_t> take_frame(Table& table, bool may_evict) noexcept {
    if (table.held_ >= table.most_frames_) {
      if (!may_evict) return std::nullopt;
      return evict(table.uses_);
    }
    if (!free_.empty()) {
      const std::uint32_t frame = free_.back();
      free_.pop_back();
      return frame;
    }
    if (taken_ < taken_pages_ || add_block()) return static_cast<std::uint32_t>(taken_++);
    if (held_ == 0 || !may_evict) return std::nullopt;
    return evict(uses_);
  }
  /// False when there are as many as there may be, or no memory.
  [[nodiscard]] bool add_block() noexcept {
    const std::size_t count = std::min(frames_in_block, frame_count_ - taken_);
    if (count == 0 || frames_.capacity() == 0) return false;  // or all was given back
    void* const words = ::operator new (count* page_bytes, std::align_val_t{page_bytes}, std::nothrow);
    if (words == nullptr) return false;
    blocks_.emplace_back(static_cast<std::uint64_t*>(words));
    frames_.resize(taken_ + count);
    taken_pages_ += count;
    return true;
  }
  /// Takes the page that was used longest ago out of the cache, of those in the heap, which has one.
  [[nodiscard]] std::uint32_t evict(std::vector<Use>& uses) noexcept {
    for (;;) {
      std::pop_heap(uses.begin(), uses.end(), comes_later);
      Use& oldest = uses.back();
      const Frame& frame = frames_[oldest.frame];
      const bool is_there = is_current(oldest);
      if (is_there && frame.used.load() > oldest.when) {
        oldest.when = frame.used.load();
        std::push_heap(uses.begin(), uses.end(), comes_later);
        continue;
      }
      const std::uint32_t number = oldest.frame;
      uses.pop_back();
      if (!is_there) continue;
      take_out(number);
      ++evictions_;
      return number;
    }
  }
  void take_out(std::uint32_t number) noexcept {
    Frame& frame = frames_[number];
    Table& table = *frame.table.load();
    store_shared(table.frames_[frame.page.load()], 0);
    frame.table.store(nullptr);
    --table.held_;
    --held_;
  }
  void drop(Table& table) noexcept {
    lock_([&] {
      evictions_ += table.held_;
      for (std::uint32_t number = 0; table.held_ != 0; ++number) {
        if (frames_[number].table.load() != &table) continue;
        take_out(number);
        free_.push_back(number);
      }
      --tables_;
      give_back_unless_wanted();
    });
  }
  void give_back_unless_wanted() noexcept {
    if (!is_closed_ || tables_ != 0) return;
    taken_ = taken_pages_ = 0;
    std::vector<Frame>().swap(frames_);
    decltype(blocks_)().swap(blocks_);
    std::vector<std::uint32_t>().swap(free_);
    std::vector<Use>().swap(uses_);
  }

  /// Is what it says of the page that is there now?
  [[nodiscard]] bool is_current(const Use& use) const noexcept {
    const Frame& frame = frames_[use.frame];
    return frame.generation.load() == use.generation && frame.table.load() != nullptr;
  }

  static bool comes_later(const Use& a, const Use& b) noexcept { return a.when > b.when; }
  /// A heap that is full has entries of frames that have changed hands: they go. It has room for one more then.
  void push(std::vector<Use>& uses, Use use) noexcept {
    if (uses.size() == uses.capacity()) {
      std::erase_if(uses, [&](const Use& old) { return !is_current(old); });
      std::make_heap(uses.begin(), uses.end(), comes_later);
    }
    uses.push_back(use);
    std::push_heap(uses.begin(), uses.end(), comes_later);
  }

  // ---- copying while another thread may write, which the generation tells afterwards --------------------------------
  //
  // The language has no such copy yet (P1478, "byte-wise atomic memcpy"): it is made of words, or, three times as fast,
  // of plain bytes between fences, where no tool watches for races. What was torn is never looked at.

#if SHOAL_HAS_THREADS && !SHOAL_WATCHES_RACES
  static void copy_page(const std::uint64_t* words, std::size_t from, std::span<std::byte> out) noexcept {
    std::memcpy(out.data(), reinterpret_cast<const std::byte*>(words) + from, out.size());
    std::atomic_thread_fence(std::memory_order_acquire);
  }
  static void store_page(std::uint64_t* words, std::span<const std::byte> bytes) noexcept {
    std::atomic_thread_fence(std::memory_order_release);
    std::memcpy(words, bytes.data(), bytes.size());
  }
#else
  static constexpr std::size_t word_bytes = sizeof(std::uint64_t);
  static void copy_page(const std::uint64_t* words, std::size_t from, std::span<std::byte> out) noexcept {
    for (std::size_t done = 0; done < out.size();) {
      const std::size_t at = (from + done) % word_bytes, count = std::min(word_bytes - at, out.size() - done);
      const std::uint64_t word = load_shared(words[(from + done) / word_bytes]);
      std::memcpy(out.data() + done, reinterpret_cast<const std::byte*>(&word) + at, count);
      done += count;
    }
  }
  static void store_page(std::uint64_t* words, std::span<const std::byte> bytes) noexcept {
    for (std::size_t done = 0; done < bytes.size(); done += word_bytes) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + done, std::min(word_bytes, bytes.size() - done));
      store_shared(words[done / word_bytes], word);
    }
  }
#endif

  Lock lock_;
  std::size_t limit_bytes_;
  std::size_t frame_count_;
  std::vector<Frame> frames_;  // those that were ever there
  std::vector<std::unique_ptr<std::uint64_t, FreeBlock>> blocks_;
  std::size_t taken_ = 0;        // frames that were used once
  std::size_t taken_pages_ = 0;  // frames that have memory
  std::vector<std::uint32_t> free_;
  std::vector<Use> uses_;  // a heap: the oldest first
  Shared<Time> now_;
  std::size_t tables_ = 0;
  bool is_closed_ = false;
  std::uint64_t evictions_ = 0;
  std::size_t held_ = 0;
  std::size_t peak_ = 0;
};

}  // namespace shoal::inline v0::detail
