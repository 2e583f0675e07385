// Bytes as a sequence of operations on an index, against a map of what it must hold: batches that end in every way a
// batch can, erasing, searching, compacting, saving. After each operation the index is sound and holds what the map
// holds; a search for all finds all of it.
//
// The model knows nothing of rounds: what a batch leaves is said by docs/contract.md item by item. Small dimensions and
// lists, so that graphs of a hundred entries have levels, links to choose among, and repairs.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "../io/support.hpp"
#include "input.hpp"
#include <shoal/shoal.hpp>

namespace {

using fuzz::expect;
using shoal::ErrorCode;

using Id = std::int16_t;
using FloatGraph = shoal::HnswIndex<shoal::L2Squared, shoal::Float32, Id>;
using CodeGraph = shoal::HnswIndex<shoal::Cosine, shoal::SQ8, Id>;
using FloatScan = shoal::BruteForceIndex<shoal::L2Squared, shoal::Float32, Id>;

constexpr std::size_t dimensions = 3;
constexpr std::size_t most_items = 400;  // of an input, so that it takes milliseconds
using Vector = std::vector<float>;
using Item = std::pair<std::int32_t, Vector>;
using Entries = std::map<Id, Vector>;

// ---- what batches are made of
// -----------------------------------------------------------------------------------------

struct Thrown : std::runtime_error {
  Thrown() : std::runtime_error("thrown by the test") {}
};

Vector hashed_vector(std::uint64_t seed) {
  Vector vector(dimensions);
  for (float& value : vector) value = static_cast<float>(shoal::detail::mix64(seed++) % 33) - 16.25F;
  return vector;
}

/// A vector of small numbers, many of them equal; now and then one that is refused.
Vector take_vector(fuzz::Input& input) {
  const std::size_t kind = input.below(64);
  if (kind == 60) return Vector(input.below(6), 1.0F);  // mostly of another length
  Vector vector = hashed_vector(input.take<std::uint8_t>());
  float& one = vector[kind % dimensions];
  if (kind == 61) one = std::numeric_limits<float>::quiet_NaN();
  if (kind == 62) one = -std::numeric_limits<float>::infinity();
  if (kind == 63) one = 1e20F;
  if (kind == 59) std::fill(vector.begin(), vector.end(), 0.0F);
  if (kind == 58) one = 1e15F;
  return vector;
}

std::int32_t take_id(fuzz::Input& input) {
  const auto byte = input.take<std::uint8_t>();
  if (byte == 255) return 40'000;  // does not fit
  return byte == 254 ? std::numeric_limits<Id>::min() : static_cast<std::int32_t>(byte) - 100;
}

/// Items one by one, or many that follow from a few bytes.
std::vector<Item> take_items(fuzz::Input& input) {
  std::vector<Item> items;
  const std::size_t count = input.below(128);
  if (input.one_in(2)) {
    for (std::size_t i = 0; i < count % 16; ++i) {
      const std::int32_t id = take_id(input);
      items.emplace_back(id, take_vector(input));
    }
  } else {
    const std::int32_t first = take_id(input);
    const auto seed = input.take<std::uint8_t>();
    const auto step = static_cast<std::int32_t>(input.below(4));
    for (std::size_t i = 0; i < count; ++i) {
      items.emplace_back((first + static_cast<std::int32_t>(i) * step) % 150, hashed_vector(seed + i));
    }
  }
  return items;
}

/// Items that throw when one of them is read, and that may be gone over once only.
struct Source {
  const std::vector<Item>* items;
  std::size_t throws_at;  // of no item: never

  template <bool once>
  struct Iterator {
    using difference_type = std::ptrdiff_t;
    using value_type = Item;
    using iterator_concept = std::conditional_t<once, std::input_iterator_tag, std::forward_iterator_tag>;
    const Source* source = nullptr;
    std::size_t at = 0;
    const Item& operator*() const {
      if (at == source->throws_at) throw Thrown();
      return (*source->items)[at];
    }
    Iterator& operator++() {
      ++at;
      return *this;
    }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++at;
      return before;
    }
    bool operator==(const Iterator& other) const { return at == other.at; }
    bool operator==(std::default_sentinel_t) const { return at == source->items->size(); }
  };
};
struct SourceOfManyPasses : Source {
  [[nodiscard]] Iterator<false> begin() const { return {this, 0}; }
  [[nodiscard]] Iterator<false> end() const { return {this, items->size()}; }
  [[nodiscard]] std::size_t size() const { return items->size(); }
};
struct SourceOfOnePass : Source {
  [[nodiscard]] Iterator<true> begin() const { return {this, 0}; }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }
};

