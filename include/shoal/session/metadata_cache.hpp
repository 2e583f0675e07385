#pragma once
// What of open index files is in memory as a whole: ids, upper levels, page tables. It comes and goes a file at a time,
// the one that was used longest ago first, and never while a search uses it. The bound holds at every moment: room is
// made before a file is read, and who finds no room because all of it is in use waits. Who waits is not passed by for
// ever: after some uses others wait for it, until what is in use is not any more. Nobody waits longer than a time that
// is given: a search may wait, unseen, for a thread that waits for it here.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/session/cache_stats.hpp"

#if SHOAL_HAS_THREADS
#include <condition_variable>
#include <mutex>
#endif

namespace shoal::inline v0::detail {

class MetadataCache {
 public:
  /// A file that was opened. `load` makes it usable, within the bytes that it said it would need.
  class File {
   public:
    /// `type`: tells classes apart that derive from this one.
    File(const void* type, std::size_t bytes) noexcept : type_(type), bytes_(bytes) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    virtual ~File() = default;
    [[nodiscard]] const void* type() const noexcept { return type_; }

   private:
    friend MetadataCache;
    /// Errors: those of reading; nothing is there then.
    [[nodiscard]] virtual std::optional<Error> load() noexcept = 0;
    virtual void unload() noexcept = 0;
    /// Nobody uses it now: what it took beyond those bytes goes.
    virtual void rest() noexcept = 0;

    const void* type_;
    std::size_t bytes_;
    std::size_t users_ = 0;
    std::uint64_t last_use_ = 0;
    enum class State { absent, loading, present } state_ = State::absent;
  };

  using Duration = std::chrono::milliseconds;

  /// `busy_timeout`: how long `use` waits.
  MetadataCache(std::size_t limit_bytes, Duration busy_timeout) noexcept
      : limit_bytes_(limit_bytes), busy_timeout_(std::clamp(busy_timeout, Duration::zero(), longest_wait)) {}

  /// That a file is used: it stays until this goes.
  class Use {
   public:
    Use(Use&& other) noexcept : cache_(std::exchange(other.cache_, nullptr)), file_(other.file_) {}
    Use& operator=(Use&&) = delete;
    ~Use() {
      if (cache_ != nullptr) cache_->end_use(*file_);
    }

   private:
    friend MetadataCache;
    Use(MetadataCache& cache, File& file) noexcept : cache_(&cache), file_(&file) {}
    MetadataCache* cache_;
    File* file_;
  };

  /// The first file for which `is_wanted(file)`, or else what `make` gives, which is added then. It is kept while
  /// somebody else has it or it is in memory. Errors: std::bad_alloc; what `make` throws.
  template <class IsWanted, class Make>
  [[nodiscard]] std::shared_ptr<File> find_or_add(const IsWanted& is_wanted, const Make& make) {
    const Guard guard(*this);
    const auto found = std::find_if(files_.begin(), files_.end(), [&](const auto& f) { return is_wanted(*f); });
    if (found != files_.end()) return *found;
    std::erase_if(files_, [](const auto& f) { return f.use_count() == 1 && f->state_ == File::State::absent; });
    return files_.emplace_back(make());
  }

  /// That this thread works for somebody who uses a file: who waits for room would wait for itself.
  class Help {
   public:
    Help() noexcept { ++uses_of_this_thread(); }
    ~Help() { --uses_of_this_thread(); }
    Help(const Help&) = delete;
    Help& operator=(const Help&) = delete;
  };

  /// Reads the file if it is not there. Waits for room. Errors: those of reading; busy: there was no room in time, or
  /// this thread uses another file and there is no room beside it; cannot_open after `close`.
  [[nodiscard]] Expected<Use, Error> use(File& file) {
    Guard guard(*this);
    Waiting waiting(*this);
    const bool is_inside = uses_of_this_thread() != 0;
    for (bool is_late = false;;) {
      if (is_closed_) {
        return Unexpected<Error>(make_error(ErrorCode::cannot_open, "the session of this index was destroyed"));
      }
      const bool may_go = is_inside || waiting.may_go();
      if (may_go && file.state_ == File::State::present) {
        waiting.end();
        ++hits_;
        begin_use(file);
        return Use(*this, file);
      }
      if (may_go && file.state_ == File::State::absent && make_room_for(file)) {
        waiting.end();
        if (auto error = load(guard, file)) return Unexpected<Error>(*std::move(error));
        begin_use(file);
        return Use(*this, file);
      }
      if (is_inside && file.state_ == File::State::absent) {
        return Unexpected<Error>(make_error(ErrorCode::busy, "expected room for ", file.bytes_,
                                            " bytes of metadata beside the index that this thread is searching, of ",
                                            limit_bytes_));
      }
      if (is_late) {
        return Unexpected<Error>(make_error(ErrorCode::busy, "expected room for ", file.bytes_,
                                            " bytes of metadata within ", busy_timeout_.count(),
                                            " ms, but what is in use leaves too little of ", limit_bytes_));
      }
      is_late = waiting.is_late(guard);
    }
  }

  /// Everything goes that is not in use, and the rest when it is not.
  void close() noexcept {
    const Guard guard(*this);
    is_closed_ = true;
    for (const auto& file : files_) {
      if (file->state_ == File::State::present && file->users_ == 0) evict(*file);
    }
    files_.clear();
    changed();
  }

