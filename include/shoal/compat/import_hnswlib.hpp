#pragma once
// An index of hnswlib's as one of shoal's: the points, and the graph as it is, not built anew. The file is as good as
// any other bytes: links, levels and vectors are verified, and what comes out passes `check()` or is an error.
//
// shoal's graph has an invariant that hnswlib's has not: every slot but the first has an earlier one that links to it
// (graph/tree.hpp). Most have; where none does, a link is put in, in the place of the farthest that leads to no child.
// That is all that is changed, and makes reachable what was not.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "shoal/compat/hnswlib_file.hpp"
#include "shoal/core/archive.hpp"
#include "shoal/core/error.hpp"
#include "shoal/core/platform.hpp"
#include "shoal/graph/check.hpp"
#include "shoal/graph/tree.hpp"
#include "shoal/index/entries.hpp"
#include "shoal/index/hnsw_index.hpp"
#include "shoal/io/file.hpp"

namespace shoal::inline v0 {

/// How a file of hnswlib's is read.
struct HnswlibImportOptions {
  /// Floats at the beginning of a point that are its vector; 0: all of it. More may follow, as the id of a document
  /// does in hnswlib's multi-vector spaces; it is left behind.
  std::size_t dimensions = 0;
  SecondWriter second_writer = SecondWriter::waits;  ///< HnswConfig.
};

namespace detail {

/// What is in a file of hnswlib's.
template <class Entries>
struct HnswlibParts {
  HnswConfig config;
  Entries entries;
  HnswStructure structure;
  std::vector<std::uint64_t> deleted;  // labels of entries that were marked so
  std::uint64_t room;
};

/// Reads a file into entries and a structure that have nothing in them. `File`: a SystemFile, or what stands for it.
template <class File, class Id, class Entries>
class HnswlibReader {
 public:
  HnswlibReader(const File& file, const HnswlibHead& head, std::uint64_t file_bytes, Entries& entries, HnswGraph& graph)
      : file_(file), head_(head), file_bytes_(file_bytes), entries_(entries), graph_(graph) {}

  /// `admit(bytes)` gives the vector of a point, or an error. *Errors*: corrupt, id_out_of_range, io_error, what
  /// `admit` gives; std::bad_alloc. Then the parts are good for nothing.
  template <class Admit>
  [[nodiscard]] Done read(const Admit& admit) {
    if (auto done = read_levels(); !done) return done;
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      graph_.add_at_level(to_slot(i), std::min<unsigned>(levels_[i], LinkLists::max_level));
    }
    if (auto done = read_elements(admit); !done) return done;
    if (auto done = read_upper_lists(); !done) return done;
    if (!levels_.empty()) {
      graph_.promote(Slot{head_.entry});
      give_parents();
    }
    CheckReport report = check_graph(graph_);
    if (report.ok()) return {};
    return corrupt(report.faults.empty() ? std::string("a point cannot be reached") : report.faults.front());
  }

  /// Labels that are marked as deleted, and in.
  [[nodiscard]] std::vector<std::uint64_t> take_deleted() noexcept { return std::move(deleted_); }

 private:
  /// How high each element reaches: all that is looked at of the lists above level 0 for now.
  [[nodiscard]] Done read_levels() {
    FileCursor cursor(file_, head_.upper_at(), file_bytes_);
    const auto count = static_cast<std::size_t>(head_.count);
    levels_.reserve(count);
    std::size_t top_level = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const auto bytes = cursor.read_number();
      if (!bytes) return Unexpected<Error>(bytes.error());
      const std::size_t levels = *bytes / head_.upper_list_bytes();
      if (*bytes % head_.upper_list_bytes() != 0 || levels > HnswlibHead::most_levels) {
        return corrupt("element ", i, ": ", *bytes, " bytes of lists above level 0 cannot be");
      }
      if (auto done = cursor.skip(*bytes); !done) return done;
      levels_.push_back(static_cast<std::uint8_t>(levels));
      top_level = std::max(top_level, levels);
    }
    if (cursor.left() != 0) return corrupt(cursor.left(), " bytes more than expected");
    if (count != 0 && (levels_[head_.entry] != top_level || head_.top_level != top_level)) {
      return corrupt("header: entry point ", head_.entry, " and top level ", head_.top_level,
                     " do not fit the elements, which reach up to ", top_level);
    }
    return {};
  }