enum class Ending : std::uint8_t { none, cancelled, callback_throws, source_throws, stopped };

struct Batch {
  std::vector<Item> items;
  shoal::BatchOptions options;
  bool is_once;
  Ending ending;
  std::size_t end_at;  // completed items, or for a source that throws, the item
};

Batch take_batch(fuzz::Input& input) {
  Batch batch{take_items(input), {}, input.one_in(3), static_cast<Ending>(input.below(8) % 5), 0};
  batch.end_at = input.below(batch.items.size() + 1);
  batch.options.on_duplicate = static_cast<shoal::OnDuplicate>(2 - input.below(3));
  batch.options.atomicity = static_cast<shoal::Atomicity>(input.one_in(3));
  batch.options.link_by_codes = input.one_in(4);
#if SHOAL_HAS_THREADS
  batch.options.threads = 1 + static_cast<unsigned>(input.below(3));
  batch.options.executor = [](std::size_t count, const std::function<void(std::size_t)>& task) {
    while (count-- != 0) task(count);  // another order, no threads
  };
#endif
  return batch;
}

// ---- what must come of them
// --------------------------------------------------------------------------------------------

struct Outcome {
  Entries entries;
  std::vector<Id> ids{};
  std::size_t completed = 0;
  std::optional<ErrorCode> cause{};
  bool is_items = false;              // the item after the completed ones is to blame
  std::optional<ErrorCode> others{};  // a cause that would be right as well
};

template <bool needs_direction>
std::optional<ErrorCode> fault_of(const Item& item) {
  const auto& [id, vector] = item;
  if (id < std::numeric_limits<Id>::min() || id > std::numeric_limits<Id>::max()) return ErrorCode::id_out_of_range;
  if (vector.size() != dimensions) return ErrorCode::dimension_mismatch;
  double squared_norm = 0;
  for (const float value : vector) {
    if (!std::isfinite(value)) return ErrorCode::not_finite;
    squared_norm += double{value} * value;
  }
  if (needs_direction && squared_norm == 0) return ErrorCode::zero_vector;
  return squared_norm > 0x1p125 ? std::optional(ErrorCode::norm_too_large) : std::nullopt;
}

/// What stands in the contract, one item after the other.
template <bool needs_direction>
Outcome outcome_of(const Entries& before, const Batch& batch, std::size_t max_elements) {
  const bool keeps_all = batch.options.atomicity == shoal::Atomicity::all_or_nothing;
  const std::size_t count = batch.items.size();
  Outcome out{before};
  const auto end = [&](ErrorCode cause, bool is_items) {
    out.cause = cause;
    out.is_items = is_items;
  };
  const auto end_by_callback = [&] {
    if (out.completed != batch.end_at) return false;
    if (batch.ending == Ending::cancelled) end(ErrorCode::cancelled, false);
    if (batch.ending == Ending::callback_throws) end(ErrorCode::callback_failed, false);
    return out.cause.has_value();
  };
  const bool is_stopped = batch.ending == Ending::stopped;
  if (is_stopped && batch.end_at == 0 && (count != 0 || batch.is_once)) end(ErrorCode::cancelled, false);
  while (!out.cause && out.completed < count) {
    const Item& item = batch.items[out.completed];
    // Reading ahead, the item is found to be bad before the stop is asked for; one by one, after.
    const bool is_stop_due = is_stopped && out.completed == batch.end_at && !keeps_all;
    if (batch.ending == Ending::source_throws && out.completed == batch.end_at) {
      end(ErrorCode::source_failed, true);
      break;
    }
    auto fault = fault_of<needs_direction>(item);
    const auto id = static_cast<Id>(item.first);
    const bool is_in = !fault && out.entries.contains(id);
    const bool is_kept = is_in && batch.options.on_duplicate == shoal::OnDuplicate::skip;
    if (is_in && batch.options.on_duplicate == shoal::OnDuplicate::fail) fault = ErrorCode::duplicate_id;
    if (!fault && !is_in && max_elements != 0 && out.entries.size() == max_elements) {
      fault = ErrorCode::capacity_exceeded;
    }
    if (is_stop_due) {
      out.others = fault;
      end(ErrorCode::cancelled, false);
      break;
    }
    if (fault) {
      end(*fault, true);
      break;
    }
    if (!is_kept) {
      out.entries[id] = item.second;
      out.ids.push_back(id);
    }
    ++out.completed;
    if (!keeps_all) end_by_callback();
  }
  if (!out.cause && is_stopped && batch.end_at == count && batch.is_once && !keeps_all)
    end(ErrorCode::cancelled, false);
  if (keeps_all && !out.cause && batch.end_at <= count) {
    // Read without a fault; now it is linked, and the callback called.
    out.completed = batch.end_at;
    if (batch.end_at != 0) end_by_callback();
    if (is_stopped && batch.end_at != 0 && batch.end_at < count) end(ErrorCode::cancelled, false);
  }
  if (keeps_all && out.cause) {
    out.entries = before;
    out.ids.clear();
    out.completed = 0;
  }
  return out;
}

