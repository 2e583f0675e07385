// The concept VectorRows: a policy with what it asks for and nothing else works in both indexes, and one that lacks any
// single thing is rejected.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"
#include <shoal/index/brute_force_index.hpp>
#include <shoal/index/hnsw_index.hpp>
#include <shoal/storage/float32.hpp>
#include <shoal/storage/sq8.hpp>
#include <shoal/storage/storage.hpp>

namespace shoal {
namespace {

using support::Random;

/// A minimal policy: one allocation a row, distances by the metric.
template <Metric M>
class PlainRows {
 public:
  /// Has no default and cannot be assigned.
  class Query {
   public:
    explicit Query(const float* values) noexcept : values_(values) {}
    Query(const Query&) = default;
    Query& operator=(const Query&) = delete;
    [[nodiscard]] const float* values() const noexcept { return values_; }

   private:
    const float* values_;
  };
  /// Can only be made for rows, and moved.
  class QueryBuffer {
   public:
    explicit QueryBuffer(const PlainRows& rows) : values_(rows.dimensions_) {}
    QueryBuffer(QueryBuffer&&) noexcept = default;
    QueryBuffer& operator=(QueryBuffer&&) = delete;
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return values_.capacity() * sizeof(float); }

   private:
    friend PlainRows;
    std::vector<float> values_;
  };

  explicit PlainRows(std::size_t dimensions) : dimensions_(dimensions) {}
  PlainRows(PlainRows&&) noexcept = default;
  PlainRows& operator=(PlainRows&&) noexcept = default;

  void reserve(std::size_t slots) {
    while (rows_.size() < slots) rows_.push_back(std::make_unique<float[]>(dimensions_));
  }
  void write(Slot slot, std::span<const float> vector) noexcept {
    std::copy(vector.begin(), vector.end(), rows_[to_index(slot)].get());
  }
  void move(Slot from, Slot to) noexcept { std::swap(rows_[to_index(from)], rows_[to_index(to)]); }
  void shrink(std::size_t slots) noexcept { rows_.resize(std::min(slots, rows_.size())); }
  void read(Slot slot, std::span<float> out) const noexcept {
    std::copy_n(rows_[to_index(slot)].get(), dimensions_, out.begin());
  }
  Query prepare(std::span<const float> vector, QueryBuffer& buffer) const noexcept {
    std::copy(vector.begin(), vector.end(), buffer.values_.begin());
    return Query(buffer.values_.data());
  }
  Query query_for(Slot slot) const noexcept { return Query(rows_[to_index(slot)].get()); }
  void distances(const Query& query, std::span<const Slot> slots, float* out) const noexcept {
    for (const Slot slot : slots) *out++ = M::distance(query.values(), rows_[to_index(slot)].get(), dimensions_);
  }
  void prefetch(Slot) const noexcept {}
  PlainRows clone() const {
    PlainRows copy(dimensions_);
    copy.reserve(rows_.size());
    for (std::size_t i = 0; i < rows_.size(); ++i) std::copy_n(rows_[i].get(), dimensions_, copy.rows_[i].get());
    return copy;
  }
  std::size_t memory_bytes() const noexcept { return rows_.size() * dimensions_ * sizeof(float); }
  static std::size_t estimate_bytes(std::size_t dimensions, std::size_t slots) noexcept {
    return slots * dimensions * sizeof(float);
  }