  template <class Admit>
  [[nodiscard]] Done read_elements(const Admit& admit) {
    FileCursor cursor(file_, HnswlibHead::bytes, head_.upper_at());
    std::vector<std::byte> element(levels_.empty() ? 0 : head_.element_bytes());
    const std::span<const std::byte> bytes(element);
    const std::size_t label_at = head_.element_bytes() - HnswlibHead::label_bytes;
    entries_.begin_batch(false);
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      if (auto done = cursor.read(element); !done) return done;
      constexpr std::uint32_t count_bits = 0xFFFF, deleted_bit = 0x1'0000;
      const auto word = get<std::uint32_t>(bytes, 0);
      if ((word & ~(count_bits | deleted_bit)) != 0) {
        return corrupt("element ", i, ": an unknown mark in ", word);
      }
      const auto links = bytes.subspan(4, head_.list_bytes() - 4);  // the point lies behind them
      if (auto done = take_list(i, 0, word & count_bits, links); !done) return done;
      const auto vector = admit(bytes.subspan(head_.list_bytes(), static_cast<std::size_t>(head_.point_bytes)));
      if (!vector)
        return Unexpected<Error>(make_error(vector.error().code(), "element ", i, ": ", vector.error().message()));
      const auto id = to_id<Id>(get<std::uint64_t>(bytes, label_at));
      if (!id) return Unexpected<Error>(make_error(id.error().code(), "element ", i, ": ", id.error().message()));
      if (auto done = take_entry(*id, *vector, (word & deleted_bit) != 0); !done) return done;
    }
    entries_.end_batch();
    drop_replaced_marks();
    return {};
  }

  /// An element becomes the entry of the next slot. hnswlib may write a label twice, when points took the places of
  /// deleted ones: then the last that is not deleted has it, or the first where all are, and the slots of the others
  /// are dead.
  [[nodiscard]] Done take_entry(Id id, std::span<const float> vector, bool is_deleted) {
    const bool is_shadow = is_deleted && entries_.find(id).has_value();
    Id own = id;
    if (is_shadow) {
      // Only upwards: an id that was spare is erased again, and the others stay.
      while (entries_.find(spare_)) {
        if (spare_ == std::numeric_limits<Id>::max()) {
          return Unexpected<Error>(make_error(ErrorCode::incompatible,
                                              "expected an id type with room for one id more than "
                                              "the file has, label ",
                                              id, " is there twice and every id is taken"));
        }
        ++spare_;
      }
      own = spare_;
    }
    auto staged = entries_.stage(own, vector, OnDuplicate::overwrite);
    if (!staged) return Unexpected<Error>(std::move(staged.error()));
    entries_.publish();
    entries_.end_round();
    if (is_shadow) {
      entries_.reserve_erase();
      entries_.erase(own);
    } else if (is_deleted) {
      marks_.push_back({id, to_slot(entries_.slots() - 1)});
    }
    return {};
  }
  /// A mark goes with its slot: not to another that has the label.
  void drop_replaced_marks() {
    for (const Mark& mark : marks_) {
      if (entries_.find(mark.id) == mark.slot) deleted_.push_back(static_cast<std::uint64_t>(mark.id));
    }
  }

  [[nodiscard]] Done read_upper_lists() {
    FileCursor cursor(file_, head_.upper_at(), file_bytes_);
    std::vector<std::byte> list(head_.upper_list_bytes());
    const std::span<const std::byte> bytes(list);
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      if (auto skipped = cursor.read_number(); !skipped) return Unexpected<Error>(skipped.error());
      for (unsigned level = 1; level <= levels_[i]; ++level) {
        if (auto done = cursor.read(list); !done) return done;
        if (auto done = take_list(i, level, get<std::uint32_t>(bytes, 0), bytes.subspan(4)); !done) return done;
      }
    }
    return {};
  }

  /// Links of element i, which lie in `words`. Those to itself, and repeated ones, are left out: they lead nowhere.
  [[nodiscard]] Done take_list(std::size_t i, unsigned level, std::size_t count, std::span<const std::byte> words) {
    if (count > words.size() / 4) {
      return corrupt("element ", i, " level ", level, ": ", count, " links, expected at most ", words.size() / 4);
    }
    targets_.clear();
    for (std::size_t place = count; place-- > 0;) {  // hnswlib has the farthest first
      const auto target = get<std::uint32_t>(words, place * 4);
      if (target >= levels_.size() || levels_[target] < level) {
        return corrupt("element ", i, " level ", level, ": a link to element ", target, " of ", levels_.size(),
                       ", which is not there");
      }
      const Slot slot{target};
      if (target == i || std::find(targets_.begin(), targets_.end(), slot) != targets_.end()) continue;
      targets_.push_back(slot);
    }
    if (level <= LinkLists::max_level) graph_.lists().assign(to_slot(i), level, targets_);
    return {};
  }

  /// The first earlier slot that links to a slot is its parent. Those that have none are adopted.
  void give_parents() {
    LinkLists& lists = graph_.lists();
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      lists.for_each(to_slot(i), 0, [&](Slot target) {
        if (to_index(target) > i && lists.parent(target) == target) lists.set_parent(target, to_slot(i));
      });
    }
    for (std::size_t i = 1; i < levels_.size(); ++i) {
      if (lists.parent(to_slot(i)) == to_slot(i)) adopt(graph_, to_slot(i));
    }
  }

  struct Mark {
    Id id;
    Slot slot;
  };

  const File& file_;
  const HnswlibHead& head_;
  std::uint64_t file_bytes_;
  Entries& entries_;
  HnswGraph& graph_;
  std::vector<std::uint8_t> levels_;  // of each element
  std::vector<Slot> targets_;
  std::vector<Mark> marks_;
  Id spare_ = 0;  // of shadows, for a moment: no id below it is free
  std::vector<std::uint64_t> deleted_;
};