// ---- the index and its map
// ---------------------------------------------------------------------------------------------

template <class Index>
class Model {
  static constexpr bool needs_direction = Index::metric_type::unit_vectors;

 public:
  explicit Model(fuzz::Input& input) : input_(input), max_elements_(input.one_in(8) ? 20 : 0), index_(make()) {}

  /// One operation, and a look at what it left.
  void step() {
    switch (input_.below(16)) {
      case 0:
      case 1:
      case 2:
      case 3: insert_batch(); break;
      case 4: insert_one(); break;
      case 5:
      case 6: erase_one(); break;
      case 7:
      case 8:
      case 9: erase_batch(); break;
      case 10:
      case 11: search(); break;
      case 12: search_within(); break;
      case 13: compact(); break;
      case 14: save_and_load(); break;
      default: clone(); break;
    }
    check();
  }
  [[nodiscard]] bool is_tired() const noexcept { return items_ > most_items; }

  /// Everything is found, and is what it was.
  void check_all() const {
    for (const auto& [id, vector] : entries_) expect_same(*index_.get(id), vector);
    expect(index_.search(hashed_vector(9), entries_.size() + 1).size() == entries_.size(), "everything is found");
  }

 private:
  [[nodiscard]] Index make() const {
    if constexpr (std::is_same_v<Index, FloatScan>) {
      return Index({.dimensions = dimensions, .max_elements = max_elements_});
    } else {
      return Index({.dimensions = dimensions, .M = 2, .ef_construction = 4, .max_elements = max_elements_});
    }
  }

  /// `kept` is what becomes of `vector`: itself, or of norm 1 and rounded, by at most sqrt(3) / 254.
  static void expect_same(const Vector& kept, const Vector& vector) {
    if constexpr (!needs_direction) {
      expect(kept == vector, "a vector is kept as it came");
    } else {
      const double norm = std::hypot(double{vector[0]}, double{vector[1]}, double{vector[2]});
      double squared_error = 0;
      for (std::size_t i = 0; i < dimensions; ++i) squared_error += std::pow(kept[i] - vector[i] / norm, 2);
      expect(squared_error < 1e-4, "a vector is kept, rounded");
    }
  }

  void check() const {
    expect(index_.size() == entries_.size(), "as many entries as the map has");
    expect(index_.check().ok(), "the index is sound");
    const auto stats = index_.stats();
    expect(stats.live == entries_.size(), "counts agree with the map");
    for (int id = -100; id < 160; id += 13) expect(index_.contains(id) == has(id), "ids agree with the map");
  }
  [[nodiscard]] bool has(int id) const { return entries_.contains(static_cast<Id>(id)); }

  // ---- changes

  void insert_batch() {
    const Batch batch = take_batch(input_);
    items_ += batch.items.size();
    const std::size_t throws_at = batch.ending == Ending::source_throws ? batch.end_at : batch.items.size();
    if (batch.is_once) {
      insert(SourceOfOnePass{{&batch.items, throws_at}}, batch);
    } else {
      insert(SourceOfManyPasses{{&batch.items, throws_at}}, batch);
    }
  }

