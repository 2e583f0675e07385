#pragma once
// What processes of a group say to each other, and how long they wait for it. Every call is made by all of them, in the
// same order, and ends: with what the others said, or with `peer_lost` when one of them has not answered in time. MPI
// (4.1, section 9.3; Open MPI 4 at least) says nothing of a process that is gone, so nothing is waited for but by
// MPI_Test, and time is what tells. After that the group is lost: every later call fails at once, so all its processes
// come to an end, the ones that saw nothing by waiting for the one that did.
//
// Nothing leaves between two calls that all make: what goes wrong on one process in the meantime is what they say to
// each other next (`together`), so that all leave at the same place.
//
// Memory that MPI may still write to must not be given back: when a call is lost, what it was in stays for ever.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <mpi.h>

#include "shoal/core/error.hpp"
#include "shoal/core/exception.hpp"
#include "shoal/core/platform.hpp"

namespace shoal::inline v0 {

namespace mpi {

/// How processes wait for each other.
struct Options {
  /// How long a process may be silent before it counts as lost; 0: for ever. Longer than the longest piece of work that
  /// one does alone: linking a block of a batch (at most 1,024 vectors), a thousand queries, saving or loading a shard;
  /// and what the caller's own code takes meanwhile: a source that is slow to give a block, a callback, a filter.
  std::uint64_t timeout_ms = 600'000;
  /// Bytes of one message; what is larger goes in pieces. At most 2^31 - 1, which is what MPI counts in; the same on
  /// all ranks.
  std::size_t message_bytes = std::size_t{1} << 30;
};

}  // namespace mpi

namespace detail {

/// An error, in a form that can be sent. Its message is cut off where it is too long.
struct ErrorNote {
  static constexpr std::uint8_t none = 255;
  std::uint8_t code = none;
  std::uint8_t length = 0;
  std::array<char, 254> text{};

  ErrorNote() = default;
  explicit ErrorNote(const Error& error) noexcept : code(static_cast<std::uint8_t>(error.code())) {
    const std::string_view message = error.message();
    length = static_cast<std::uint8_t>(std::min(message.size(), text.size()));
    std::memcpy(text.data(), message.data(), length);
  }
  [[nodiscard]] bool is_one() const noexcept { return code != none; }
  [[nodiscard]] Error error() const noexcept {
    return make_error(static_cast<ErrorCode>(code),
                      std::string_view(text.data(), std::min<std::size_t>(length, text.size())));
  }
};

/// A group of processes of its own: a copy of a communicator, whose messages meet no others.
class MpiCommunicator {
 public:
  using Bytes = std::vector<std::byte>;
  static constexpr std::size_t most_said = 512;  ///< Bytes of what each says to all.
  using Done = Expected<void, Error>;

