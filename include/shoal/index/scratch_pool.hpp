#pragma once
// Working memory for searches, kept from one to the next: a search borrows one piece and gives it back, so as many
// exist as searches ever ran at once.

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "shoal/core/platform.hpp"

#if SHOAL_HAS_THREADS
#include <mutex>
#endif

namespace shoal::inline v0::detail {

template <class Scratch>
class ScratchPool {
 public:
  class Loan {
   public:
    Loan(ScratchPool& pool, std::unique_ptr<Scratch> scratch) noexcept : pool_(&pool), scratch_(std::move(scratch)) {}
    Loan(Loan&&) noexcept = default;
    Loan& operator=(Loan&&) = delete;
    ~Loan() {
      if (scratch_) pool_->give_back(std::move(scratch_));
    }
    Scratch& operator*() const noexcept { return *scratch_; }
    Scratch* operator->() const noexcept { return scratch_.get(); }

   private:
    ScratchPool* pool_;
    std::unique_ptr<Scratch> scratch_;
  };

  /// A piece nobody uses, or what `make` gives. Errors: std::bad_alloc.
  template <class Make>
  [[nodiscard]] Loan borrow(const Make& make) {
    {
      const Lock lock(*this);
      if (!idle_.empty()) {
        Loan loan(*this, std::move(idle_.back()));
        idle_.pop_back();
        return loan;
      }
      idle_.reserve(++pieces_);  // giving back allocates nothing
    }
    return Loan(*this, std::make_unique<Scratch>(make()));
  }

  /// Bytes of the pieces that are not lent out.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    const Lock lock(*this);
    std::size_t bytes = idle_.capacity() * sizeof(idle_[0]);
    for (const auto& scratch : idle_) bytes += sizeof(Scratch) + scratch->memory_bytes();
    return bytes;
  }

 private:
  void give_back(std::unique_ptr<Scratch> scratch) noexcept {
    const Lock lock(*this);
    idle_.push_back(std::move(scratch));
  }

#if SHOAL_HAS_THREADS
  struct Lock {
    explicit Lock(const ScratchPool& pool) : guard(pool.mutex_) {}
    std::lock_guard<std::mutex> guard;
  };
  mutable std::mutex mutex_;
#else
  struct Lock {
    explicit Lock(const ScratchPool&) noexcept {}
    ~Lock() {}
  };
#endif
  std::vector<std::unique_ptr<Scratch>> idle_;
  std::size_t pieces_ = 0;
};

}  // namespace shoal::inline v0::detail