/// `make_entries(head)` gives entries for the points of such a file, or an error; `admit(entries, bytes)` the vector of
/// a point. *Errors*: as HnswlibReader's; cannot_open, incompatible.
template <class Id, class Entries, class Files, class MakeEntries, class Admit>
[[nodiscard]] Expected<HnswlibParts<Entries>, Error> read_hnswlib(Files& files, const std::string& path,
                                                                  const MakeEntries& make_entries, const Admit& admit) {
  const auto at_path = [&](const Error& error) { return Unexpected<Error>(error_at(path, error)); };
  if constexpr (!lies_as_in_files) return at_path(numbers_differ());
  const auto file = files.open(path);
  if (!file) return Unexpected<Error>(file.error());
  const auto file_bytes = file->size();
  if (!file_bytes) return Unexpected<Error>(file_bytes.error());
  std::array<std::byte, HnswlibHead::bytes> bytes;
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(*file_bytes, bytes.size()));
  if (auto done = file->read_at(0, bytes.data(), count); !done) return Unexpected<Error>(std::move(done.error()));
  const auto head = parse_hnswlib_head(std::span<const std::byte>(bytes).first(count), *file_bytes);
  if (!head) return at_path(head.error());

  HnswConfig config;
  config.M = static_cast<std::size_t>(head->M);
  config.ef_construction = static_cast<std::size_t>(std::clamp<std::uint64_t>(head->ef_construction, 1, 100'000));
  auto entries = make_entries(*head);
  if (!entries) return at_path(entries.error());
  config.dimensions = entries->dimensions();
  if (const auto fault = find_fault(config)) return at_path(make_error(ErrorCode::incompatible, fault->message()));
  HnswlibParts<Entries> parts{config, *std::move(entries), HnswStructure(config), {}, head->room};
  HnswlibReader<typename Files::File, Id, Entries> reader(*file, *head, *file_bytes, parts.entries,
                                                          parts.structure.graph());
  auto done = reader.read([&](std::span<const std::byte> point) { return admit(parts.entries, point); });
  if (!done) return at_path(done.error());
  parts.deleted = reader.take_deleted();
  return parts;
}

/// Makes an index of parts.
template <class Index>
class ImportedIndex : public Index {
 public:
  using Entries = typename Index::EntriesType;
  explicit ImportedIndex(HnswlibParts<Entries> parts)
      : Index(parts.config, std::move(parts.entries), std::move(parts.structure)) {}
};

}  // namespace detail