  /// A copy of `from`; called by all its processes. Errors: invalid_config, when MPI is not running or `from` is no
  /// group of one side; out_of_memory, which the others see as peer_lost.
  [[nodiscard]] static Expected<MpiCommunicator, Error> duplicate(MPI_Comm from, const mpi::Options& options) {
    int is_begun = 0, is_ended = 0, has_two_sides = 0;
    MPI_Initialized(&is_begun);
    MPI_Finalized(&is_ended);
    if (is_begun == 0 || is_ended != 0 || from == MPI_COMM_NULL) {
      return Unexpected<Error>(
          Error(ErrorCode::invalid_config, "expected a communicator between MPI_Init and MPI_Finalize"));
    }
    MPI_Comm_test_inter(from, &has_two_sides);
    if (has_two_sides != 0) {
      return Unexpected<Error>(
          Error(ErrorCode::invalid_config, "expected an intracommunicator, got an intercommunicator"));
    }
    constexpr std::size_t most = std::numeric_limits<int>::max();
    if (options.message_bytes == 0 || options.message_bytes > most) {
      return Unexpected<Error>(
          make_error(ErrorCode::invalid_config, "message_bytes must be 1 to ", most, ", got ", options.message_bytes));
    }
    MpiCommunicator made(options);
    std::unique_ptr<MPI_Comm> copy;
    MPI_Comm_rank(from, &made.rank_);
    MPI_Comm_size(from, &made.size_);
    SHOAL_TRY {
      copy = std::make_unique<MPI_Comm>(MPI_COMM_NULL);
      made.said_ = std::make_unique<std::byte[]>(most_said);
      made.heard_ = std::make_unique<std::byte[]>(most_said * made.size());
    }
    SHOAL_CATCH_ALL { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
    MPI_Request request = MPI_REQUEST_NULL;
    auto done = made.call(MPI_Comm_idup(from, copy.get(), &request), "MPI_Comm_idup");
    if (done) done = made.wait(request, "MPI_Comm_idup");
    if (!done) {
      made.abandon(copy);
      return Unexpected<Error>(std::move(done.error()));
    }
    made.comm_ = *copy;
    MPI_Comm_set_errhandler(made.comm_, MPI_ERRORS_RETURN);
    const auto message_bytes = made.gather_from_all(std::uint64_t{options.message_bytes});
    if (!message_bytes) return Unexpected<Error>(message_bytes.error());
    for (std::size_t rank = 1; rank < message_bytes->size(); ++rank) {
      if ((*message_bytes)[rank] == message_bytes->front()) continue;
      return Unexpected<Error>(make_error(ErrorCode::invalid_config,
                                          "message_bytes must be the same on all ranks, got ", message_bytes->front(),
                                          " on rank 0 and ", (*message_bytes)[rank], " on rank ", rank));
    }
    return made;
  }
  MpiCommunicator(MpiCommunicator&& other) noexcept
      : comm_(std::exchange(other.comm_, MPI_COMM_NULL)),
        rank_(other.rank_),
        size_(other.size_),
        options_(other.options_),
        lost_(std::move(other.lost_)),
        said_(std::move(other.said_)),
        heard_(std::move(other.heard_)) {}
  MpiCommunicator& operator=(MpiCommunicator&& other) noexcept {
    std::swap(comm_, other.comm_);
    rank_ = other.rank_;
    size_ = other.size_;
    options_ = other.options_;
    lost_.swap(other.lost_);
    said_.swap(other.said_);
    heard_.swap(other.heard_);
    return *this;
  }
  ~MpiCommunicator() {
    int is_ended = 0;
    MPI_Finalized(&is_ended);
    if (comm_ != MPI_COMM_NULL && !lost_ && is_ended == 0) MPI_Comm_free(&comm_);
  }

  [[nodiscard]] std::size_t rank() const noexcept { return static_cast<std::size_t>(rank_); }
  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(size_); }
  [[nodiscard]] bool is_lost() const noexcept { return lost_.has_value(); }

  /// The right to what all do together. There is one: a call from inside another, such as from a callback, would send
  /// to processes that wait for something else.
  class Turn {
   public:
    explicit Turn(MpiCommunicator& group) noexcept : group_(group), is_taken_(group.is_in_call_.exchange(true)) {}
    ~Turn() {
      if (!is_taken_) group_.is_in_call_ = false;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    /// Why it cannot be had, if it cannot.
    [[nodiscard]] std::optional<Error> refusal(ErrorCode code) const noexcept {
      if (!is_taken_) return std::nullopt;
      return make_error(code, "expected one collective call at a time, got one from inside another");
    }

   private:
    MpiCommunicator& group_;
    bool is_taken_;
  };

  /// What each process says, by rank; until the next call. Needs no memory, for it is how others hear of its lack.
  template <class T>
    requires(std::is_trivially_copyable_v<T> && sizeof(T) <= most_said)
  [[nodiscard]] Expected<std::span<const T>, Error> gather_from_all(const T& mine) {
    if (lost_) return Unexpected<Error>(*lost_);
    constexpr int bytes = sizeof(T);
    std::memcpy(said_.get(), &mine, sizeof(T));
    MPI_Request request = MPI_REQUEST_NULL;
    auto done = call(MPI_Iallgather(said_.get(), bytes, MPI_BYTE, heard_.get(), bytes, MPI_BYTE, comm_, &request),
                     "MPI_Iallgather");
    if (done) done = wait(request, "MPI_Iallgather");
    if (done) return std::span(reinterpret_cast<const T*>(heard_.get()), size());
    abandon(said_);
    abandon(heard_);
    return Unexpected<Error>(std::move(done.error()));
  }

  /// The first error that any has, with its rank before it; the same for all. None: nobody has one.
  [[nodiscard]] Done agree(const std::optional<Error>& mine) {
    const auto notes = gather_from_all(mine ? ErrorNote(*mine) : ErrorNote());
    if (!notes) return Unexpected<Error>(notes.error());
    for (std::size_t rank = 0; rank < notes->size(); ++rank) {
      if (!(*notes)[rank].is_one()) continue;
      const Error error = (*notes)[rank].error();
      return Unexpected<Error>(make_error(error.code(), "rank ", rank, ": ", error.message()));
    }
    return {};
  }

