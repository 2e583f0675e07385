#pragma once
// The group of a batch whose shards are one in each process (shards/shard_batch.hpp says what a group is): rank 0 reads
// the source. A block goes out in two messages: to all, the ids, their shards, and why it ended where it did; to each,
// its own rows. The ids go to all so that each can tell its caller what is in.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/mpi/communicator.hpp"
#include "shoal/mpi/messages.hpp"
#include "shoal/shards/shard_batch.hpp"
#include "shoal/shards/shard_block.hpp"

namespace shoal::inline v0::detail {

template <class Index>
class ShardsOfRanks {
  using Id = typename Index::id_type;
  using Fault = ShardFault<Id>;
  using Block = ShardBlock<Id>;

 public:
  ShardsOfRanks(MpiCommunicator& group, Index& index) noexcept
      : group_(group), own_{group.rank(), &index}, dimensions_(index.dimensions()) {}

  [[nodiscard]] bool reads() const noexcept { return group_.rank() == 0; }
  [[nodiscard]] std::span<const OwnShard<Index>> own() const noexcept { return {&own_, 1}; }

  [[nodiscard]] Expected<void, Error> share(Block& block) {
    MessageWriter message;
    SHOAL_TRY {
      if (reads()) write(block, message);
    }
    SHOAL_CATCH_ALL { message.bytes().clear(); }  // which says so
    if (auto done = group_.broadcast(message.bytes(), 0); !done) return done;
    auto ready = group_.together([&]() -> MpiCommunicator::Done {
      block.rows.resize(group_.size());  // rank 0 may have had no room
      if (message.bytes().empty()) return Unexpected<Error>(Error(ErrorCode::out_of_memory));
      if (reads() || read(message.bytes(), block)) return {};
      return Unexpected<Error>(
          make_error(ErrorCode::peer_lost, "expected a block of items of rank 0, got other bytes"));
    });
    if (!ready) return ready;
    return group_.scatter(block.rows, block.rows[own_.shard], 0);
  }

  [[nodiscard]] Expected<Fault, Error> first_of(Fault mine) {
    const auto notes = group_.gather_from_all(Note(mine));
    if (!notes) return Unexpected<Error>(notes.error());
    std::size_t first = 0;
    for (std::size_t rank = 1; rank < notes->size(); ++rank) {
      if ((*notes)[rank].position < (*notes)[first].position) first = rank;
    }
    if (first == group_.rank() || (*notes)[first].position == Fault::nowhere) return mine;
    Fault fault = (*notes)[first].fault();
    // What was agreed on before comes back from all: who threw keeps the exception.
    const bool is_the_same = mine.position == fault.position && mine.error.code() == fault.error.code();
    if (is_the_same) fault.exception = std::move(mine.exception);
    return fault;
  }

  [[nodiscard]] Expected<void, Error> join(std::vector<std::uint8_t>& marks) { return group_.join(marks); }

 private:
  /// A fault, in a form that can be sent. An exception stays where it was thrown.
  struct Note {
    std::uint64_t position = Fault::nowhere;
    Id id{};
    bool blames_item = false;
    bool has_id = false;
    ErrorNote error{};

    Note() = default;
    explicit Note(const Fault& fault) noexcept
        : position(fault.position),
          id(fault.id.value_or(Id{})),
          blames_item(fault.blames_item),
          has_id(fault.id.has_value()) {
      if (fault.is_one()) error = ErrorNote(fault.error);
    }
    [[nodiscard]] Fault fault() const noexcept {
      Fault fault{.position = position, .blames_item = blames_item};
      if (has_id) fault.id = id;
      if (error.is_one()) fault.error = error.error();
      return fault;
    }
  };
  struct Head {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    OnDuplicate on_duplicate{};
    bool is_last = false;
    Note fault{};
  };

  void write(const Block& block, MessageWriter& message) const {
    message.put(Head{block.first, block.size(), block.on_duplicate, block.is_last, Note(block.fault)});
    message.put(std::span<const Id>(block.ids));
    message.put(std::span<const std::uint16_t>(block.shards));
  }
  /// What rank 0 wrote, and room for the rows to come. False where it is not that.
  [[nodiscard]] bool read(std::span<const std::byte> bytes, Block& block) const {
    MessageReader message(bytes);
    Head head;
    if (!message.take(head)) return false;
    const auto count = static_cast<std::size_t>(head.count);
    block.begin(head.first, group_.size(), 0);
    if (!message.take(block.ids, count) || !message.take(block.shards, count) || !message.is_at_end()) return false;
    block.on_duplicate = head.on_duplicate;
    block.is_last = head.is_last;
    block.fault = head.fault.fault();
    std::size_t own = 0;
    for (const std::uint16_t shard : block.shards) own += shard == own_.shard ? 1 : 0;
    block.rows[own_.shard].resize(own * dimensions_);
    return true;
  }

  MpiCommunicator& group_;
  OwnShard<Index> own_;
  std::size_t dimensions_;
};

}  // namespace shoal::inline v0::detail