 private:
  std::size_t dimensions_;
  std::vector<std::unique_ptr<float[]>> rows_;
};

struct Plain {
  template <Metric M>
  using Rows = PlainRows<M>;
};

/// Everything the concept asks for, as declarations; each near miss below replaces one by something that is not enough.
struct Declared {
  struct Query {};
  struct QueryBuffer {
    explicit QueryBuffer(const Declared&);
    std::size_t memory_bytes() const noexcept;
  };
  explicit Declared(std::size_t);
  void reserve(std::size_t);
  void write(Slot, std::span<const float>) noexcept;
  void move(Slot, Slot) noexcept;
  void shrink(std::size_t) noexcept;
  void read(Slot, std::span<float>) const noexcept;
  Query prepare(std::span<const float>, QueryBuffer&) const noexcept;
  Query query_for(Slot) const noexcept;
  void distances(const Query&, std::span<const Slot>, float*) const noexcept;
  void prefetch(Slot) const noexcept;
  Declared clone() const;
  std::size_t memory_bytes() const noexcept;
  static std::size_t estimate_bytes(std::size_t, std::size_t) noexcept;
};
static_assert(VectorRows<Declared>);

/// A near miss is `Declared` with its own clone() and with one member hidden.
struct NoReserve : Declared {
  using Declared::Declared;
  NoReserve clone() const;
  void reserve() = delete;
};
struct WriteMayThrow : Declared {
  using Declared::Declared;
  WriteMayThrow clone() const;
  void write(Slot, std::span<const float>);
};
struct NoMove : Declared {
  using Declared::Declared;
  NoMove clone() const;
  void move() = delete;
};
struct ShrinkMayThrow : Declared {
  using Declared::Declared;
  ShrinkMayThrow clone() const;
  void shrink(std::size_t);
};
struct WriteById : Declared {
  using Declared::Declared;
  WriteById clone() const;
  void write(std::uint32_t, std::span<const float>) noexcept;
};
struct ReadChangesRows : Declared {
  using Declared::Declared;
  ReadChangesRows clone() const;
  void read(Slot, std::span<float>) noexcept;
};
struct PrepareGivesAnother : Declared {
  using Declared::Declared;
  PrepareGivesAnother clone() const;
  int prepare(std::span<const float>, QueryBuffer&) const noexcept;
};
struct PrepareMayThrow : Declared {
  using Declared::Declared;
  PrepareMayThrow clone() const;
  Query prepare(std::span<const float>, QueryBuffer&) const;
};
struct QueryForGivesReference : Declared {
  using Declared::Declared;
  QueryForGivesReference clone() const;
  const Query& query_for(Slot) const noexcept;
};
struct OneDistanceAtATime : Declared {
  using Declared::Declared;
  OneDistanceAtATime clone() const;
  float distances(const Query&, Slot) const noexcept;
};
struct DistancesMayThrow : Declared {
  using Declared::Declared;
  DistancesMayThrow clone() const;
  void distances(const Query&, std::span<const Slot>, float*) const;
};
struct NoPrefetch : Declared {
  using Declared::Declared;
  NoPrefetch clone() const;
  void prefetch() = delete;
};
struct CloneGivesPointer : Declared {
  using Declared::Declared;
  std::unique_ptr<CloneGivesPointer> clone() const;
};
struct MemoryInInt : Declared {
  using Declared::Declared;
  MemoryInInt clone() const;
  int memory_bytes() const noexcept;
};
struct EstimateOfObject : Declared {
  using Declared::Declared;
  EstimateOfObject clone() const;
  std::size_t estimate_bytes(std::size_t, std::size_t) const noexcept;
};
struct NeedsMoreThanDimensions : Declared {
  NeedsMoreThanDimensions(std::size_t, int);
  NeedsMoreThanDimensions clone() const;
};
struct CannotMove : Declared {
  using Declared::Declared;
  CannotMove(CannotMove&&) = delete;
  CannotMove clone() const;
};
struct BufferWithoutRows : Declared {
  using Declared::Declared;
  struct QueryBuffer {
    std::size_t memory_bytes() const noexcept;
  };
  BufferWithoutRows clone() const;
  Query prepare(std::span<const float>, QueryBuffer&) const noexcept;
};
struct BufferOfUnknownSize : Declared {
  using Declared::Declared;
  struct QueryBuffer {
    explicit QueryBuffer(const Declared&);
  };
  BufferOfUnknownSize clone() const;
  Query prepare(std::span<const float>, QueryBuffer&) const noexcept;
};
struct BufferThatCannotMove : Declared {
  using Declared::Declared;
  struct QueryBuffer {
    explicit QueryBuffer(const Declared&);
    QueryBuffer(QueryBuffer&&) = delete;
    std::size_t memory_bytes() const noexcept;
  };
  BufferThatCannotMove clone() const;
  Query prepare(std::span<const float>, QueryBuffer&) const noexcept;
};
struct BufferOfItsOwn : Declared {  // the twin of the three above
  using Declared::Declared;
  struct QueryBuffer {
    explicit QueryBuffer(const Declared&);
    std::size_t memory_bytes() const noexcept;
  };
  BufferOfItsOwn clone() const;
  Query prepare(std::span<const float>, QueryBuffer&) const noexcept;
};
struct Good : Declared {  // the twin that shows the near misses fail for their own reason
  using Declared::Declared;
  Good clone() const;
};

static_assert(VectorRows<Good> && VectorRows<BufferOfItsOwn>);
static_assert(VectorRows<PlainRows<L2Squared>> && StorageFor<Plain, L2Squared> && StorageFor<Plain, Cosine>);
static_assert(!VectorRows<NoReserve>);
static_assert(!VectorRows<NoMove> && !VectorRows<ShrinkMayThrow>);
static_assert(!VectorRows<WriteMayThrow>);
static_assert(!VectorRows<WriteById>);
static_assert(!VectorRows<ReadChangesRows>);
static_assert(!VectorRows<PrepareGivesAnother>);
static_assert(!VectorRows<PrepareMayThrow>);
static_assert(!VectorRows<QueryForGivesReference>);
static_assert(!VectorRows<OneDistanceAtATime>);
static_assert(!VectorRows<DistancesMayThrow>);
static_assert(!VectorRows<NoPrefetch>);
static_assert(!VectorRows<CloneGivesPointer>);
static_assert(!VectorRows<MemoryInInt>);
static_assert(!VectorRows<EstimateOfObject>);
static_assert(!VectorRows<NeedsMoreThanDimensions>);
static_assert(!VectorRows<CannotMove>);
static_assert(!VectorRows<BufferWithoutRows>);
static_assert(!VectorRows<BufferOfUnknownSize>);
static_assert(!VectorRows<BufferThatCannotMove>);
static_assert(!VectorRows<int> && !VectorRows<std::vector<float>>);

struct MetricWithoutFromDot {
  static constexpr bool unit_vectors = false;
  static float distance(const float*, const float*, std::size_t) noexcept { return 0; }
};
static_assert(StorageFor<Float32, MetricWithoutFromDot> && !StorageFor<SQ8, MetricWithoutFromDot>);
static_assert(!StorageFor<Float32, int> && !StorageFor<int, L2Squared>);

template <class Index>
void check_ten_vectors(Index index) {
  Random random(901);
  CAPTURE(random.seed());
  const std::size_t n = index.dimensions();
  std::vector<std::vector<float>> vectors;
  for (std::uint64_t id = 0; id < 10; ++id) {
    vectors.push_back(random.normal_vector(n));
    REQUIRE(index.insert(100 + id, vectors.back()));
  }
  CHECK(index.size() == 10);
  const Index copy = index.clone();
  const std::vector<float> query = random.normal_vector(n);
  for (const Index* each : {&std::as_const(index), &copy}) {
    const auto found = each->search(query, 10);
    REQUIRE(found.size() == 10);
    for (std::size_t i = 0; i < 10; ++i) {
      const auto& vector = vectors[static_cast<std::size_t>(found[i].id - 100)];
      const double expected = support::distance(vector, query) * support::distance(vector, query);
      CHECK(found[i].distance == doctest::Approx(expected).epsilon(1e-5));
      if (i > 0) CHECK(found[i - 1].distance <= found[i].distance);
      CHECK(each->get(found[i].id) == vector);
    }
  }
  CHECK(index.memory_usage().vectors == 10 * n * sizeof(float));
}

}  // namespace

TEST_CASE("a policy that is no more than VectorRows asks for works in HnswIndex") {
  check_ten_vectors(HnswIndex<L2Squared, Plain>({.dimensions = 7, .M = 3}));
}

TEST_CASE("a policy that is no more than VectorRows asks for works in BruteForceIndex") {
  check_ten_vectors(BruteForceIndex<L2Squared, Plain>({.dimensions = 7}));
}

}  // namespace shoal
