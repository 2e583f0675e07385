#pragma once
// What operator new handed out while a Watch lives: how many bytes are still out, how many allocations there were; and
// a way to make allocations fail. memory_test.cpp replaces the operators for the whole program. They use the table only
// while a Watch lives, on the one thread there is then, and leave all else to malloc, so that sanitizers see
// everything.

#include <array>
#include <cstddef>

namespace support {

class Allocations {
 public:
  /// While it lives, allocations are counted; the one after `allowed` of them and all later ones fail.
  class Watch {
   public:
    explicit Watch(std::size_t allowed = static_cast<std::size_t>(-1)) noexcept {
      state() = Allocations{};
      state().allowed_ = allowed;
      state().watching_ = true;
    }
    ~Watch() { state().watching_ = false; }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    [[nodiscard]] std::size_t live_bytes() const noexcept { return state().live_bytes_; }
    [[nodiscard]] std::size_t count() const noexcept { return state().count_; }
  };

  /// False when the allocation is to fail.
  [[nodiscard]] static bool permit() noexcept {
    Allocations& all = state();
    return !all.watching_ || all.count_++ < all.allowed_;
  }
  static void enter(void* where, std::size_t bytes) noexcept {
    Allocations& all = state();
    if (!all.watching_ || where == nullptr || all.used_ == all.records_.size()) return;
    all.records_[all.used_++] = {where, bytes};
    all.live_bytes_ += bytes;
  }
  static void leave(void* where) noexcept {
    Allocations& all = state();
    if (!all.watching_ || where == nullptr) return;
    for (std::size_t i = 0; i < all.used_; ++i) {
      if (all.records_[i].where != where) continue;
      all.live_bytes_ -= all.records_[i].bytes;
      all.records_[i] = all.records_[--all.used_];
      return;
    }
  }

 private:
  struct Record {
    void* where;
    std::size_t bytes;
  };

  [[nodiscard]] static Allocations& state() noexcept {
    static Allocations the_only;
    return the_only;
  }

  bool watching_ = false;
  std::size_t allowed_ = 0;
  std::size_t count_ = 0;
  std::size_t live_bytes_ = 0;
  std::size_t used_ = 0;
  std::array<Record, 4096> records_{};
};

}  // namespace support