  template <class From>
  void insert(From source, Batch batch) {
    const Outcome expected = outcome_of<needs_direction>(entries_, batch, max_elements_);
    struct Stop {
      const std::size_t* completed;
      std::size_t at;
      [[nodiscard]] bool stop_requested() const { return *completed >= at; }
    };
    std::size_t completed = 0;
    if (batch.ending == Ending::stopped) batch.options.stop = Stop{&completed, batch.end_at};
    const auto hear = [&](std::size_t now, std::size_t total) {
      expect(now == completed + 1, "progress goes by ones");
      completed = now;
      expect(total == (batch.is_once ? 0 : batch.items.size()), "the total is the length, if there is one");
      const Item& item = batch.items[now - 1];
      expect(index_.contains(item.first), "an item is in when it is reported");
      if (now % 32 != 1) return;
      const auto found = index_.search(item.second, {.k = 300});
      expect(found.size() == index_.size(), "a callback finds what is in");
      expect(index_.insert(1, item.second).error().code() == ErrorCode::reentrant_mutation, "a callback cannot insert");
      expect(index_.erase(1).error().code() == ErrorCode::reentrant_mutation, "a callback cannot erase");
    };
    const auto answer = [&](std::size_t now, std::size_t total) {
      hear(now, total);
      return now != batch.end_at;
    };
    const auto throwing = [&](std::size_t now, std::size_t total) {
      hear(now, total);
      if (now == batch.end_at) throw Thrown();
    };
    const auto result = batch.ending == Ending::cancelled         ? index_.batch_insert(source, answer, batch.options)
                        : batch.ending == Ending::callback_throws ? index_.batch_insert(source, throwing, batch.options)
                        : batch.ending == Ending::none && batch.options.threads == 1
                            ? index_.batch_insert(source, shoal::NoProgress{}, batch.options)
                            : index_.batch_insert(source, hear, batch.options);
    expect(result.has_value() == !expected.cause, "a batch ends well or not as the contract says");
    if (result) {
      expect(*result == expected.ids, "the ids of a batch are those that went in");
    } else {
      const auto& error = result.error();
      const ErrorCode cause = error.cause.code();
      expect(cause == *expected.cause || cause == expected.others, "the cause is what the contract says");
      expect(error.successful_ids == expected.ids && error.successful_count == expected.ids.size(),
             "what is in is what came before");
      expect(error.completed_count == expected.completed, "what is dealt with is counted");
      const bool is_items = cause == *expected.cause ? expected.is_items : true;
      if (batch.options.atomicity == shoal::Atomicity::prefix) {
        expect(error.failed_index == (is_items ? std::optional(expected.completed) : std::nullopt),
               "the item to blame is named");
      }
      const bool is_thrown = cause == ErrorCode::source_failed || cause == ErrorCode::callback_failed;
      expect((error.exception != nullptr) == is_thrown, "what was thrown is kept");
    }
    entries_ = expected.entries;
  }

  void insert_one() {
    const bool replaces = input_.one_in(2);
    Batch batch{{}, {}, false, Ending::none, 1};
    const std::int32_t id = take_id(input_);
    batch.items.emplace_back(id, take_vector(input_));
    if (replaces) batch.options.on_duplicate = shoal::OnDuplicate::overwrite;
    const Outcome expected = outcome_of<needs_direction>(entries_, batch, max_elements_);
    const auto& vector = batch.items.front().second;
    const auto done = replaces ? index_.upsert(id, vector) : index_.insert(id, vector);
    expect(done.has_value() == !expected.cause, "one item goes in as a batch of one does");
    if (!done) expect(done.error().code() == *expected.cause, "and fails as one does");
    entries_ = expected.entries;
  }