  /// Each takes `step()`, which may throw; then all agree on how that went.
  template <class Step>
  [[nodiscard]] Done together(const Step& step) {
    std::optional<Error> failure;
    SHOAL_TRY {
      if (Done done = step(); !done) failure = std::move(done.error());
    }
    SHOAL_CATCH_ALL {
      failure = is_bad_alloc() ? Error(ErrorCode::out_of_memory) : describe_exception(ErrorCode::io_error);
    }
    return agree(failure);
  }

  /// A mark that is set for any is set for all. As many for each.
  [[nodiscard]] Done join(std::vector<std::uint8_t>& marks) {
    if (lost_) return Unexpected<Error>(*lost_);
    if (marks.empty()) return {};
    MPI_Request request = MPI_REQUEST_NULL;
    auto done = call(MPI_Iallreduce(MPI_IN_PLACE, marks.data(), static_cast<int>(marks.size()), MPI_UNSIGNED_CHAR,
                                    MPI_BOR, comm_, &request),
                     "MPI_Iallreduce");
    if (done) done = wait(request, "MPI_Iallreduce");
    if (!done) abandon_rows(marks);
    return done;
  }

  /// What `root` has becomes what all have. Errors: out_of_memory for all, when one of them has no room.
  [[nodiscard]] Done broadcast(Bytes& bytes, std::size_t root) {
    const auto sizes = gather_from_all(std::uint64_t{bytes.size()});
    if (!sizes) return Unexpected<Error>(sizes.error());
    std::unique_ptr<Bytes> kept;
    auto done = together([&]() -> Done {
      kept = std::make_unique<Bytes>(std::move(bytes));
      return make_room(*kept, (*sizes)[root]);
    });
    if (!done) return done;
    for_each_piece(kept->size(), [&](std::size_t at, int count) {
      MPI_Request request = MPI_REQUEST_NULL;
      done =
          call(MPI_Ibcast(kept->data() + at, count, MPI_BYTE, static_cast<int>(root), comm_, &request), "MPI_Ibcast");
      if (done) done = wait(request, "MPI_Ibcast");
      return done.has_value();
    });
    if (done) {
      bytes = std::move(*kept);
    } else {
      abandon(kept);
    }
    return done;
  }

  /// parts[r] of `root` goes to rank r, but for its own. Each makes room for what it knows will come.
  template <class T>
  [[nodiscard]] Done scatter(std::vector<std::vector<T>>& parts, std::vector<T>& mine, std::size_t root) {
    if (lost_) return Unexpected<Error>(*lost_);
    Done done;
    if (rank() != root) {
      done = receive(mine, root);
      if (!done) abandon_rows(mine);
      return done;
    }
    for (std::size_t to = 0; to < parts.size() && done; ++to) {
      if (to != root) done = send(parts[to], to);
    }
    if (!done) abandon_rows(parts);
    return done;
  }

