#pragma once
// Who may do what at once: one writer and any number of readers. A second writer waits or is turned away; a reader
// never waits, but while everything is moved (`Write::shut_out_readers`). What a thread does to an index from inside a
// call of that same index (a callback, a filter, a source) is known by a list that each thread keeps of its calls
// (where there is one thread, by their number): reading is fine there, writing is refused, for it would wait for
// itself.

#include <cstddef>
#include <cstdint>

#include "shoal/core/platform.hpp"
#include "shoal/core/readers.hpp"

#if SHOAL_HAS_THREADS
#include <mutex>
#endif

namespace shoal::inline v0::detail {

class Access {
  /// One call that this thread is in. Calls end in the reverse order of their beginning.
  class Call {
   public:
#if SHOAL_HAS_THREADS
    explicit Call(Access& access) noexcept
        : access_(&access), before_(innermost()), is_outermost_(!access.is_entered()) {
      innermost() = this;
    }
    ~Call() { innermost() = before_; }
#else
    explicit Call(Access& access) noexcept : access_(&access), is_outermost_(access.calls_++ == 0) {}
    ~Call() { --access_->calls_; }
#endif
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    /// Is this thread in no other call of the index?
    [[nodiscard]] bool is_outermost() const noexcept { return is_outermost_; }

   private:
    friend class Access;
    Access* access_;
#if SHOAL_HAS_THREADS
    Call* before_;
#endif
    bool is_outermost_;
  };

 public:
  /// May a writer go on?
  enum class Entered : std::uint8_t { yes, reentrant, busy };

  /// Held while the index changes.
  class Write {
   public:
    /// `waits`: for another writer, rather than to find it busy.
    Write(Access& access, bool waits) noexcept : access_(access), call_(access), entered_(begin(waits)) {}
    ~Write() {
      if (entered_ == Entered::yes) end();
    }
    Write(const Write&) = delete;
    Write& operator=(const Write&) = delete;
    [[nodiscard]] Entered entered() const noexcept { return entered_; }

    /// From here to the end of the writing nobody reads.
    void shut_out_readers() noexcept {
#if SHOAL_HAS_THREADS
      access_.readers_.shut_out();
      has_shut_out_ = true;
#endif
    }

   private:
    [[nodiscard]] Entered begin([[maybe_unused]] bool waits) noexcept {
      if (!call_.is_outermost()) return Entered::reentrant;
#if SHOAL_HAS_THREADS
      if (waits) {
        access_.writing_.lock();
      } else if (!access_.writing_.try_lock()) {
        return Entered::busy;
      }
#endif
      return Entered::yes;
    }
    void end() noexcept {
#if SHOAL_HAS_THREADS
      if (has_shut_out_) access_.readers_.let_in();
      access_.writing_.unlock();
#endif
    }

    [[maybe_unused]] Access& access_;
    Call call_;
#if SHOAL_HAS_THREADS
    bool has_shut_out_ = false;
#endif
    Entered entered_;
  };

  /// Held while the index is searched, by the thread that does.
  class Read {
   public:
    /// `helps`: the thread works for one that was in a call of the index when it asked for help, and waits.
    explicit Read(Access& access, [[maybe_unused]] bool helps = false) noexcept : call_(access) {
#if SHOAL_HAS_THREADS
      if (helps || !call_.is_outermost()) return;  // held already, or the writer's own
      while ((ticket_ = access.readers_.enter()) == nullptr) {
        const std::lock_guard until_the_writer_ends(access.writing_);
      }
#endif
    }
#if SHOAL_HAS_THREADS
    ~Read() {
      if (ticket_ != nullptr) Readers::leave(ticket_);
    }
#else
    ~Read() = default;
#endif
    Read(const Read&) = delete;
    Read& operator=(const Read&) = delete;

   private:
    Call call_;
#if SHOAL_HAS_THREADS
    Readers::Ticket ticket_ = nullptr;
#endif
  };

  /// Held while nothing may change, though others may search.
  class Still {
   public:
    explicit Still(Access& access) noexcept : call_(access) {
#if SHOAL_HAS_THREADS
      if (!call_.is_outermost()) return;  // nothing changes while a callback runs
      writing_ = std::unique_lock(access.writing_);
#endif
    }

   private:
    Call call_;
#if SHOAL_HAS_THREADS
    std::unique_lock<std::mutex> writing_;
#endif
  };

  [[nodiscard]] Readers& readers() noexcept { return readers_; }
  /// Is this thread in a call of the index?
  [[nodiscard]] bool is_entered() const noexcept {
#if SHOAL_HAS_THREADS
    for (const Call* call = innermost(); call != nullptr; call = call->before_) {
      if (call->access_ == this) return true;
    }
    return false;
#else
    return calls_ != 0;
#endif
  }

 private:
#if SHOAL_HAS_THREADS
  /// The innermost call of this thread, of any index.
  [[nodiscard]] static Call*& innermost() noexcept {
    static thread_local Call* call = nullptr;
    return call;
  }
#endif

  Readers readers_;
#if SHOAL_HAS_THREADS
  std::mutex writing_;
#else
  std::size_t calls_ = 0;  // that the one thread is in
#endif
};

}  // namespace shoal::inline v0::detail