  void erase_one() {
    std::int32_t id = take_id(input_);
    if (!entries_.empty() && input_.one_in(2)) {
      id = std::next(entries_.begin(), static_cast<std::ptrdiff_t>(input_.below(entries_.size())))->first;
    }
    const auto erased = index_.erase(id);
    const bool was_in = id <= std::numeric_limits<Id>::max() && entries_.erase(static_cast<Id>(id)) == 1;
    expect(erased.has_value() == was_in, "what is in can be erased, and nothing else");
    if (!erased) expect(erased.error().code() == ErrorCode::id_not_found, "what is not in is not found");
  }

  void erase_batch() {
    const auto ids = take_ids();
    shoal::EraseReport<Id> expected;
    const bool fit = std::all_of(ids.begin(), ids.end(), [](int id) { return id <= std::numeric_limits<Id>::max(); });
    for (std::size_t i = 0; fit && i < ids.size(); ++i) {
      const auto id = static_cast<Id>(ids[i]);
      const bool came_before = std::find(expected.erased.begin(), expected.erased.end(), id) != expected.erased.end();
      const bool was_in = entries_.erase(id) == 1;
      (was_in ? expected.erased : came_before ? expected.repeated : expected.absent).push_back(id);
    }
    const auto report = index_.batch_erase(ids);
    expect(report.has_value() == fit, "ids that fit can be erased");
    if (!report) return expect(report.error().code() == ErrorCode::id_out_of_range, "one that does not is named");
    expect(report->erased == expected.erased, "what was in is erased");
    expect(report->absent == expected.absent && report->repeated == expected.repeated, "what was not is told apart");
  }
  /// Ids of entries, every so many of them; or ids one by one; or a row of ids.
  std::vector<std::int32_t> take_ids() {
    std::vector<std::int32_t> ids;
    const std::size_t kind = input_.below(4);
    const std::size_t count = input_.below(128);
    if (kind <= 1) {
      const std::size_t step = 1 + input_.below(8);
      std::size_t at = input_.below(64);
      for (const auto& entry : entries_) {
        if (++at % step == 0 && ids.size() < count) ids.push_back(entry.first);
      }
    } else if (kind == 2) {
      for (std::size_t i = 0; i < count % 16; ++i) ids.push_back(take_id(input_));
    } else {
      const std::int32_t first = take_id(input_);
      const auto step = static_cast<std::int32_t>(input_.below(4));
      for (std::size_t i = 0; i < count; ++i) ids.push_back(first + static_cast<std::int32_t>(i) * step);
    }
    return ids;
  }

  void compact() {
    const auto found = index_.search(hashed_vector(3), 300);
    expect(index_.compact().has_value(), "an index can be compacted");
    const auto stats = index_.stats();
    expect(stats.dead + stats.free == 0, "a compact index has no slots to spare");
    expect(index_.search(hashed_vector(3), 300) == found, "a compact index finds what it found");
  }

  void save_and_load() {
    const auto bytes = io_tests::bytes_of(index_);
    auto loaded = io_tests::load_bytes<Index>(bytes);
    expect(loaded && io_tests::bytes_of(*loaded) == bytes, "an index is saved and loaded");
    index_ = *std::move(loaded);
  }

  void clone() {
    const auto bytes = io_tests::bytes_of(index_);
    index_ = index_.clone();
    expect(io_tests::bytes_of(index_) == bytes, "a copy is the same index");
    expect(index_.reserve(max_elements_ != 0 ? max_elements_ : entries_.size() + 100).has_value(), "room can be made");
  }

  // ---- searches

  /// A filter, a list, both or neither.
  struct Wanted {
    std::size_t step = 1;
    std::optional<std::vector<std::uint64_t>> listed{};
    [[nodiscard]] bool operator()(std::uint64_t id) const {
      if (listed && std::find(listed->begin(), listed->end(), id) == listed->end()) return false;
      return id % step == 0;
    }
  };
  Wanted take_wanted() {
    Wanted wanted;
    if (input_.one_in(3)) wanted.step = 1 + input_.below(20);
    if (input_.one_in(4)) {
      wanted.listed.emplace();
      for (const std::int32_t id : take_ids()) {
        wanted.listed->push_back(static_cast<std::uint64_t>(std::int64_t{id}));
      }
    }
    return wanted;
  }
  template <class Options>
  static void use(const Wanted& wanted, Options& options) {
    if (wanted.step != 1) options.filter = [step = wanted.step](std::uint64_t id) { return id % step == 0; };
    if (wanted.listed) options.among = std::span<const std::uint64_t>(*wanted.listed);
  }
  /// Distances of all that may be returned, in order, and whether any search is exact: of rounded vectors they are not
  /// known here.
  std::vector<double> distances(const Vector& query, const Wanted& wanted) const {
    std::vector<double> all;
    for (const auto& [id, vector] : entries_) {
      if (wanted(static_cast<std::uint64_t>(std::int64_t{id}))) all.push_back(distance(vector, query));
    }
    std::sort(all.begin(), all.end());
    return all;
  }
  static double distance(const Vector& a, const Vector& b) {
    double sum = 0;
    for (std::size_t i = 0; i < dimensions; ++i) sum += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    return sum;
  }
  static bool is_about(double got, double expected) { return std::abs(got - expected) <= expected * 1e-6; }

