#pragma once
// The rule of this release, checked: any number of searches at once, or one writer. A writer's own thread may search
// (a progress callback does), so the writer is remembered by a mark of its thread. Debug builds assert the rule;
// in release builds only the flag that refuses a mutation inside a mutation remains.

#include <cassert>

#include "shoal/core/platform.hpp"

#if SHOAL_HAS_THREADS
#include <atomic>
#endif

namespace shoal::inline v0::detail {

class AccessCheck {
 public:
  /// Held while the index changes. `entered()` is false when a change is already going on.
  class Write {
   public:
    explicit Write(AccessCheck& check) noexcept : check_(check), entered_(check.begin_write()) {}
    ~Write() {
      if (entered_) check_.end_write();
    }
    Write(const Write&) = delete;
    Write& operator=(const Write&) = delete;
    [[nodiscard]] bool entered() const noexcept { return entered_; }

   private:
    AccessCheck& check_;
    bool entered_;
  };

  /// Held while the index is searched.
  class Read {
   public:
    explicit Read(AccessCheck& check) noexcept : check_(check), counted_(check.begin_read()) {}
    ~Read() {
      if (counted_) check_.end_read();
    }
    Read(const Read&) = delete;
    Read& operator=(const Read&) = delete;

   private:
    AccessCheck& check_;
    bool counted_;
  };

 private:
#if SHOAL_HAS_THREADS
  [[nodiscard]] static const void* this_thread() noexcept {
    static thread_local char mark;
    return &mark;
  }
  bool begin_write() noexcept {
    const void* nobody = nullptr;
    if (!writer_.compare_exchange_strong(nobody, this_thread())) {
      assert(nobody == this_thread() && "shoal: two threads change one index at once");
      return false;
    }
#if !defined(NDEBUG)
    assert(readers_.load() == 0 && "shoal: the index is changed while another thread searches it");
#endif
    return true;
  }
  void end_write() noexcept { writer_.store(nullptr); }
  /// True when the reader is counted: not in release builds, and not when it is the writer's own.
  bool begin_read() noexcept {
#if !defined(NDEBUG)
    const void* writer = writer_.load();
    assert((writer == nullptr || writer == this_thread()) && "shoal: a search while another thread changes the index");
    if (writer == nullptr) {
      readers_.fetch_add(1);
      return true;
    }
#endif
    return false;
  }
  void end_read() noexcept { readers_.fetch_sub(1); }

  std::atomic<const void*> writer_{nullptr};
  std::atomic<int> readers_{0};
#else
  bool begin_write() noexcept {
    if (writing_) return false;
    return writing_ = true;
  }
  void end_write() noexcept { writing_ = false; }
  bool begin_read() noexcept { return false; }
  void end_read() noexcept {}

  bool writing_ = false;
#endif
};

}  // namespace shoal::inline v0::detail
