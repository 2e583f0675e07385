#pragma once
// Working memory for searches, kept from one to the next. A search takes a piece from the place of its thread, or from
// another, or makes one, and gives it back to a place that is free; so threads hardly meet, nobody waits, and no more
// is kept than there are places, nor a piece that grew beyond a limit, where one is set.

#include <array>
#include <cstddef>
#include <limits>
#include <memory>
#include <utility>

#include "shoal/core/platform.hpp"
#include "shoal/core/readers.hpp"

#if SHOAL_HAS_THREADS
#include <atomic>
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

  ScratchPool() noexcept = default;
  ScratchPool(const ScratchPool&) = delete;
  ScratchPool& operator=(const ScratchPool&) = delete;
  ~ScratchPool() { clear(); }

  /// Pieces of more than `bytes` are not kept. Called before anything is borrowed.
  void limit_pieces(std::size_t bytes) noexcept { most_piece_bytes_ = bytes; }
  /// Of the pieces that are not lent out, all but one go.
  void keep_one() noexcept {
    std::unique_ptr<Scratch> kept;
    for (Place& place : places_) {
      if (auto scratch = place.exchange(nullptr)) kept = std::move(scratch);
    }
    if (kept) give_back(std::move(kept));
  }
  /// Pieces that are not lent out go.
  void clear() noexcept {
    for (Place& place : places_) place.exchange(nullptr);
  }

  /// A piece nobody uses, or what `make` gives. Errors: std::bad_alloc.
  template <class Make>
  [[nodiscard]] Loan borrow(const Make& make) {
    const std::size_t first = thread_place(place_count);
    for (std::size_t i = 0; i < place_count; ++i) {
      if (auto scratch = places_[(first + i) % place_count].exchange(nullptr)) return Loan(*this, std::move(scratch));
    }
    return Loan(*this, std::make_unique<Scratch>(make()));
  }

  /// Bytes of the pieces that are not lent out.
  [[nodiscard]] std::size_t memory_bytes() noexcept {
    std::size_t bytes = 0;
    for (Place& place : places_) {
      auto scratch = place.exchange(nullptr);
      if (!scratch) continue;
      bytes += sizeof(Scratch) + scratch->memory_bytes();
      give_back(std::move(scratch));
    }
    return bytes;
  }

 private:
  static constexpr std::size_t place_count = SHOAL_HAS_THREADS ? 16 : 1;
  static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

  /// Holds one piece or none.
#if SHOAL_HAS_THREADS
  class alignas(cache_line_bytes) Place {
   public:
    /// What was there.
    std::unique_ptr<Scratch> exchange(std::unique_ptr<Scratch> scratch) noexcept {
      if (!scratch && piece_.load(std::memory_order_relaxed) == nullptr) return nullptr;
      return std::unique_ptr<Scratch>(piece_.exchange(scratch.release(), std::memory_order_acq_rel));
    }

   private:
    std::atomic<Scratch*> piece_{nullptr};
  };
#else
  class Place {
   public:
    std::unique_ptr<Scratch> exchange(std::unique_ptr<Scratch> scratch) noexcept {
      piece_.swap(scratch);
      return scratch;
    }

   private:
    std::unique_ptr<Scratch> piece_;
  };
#endif

  /// What lay at each place goes on to the next; the last, if there is one, goes.
  void give_back(std::unique_ptr<Scratch> scratch) noexcept {
    if (most_piece_bytes_ != no_limit && scratch->memory_bytes() > most_piece_bytes_) return;
    const std::size_t first = thread_place(place_count);
    for (std::size_t i = 0; i < place_count && scratch; ++i) {
      scratch = places_[(first + i) % place_count].exchange(std::move(scratch));
    }
  }

  std::size_t most_piece_bytes_ = no_limit;
  std::array<Place, place_count> places_{};
};

}  // namespace shoal::inline v0::detail