  /// What each process has, by rank, at `root`; elsewhere nothing. Errors: out_of_memory for all.
  [[nodiscard]] Expected<std::vector<Bytes>, Error> gather(Bytes mine, std::size_t root) {
    const auto sizes = gather_from_all(std::uint64_t{mine.size()});
    if (!sizes) return Unexpected<Error>(sizes.error());
    std::vector<Bytes> parts;
    auto done = together([&]() -> Done {
      if (rank() != root) return {};
      parts.resize(size());
      Done room;
      for (std::size_t from = 0; from < size() && room; ++from) {
        if (from != root) room = make_room(parts[from], (*sizes)[from]);
      }
      return room;
    });
    if (!done) return Unexpected<Error>(std::move(done.error()));
    if (rank() != root) {
      done = send(mine, root);
      if (!done) abandon_rows(mine);
    } else {
      for (std::size_t from = 0; from < size() && done; ++from) {
        if (from != root) done = receive(parts[from], from);
      }
      if (done) {
        parts[root] = std::move(mine);
      } else {
        abandon_rows(parts);
      }
    }
    if (!done) return Unexpected<Error>(std::move(done.error()));
    return parts;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr int tag = 0x5EA;

  explicit MpiCommunicator(const mpi::Options& options) noexcept : options_(options) {}

  [[nodiscard]] Clock::duration timeout() const noexcept {
    constexpr std::uint64_t longest = std::uint64_t{1'000} * 3'600 * 24 * 365;
    return std::chrono::milliseconds(std::min<std::uint64_t>(options_.timeout_ms, longest));
  }

  SHOAL_COLD Error lose(Error error) noexcept {
    SHOAL_TRY { lost_ = error; }
    SHOAL_CATCH_ALL { lost_.emplace(ErrorCode::peer_lost); }
    return error;
  }
  [[nodiscard]] Done call(int code, const char* name) {
    if (code == MPI_SUCCESS) return {};
    std::array<char, MPI_MAX_ERROR_STRING> text{};
    int length = 0;
    MPI_Error_string(code, text.data(), &length);
    return Unexpected<Error>(lose(make_error(
        ErrorCode::peer_lost, name, " failed: ", std::string_view(text.data(), static_cast<std::size_t>(length)))));
  }
  /// Until the request is done, or nobody is believed to do it any more.
  [[nodiscard]] Done wait(MPI_Request& request, const char* name, MPI_Status* status = MPI_STATUS_IGNORE) {
    constexpr auto spinning = std::chrono::microseconds(200);
    const auto begun = Clock::now();
    for (;;) {
      int is_done = 0;
      if (auto tested = call(MPI_Test(&request, &is_done, status), name); !tested) return tested;
      if (is_done != 0) return {};
      const auto waited = Clock::now() - begun;
      if (options_.timeout_ms != 0 && waited > timeout()) {
        return Unexpected<Error>(
            lose(make_error(ErrorCode::peer_lost, name, ": another process did not answer for ", options_.timeout_ms,
                            " ms; rank ", rank_, " of ", size_, " gives the group up")));
      }
      // Others on this machine have work to do.
      if (waited < spinning) {
        std::this_thread::yield();
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      }
    }
  }
  template <class Use>
  void for_each_piece(std::size_t bytes, const Use& use) const {
    for (std::size_t at = 0; at < bytes;) {
      const std::size_t count = std::min(bytes - at, options_.message_bytes);
      if (!use(at, static_cast<int>(count))) return;
      at += count;
    }
  }
  template <class T>
  [[nodiscard]] Done send(const std::vector<T>& values, std::size_t to) {
    Done done;
    const auto* const bytes = reinterpret_cast<const std::byte*>(values.data());
    for_each_piece(values.size() * sizeof(T), [&](std::size_t at, int count) {
      MPI_Request request = MPI_REQUEST_NULL;
      done = call(MPI_Isend(bytes + at, count, MPI_BYTE, static_cast<int>(to), tag, comm_, &request), "MPI_Isend");
      if (done) done = wait(request, "MPI_Isend");
      return done.has_value();
    });
    return done;
  }
  template <class T>
  [[nodiscard]] Done receive(std::vector<T>& values, std::size_t from) {
    Done done;
    auto* const bytes = reinterpret_cast<std::byte*>(values.data());
    for_each_piece(values.size() * sizeof(T), [&](std::size_t at, int count) {
      MPI_Request request = MPI_REQUEST_NULL;
      MPI_Status status{};
      done = call(MPI_Irecv(bytes + at, count, MPI_BYTE, static_cast<int>(from), tag, comm_, &request), "MPI_Irecv");
      if (done) done = wait(request, "MPI_Irecv", &status);
      if (!done) return false;
      int came = 0;
      MPI_Get_count(&status, MPI_BYTE, &came);
      if (came == count) return true;
      done = Unexpected<Error>(
          lose(make_error(ErrorCode::peer_lost, "expected ", count, " bytes of rank ", from, ", got ", came)));
      return false;
    });
    return done;
  }
  /// Errors: out_of_memory, for a size that nothing can have; std::bad_alloc.
  [[nodiscard]] static Done make_room(Bytes& bytes, std::uint64_t count) {
    if (count > bytes.max_size()) return Unexpected<Error>(Error(ErrorCode::out_of_memory));
    bytes.resize(static_cast<std::size_t>(count));
    return {};
  }
  template <class T>
  static void abandon(T& owner) noexcept {
    (void)owner.release();
  }
  template <class T>
  static void abandon_rows(std::vector<T>& memory) noexcept {  // where there is no memory for that, it is given back
    auto* const for_ever = new (std::nothrow) std::vector<T>();
    if (for_ever != nullptr) for_ever->swap(memory);
  }

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
  mpi::Options options_;
  std::optional<Error> lost_{};
  std::unique_ptr<std::byte[]> said_{}, heard_{};  // of one call
  std::atomic<bool> is_in_call_{false};            // of this object: who moves it is in none
};

}  // namespace detail
}  // namespace shoal::inline v0