  /// Sorted, each once, wanted, and as far as is said.
  template <class Found>
  void expect_good(const Found& found, const Vector& query, const Wanted& wanted) const {
    expect(std::is_sorted(found.begin(), found.end()), "the nearest come first");
    std::set<Id> ids;
    for (const auto& one : found) {
      expect(ids.insert(one.id).second, "an entry is found once");
      expect(has(one.id) && wanted(static_cast<std::uint64_t>(std::int64_t{one.id})), "what is found is wanted");
      if constexpr (needs_direction) {
        expect(std::isfinite(one.distance), "a distance is a number");
      } else {
        expect(is_about(one.distance, distance(entries_.at(one.id), query)), "a distance is that of the vectors");
      }
    }
  }

  void search() {
    const Vector query = hashed_vector(input_.take<std::uint8_t>());
    const Wanted wanted = take_wanted();
    shoal::SearchOptions options;
    options.k = input_.below(200);
    options.ef = input_.below(100);
    use(wanted, options);
    const auto found = index_.search(query, options);
    const auto truth = distances(query, wanted);
    expect(found.size() == std::min(options.k, truth.size()), "as many are found as there are");
    expect_good(found, query, wanted);
    if constexpr (std::is_same_v<Index, FloatScan>) {
      for (std::size_t i = 0; i < found.size(); ++i) {
        expect(is_about(found[i].distance, truth[i]), "exact search is exact");
      }
    }
    auto context = index_.make_search_context();
    const auto again = index_.search(query, options, context);
    expect(std::equal(found.begin(), found.end(), again.begin(), again.end()), "a context changes nothing");
    expect(index_.batch_search(query, options).front() == found, "a batch of one query finds what the query does");
  }

  void search_within() {
    const Vector query = hashed_vector(input_.take<std::uint8_t>());
    const Wanted wanted = take_wanted();
    const auto truth = distances(query, wanted);
    const float radius = static_cast<float>(input_.take<std::uint8_t>()) * 4;
    shoal::WithinOptions options;
    options.most = input_.below(20);
    use(wanted, options);
    const auto found = index_.search_within(query, radius, options);
    expect_good(found, query, wanted);
    for (const auto& one : found) expect(one.distance <= radius, "what is found is within");
    if (options.most != 0) expect(found.size() <= options.most, "no more are found than were asked for");
    if constexpr (std::is_same_v<Index, FloatScan>) {
      const auto inside = static_cast<std::size_t>(
          std::count_if(truth.begin(), truth.end(), [&](double one) { return one <= double{radius} * (1 - 1e-6); }));
      expect(found.size() >= (options.most == 0 ? inside : std::min(inside, options.most)), "all within are found");
    }
  }

  fuzz::Input& input_;
  std::size_t max_elements_;
  Index index_;
  Entries entries_;
  std::size_t items_ = 0;
};

template <class Index>
void run(fuzz::Input& input) {
  Model<Index> model(input);
  for (int steps = 0; steps < 60 && !input.empty() && !model.is_tired(); ++steps) model.step();
  model.check_all();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  switch (input.below(3)) {
    case 0: run<FloatGraph>(input); break;
    case 1: run<CodeGraph>(input); break;
#if !defined(SHOAL_TESTS_OF_FEWER_TYPES)
    default: run<FloatScan>(input); break;
#endif
  }
  return 0;
}