/// Reads a file that hnswlib's `HierarchicalNSW::saveIndex` wrote (0.6 to 0.8), with its graph. `Index`: an HnswIndex
/// of any storage, with the metric of the space that hnswlib was given, which is not in the file: L2Squared for
/// L2Space, InnerProduct for InnerProductSpace, Cosine too if the vectors were scaled to norm 1. Labels become ids;
/// what was marked as deleted is erased.
///
/// *Errors*: cannot_open, io_error; corrupt, when hnswlib cannot have written it; not_finite, norm_too_large,
/// zero_vector, id_out_of_range, for a point that shoal does not take; incompatible, when `M` is not 2 to 512, or a
/// point not as many floats as `dimensions`; out_of_memory. *Cost*: reads all of it twice, and verifies every link; 5
/// bytes a point besides the index.
template <class Index = HnswIndex<>, class Files = detail::SystemFiles>
[[nodiscard]] Expected<Index, Error> import_hnswlib(const std::string& path, const HnswlibImportOptions& options = {},
                                                    Files&& files = {}) {
  using Imported = detail::ImportedIndex<Index>;
  using Entries = typename Imported::Entries;
  using Id = typename Index::id_type;
  SHOAL_TRY {
    std::vector<float> floats, scaled;
    const auto make_entries = [&](const detail::HnswlibHead& head) -> Expected<Entries, Error> {
      const auto wanted = std::uint64_t{options.dimensions} * sizeof(float);
      if (options.dimensions != 0 ? head.point_bytes < wanted : head.point_bytes % sizeof(float) != 0) {
        return Unexpected<Error>(detail::make_error(ErrorCode::incompatible, "expected points of ", options.dimensions,
                                                    " floats (0: any number), they have ", head.point_bytes, " bytes"));
      }
      HnswConfig config;
      config.dimensions =
          options.dimensions != 0 ? options.dimensions : static_cast<std::size_t>(head.point_bytes / sizeof(float));
      if (const auto fault = detail::find_fault(config)) {
        return Unexpected<Error>(detail::make_error(ErrorCode::incompatible, fault->message()));
      }
      floats.resize(config.dimensions);
      scaled.reserve(config.dimensions);
      return Entries(config.dimensions, 0);
    };
    const auto admit = [&](const Entries& entries, std::span<const std::byte> point) {
      std::memcpy(floats.data(), point.data(), entries.dimensions() * sizeof(float));
      return detail::admit_vector<typename Index::metric_type>(std::span<const float>(floats), entries.dimensions(),
                                                               scaled);
    };
    auto parts = detail::read_hnswlib<Id, Entries>(files, path, make_entries, admit);
    if (!parts) return Unexpected<Error>(std::move(parts.error()));
    parts->config.second_writer = options.second_writer;
    const std::vector<std::uint64_t> deleted = std::move(parts->deleted);
    Index index = Imported(*std::move(parts));
    if (auto erased = index.batch_erase(deleted); !erased) return Unexpected<Error>(std::move(erased.error()));
    return index;
  }
  SHOAL_CATCH_BAD_ALLOC { return Unexpected<Error>(Error(ErrorCode::out_of_memory)); }
}

}  // namespace shoal::inline v0