  [[nodiscard]] CacheStats stats() noexcept {
    const Guard guard(*this);
    return {hits_, misses_, evictions_, bytes_, peak_bytes_, limit_bytes_};
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr Duration longest_wait = std::chrono::hours(24 * 365);  // what a time can be added to

#if SHOAL_HAS_THREADS
  class Guard {
   public:
    explicit Guard(MetadataCache& cache) : cache_(cache), lock_(cache.mutex_) {}
    /// False when the time is over.
    bool wait_until(Clock::time_point time) {
      return cache_.changed_.wait_until(lock_, time) != std::cv_status::timeout;
    }
    template <class F>
    decltype(auto) unlocked(F&& f) {
      struct Relock {
        std::unique_lock<std::mutex>& lock;
        ~Relock() { lock.lock(); }
      };
      lock_.unlock();
      const Relock relock{lock_};
      return f();
    }

   private:
    MetadataCache& cache_;
    std::unique_lock<std::mutex> lock_;
  };
  void changed() noexcept { changed_.notify_all(); }
  static std::size_t& uses_of_this_thread() noexcept {
    static thread_local std::size_t uses = 0;
    return uses;
  }
#else
  class Guard {
   public:
    explicit Guard(MetadataCache&) noexcept {}
    bool wait_until(Clock::time_point /*time*/) noexcept { return false; }  // nobody else will make room
    template <class F>
    decltype(auto) unlocked(F&& f) {
      return f();
    }
  };
  void changed() noexcept {}
  static std::size_t& uses_of_this_thread() noexcept {
    static std::size_t uses = 0;
    return uses;
  }
#endif

  /// A thread's place among those that wait. All of it under the lock.
  class Waiting {
   public:
    explicit Waiting(MetadataCache& cache) noexcept : cache_(cache) {}
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() {
      if (is_begun_) leave();
    }
    /// False when it is to leave room to another.
    [[nodiscard]] bool may_go() const noexcept {
      return cache_.first_ == nullptr || cache_.first_ == this || cache_.passed_ < most_passed ||
             cache_.first_->until_ <= Clock::now();  // it waits no longer, but was not woken yet
    }
    /// Waits until something changed. True when it has waited as long as it may.
    [[nodiscard]] bool is_late(Guard& guard) {
      if (!std::exchange(is_begun_, true)) {
        Waiting** last = &cache_.first_;
        while (*last != nullptr) last = &(*last)->next_;
        *last = this;
        until_ = Clock::now() + cache_.busy_timeout_;
      }
      return !guard.wait_until(until_);
    }
    /// It goes, perhaps before others.
    void end() noexcept {
      if (cache_.first_ != nullptr && cache_.first_ != this) ++cache_.passed_;
      if (is_begun_) leave();
    }

   private:
    static constexpr std::size_t most_passed = 100;

    void leave() noexcept {
      is_begun_ = false;
      if (cache_.first_ == this) cache_.passed_ = 0;
      Waiting** place = &cache_.first_;
      while (*place != this) place = &(*place)->next_;
      *place = std::exchange(next_, nullptr);
      cache_.changed();
    }

    MetadataCache& cache_;
    Waiting* next_ = nullptr;
    Clock::time_point until_{};
    bool is_begun_ = false;
  };

  // ---- under the lock ----------------------------------------------------------------------------------------------

  void begin_use(File& file) noexcept {
    ++file.users_;
    file.last_use_ = ++time_;
    ++uses_of_this_thread();
  }
  void end_use(File& file) noexcept {
    const Guard guard(*this);
    --uses_of_this_thread();
    if (--file.users_ != 0) return;
    if (is_closed_) {
      evict(file);
    } else {
      file.rest();
    }
    changed();
  }
  /// False when all that could go is in use.
  [[nodiscard]] bool make_room_for(const File& file) noexcept {
    while (bytes_ + file.bytes_ > limit_bytes_) {
      File* oldest = nullptr;
      for (const auto& other : files_) {
        if (other->state_ != File::State::present || other->users_ != 0) continue;
        if (oldest == nullptr || other->last_use_ < oldest->last_use_) oldest = other.get();
      }
      if (oldest == nullptr) return false;
      evict(*oldest);
      ++evictions_;
    }
    return true;
  }
  [[nodiscard]] std::optional<Error> load(Guard& guard, File& file) {
    ++misses_;
    bytes_ += file.bytes_;
    peak_bytes_ = std::max(peak_bytes_, bytes_);
    file.state_ = File::State::loading;
    auto error = guard.unlocked([&] { return file.load(); });
    file.state_ = error ? File::State::absent : File::State::present;
    if (error) bytes_ -= file.bytes_;
    changed();
    return error;
  }
  void evict(File& file) noexcept {
    file.unload();
    file.state_ = File::State::absent;
    bytes_ -= file.bytes_;
  }

  std::size_t limit_bytes_;
  Duration busy_timeout_;
  std::vector<std::shared_ptr<File>> files_;
  std::uint64_t time_ = 0;
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
  std::uint64_t evictions_ = 0;
  std::size_t bytes_ = 0;
  std::size_t peak_bytes_ = 0;
  Waiting* first_ = nullptr;  // of those that wait, the one that has for longest
  std::size_t passed_ = 0;    // uses that began while it waited
  bool is_closed_ = false;
#if SHOAL_HAS_THREADS
  std::mutex mutex_;
  std::condition_variable changed_;
#endif
};

}  // namespace shoal::inline v0::detail
